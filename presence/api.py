"""Who is online, in the REST API."""

from __future__ import annotations

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.roles import VIEW_LIVE
from rest.body import validated
from rest.live_names import LiveQuery, added_up
from rest.nodes import ask, described, rows
from rest.schema import NAME
from rest.views import Endpoint


class UserList(Endpoint):
    """The users that are online."""

    needs: ClassVar[dict[str, str]] = {"GET": VIEW_LIVE}

    @extend_schema(
        operation_id="presence_list",
        tags=["presence"],
        parameters=[LiveQuery],
        responses=described(
            users=rows(name="string", connections="integer", nodes="object"), complete={"type": "boolean"}
        ),
    )
    def get(self, request: Request) -> Response:
        """List the users that are online, those with most connections first, and where they are.

        `complete` is false when there are more than the answer shows.
        """
        asked = validated(LiveQuery, request.query_params.dict())
        answers = ask("presence.online", **asked)
        found, complete = added_up(answers, "connections", asked["limit"])
        return Response({"users": found, "complete": complete, "unanswered": answers.unanswered})


class OneUser(Endpoint):
    """One user, online or not."""

    needs: ClassVar[dict[str, str]] = {"GET": VIEW_LIVE}

    @extend_schema(
        operation_id="presence_get",
        tags=["presence"],
        parameters=[NAME],
        responses=described(
            name={"type": "string"},
            online={"type": "boolean"},
            connections={"type": "integer"},
            nodes={"type": "object", "additionalProperties": {"type": "integer"}},
        ),
    )
    def get(self, request: Request, name: str) -> Response:
        """Whether a user is online, and at which nodes."""
        answers = ask("presence.user", name=name)
        counts = {node: said["connections"] for node, said in answers.said.items()}
        nodes = {node: count for node, count in counts.items() if count}
        return Response(
            {
                "name": name,
                "online": bool(nodes),
                "connections": sum(nodes.values()),
                "nodes": nodes,
                "unanswered": answers.unanswered,
            }
        )
