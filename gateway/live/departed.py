"""The clients that left last, and why: what an operator asks first when one is missing."""

from __future__ import annotations

from collections import deque
from itertools import islice
from time import time
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from gateway.session import Session

KEPT = 200
"""Connections that are remembered."""


class _Departure(NamedTuple):
    """One of them; times in seconds since 1970."""

    id: int
    user: str | None
    address: str
    wire: str
    sdk: str
    since: float
    closed: float
    code: int
    reason: str


class Departed:
    """The last connections that closed, bounded."""

    __slots__ = ("_departures",)

    def __init__(self) -> None:
        self._departures: deque[_Departure] = deque(maxlen=KEPT)

    def add(self, session: Session, code: int, reason: str) -> None:
        """``session`` is over; the server's own reason for a close counts more than what the client says."""
        connection = session.connection
        self._departures.append(
            _Departure(
                connection.id,
                connection.user.id,
                connection.address,
                connection.codec.name,
                sdk_of(connection.sdk_type, connection.sdk_version),
                session.opened_at,
                time(),
                code,
                connection.why_closed or reason,
            )
        )

    def latest(self, limit: int) -> list[dict[str, Any]]:
        """The last ``limit`` of them as JSON, the latest first; times in milliseconds since 1970."""
        return [
            one._asdict() | {"since": round(one.since * 1000), "closed": round(one.closed * 1000)}
            for one in islice(reversed(self._departures), limit)
        ]


def sdk_of(kind: str | None, version: str | None) -> str:
    """A client's SDK in one text, empty if it did not say."""
    return " ".join(filter(None, (kind, version)))
