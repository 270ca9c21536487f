"""What is live at this node, as operations: what the operators' pages and the REST API show of it.

Every operation answers for this node alone and is bounded: a list has a ``limit`` and says in ``total`` how
many there are; what there is more of than SCANNED is not all looked at, and then ``complete`` is false.
Times are in milliseconds since 1970, sizes in bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from heapq import nsmallest
from itertools import islice
from typing import Any

from cluster.operations import OperationError
from gateway.live.departed import sdk_of
from gateway.live.names import LiveNames
from gateway.live.rows import LIMIT, SCANNED, bounded
from gateway.live.status import LiveStatus
from gateway.live.tail import Tails
from gateway.node import Node
from gateway.operations import Operation
from gateway.session import Session
from presence.handler import EVERYBODY
from pubsub.connection import Close
from pubsub.user import ANONYMOUS

REASON = "disconnected by an operator"
"""What a client is told unless the operator gives another reason."""

REASON_SIZE = 120
"""Bytes that a close frame has room for."""


class Live:
    """The operations about this node's clients, and those of its parts; ``close`` ends what is watched."""

    def __init__(
        self,
        node: Node,
        *,
        bus_lag: Callable[[], float | None] = lambda: None,
        bus: Callable[[], dict[str, int] | None] = lambda: None,
    ) -> None:
        """``bus_lag``: seconds that a message between nodes takes; ``bus``: what the bus counts; None
        without other nodes."""
        self._node = node
        self._tails = Tails()
        self._names = LiveNames(node)
        self._status = LiveStatus(node, bus_lag, bus)

    def close(self) -> None:
        """End the tails and the history."""
        self._tails.close()
        self._status.close()

    def operations(self) -> dict[str, Operation]:
        """The table for ``Operations.add``."""
        return {
            "clients.list": self._list,
            "clients.get": self._get,
            "clients.disconnect": self._disconnect,
            "clients.closed": self._closed,
            "clients.tail": self._tail,
            **self._names.operations(),
            **self._status.operations(),
        }

    # Clients

    async def _list(
        self,
        search: str = "",
        user: str | None = None,
        limit: int = LIMIT,
        after: int = 0,
        order: str = "oldest",
    ) -> dict[str, Any]:
        """The first ``limit`` clients in the ``order`` (see ORDERS), of those with ids behind ``after``.

        ``search``: a part of the user's name, the address or the SDK; ``user``: exactly this one.
        """
        if order not in ORDERS:
            raise OperationError("invalid", f"There is no order {order!r}, but {', '.join(ORDERS)}.")
        key = ORDERS[order]
        sessions = list(islice(self._sessions(), SCANNED))
        wanted = search.casefold()
        found = [
            session
            for session in sessions
            if (user is None or session.connection.user.id == user)
            and (not wanted or wanted in _searchable(session))
        ]
        rows = nsmallest(
            bounded(limit),
            (session for session in found if session.connection.id > after),
            key=lambda session: key(self._node, session),
        )
        return {
            "total": len(found),
            "complete": len(sessions) < SCANNED,
            "clients": [self._row(session) for session in rows],
        }

    async def _get(self, client: int) -> dict[str, Any]:
        """One client with the names that it is at; ``not-found`` if it is gone."""
        session = self._find(client)
        connection, node = session.connection, self._node
        return {
            **self._row(session),
            "expires": _milliseconds(connection.user.expires_at),
            "events": _some(node.events.subscriptions.of(connection)),
            "records": _some(node.records.subscriptions.of(connection)),
            "presence": _some(node.presence.by_user.of(connection)),
            "everybody": node.presence.to_all.has(connection, EVERYBODY),
            "provides": _some(node.rpc.providers.of(connection)),
            "eventPatterns": _some(node.events.listening.patterns_of(connection)),
            "recordPatterns": _some(node.records.listening.patterns_of(connection)),
        }

    async def _disconnect(
        self, client: int | None = None, user: str | None = None, reason: str = REASON
    ) -> dict[str, Any]:
        """Close one ``client``, or every connection of ``user`` (here: other nodes have theirs)."""
        if (client is None) == (user is None):
            raise OperationError("invalid", "Say which client or which user to disconnect, and not both.")
        if client is not None:
            sessions = [self._find(client)]
        else:
            sessions = [session for session in self._sessions() if session.connection.user.id == user]
        told = reason.encode()[:REASON_SIZE].decode(errors="ignore")
        for session in sessions:
            session.connection.close(Close.POLICY, told)
        return {"closed": len(sessions)}

    async def _closed(self, limit: int = LIMIT) -> list[dict[str, Any]]:
        """The clients that left last, the latest first."""
        return self._node.departed.latest(bounded(limit))

    async def _tail(self, client: int, after: int = 0, payload: bool = False) -> dict[str, Any]:
        """The messages of one client behind the ``after``-th; see ``Tails.read``."""
        return self._tails.read(self._find(client).connection, after, with_payload=payload)

    def _sessions(self) -> Iterator[Session]:
        return (session for session in self._node.sessions() if not session.connection.closed)

    def _find(self, client: int) -> Session:
        for session in self._sessions():
            if session.connection.id == client:
                return session
        raise OperationError("not-found", f"There is no client {client} at this node; it may have left.")

    def _row(self, session: Session) -> dict[str, Any]:
        connection = session.connection
        received, sent = connection.traffic
        return {
            "id": connection.id,
            "user": connection.user.id,
            "loggedIn": connection.user is not ANONYMOUS,
            "address": connection.address,
            "wire": connection.codec.name,
            "sdk": sdk_of(connection.sdk_type, connection.sdk_version),
            "since": _milliseconds(session.opened_at),
            "heard": _milliseconds(session.heard_at),
            "subscriptions": _subscriptions(self._node, session),
            "received": received,
            "sent": sent,
            "waiting": connection.waiting_bytes,
        }


def _subscriptions(node: Node, session: Session) -> int:
    sets = (
        node.events.subscriptions,
        node.records.subscriptions,
        node.presence.by_user,
        node.presence.to_all,
    )
    return sum(len(one.of(session.connection)) for one in sets)


ORDERS: dict[str, Callable[[Node, Session], float]] = {
    "oldest": lambda _, session: session.connection.id,
    "newest": lambda _, session: -session.connection.id,
    "outbox": lambda _, session: -session.connection.waiting_bytes,
    "received": lambda _, session: -session.connection.traffic[0],
    "sent": lambda _, session: -session.connection.traffic[1],
    "subscriptions": lambda node, session: -_subscriptions(node, session),
    "silent": lambda _, session: session.heard_at,
}
"""What a list of clients can begin with: those with the least of this."""


def _searchable(session: Session) -> str:
    connection = session.connection
    sdk = sdk_of(connection.sdk_type, connection.sdk_version)
    return f"{connection.user.id or ''}\n{connection.address}\n{sdk}".casefold()


def _some(names: Any) -> dict[str, Any]:
    """How many, and the first of them."""
    return {"total": len(names), "names": list(islice(names, LIMIT))}


def _milliseconds(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)
