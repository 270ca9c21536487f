"""Loads for a cluster, and those in which one client says what others, at one or all nodes, get."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from time import perf_counter
from typing import Protocol

from benchmarks.fanout import Cast, EventScene, Publisher, RecordScene
from benchmarks.load import Pace
from benchmarks.meter import Measured, Meter
from benchmarks.spread import Site, Spread
from benchmarks.timing import Stage


class ClusterLoad(Protocol):
    """One way of using a cluster."""

    @property
    def name(self) -> str:
        """What it is called on the command line."""

    @property
    def about(self) -> str:
        """What it does, in a line."""

    @property
    def operation(self) -> str:
        """What is counted."""

    @property
    def least(self) -> int:
        """The smallest number of nodes for which it means anything."""

    @property
    def crosses(self) -> bool:
        """Whether an operation goes from one node to others, so that its batches are what it costs more."""

    async def run(self, site: Site, pace: Pace) -> Measured:
        """Load a cluster that nobody else uses."""


@dataclass(frozen=True, slots=True)
class SpreadFanOut:
    """One publisher at the first node with ``window`` messages in flight; subscribers at all nodes in turns.

    The one whose progress lets the publisher go on is at the last node.
    """

    name: str
    about: str
    scene: type[EventScene | RecordScene]
    subscribers: int
    window: int = 64
    operation: str = "delivery"
    least: int = 1
    crosses: bool = True

    async def run(self, site: Site, pace: Pace) -> Measured:
        """See ``ClusterLoad``."""
        async with Spread(site, [*site.around(self.subscribers), 0]) as crowd:
            scene = self.scene(1)
            subscribers = await crowd.clients(self.subscribers, scene.subscription, replies=scene.replies)
            publisher = Publisher(0, await crowd.client(), scene, self.window)
            cast = Cast(crowd, [publisher], subscribers, slow=0)
            await cast.publish(pace.warm_up, pace.patience)
            seen, missed = cast.witness.seen, cast.undelivered()
            cast.witness.latencies.clear()
            async with Meter(site) as meter:
                await cast.publish(pace.seconds, pace.patience)
            undelivered = cast.undelivered()
            return meter.measured(
                operations=(cast.witness.seen - seen) * self.subscribers - (undelivered - missed),
                latencies=cast.witness.latencies,
                errors=cast.errors(),
                undelivered=undelivered,
            )


@dataclass(frozen=True, slots=True)
class OneEvent:
    """One event at a time from the first node to one subscriber, at that node or ``elsewhere``."""

    name: str
    about: str
    elsewhere: bool
    operation: str = "delivery"

    @property
    def least(self) -> int:
        """See ``ClusterLoad``."""
        return 2 if self.elsewhere else 1

    @property
    def crosses(self) -> bool:
        """See ``ClusterLoad``."""
        return self.elsewhere

    async def run(self, site: Site, pace: Pace) -> Measured:
        """See ``ClusterLoad``."""
        async with Spread(site, [site.last if self.elsewhere else 0, 0]) as crowd:
            stage = await Stage.set_up(crowd, 1)
            await self._play(stage, pace.warm_up, pace.patience)
            skipped, missed = len(stage.sent_at), stage.undelivered()
            async with Meter(site) as meter:
                await self._play(stage, pace.seconds, pace.patience)
            undelivered = stage.undelivered()
            return meter.measured(
                operations=len(stage.sent_at) - skipped - (undelivered - missed),
                latencies=stage.latencies(skipped),
                errors=stage.errors() + crowd.lost,
                undelivered=undelivered,
            )

    @staticmethod
    async def _play(stage: Stage, seconds: float, patience: float) -> None:
        stage.resend_until = perf_counter() + seconds
        stage.send()
        await asyncio.sleep(seconds)
        await stage.settle(patience)


class Idle:
    """Nobody is there; the nodes tell each other that they live. A second for one node is counted."""

    operation = "second"
    least = 1
    crosses = False

    def __init__(self, name: str, about: str) -> None:
        self.name = name
        self.about = about

    async def run(self, site: Site, pace: Pace) -> Measured:
        """See ``ClusterLoad``."""
        async with Meter(site) as meter:
            await asyncio.sleep(pace.seconds)
        return meter.measured(operations=max(1, round(pace.seconds * site.count)))
