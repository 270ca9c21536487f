"""What a server process holds: memory and file descriptors, read from Linux's /proc."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

MIB = 1024 * 1024
POLL_INTERVAL = 0.02


class Vitals:
    """The memory and file descriptors of the process ``pid``."""

    def __init__(self, pid: int) -> None:
        self._folder = Path(f"/proc/{pid}")

    @property
    def descriptors(self) -> int:
        """Open file descriptors."""
        return len(os.listdir(self._folder / "fd"))

    def busy(self) -> float:
        """Seconds that its main thread, which runs the event loop, was at work until now."""
        return int((self._folder / "schedstat").read_text().split()[0]) / 1_000_000_000

    @property
    def memory(self) -> int:
        """Bytes resident now."""
        return self._status("VmRSS")

    @property
    def peak(self) -> int:
        """The most bytes resident since ``forget_peak``."""
        return self._status("VmHWM")

    def forget_peak(self) -> None:
        """Measure the peak from now on."""
        (self._folder / "clear_refs").write_text("5")

    def _status(self, key: str) -> int:
        for line in (self._folder / "status").read_text().splitlines():
            if line.startswith(f"{key}:"):
                return int(line.split()[1]) * 1024
        raise LookupError(key)


async def until(condition: Callable[[], bool], deadline: float, what: str) -> None:
    """Return once ``condition`` holds, which is another process's doing and tells nobody."""
    try:
        async with asyncio.timeout(deadline):
            while not condition():  # noqa: ASYNC110
                await asyncio.sleep(POLL_INTERVAL)
    except TimeoutError:
        raise AssertionError(f"not within {deadline} s: {what}") from None
