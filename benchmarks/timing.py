"""Events whose latency is what counts: one at a time, and at a given rate.

Every subscriber notes when each event arrived; the n-th arrival is the n-th event, because all events make
frames of the same size, and order within a subscription is kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from time import perf_counter

from benchmarks.crowd import Crowd
from benchmarks.fanout import EventScene
from benchmarks.figures import Figures, figures
from benchmarks.load import BODY_SIZE, Pace, settled
from benchmarks.process import Span
from benchmarks.sockets import Client, Clock
from benchmarks.wire import frame, frame_size


class Stage:
    """One publisher and the clocks that its events arrive at."""

    def __init__(self, client: Client, scene: EventScene) -> None:
        self.sent_at: list[float] = []
        self.arrived = 0
        self.clocks: list[Clock] = []
        self.resend_until = 0.0
        self._client = client
        self._scene = scene
        client.hand_over(lambda payloads: None)  # counted in client.received: nothing should come

    @classmethod
    async def set_up(cls, crowd: Crowd, subscribers: int, *, size: int = BODY_SIZE) -> Stage:
        """Connect everybody, and learn the size of a frame from a first event."""
        scene = EventScene(1, size=size)
        audience = await crowd.clients(subscribers, scene.subscription)
        stage = cls(await crowd.client(), scene)
        stage.send()
        sizes = {frame_size(await client.next()) for client in audience}
        assert len(sizes) == 1, sizes
        size = sizes.pop()
        stage.sent_at.clear()
        stage.clocks = [crowd.clock(client, size, stage._frames_arrived) for client in audience]
        return stage

    @property
    def due(self) -> int:
        """Deliveries that follow from what was sent."""
        return len(self.sent_at) * len(self.clocks)

    def send(self) -> None:
        """Send the next event."""
        number = len(self.sent_at) + 1
        ready = frame(self._scene.message(0, number, f"#00:{number:010}"))
        self.sent_at.append(perf_counter())
        self._client.transport.write(ready)

    def latencies(self, skipped: int) -> list[float]:
        """Seconds from sending to each arrival, but for the first ``skipped`` events."""
        sent_at = self.sent_at[skipped:]
        return [
            arrival - sent
            for clock in self.clocks
            for sent, arrival in zip(sent_at, clock.arrivals[skipped:], strict=False)
        ]

    def errors(self) -> int:
        """What arrived that should not have: answers to the publisher, surplus events, parts of frames."""
        surplus = sum(len(clock.arrivals) > len(self.sent_at) for clock in self.clocks)
        torn = sum(not clock.is_whole for clock in self.clocks)
        return surplus + torn + (self._client.received > 0)

    def undelivered(self) -> int:
        """Deliveries that did not take place."""
        return sum(max(0, len(self.sent_at) - len(clock.arrivals)) for clock in self.clocks)

    async def settle(self, patience: float) -> None:
        """Wait until everything that was sent has arrived, or no more comes."""
        await settled(lambda: self.arrived, lambda: self.due, patience)

    def _frames_arrived(self, count: int) -> None:
        self.arrived += count
        if self.arrived == self.due and perf_counter() < self.resend_until:
            self.send()


class OneAtATime:
    """The next event is sent when every subscriber has got the last one."""

    operation = "delivery"

    def __init__(self, name: str, about: str, *, subscribers: int, size: int = BODY_SIZE) -> None:
        self.name = name
        self.about = about
        self._subscribers = subscribers
        self._size = size

    async def run(self, url: str, pid: int, pace: Pace) -> Figures:
        """See ``Load``."""
        async with Crowd(url) as crowd:
            stage = await Stage.set_up(crowd, self._subscribers, size=self._size)
            await self._play(stage, pace.warm_up, pace.patience)
            return await _measured(stage, crowd, pid, self._play(stage, pace.seconds, pace.patience))

    @staticmethod
    async def _play(stage: Stage, seconds: float, patience: float) -> None:
        stage.resend_until = perf_counter() + seconds
        stage.send()
        await asyncio.sleep(seconds)
        await stage.settle(patience)


class Paced:
    """Events at a fixed rate, whether or not the server keeps up."""

    operation = "delivery"

    def __init__(self, name: str, about: str, *, subscribers: int, rate: int) -> None:
        self.name = name
        self.about = about
        self._subscribers = subscribers
        self._rate = rate

    async def run(self, url: str, pid: int, pace: Pace) -> Figures:
        """See ``Load``."""
        async with Crowd(url) as crowd:
            stage = await Stage.set_up(crowd, self._subscribers)
            await self._play(stage, pace.warm_up, pace.patience)
            return await _measured(stage, crowd, pid, self._play(stage, pace.seconds, pace.patience))

    async def _play(self, stage: Stage, seconds: float, patience: float) -> None:
        events, start = round(seconds * self._rate / self._subscribers), perf_counter()
        for number in range(events):
            stage.send()
            if (wait := start + (number + 1) * seconds / events - perf_counter()) > 0:
                await asyncio.sleep(wait)
        await stage.settle(patience)


async def _measured(stage: Stage, crowd: Crowd, pid: int, playing: Coroutine[None, None, None]) -> Figures:
    skipped, missed = len(stage.sent_at), stage.undelivered()
    span = Span(pid)
    await playing
    span.stop()
    undelivered = stage.undelivered()
    return figures(
        span,
        operations=(len(stage.sent_at) - skipped) * len(stage.clocks) - (undelivered - missed),
        latencies=stage.latencies(skipped),
        errors=stage.errors() + crowd.lost,
        undelivered=undelivered,
    )
