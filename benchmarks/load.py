"""What a load is, and the parts that several loads share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Protocol

from benchmarks.figures import Figures

BODY_SIZE = 100
"""Bytes of JSON in every message that carries data."""

POLL = 0.001


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a run takes, in seconds: the part that does not count, and the part that does.

    When nothing has arrived for ``patience``, what is still missing counts as undelivered.
    """

    warm_up: float = 0.5
    seconds: float = 3.0
    patience: float = 10.0


class Load(Protocol):
    """One way of using a server."""

    @property
    def name(self) -> str:
        """What it is called on the command line."""

    @property
    def about(self) -> str:
        """What it does, in a line."""

    @property
    def operation(self) -> str:
        """What is counted."""

    async def run(self, url: str, pid: int, pace: Pace) -> Figures:
        """Load the server with this address and process id, which nobody else uses."""


def body(stamp: str, size: int = BODY_SIZE) -> str:
    """A JSON text of ``size`` bytes that begins with ``stamp``, or with what of it there is room for."""
    return f'"{stamp[: size - 2]:x<{size - 2}}"'


async def settled(progress: Callable[[], int], goal: Callable[[], int], patience: float) -> None:
    """Wait until ``progress`` is at ``goal``, or has stood still for ``patience`` seconds."""
    seen, since = progress(), perf_counter()
    while seen < goal() and perf_counter() - since < patience:
        await asyncio.sleep(POLL)
        if (now := progress()) != seen:
            seen, since = now, perf_counter()
