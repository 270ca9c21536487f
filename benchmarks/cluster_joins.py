"""A load for a cluster: users who come online, and those at all nodes who are told."""

from __future__ import annotations

import asyncio
from functools import partial
from itertools import count
from time import perf_counter

from benchmarks.load import Pace, settled
from benchmarks.meter import Measured, Meter
from benchmarks.sockets import Client
from benchmarks.spread import Site, Spread, in_turns
from benchmarks.wire import message_in
from deepstream_protocol.message import Message
from deepstream_protocol.topics import PresenceAction, Topic


class Joins:
    """Users who come online, ``at_once`` logins under way at all nodes in turns, and stay; one client at each
    node is told of all of them. A join is done when all of those have heard of it."""

    operation = "join"
    least = 1
    crosses = True

    def __init__(self, name: str, about: str, *, at_once: int = 20) -> None:
        self.name = name
        self.about = about
        self._at_once = at_once

    async def run(self, site: Site, pace: Pace) -> Measured:
        """See ``ClusterLoad``."""
        async with Spread(site, in_turns(site.count), at_once=self._at_once) as crowd:
            watch = Message(Topic.PRESENCE, PresenceAction.SUBSCRIBE_ALL, correlation_id="watch")
            audience = Audience(await crowd.clients(site.count, watch))
            numbers = count()
            await self._arrive(crowd, site, audience, numbers, pace.warm_up, pace.patience)
            before = audience.complete
            audience.latencies.clear()
            async with Meter(site) as meter:
                await self._arrive(crowd, site, audience, numbers, pace.seconds, pace.patience)
            return meter.measured(
                operations=audience.complete - before,
                latencies=audience.latencies,
                errors=audience.errors + crowd.lost,
                undelivered=audience.due - audience.complete,
            )

    async def _arrive(
        self,
        crowd: Spread,
        site: Site,
        audience: Audience,
        numbers: count[int],
        seconds: float,
        patience: float,
    ) -> None:
        deadline = perf_counter() + seconds

        async def door() -> None:
            while perf_counter() < deadline:
                number = next(numbers)
                user = f"user-{number}"
                await crowd.user(user, number % site.count, partial(audience.expect, user))

        await asyncio.gather(*(door() for _ in range(self._at_once)))
        await settled(lambda: audience.complete, lambda: audience.due, patience)


class Audience:
    """Those who are told who comes online, and how long it took until the last of them knew."""

    def __init__(self, watchers: list[Client]) -> None:
        self.due = self.complete = self.errors = 0
        self.latencies: list[float] = []
        self._expected: dict[str, tuple[float, set[int]]] = {}
        self._everybody = range(len(watchers))
        for number, watcher in enumerate(watchers):
            watcher.hand_over(partial(self._take, number))

    def expect(self, user: str) -> None:
        """``user`` is about to log in."""
        self.due += 1
        self._expected[user] = perf_counter(), set(self._everybody)

    def _take(self, watcher: int, payloads: list[bytes]) -> None:
        for payload in payloads:
            message = message_in(payload)
            began, missing = self._expected.get(message.name or "", (0.0, set()))
            if message.action != PresenceAction.PRESENCE_JOIN_ALL or watcher not in missing:
                self.errors += 1
                continue
            missing.discard(watcher)
            if not missing:
                self.complete += 1
                self.latencies.append(perf_counter() - began)
