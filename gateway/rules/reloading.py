"""Reading rules and users again while the server runs (CONFIG.md: on SIGHUP and when a file changes)."""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from deepstream_project.config import ConfigError
from pubsub.timers import Every

log = logging.getLogger("deepstream.config")

POLL = 2.0
"""Seconds between two looks at the files."""


class Source(NamedTuple):
    """A file that can be read again: ``read`` in a thread, ``use`` what it gave in the event loop.

    ``read`` raises ``ConfigError``; then what is in use stays in use. ``use`` may return an awaitable text
    that says what came of it.
    """

    name: str
    path: Path
    read: Callable[[], Any]
    use: Callable[[Any], Any]


class _Seen(NamedTuple):
    """A file as it was when it was read last: what tells cheaply that it changed, and what tells for sure."""

    stat: tuple[int, int, int] | None
    digest: bytes | None


class Reloading:
    """Watches files, and has the changed ones read as a whole; one after the other, never two at once."""

    def __init__(self, sources: list[Source], *, interval: float = POLL) -> None:
        self._sources = {source: _look(source.path) for source in sources}
        self._wanted = asyncio.Event()
        self._is_forced = False
        self._task = asyncio.get_running_loop().create_task(self._run())
        self._timer = Every(asyncio.get_running_loop(), interval, self._wanted.set)

    def reload(self) -> None:
        """Read all files again, whether or not they changed."""
        self._is_forced = True
        self._wanted.set()

    async def close(self) -> None:
        """Watch no more; what is being read is not used."""
        self._timer.close()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            forced, self._is_forced = self._is_forced, False
            for source, seen in self._sources.items():
                await self._check(source, seen, forced=forced)

    async def _check(self, source: Source, seen: _Seen, *, forced: bool) -> None:
        if not forced and _stat(source.path) == seen.stat:
            return
        now = await asyncio.to_thread(_look, source.path)
        self._sources[source] = now
        if forced or now.digest != seen.digest:
            await self._read(source)

    async def _read(self, source: Source) -> None:
        try:
            found = await asyncio.to_thread(source.read)
            said = source.use(found)
            if inspect.isawaitable(said):
                said = await said
        except ConfigError as error:
            for problem in error.problems:
                log.error("%s: %s", source.name, problem)
            log.error("%s: not read from %s; those before stay in force", source.name, source.path)
        except Exception:
            log.exception("%s: not read from %s; those before stay in force", source.name, source.path)
        else:
            log.info("%s: read again from %s%s", source.name, source.path, f", {said}" if said else "")


def _stat(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _look(path: Path) -> _Seen:
    """The file as it is; the stat comes first, so that a change right after it is seen the next time."""
    stat = _stat(path)
    try:
        return _Seen(stat, hashlib.sha256(path.read_bytes()).digest())
    except OSError:
        return _Seen(stat, None)
