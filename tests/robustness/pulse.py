"""Two well-behaved clients that go on working, and time it, while others do what they should not."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable

import orjson

from deepstream_protocol.message import Message
from deepstream_protocol.topics import EventAction, RecordAction, Topic
from tests.robustness.client import Client

INTERVAL = 0.01
"""Seconds from beat to beat, answered or not: a stall of the server delays every beat that falls into it."""

PING, PONG, RECORD = "pulse/ping", "pulse/pong", "pulse/record"
ANSWER_DEADLINE = 15.0


class Latencies:
    """Round trips in seconds, and how much of each the server's event loop was at work.

    The rest was spent on the machine, which others use as well: the clients, the disk, the other tests.
    """

    def __init__(self) -> None:
        self.all: list[float] = []
        self.busy: list[float] = []

    def add(self, whole: float, busy: float) -> None:
        """One more round trip."""
        self.all.append(whole)
        self.busy.append(min(whole, busy))

    def at(self, share: float) -> float:
        """The round trip that ``share`` of all stay below."""
        return _at(self.all, share)

    def busy_at(self, share: float) -> float:
        """The time at work that ``share`` of all round trips stay below."""
        return _at(self.busy, share)

    def __str__(self) -> str:
        shown = (f"{share:.0%} {self.at(share) * 1000:.2f}" for share in (0.5, 0.99, 1.0))
        busy = f"the server at work: 99% {self.busy_at(0.99) * 1000:.2f}"
        return f"{len(self.all)} round trips, ms: {', '.join(shown)}; {busy}"


def _at(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def _no_time() -> float:
    return 0.0


class Pulse:
    """At each beat one client emits an event, which the other one returns, and makes an acknowledged write.

    ``faults`` tells whatever was not as it should be, a version that the other client missed for example.
    ``interval`` is the time from beat to beat.
    """

    def __init__(
        self, first: Client, second: Client, version: int, *, writes: bool, busy: Callable[[], float]
    ) -> None:
        self.events = Latencies()
        self.writes = Latencies()
        self.faults: list[str] = []
        self.interval = INTERVAL
        self._first = first
        self._second = second
        self._writes = writes
        self._busy = busy
        self._version = self._seen = version
        self._beat = 0
        self._emitted: dict[str, tuple[float, float]] = {}
        self._unacknowledged = 0
        self._answered = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        first.on_message = self._on_pong
        second.on_message = self._on_ping

    @classmethod
    @contextlib.asynccontextmanager
    async def beating(
        cls, port: int, *, writes: bool = True, busy: Callable[[], float] = _no_time
    ) -> AsyncIterator[Pulse]:
        """A pulse, stopped at the end when every beat was answered.

        ``busy`` tells how many seconds the server's event loop was at work until now.
        """
        first, second = await asyncio.gather(Client.login(port), Client.login(port))
        pulse = cls(first, second, await _subscribe(first, second, writes), writes=writes, busy=busy)
        pulse._tick(time.perf_counter())
        try:
            yield pulse
            await pulse.stop()
        finally:
            pulse._cancel()
            for client in (first, second):
                client.close()
                await client.closed

    async def beats(self, count: int) -> None:
        """Wait until ``count`` more events came back."""
        wanted = len(self.events.all) + count
        await self._until(lambda: len(self.events.all) >= wanted)

    async def stop(self) -> None:
        """Beat no more; wait for the answers that are due, which are ``lost`` if they do not come."""
        self._cancel()
        with contextlib.suppress(TimeoutError):
            await self._until(lambda: not self.lost)

    @property
    def lost(self) -> int:
        """Events that did not come back, writes without an answer, and versions nobody was told of."""
        return len(self._emitted) + self._unacknowledged + (self._version - self._seen)

    # One beat

    def _tick(self, due: float) -> None:
        self._beat += 1
        text = str(self._beat)
        busy = self._busy()
        self._emitted[text] = due, busy
        self._first.send(Message(Topic.EVENT, EventAction.EMIT, name=PING, data=text))
        if self._writes:
            self._write(due, busy)
        due += self.interval
        self._timer = self._loop.call_later(max(0.0, due - time.perf_counter()), self._tick, due)

    def _write(self, due: float, busy: float) -> None:
        self._version += 1
        self._unacknowledged += 1
        message = Message(Topic.RECORD, RecordAction.UPDATE, name=RECORD, version=self._version)
        message.data = orjson.dumps({"beat": self._beat}).decode()
        self._first.write(message).add_done_callback(lambda done: self._on_written(done, due, busy))

    def _on_written(self, answer: asyncio.Future[Message], due: float, busy: float) -> None:
        self._unacknowledged -= 1
        if answer.exception() is not None:
            self.faults.append(f"a write got no answer: {answer.exception()}")
        elif answer.result().action != RecordAction.WRITE_ACKNOWLEDGEMENT:
            self.faults.append(f"a write was answered with {answer.result()!r}")
        self.writes.add(time.perf_counter() - due, self._busy() - busy)
        self._answered.set()

    def _on_ping(self, message: Message) -> None:
        if message.topic == Topic.EVENT and message.name == PING and message.action == EventAction.EMIT:
            self._second.send(Message(Topic.EVENT, EventAction.EMIT, name=PONG, data=message.data))
        elif message.topic == Topic.RECORD and message.action == RecordAction.UPDATE:
            self._seen += 1
            if message.version != self._seen:
                self.faults.append(f"version {message.version} where {self._seen} was due")
            self._answered.set()

    def _on_pong(self, message: Message) -> None:
        if message.topic == Topic.EVENT and message.name == PONG and message.action == EventAction.EMIT:
            began = self._emitted.pop(message.data or "", None)
            if began is None:
                self.faults.append(f"beat {message.data} came back twice")
                return
            due, busy = began
            self.events.add(time.perf_counter() - due, self._busy() - busy)
            self._answered.set()

    async def _until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(ANSWER_DEADLINE):
            while not condition():
                self._answered.clear()
                await self._answered.wait()

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


async def _subscribe(first: Client, second: Client, writes: bool) -> int:
    """Prepare both clients; the version of the record that they write and watch, if they do."""
    pong = Message(Topic.EVENT, EventAction.SUBSCRIBE, names=[PONG])
    ping = Message(Topic.EVENT, EventAction.SUBSCRIBE, names=[PING])
    await asyncio.gather(first.ask(pong), second.ask(ping))
    if not writes:
        return 0
    read = second.next(lambda message: message.action == RecordAction.READ_RESPONSE)
    second.send(Message(Topic.RECORD, RecordAction.SUBSCRIBECREATEANDREAD, names=[RECORD]))
    return (await read).version or 0
