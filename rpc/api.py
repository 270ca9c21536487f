"""Remote procedure calls in the REST API."""

from __future__ import annotations

from typing import ClassVar

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.journal import CHANGE, write_down
from accounts.roles import MAKE_CALLS, VIEW_LIVE
from cluster import announce
from rest.body import ABSENT, JSON, read_json, validated
from rest.live_names import LiveQuery, added_up
from rest.nodes import ask, described, rows
from rest.rendering import NULL
from rest.schema import ANY_JSON, NAME, problem_statuses
from rest.views import Endpoint


class CallQuery(serializers.Serializer):
    """How long to wait."""

    timeout = serializers.FloatField(
        required=False,
        default=announce.TIMEOUT,
        min_value=0.1,
        max_value=60,
        help_text="Seconds that the provider may take.",
    )


class Procedure(Endpoint):
    """One procedure."""

    needs: ClassVar[dict[str, str]] = {"POST": MAKE_CALLS}

    @extend_schema(
        operation_id="rpc_call",
        tags=["rpc"],
        parameters=[NAME, CallQuery],
        request={JSON: ANY_JSON},
        responses={
            200: OpenApiResponse(ANY_JSON, "What the provider returned."),
            **problem_statuses(404, 502),
        },
    )
    def post(self, request: Request, name: str) -> Response:
        """Call the procedure and wait for its result. The body is what it is called with.

        404: nobody provides it. 502: the provider answered with an error, which is in `data`. 504: no answer
        in time; the provider may have done it nevertheless.
        """
        timeout = validated(CallQuery, request.query_params.dict())["timeout"]
        data = read_json(request)
        # Before the call: whatever comes of it, the provider may have acted.
        write_down(request.user, CHANGE, name, "Called the procedure through the REST API.")
        result = announce.call(name, None if data is ABSENT else data, timeout=timeout)
        return Response(NULL if result is None else result)


class ProcedureList(Endpoint):
    """The procedures that somebody provides."""

    needs: ClassVar[dict[str, str]] = {"GET": VIEW_LIVE}

    @extend_schema(
        operation_id="rpc_list",
        tags=["rpc"],
        parameters=[LiveQuery],
        responses=described(
            procedures=rows(name="string", providers="integer", nodes="object"), complete={"type": "boolean"}
        ),
    )
    def get(self, request: Request) -> Response:
        """List the procedures that are provided, those with most providers first.

        `complete` is false when there are more than the answer shows.
        """
        asked = validated(LiveQuery, request.query_params.dict())
        answers = ask("rpc.names", **asked)
        found, complete = added_up(answers, "count", asked["limit"])
        procedures = [
            {"name": row["name"], "providers": row["count"], "nodes": row["nodes"]} for row in found
        ]
        return Response({"procedures": procedures, "complete": complete, "unanswered": answers.unanswered})
