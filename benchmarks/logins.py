"""Clients that come: what connecting, logging in and subscribing takes, and the memory of one that stays."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from time import perf_counter

from benchmarks.crowd import Crowd
from benchmarks.figures import Figures, figures
from benchmarks.load import Pace
from benchmarks.process import Span, resident_bytes
from deepstream_protocol.message import Message
from deepstream_protocol.topics import EventAction, Topic

SUBSCRIPTIONS = 5
NAMES = 1000
"""Event names that the subscriptions are spread over, so that each has several subscribers, as in use."""


class Logins:
    """A number of clients that connect, log in, subscribe to five events with one message, and stay.

    Some come ahead and do not count. The kilobytes are what the server's memory has grown by for each client,
    once all of them have been idle for as long as other loads are measured.
    """

    operation = "login"

    def __init__(self, name: str, about: str, *, clients: int, ahead: int, at_once: int) -> None:
        self.name = name
        self.about = about
        self._clients = clients
        self._ahead = ahead
        self._at_once = at_once

    async def run(self, url: str, pid: int, pace: Pace) -> Figures:
        """See ``Load``; how long it takes does not depend on ``pace``."""
        async with Crowd(url, at_once=self._at_once) as crowd:
            await self.arrive(crowd, range(self._ahead))
            before = resident_bytes(pid)
            span = Span(pid)
            latencies = await self.arrive(crowd, range(self._ahead, self._ahead + self._clients))
            span.stop()
            await asyncio.sleep(pace.seconds)
            return figures(
                span,
                operations=len(latencies),
                latencies=latencies,
                errors=crowd.lost,
                undelivered=self._clients - len(latencies),
                kilobytes=(resident_bytes(pid) - before) / 1024 / self._clients,
            )

    async def arrive(self, crowd: Crowd, numbers: Iterable[int]) -> list[float]:
        """Let a client come for each number, ``at_once`` at a time: how long each took, in seconds."""
        waiting, latencies = iter(numbers), []

        async def door() -> None:
            for number in waiting:
                start = perf_counter()
                await crowd.newcomer(_subscription(number))
                latencies.append(perf_counter() - start)

        await asyncio.gather(*(door() for _ in range(self._at_once)))
        return latencies


def _subscription(number: int) -> Message:
    first = number * SUBSCRIPTIONS
    names = [f"bench/event-{(first + step) % NAMES}" for step in range(SUBSCRIPTIONS)]
    return Message(Topic.EVENT, EventAction.SUBSCRIBE, names=names, correlation_id="subscribe")
