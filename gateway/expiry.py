"""Closing connections whose login was for a limited time."""

from __future__ import annotations

import time
from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable

from pubsub.connection import Close, Connection

LONGEST_WAIT = 3600.0
"""Seconds after which the clock is looked at again: it may have been set meanwhile."""

SHORTEST_WAIT = 0.1
"""Seconds between two sweeps, so that many logins that end close to each other are one sweep."""


class Expiry:
    """One timer for all connections whose user has ``expires_at``."""

    def __init__(self, loop: AbstractEventLoop, *, now: Callable[[], float] = time.time) -> None:
        self._loop = loop
        self._now = now
        self._ends: dict[Connection, float] = {}
        self._timer: TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._ends)

    def start(self, connection: Connection) -> None:
        """Close ``connection`` when its user's login ends; never, if it does not."""
        end = connection.user.expires_at
        if end is not None:
            self._ends[connection] = end
            self._arrange(end)

    def stop(self, connection: Connection) -> None:
        """``connection`` is gone."""
        self._ends.pop(connection, None)

    def close(self) -> None:
        """Cancel the timer."""
        self._ends.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arrange(self, end: float) -> None:
        """Have a sweep at ``end`` unless there is an earlier one."""
        wait = min(max(end - self._now(), SHORTEST_WAIT), LONGEST_WAIT)
        if self._timer is not None:
            if self._timer.when() <= self._loop.time() + wait:
                return
            self._timer.cancel()
        self._timer = self._loop.call_later(wait, self._sweep)

    def _sweep(self) -> None:
        self._timer = None
        now = self._now()
        for connection in [connection for connection, end in self._ends.items() if end <= now]:
            del self._ends[connection]
            connection.close(Close.POLICY, "the login has expired")
        if self._ends:
            self._arrange(min(self._ends.values()))
