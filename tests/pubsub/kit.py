"""Clients without a socket, and a clock that only a test moves.

A ``Client`` is a real connection with a real codec; its transport keeps what a socket would have sent.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from deepstream_protocol.binary import BinaryCodec
from deepstream_protocol.json import JsonCodec
from deepstream_protocol.message import Message
from gateway.codecs import PlainCodec
from pubsub.connection import Connection, Flusher, Frame
from pubsub.user import User

DEADLINE = 5.0
BINARY = PlainCodec(BinaryCodec())
JSON = PlainCodec(JsonCodec())


class Recorder:
    """A transport that keeps what it is told: each write, the close, and what input is wanted."""

    received = sent = buffered = 0

    def __init__(self) -> None:
        self.writes: list[list[Frame]] = []
        self.closed: tuple[int, str] | None = None
        self.is_reading = True
        self.message_limit: int | None = None
        self.changed = asyncio.Event()

    def write(self, frames: list[Frame]) -> None:
        if frames and self.closed is None:
            self.writes.append(list(frames))
            self.changed.set()

    def close(self, code: int, reason: str) -> None:
        self.closed = (code, reason)
        self.changed.set()

    def limit_messages(self, size: int) -> None:
        self.message_limit = size

    def pause_reading(self) -> None:
        self.is_reading = False

    def resume_reading(self) -> None:
        self.is_reading = True

    @property
    def frames(self) -> list[Frame]:
        """All that was written, whatever the writes."""
        return [frame for write in self.writes for frame in write]


_FLUSHER = Flusher(lambda _: None)


class Client:
    """One connection as a test sees it: what it was sent, message by message."""

    def __init__(
        self,
        user: User | str | None = None,
        *,
        codec: PlainCodec = BINARY,
        limit: int = 1 << 20,
        flusher: Flusher = _FLUSHER,
        sdk_type: str | None = None,
    ) -> None:
        """``flusher`` is that of all clients who may be at the same name."""
        self.flusher = flusher
        self.connection = Connection(codec, self.flusher, limit=limit)
        self.transport = Recorder()
        self.connection.attach(self.transport)
        self.connection.sdk_type = sdk_type
        if user is not None:
            self.connection.user = User(user) if isinstance(user, str) else user
        self._read = 0
        self._unread: deque[Message] = deque()

    def take(self) -> list[Message]:
        """Everything sent since the last look."""
        self.flusher.flush()
        self._decode()
        messages = list(self._unread)
        self._unread.clear()
        return messages

    def take_one(self) -> Message:
        """The only message sent since the last look."""
        messages = self.take()
        assert len(messages) == 1, messages
        return messages[0]

    async def next(self) -> Message:
        """The next message, waited for."""
        async with asyncio.timeout(DEADLINE):
            while True:
                self.flusher.flush()
                self._decode()
                if self._unread:
                    return self._unread.popleft()
                self.transport.changed.clear()
                await self.transport.changed.wait()

    async def until(self, action: int) -> list[Message]:
        """All messages up to and with the next one of ``action``."""
        messages = [await self.next()]
        while messages[-1].action != action:
            messages.append(await self.next())
        return messages

    def _decode(self) -> None:
        frames = self.transport.frames
        for frame in frames[self._read :]:
            self._unread.extend(self.connection.codec.decode(frame))
        self._read = len(frames)


class _Timer:
    def __init__(self, callback: Callable[..., object], arguments: Sequence[Any]) -> None:
        self.callback, self.arguments, self.is_cancelled = callback, arguments, False

    def cancel(self) -> None:
        self.is_cancelled = True


class Clock:
    """What timers ask of an event loop, on a time that passes only by ``advance``."""

    def __init__(self) -> None:
        self._now = 1000.0
        self._timers: list[tuple[float, int, _Timer]] = []
        self._order = itertools.count()

    def time(self) -> float:
        return self._now

    def call_at(self, when: float, callback: Callable[..., object], *arguments: Any) -> _Timer:
        timer = _Timer(callback, arguments)
        heapq.heappush(self._timers, (when, next(self._order), timer))
        return timer

    def call_later(self, delay: float, callback: Callable[..., object], *arguments: Any) -> _Timer:
        return self.call_at(self._now + delay, callback, *arguments)

    def advance(self, seconds: float) -> None:
        """Let time pass; what is due meanwhile is called at its own time."""
        end = self._now + seconds
        while self._timers and self._timers[0][0] <= end:
            when, _, timer = heapq.heappop(self._timers)
            if not timer.is_cancelled:
                self._now = max(self._now, when)
                timer.callback(*timer.arguments)
        self._now = end

    @property
    def pending(self) -> int:
        """How many timers could still fire."""
        return sum(not timer.is_cancelled for _, _, timer in self._timers)


class RecordingCluster:
    """A cluster that keeps what it was told; ``elsewhere`` is what other nodes have: role and name."""

    covers = None
    id = "here"

    def __init__(self, elsewhere: Sequence[tuple[str, str]] = ()) -> None:
        self.told: list[tuple[Any, ...]] = []
        self.elsewhere = set(elsewhere)
        self._receivers: dict[int, Callable[[str, Message], None]] = {}

    def join(self, role: str, name: str) -> None:
        self.told.append(("join", role, name))

    def leave(self, role: str, name: str) -> None:
        self.told.append(("leave", role, name))

    def nodes_at(self, role: str, name: str) -> Sequence[str]:
        return ["other"] if (role, name) in self.elsewhere else []

    def names(self, role: str) -> Sequence[str]:
        return sorted(name for at, name in self.elsewhere if at == role)

    def publish(self, role: str, message: Message) -> None:
        self.told.append(("publish", role, message))

    def publish_record(self, message: Message, id: int) -> None:
        self.told.append(("publish", "record", message))

    def send(self, node: str, message: Message) -> None:
        self.told.append(("send", node, message))

    def broadcast(self, message: Message) -> None:
        self.told.append(("broadcast", message))

    def nodes(self) -> Sequence[str]:
        return ["other"] if self.elsewhere else []

    def on_message(self, topic: int, callback: Callable[[str, Message], None]) -> None:
        self._receivers[topic] = callback

    def say(self, message: Message, node: str = "other") -> None:
        """Another node sends ``message``."""
        self._receivers[message.topic](node, message)

    def on_record(self, callback: Any) -> None:
        """Others change nothing."""

    def on_change(self, role: str, callback: Any) -> None:
        """Nothing changes by itself."""

    def on_node(self, callback: Any) -> None:
        """No node comes or goes."""

    def on_loss(self, callback: Any) -> None:
        """Nothing is lost."""

    def on_covered(self, callback: Any) -> None:
        """All records are."""

    def take(self) -> list[tuple[Any, ...]]:
        """What was told since the last look."""
        told, self.told = self.told, []
        return told
