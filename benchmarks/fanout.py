"""Publishers that keep a window of messages in flight, and subscribers that all get every message.

A publisher sends its next message when one subscriber, the witness, has got an earlier one. The witness reads
every frame and checks the numbers in them; the other subscribers count bytes, and in the end each must have
as many as the witness. Some may be slow: they stop reading before the first message. The others must not
suffer for it, and in the end a slow one has either been closed or gets everything.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter

from benchmarks.crowd import Crowd
from benchmarks.figures import Figures, figures
from benchmarks.load import BODY_SIZE, Pace, body, settled
from benchmarks.process import Span
from benchmarks.sockets import Client
from benchmarks.wire import frame
from deepstream_protocol.message import Message
from deepstream_protocol.topics import EventAction, RecordAction, Topic

_STAMP = re.compile(rb'"#(\d\d):(\d{10})')


class EventScene:
    """All publishers emit the same event."""

    replies = 1

    def __init__(self, publishers: int, *, size: int = BODY_SIZE) -> None:
        self._size = size
        self.subscription = Message(
            Topic.EVENT, EventAction.SUBSCRIBE, names=["bench/event"], correlation_id="subscribe"
        )

    def message(self, publisher: int, number: int, stamp: str) -> Message:
        """The ``number``-th message of this publisher."""
        return Message(Topic.EVENT, EventAction.EMIT, name="bench/event", data=body(stamp, self._size))


class RecordScene:
    """Each publisher patches a record of its own, with the version that comes next."""

    def __init__(self, publishers: int, *, size: int = BODY_SIZE) -> None:
        self._size = size
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
            data=body(stamp, self._size),
        )


class Publisher:
    """Numbers what it sends, keeps ``window`` messages in flight, and remembers when it sent them."""

    def __init__(self, number: int, client: Client, scene: EventScene | RecordScene, window: int) -> None:
        self.sent = 0
        self.client = client
        self._number = number
        self._scene = scene
        self._window = window
        self._sent_at: deque[float] = deque()  # of what is in flight, the oldest first
        client.hand_over(lambda payloads: None)  # counted in client.received: nothing should come

    def fill_window(self) -> None:
        """Send as many messages as may be in flight, in one write."""
        count = self._window - len(self._sent_at)
        numbers = range(self.sent + 1, self.sent + count + 1)
        self.sent += count
        self._sent_at.extend([perf_counter()] * count)
        self.client.transport.write(b"".join(map(self._frame, numbers)))

    def arrived(self, number: int, now: float) -> float | None:
        """The witness has got this message: how long it took; None if it was not due, or not any more.

        Those before it that are still in flight have been lost, for the order is kept.
        """
        oldest = self.sent - len(self._sent_at) + 1
        if not oldest <= number <= self.sent:
            return None
        for _ in range(number - oldest):
            self._sent_at.popleft()
        return now - self._sent_at.popleft()

    def _frame(self, number: int) -> bytes:
        return frame(self._scene.message(self._number, number, f"#{self._number:02}:{number:010}"))


class Witness:
    """The subscriber that reads everything, and lets publishers send more until a deadline."""

    def __init__(self, client: Client, publishers: Sequence[Publisher]) -> None:
        self.client = client
        self.seen = 0
        self.errors = 0
        self.latencies: list[float] = []
        self.deadline = 0.0
        self._publishers = publishers
        client.hand_over(self._take)

    def _take(self, payloads: list[bytes]) -> None:
        now = perf_counter()
        senders = [sender for payload in payloads if (sender := self._read(payload, now)) is not None]
        if now < self.deadline:
            for number in set(senders):
                self._publishers[number].fill_window()

    def _read(self, payload: bytes, now: float) -> int | None:
        """Whose message it is; None for one that should not have come."""
        stamp = _STAMP.search(payload)
        if stamp is not None and (sender := int(stamp[1])) < len(self._publishers):
            latency = self._publishers[sender].arrived(int(stamp[2]), now)
            if latency is not None:
                self.seen += 1
                self.latencies.append(latency)
                return sender
        self.errors += 1
        return None


class Cast:
    """Everybody in one run: publishers, the witness and the other subscribers."""

    def __init__(
        self, crowd: Crowd, publishers: list[Publisher], subscribers: list[Client], *, slow: int
    ) -> None:
        *others, last = subscribers
        # The last to subscribe is the last to be served: what it has got, the others have been sent.
        self.witness = Witness(last, publishers)
        self._publishers = publishers
        self._slow = [crowd.slow_reader(client) for client in others[:slow]]
        self._audience = [crowd.counter(client) for client in others[slow:]]
        self._crowd = crowd

    async def publish(self, seconds: float, patience: float) -> None:
        """Publish for this long, then wait until everything has arrived everywhere."""
        witness, audience = self.witness, self._audience
        witness.deadline = perf_counter() + seconds
        for publisher in self._publishers:
            publisher.fill_window()
        await asyncio.sleep(seconds)
        await settled(lambda: witness.seen, self._sent, patience)
        await settled(
            lambda: sum(counter.received for counter in audience),
            lambda: witness.client.received * len(audience),
            patience,
        )

    async def left_behind(self, patience: float) -> int:
        """Slow readers that the server neither dropped nor gave, now that they read again, everything."""
        whole = self.witness.client.received
        for slow in self._slow:
            slow.resume()
        await settled(lambda: self._progress(whole), lambda: len(self._slow) * whole, patience)
        return sum(not slow.is_lost and slow.received != whole for slow in self._slow)

    @property
    def dropped(self) -> int:
        """Slow readers that the server has closed."""
        return sum(slow.is_lost for slow in self._slow)

    def _progress(self, whole: int) -> int:
        return sum(whole if slow.is_lost else min(slow.received, whole) for slow in self._slow)

    def undelivered(self) -> int:
        """Deliveries that have not taken place, to the witness and, by their bytes, to the others."""
        whole = self.witness.client.received
        size = whole / max(1, self.witness.seen)
        missing = sum(max(0, whole - counter.received) for counter in self._audience)
        return (self._sent() - self.witness.seen) * (1 + len(self._audience)) + round(missing / size)

    def errors(self) -> int:
        """What came and should not have, and connections that were closed."""
        whole = self.witness.client.received
        surplus = sum(counter.received > whole for counter in self._audience)
        answered = sum(publisher.client.received > 0 for publisher in self._publishers)
        return self.witness.errors + surplus + answered + self._crowd.lost

    def _sent(self) -> int:
        return sum(publisher.sent for publisher in self._publishers)


@dataclass(frozen=True, slots=True)
class FanOut:
    """Every message of every publisher to every subscriber, ``window`` of each publisher's in flight.

    ``slow`` of the subscribers do not read; a delivery is one to any of the others. ``size`` is the data's.
    """

    name: str
    about: str
    operation: str
    scene: type[EventScene | RecordScene]
    publishers: int
    subscribers: int
    window: int
    slow: int = 0
    size: int = BODY_SIZE

    async def run(self, url: str, pid: int, pace: Pace) -> Figures:
        """See ``Load``."""
        async with Crowd(url) as crowd:
            cast = await self._cast(crowd)
            witness = cast.witness
            await cast.publish(pace.warm_up, pace.patience)
            seen, missed = witness.seen, cast.undelivered()
            witness.latencies.clear()
            span = Span(pid)
            await cast.publish(pace.seconds, pace.patience)
            span.stop()
            undelivered = cast.undelivered()
            left_behind = await cast.left_behind(pace.patience)
            return figures(
                span,
                operations=(witness.seen - seen) * (self.subscribers - self.slow) - (undelivered - missed),
                latencies=witness.latencies,
                errors=cast.errors() + left_behind,
                dropped=cast.dropped,
                undelivered=undelivered,
            )

    async def _cast(self, crowd: Crowd) -> Cast:
        scene = self.scene(self.publishers, size=self.size)
        subscribers = await crowd.clients(self.subscribers, scene.subscription, replies=scene.replies)
        publishers = [
            Publisher(number, client, scene, self.window)
            for number, client in enumerate(await crowd.clients(self.publishers))
        ]
        return Cast(crowd, publishers, subscribers, slow=self.slow)
