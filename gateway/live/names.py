"""The names that are live at this node: events, RPCs, users online, patterns listened to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from itertools import islice
from typing import Any

from deepstream_protocol.topics import RpcAction, Topic
from gateway.live.rows import LIMIT, SCANNED, bounded, top
from gateway.node import Node
from gateway.operations import Operation
from pubsub.connection import Connection
from pubsub.listening import Listening
from pubsub.subscriptions import Subscriptions
from rpc.call import Call

PEOPLE = 20
"""Clients that are named with a name or pattern; their number is always whole."""

_COUNTED = {
    "requests": (True, RpcAction.REQUEST),
    "rejects": (True, RpcAction.REJECT),
    "noProvider": (False, RpcAction.NO_RPC_PROVIDER),
    "acceptTimeouts": (False, RpcAction.ACCEPT_TIMEOUT),
    "responseTimeouts": (False, RpcAction.RESPONSE_TIMEOUT),
}
"""What is told of all calls since the start: whether it is a message received, and its action."""


class LiveNames:
    """Operations about names; see ``gateway.live.operations`` for what they have in common."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def operations(self) -> dict[str, Operation]:
        """The table for ``Operations.add``."""
        return {
            "events.names": self._events,
            "records.names": self._records,
            "rpc.names": self._rpc,
            "presence.online": self._online,
            "presence.user": self._user,
            "listening.patterns": self._patterns,
        }

    async def _events(self, search: str = "", limit: int = LIMIT) -> dict[str, Any]:
        """Events that have subscribers here, those with most first."""
        return _subscribed(self._node.events.subscriptions, self._node.events.listening, search, limit)

    async def _records(self, search: str = "", limit: int = LIMIT) -> dict[str, Any]:
        """Records that have subscribers here, those with most first."""
        return _subscribed(self._node.records.subscriptions, self._node.records.listening, search, limit)

    async def _rpc(self, search: str = "", limit: int = LIMIT) -> dict[str, Any]:
        """RPCs that are provided here, the calls under way, and counts since the start."""
        rpc, metrics = self._node.rpc, self._node.metrics
        in_flight = Counter(call.request.name or "" for call in islice(rpc.calls(), SCANNED))

        def row(name: str) -> dict[str, Any]:
            return {"name": name, **_people(rpc.providers.at(name)), "inFlight": in_flight[name]}

        counts = {
            name: (metrics.received if is_received else metrics.sent)[Topic.RPC][action]
            for name, (is_received, action) in _COUNTED.items()
        }
        return {
            **top(
                rpc.providers.names(),
                search=search,
                limit=limit,
                weight=lambda name: len(rpc.providers.at(name)),
                row=row,
            ),
            "inFlight": rpc.calls_in_flight(),
            "calls": [_call(call) for call in islice(rpc.calls(), bounded(limit))],
            "counts": counts,
        }

    async def _online(self, search: str = "", limit: int = LIMIT) -> dict[str, Any]:
        """Users with a logged-in connection here."""
        presence = self._node.presence
        sockets = presence.sockets()
        return {
            **top(
                sockets.keys(),
                search=search,
                limit=limit,
                weight=sockets.__getitem__,
                row=lambda name: {
                    "name": name,
                    "connections": sockets[name],
                    "watchers": len(presence.by_user.at(name)),
                },
            ),
            "watchingAll": sum(len(presence.to_all.at(name)) for name in presence.to_all.names()),
        }

    async def _user(self, name: str) -> dict[str, Any]:
        """How many logged-in connections one user has here."""
        return {"connections": self._node.presence.sockets().get(name, 0)}

    async def _patterns(self, search: str = "", limit: int = LIMIT) -> dict[str, Any]:
        """Patterns that are listened to here, who provides what, and names that nobody would provide."""
        node = self._node
        return {
            kind: _listening(listening, search, limit)
            for kind, listening in (("events", node.events.listening), ("records", node.records.listening))
        }


def _subscribed(
    subscriptions: Subscriptions, listening: Listening, search: str, limit: int
) -> dict[str, Any]:
    return top(
        subscriptions.names(),
        search=search,
        limit=limit,
        weight=lambda name: len(subscriptions.at(name)),
        row=lambda name: {
            "name": name,
            "subscribers": len(subscriptions.at(name)),
            "provided": listening.has_provider(name),
        },
    )


def _listening(listening: Listening, search: str, limit: int) -> dict[str, Any]:
    def provider(name: str) -> dict[str, Any]:
        offer = listening.provider_of(name)
        if offer is None:
            return {"name": name}
        return {"name": name, "pattern": offer.pattern, "client": _client(offer.connection)}

    def found(names: Collection[str], row: Any) -> dict[str, Any]:
        return top(names, search=search, limit=limit, weight=len, row=row)

    ours = [text for text in listening.patterns() if listening.listeners(text)]
    return {
        "patterns": found(ours, lambda text: {"name": text, **_people(listening.listeners(text))}),
        "provided": found(listening.provided(), provider),
        "without": found(listening.unprovided(), lambda name: {"name": name}),
    }


def _people(connections: Collection[Connection]) -> dict[str, Any]:
    return {"count": len(connections), "clients": [_client(one) for one in islice(connections, PEOPLE)]}


def _client(connection: Connection) -> dict[str, Any]:
    return {"id": connection.id, "user": connection.user.id}


def _call(call: Call) -> dict[str, Any]:
    return {
        "name": call.request.name,
        "requestor": _end(call.requestor),
        "provider": _end(call.provider),
        "accepted": call.accepted,
    }


def _end(end: object) -> dict[str, Any]:
    """One end of a call: a client of this node, another node, or the server itself."""
    if isinstance(end, Connection):
        return _client(end)
    return {"node": end if isinstance(end, str) else ""}
