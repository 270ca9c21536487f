"""Nodes and their clients in the REST API."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple, Self
from urllib.parse import urlencode

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.journal import DELETION, write_down
from accounts.roles import DISCONNECT_CLIENTS, VIEW_LIVE
from cluster import announce
from rest.body import validated
from rest.nodes import Answers, ask, described, rows
from rest.problems import Problem
from rest.schema import problem_statuses
from rest.views import Endpoint

DEFAULT_ROWS = 100
MOST_ROWS = 500
LONGEST_REASON = 100

_ID = OpenApiParameter(
    "id", str, OpenApiParameter.PATH, description="The client's id at its node: `17@node`."
)


class ClientId(NamedTuple):
    """A client of the cluster: its number, which is its node's own, and the node."""

    number: int
    node: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """The id that is written ``number@node``; raises ValueError."""
        number, separator, node = text.partition("@")
        if not separator or not (number.isascii() and number.isdigit() and len(number) < 16):
            raise ValueError(f"{text!r} is no client's id")
        return cls(int(number), node)

    def __str__(self) -> str:
        return f"{self.number}@{self.node}"


class NodeList(Endpoint):
    """The nodes of the cluster."""

    needs: ClassVar[dict[str, str]] = {"GET": VIEW_LIVE}

    @extend_schema(operation_id="nodes_list", tags=["nodes"], responses=described(nodes=rows(node="string")))
    def get(self, request: Request) -> Response:
        """List the nodes and how they are: version, age, memory, connections, what they have done."""
        answers = ask("nodes.status")
        nodes = [{"node": node, **said} for node, said in answers.said.items()]
        return Response({"nodes": nodes, "unanswered": answers.unanswered})


class ClientQuery(serializers.Serializer):
    """What can be asked of the list of clients."""

    user = serializers.CharField(required=False, trim_whitespace=False, help_text="Exactly this user's.")
    search = serializers.CharField(
        required=False,
        default="",
        allow_blank=True,
        trim_whitespace=False,
        help_text="A part of the user's name, the address or the SDK.",
    )
    limit = serializers.IntegerField(
        required=False, default=DEFAULT_ROWS, min_value=1, max_value=MOST_ROWS, help_text="Rows of a page."
    )
    cursor = serializers.CharField(required=False, help_text="The client that the page begins behind.")

    def validate_cursor(self, text: str) -> ClientId:
        """The id; raises ValidationError."""
        try:
            return ClientId.parse(text)
        except ValueError as error:
            raise serializers.ValidationError(f"{error}.") from None


class UserQuery(serializers.Serializer):
    """Whom to disconnect, and what they are told."""

    user = serializers.CharField(trim_whitespace=False, help_text="All clients of this user.")
    reason = serializers.CharField(
        required=False, max_length=LONGEST_REASON, help_text="What they are told as the reason."
    )


class ReasonQuery(serializers.Serializer):
    """What a client is told."""

    reason = serializers.CharField(
        required=False, max_length=LONGEST_REASON, help_text="What it is told as the reason."
    )


class ClientList(Endpoint):
    """The clients of all nodes."""

    needs: ClassVar[dict[str, str]] = {"GET": VIEW_LIVE, "DELETE": DISCONNECT_CLIENTS}

    @extend_schema(
        operation_id="clients_list",
        tags=["clients"],
        parameters=[ClientQuery],
        responses=described(
            clients=rows(id="string", node="string"), next={"type": "string", "nullable": True}
        ),
    )
    def get(self, request: Request) -> Response:
        """List the clients of all nodes, a page at a time. Times are in ms since 1970, sizes in bytes."""
        asked = validated(ClientQuery, request.query_params.dict())
        limit, cursor = asked.pop("limit"), asked.pop("cursor", None)
        after = cursor.number - 1 if cursor else 0
        # One row more shows that there is another page; at most one of each node was on the page before.
        answers = ask("clients.list", limit=limit + 2, after=after, **asked)
        found = _clients(answers, cursor)
        page = [client for _, client in found[:limit]]
        return Response(
            {
                "clients": page,
                "next": _next(request, page[-1]["id"]) if len(found) > limit else None,
                "unanswered": answers.unanswered,
            }
        )

    @extend_schema(
        operation_id="clients_disconnect_user",
        tags=["clients"],
        parameters=[UserQuery],
        responses=described(closed={"type": "integer"}),
    )
    def delete(self, request: Request) -> Response:
        """Disconnect all clients of a user, at every node."""
        asked = validated(UserQuery, request.query_params.dict())
        answers = ask("clients.disconnect", **asked)
        write_down(request.user, DELETION, asked["user"], "Disconnected the user through the REST API.")
        closed = sum(said["closed"] for said in answers.said.values())
        return Response({"closed": closed, "unanswered": answers.unanswered})


class Client(Endpoint):
    """One client."""

    needs: ClassVar[dict[str, str]] = {"GET": VIEW_LIVE, "DELETE": DISCONNECT_CLIENTS}

    @extend_schema(
        operation_id="clients_get",
        tags=["clients"],
        parameters=[_ID],
        responses={
            200: {
                "type": "object",
                "properties": {"id": {"type": "string"}, "node": {"type": "string"}},
                "required": ["id", "node"],
                "additionalProperties": True,
            },
            **problem_statuses(404),
        },
    )
    def get(self, request: Request, id: str) -> Response:
        """A client, with its subscriptions, the procedures it provides and the patterns it listens to."""
        client = _client_id(id)
        found = announce.perform("clients.get", node=client.node, client=client.number)
        return Response({**found, "id": str(client), "node": client.node})

    @extend_schema(
        operation_id="clients_disconnect",
        tags=["clients"],
        parameters=[_ID, ReasonQuery],
        responses={204: OpenApiResponse(description="Disconnected."), **problem_statuses(404)},
    )
    def delete(self, request: Request, id: str) -> Response:
        """Disconnect a client."""
        client = _client_id(id)
        asked = validated(ReasonQuery, request.query_params.dict())
        announce.perform("clients.disconnect", node=client.node, client=client.number, **asked)
        write_down(request.user, DELETION, str(client), "Disconnected the client through the REST API.")
        return Response(status=204)


def _client_id(text: str) -> ClientId:
    try:
        return ClientId.parse(text)
    except ValueError:
        raise Problem(404, f"There is no client {text!r}: an id is like 17@node.") from None


def _clients(answers: Answers, cursor: ClientId | None) -> list[tuple[ClientId, dict[str, Any]]]:
    """The clients behind ``cursor``, in the order of their ids, and by node where those are equal."""
    found = []
    for node, said in answers.said.items():
        for row in said["clients"]:
            id = ClientId(row["id"], node)
            if cursor is None or id > cursor:
                found.append((id, {**row, "id": str(id), "node": node}))
    return sorted(found, key=lambda one: one[0])


def _next(request: Request, cursor: str) -> str:
    query = urlencode(request.query_params.dict() | {"cursor": cursor})
    return request.build_absolute_uri(f"{request.path}?{query}")
