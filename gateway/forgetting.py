"""Old history goes by itself: its owner is the process, its clock the event loop."""

from __future__ import annotations

import asyncio
import logging

from django.db import DatabaseError, connections

from records.history import History

log = logging.getLogger("deepstream.records")

INTERVAL = 3600.0
"""Seconds between two looks at what is too old."""


class Forgetting:
    """Deletes what ``history`` need not keep any longer, now and every ``interval`` seconds.

    Every node does; that two do it at the same time harms nothing.
    """

    def __init__(self, history: History, *, interval: float = INTERVAL) -> None:
        self._history = history
        self._interval = interval
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """Stop; a look that is under way ends by itself."""
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _run(self) -> None:
        while True:
            await asyncio.to_thread(self._drop_old)
            await asyncio.sleep(self._interval)

    def _drop_old(self) -> None:
        try:
            if dropped := self._history.drop_old():
                log.info("%d old entries of the history are deleted", dropped)
        except DatabaseError as error:
            log.warning("old history stays for now: %s", error)
        finally:
            connections["default"].close()
