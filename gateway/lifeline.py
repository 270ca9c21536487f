"""Noticing that what the server depends on is lost (CONFIG.md, exitOnFatalError)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

log = logging.getLogger("deepstream")

INTERVAL = 5.0
"""Seconds between two looks."""

PATIENCE = 30.0
"""Seconds without the store or the channel layer after which they count as lost for good."""


class Lifeline:
    """Asks ``problem`` now and then; calls ``on_lost`` once there has been one for ``patience`` s."""

    def __init__(
        self,
        problem: Callable[[], Awaitable[str | None]],
        on_lost: Callable[[], None],
        *,
        interval: float = INTERVAL,
        patience: float = PATIENCE,
    ) -> None:
        self._problem = problem
        self._on_lost = on_lost
        self._interval = interval
        self._patience = patience
        self._since: float | None = None
        self._is_lost = False
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """Ask no more."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._interval)
            try:
                problem = await self._problem()
            except Exception as error:
                log.exception("Whether the server can serve cannot be told")
                problem = f"{type(error).__name__}: {error}"
            self._note(problem)

    def _note(self, problem: str | None) -> None:
        now = asyncio.get_running_loop().time()
        if problem is None:
            if self._since is not None:
                log.warning("The server can serve again, after %d s", now - self._since)
            self._since, self._is_lost = None, False
        elif self._since is None:
            self._since = now
            log.error("The server cannot serve: %s", problem)
        elif not self._is_lost and now - self._since >= self._patience:
            self._is_lost = True
            log.critical("The server could not serve for %d s: %s", now - self._since, problem)
            self._on_lost()
