"""How late the event loop is: what every client feels when the server is busy."""

from __future__ import annotations

from asyncio import AbstractEventLoop

from monitoring.metrics import Histogram

INTERVAL = 0.5
"""Seconds between two looks."""


class LoopLag:
    """Asks the loop for a call every now and then, and notes how late it comes."""

    __slots__ = ("_due", "_histogram", "_interval", "_loop", "_timer")

    def __init__(self, loop: AbstractEventLoop, histogram: Histogram, *, interval: float = INTERVAL) -> None:
        self._loop = loop
        self._histogram = histogram
        self._interval = interval
        self._due = loop.time() + interval
        self._timer = loop.call_at(self._due, self._look)

    def close(self) -> None:
        """Look no more."""
        self._timer.cancel()

    def _look(self) -> None:
        now = self._loop.time()
        self._histogram.observe(max(0.0, now - self._due))
        self._due = now + self._interval
        self._timer = self._loop.call_at(self._due, self._look)
