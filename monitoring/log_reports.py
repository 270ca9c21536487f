"""Figures in the log at regular intervals (CONFIG.md, monitoring, type ``log``)."""

from __future__ import annotations

import logging
from asyncio import AbstractEventLoop
from collections.abc import Callable
from typing import Any

import orjson

from pubsub.timers import Every

log = logging.getLogger("deepstream.monitoring")

EVENT = {"event": "monitoring"}
"""What structured logs call these lines."""


class LogReports:
    """Logs what ``take`` gives every ``interval`` seconds, as one line of JSON under ``key``."""

    def __init__(
        self, loop: AbstractEventLoop, take: Callable[[], dict[str, Any]], *, interval: float, key: str
    ) -> None:
        self._take = take
        self._key = key
        self._timer = Every(loop, interval, self._report)

    def close(self) -> None:
        """Log no more."""
        self._timer.close()

    def _report(self) -> None:
        """In upstream's form, for those who read it by machine."""
        figures = self._take()
        began, ended = figures.pop("from"), figures.pop("to")
        line = orjson.dumps({self._key: figures, "from": began, "to": ended}).decode()
        log.info("%s | Monitoring stats for %d to %d | %s", self._key, began, ended, line, extra=EVENT)
