"""Publishers that keep a window of messages in flight, and subscribers that all get every message.

A publisher sends its next message when one subscriber, the witness, has got an earlier one. The witness reads
every frame and checks the numbers in them; the other subscribers count bytes, and in the end each must have as many
as the witness.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from time import perf_counter

from benchmarks.crowd import Crowd
from benchmarks.figures import Figures, figures
from benchmarks.load import Pace, body, settled
from benchmarks.process import Span
from benchmarks.sockets import Client, Counter
from benchmarks.wire import frame
from deepstream_protocol.message import Message
from deepstream_protocol.topics import EventAction, RecordAction, Topic

_MARK = b'"#'


class EventScene:
    """All publishers emit the same event."""

    replies = 1

    def __init__(self, publishers: int) -> None:
        self.subscription = Message(
            Topic.EVENT, EventAction.SUBSCRIBE, names=["bench/event"], correlation_id="subscribe"
        )

    def message(self, publisher: int, number: int, stamp: str) -> Message:
        """The ``number``-th message of this publisher."""
        return Message(Topic.EVENT, EventAction.EMIT, name="bench/event", data=body(stamp))


class RecordScene:
    """Each publisher patches a record of its own, with the version that comes next."""

    def __init__(self, publishers: int) -> None:
        names = [f"bench/record-{publisher}" for publisher in range(publishers)]
        self._names = names
        self.replies = publishers + 1
        self.subscription = Message(
            Topic.RECORD, RecordAction.SUBSCRIBECREATEANDREAD, names=names, correlation_id="subscribe"
        )

    def message(self, publisher: int, number: int, stamp: str) -> Message:
        """The ``number``-th message of this publisher."""
        return Message(
            Topic.RECORD,
            RecordAction.PATCH,
            name=self._names[publisher],
            version=number,
            path="value",
            data=body(stamp),
        )


class Publisher:
    """Numbers what it sends, and remembers when it sent what is in flight."""

    def __init__(self, number: int, client: Client, scene: EventScene | RecordScene) -> None:
        self.sent = 0
        self.seen = 0
        self._number = number
        self._client = client
        self._scene = scene
        self._sent_at: deque[float] = deque()
        client.hand_over(lambda payloads: None)  # counted in client.received: nothing should come

    @property
    def answers(self) -> int:
        """Bytes that the server sent to it, all of them errors."""
        return self._client.received

    def send(self, count: int) -> None:
        """Send the next ``count`` messages in one write."""
        frames = []
        for number in range(self.sent + 1, self.sent + count + 1):
            stamp = f"#{self._number:02}:{number:010}"
            frames.append(frame(self._scene.message(self._number, number, stamp)))
        self.sent += count
        self._sent_at.extend([perf_counter()] * count)
        self._client.transport.write(b"".join(frames))

    def arrived(self, number: int, now: float) -> float:
        """The witness has got this message: how long it took, or -1 if it is not the one that was due."""
        if number != self.seen + 1 or number > self.sent:
            return -1.0
        self.seen = number
        return now - self._sent_at.popleft()


class Witness:
    """The subscriber that reads everything, and lets publishers send more until a deadline."""

    def __init__(self, client: Client, publishers: list[Publisher]) -> None:
        self.client = client
        self.seen = 0
        self.errors = 0
        self.latencies: list[float] = []
        self.deadline = 0.0
        self._publishers = publishers
        client.hand_over(self._take)

    def _take(self, payloads: list[bytes]) -> None:
        now = perf_counter()
        credit: dict[int, int] = {}
        for payload in payloads:
            at = payload.find(_MARK) + 2
            publisher = int(payload[at : at + 2]) if at > 1 else 0
            latency = (
                self._publishers[publisher].arrived(int(payload[at + 3 : at + 13]), now) if at > 1 else -1.0
            )
            if latency < 0:
                self.errors += 1
                continue
            self.seen += 1
            self.latencies.append(latency)
            credit[publisher] = credit.get(publisher, 0) + 1
        if now < self.deadline:
            for publisher, count in credit.items():
                self._publishers[publisher].send(count)


@dataclass(frozen=True, slots=True)
class FanOut:
    """Every message of every publisher to every subscriber, with ``window`` messages in flight per publisher."""

    name: str
    about: str
    operation: str
    scene: type[EventScene | RecordScene]
    publishers: int
    subscribers: int
    window: int

    async def run(self, url: str, pid: int, pace: Pace) -> Figures:
        """See ``Load``."""
        scene = self.scene(self.publishers)
        async with Crowd(url) as crowd:
            first, *others = await crowd.clients(self.subscribers, scene.subscription, replies=scene.replies)
            senders = await crowd.clients(self.publishers)
            publishers = [Publisher(number, client, scene) for number, client in enumerate(senders)]
            witness = Witness(first, publishers)
            audience = [crowd.counter(client) for client in others]
            await self._phase(publishers, witness, audience, pace.warm_up)
            warm, seen = self._tally(publishers, witness, audience, crowd), witness.seen
            witness.latencies.clear()
            span = Span(pid)
            await self._phase(publishers, witness, audience, pace.seconds)
            span.stop()
            errors, undelivered = self._tally(publishers, witness, audience, crowd)
            return figures(
                span,
                operations=(witness.seen - seen) * self.subscribers - (undelivered - warm[1]),
                latencies=witness.latencies,
                errors=errors,
                undelivered=undelivered,
            )

    async def _phase(
        self, publishers: list[Publisher], witness: Witness, audience: list[Counter], seconds: float
    ) -> None:
        """Publish for this long, then wait until everything has arrived everywhere."""
        witness.deadline = perf_counter() + seconds
        for publisher in publishers:
            publisher.send(self.window)
        await asyncio.sleep(seconds)
        await settled(lambda: witness.seen, lambda: sum(publisher.sent for publisher in publishers))
        await settled(
            lambda: sum(counter.received for counter in audience),
            lambda: witness.client.received * len(audience),
        )

    def _tally(
        self, publishers: list[Publisher], witness: Witness, audience: list[Counter], crowd: Crowd
    ) -> tuple[int, int]:
        """What went wrong so far: errors, and deliveries that did not take place."""
        whole = witness.client.received
        sent = sum(publisher.sent for publisher in publishers)
        size = whole / witness.seen if witness.seen else 1.0
        missing = sum(max(0, whole - counter.received) for counter in audience)
        surplus = sum(counter.received > whole for counter in audience)
        answered = sum(publisher.answers > 0 for publisher in publishers)
        errors = witness.errors + surplus + answered + crowd.lost
        return errors, (sent - witness.seen) * self.subscribers + round(missing / size)
