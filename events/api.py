"""Events in the REST API."""

from __future__ import annotations

from typing import ClassVar

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.journal import CHANGE, write_down
from accounts.roles import EMIT_EVENTS, VIEW_LIVE
from cluster import announce
from rest.body import ABSENT, JSON, read_json, validated
from rest.live_names import LiveQuery, added_up
from rest.nodes import ask, described, rows
from rest.schema import ANY_JSON, NAME
from rest.views import Endpoint


class Event(Endpoint):
    """One event name."""

    needs: ClassVar[dict[str, str]] = {"POST": EMIT_EVENTS}

    @extend_schema(
        operation_id="events_emit",
        tags=["events"],
        parameters=[NAME],
        request={JSON: ANY_JSON},
        responses={204: OpenApiResponse(description="Emitted.")},
    )
    def post(self, request: Request, name: str) -> Response:
        """Emit the event to its subscribers on all nodes. The body is its data, if it has any."""
        data = read_json(request)
        announce.emit(name, None if data is ABSENT else data)
        write_down(request.user, CHANGE, name, "Emitted the event through the REST API.")
        return Response(status=204)


class EventList(Endpoint):
    """The events that somebody is subscribed to."""

    needs: ClassVar[dict[str, str]] = {"GET": VIEW_LIVE}

    @extend_schema(
        operation_id="events_list",
        tags=["events"],
        parameters=[LiveQuery],
        responses=described(
            events=rows(name="string", subscribers="integer", nodes="object"), complete={"type": "boolean"}
        ),
    )
    def get(self, request: Request) -> Response:
        """List the events that have subscribers, those with most first.

        `complete` is false when there are more than the answer shows.
        """
        asked = validated(LiveQuery, request.query_params.dict())
        answers = ask("events.names", **asked)
        found, complete = added_up(answers, "subscribers", asked["limit"])
        return Response({"events": found, "complete": complete, "unanswered": answers.unanswered})
