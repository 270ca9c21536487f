"""A client's connection: who it is, and the outbox through which everything to it leaves."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Collection, Mapping
from enum import IntEnum
from typing import Any, Final, Protocol

from deepstream_protocol.message import Message
from pubsub.user import ANONYMOUS

log = logging.getLogger("deepstream.connection")

Frame = bytes | str | Any
"""One message as the transport takes it: a ready WebSocket frame, a payload, itself if there is no wire."""

FLUSH_SIZE: Final = 1 << 20
"""Bytes of answers that do not wait for the end of the turn, and after which others have theirs: many small
questions can ask for a lot."""


class Codec(Protocol):
    """A wire format as a connection uses it; shared by all connections that speak it alike."""

    name: str
    binary: bool

    def decode(self, payload: Any) -> list[Message]:
        """The messages of one frame's payload; raises ``ProtocolError``."""

    def frame(self, message: Message) -> Frame:
        """``message`` encoded and ready for the transport."""

    def joined(self, frames: list[Frame]) -> list[Frame]:
        """``frames`` in as few pieces as the transport takes them in."""


class Counts(Protocol):
    """Where it is counted what leaves."""

    deliveries: int
    """Messages handed to transports so far."""


class Transport(Protocol):
    """Where a connection's frames go; the gateway has one for each kind of server."""

    @property
    def received(self) -> int:
        """Bytes that came in."""

    @property
    def sent(self) -> int:
        """Bytes that went out."""

    @property
    def buffered(self) -> int:
        """Bytes written that have not been taken yet."""

    def write(self, frames: list[Frame]) -> None:
        """Send ``frames`` in order; the list is the caller's and is emptied afterwards."""

    def close(self, code: int, reason: str) -> None:
        """Say goodbye behind everything that was written, then close."""

    def pause_reading(self) -> None:
        """Take nothing more from the client until ``resume_reading``."""

    def resume_reading(self) -> None:
        """Take input from the client again."""


class Close(IntEnum):
    """Every reason for which the server closes a connection, as its WebSocket close code."""

    NORMAL = 1000
    GOING_AWAY = 1001
    WRONG_FRAME_KIND = 1003
    POLICY = 1008
    TOO_BIG = 1009
    INTERNAL_ERROR = 1011
    SLOW_CONSUMER = 1013


class _Nowhere:
    """The transport of a connection whose socket is not attached yet."""

    __slots__ = ()

    received: int = 0
    sent: int = 0
    buffered: int = 0

    def write(self, frames: list[Frame]) -> None:
        raise RuntimeError("written to before a transport was attached")

    def close(self, code: int, reason: str) -> None:
        """There is nothing to close."""

    def pause_reading(self) -> None:
        """Nothing is read."""

    def resume_reading(self) -> None:
        """Nothing is read."""


_NOWHERE = _Nowhere()

_ids = itertools.count(1)


class _Broadcast:
    """Messages to the same connections, in order."""

    __slots__ = ("audience", "messages", "sender")

    def __init__(self, audience: Collection[Connection], message: Message, sender: Connection | None) -> None:
        self.audience = audience
        self.messages = [message]
        self.sender = sender


class _Uncounted:
    """For messages that nobody counts."""

    deliveries = 0


class Flusher:
    """Writes each outbox that has something in it, once per turn of the event loop.

    The server's innermost loop is the one over those who get a message, and it is gone through once for all
    messages of a turn that go to the same ones: the latest ``broadcast`` stays open for more of them, and is
    queued (``end_broadcast``) before anything else is, or before its audience changes. ``dirty`` are those
    with something in their outboxes, the first of which had ``flush`` called behind this turn.
    """

    __slots__ = ("broadcast", "call_soon", "counts", "dirty")

    def __init__(self, call_soon: Callable[..., object], counts: Counts | None = None) -> None:
        self.broadcast: _Broadcast | None = None
        self.counts = _Uncounted() if counts is None else counts
        self.call_soon = call_soon
        self.dirty: list[Connection] = []

    def publish(self, message: Message, audience: Collection[Connection], sender: Connection | None) -> None:
        """Queue ``message`` for all of ``audience`` but ``sender``.

        It is encoded later in this turn, so it must not be changed any more. Whoever changes ``audience``
        calls ``end_broadcast`` before.
        """
        if sender not in audience:
            sender = None
        broadcast = self.broadcast
        if broadcast is None:
            if not self.dirty:
                self.call_soon(self.flush)
        elif broadcast.audience is audience and broadcast.sender is sender:
            broadcast.messages.append(message)
            return
        else:
            self.end_broadcast()
        self.broadcast = _Broadcast(audience, message, sender)

    def end_broadcast(self) -> None:
        """Queue the open broadcast, if there is one, encoded once per codec.

        The body of ``Connection.write`` stands here once more: a call per connection would double the cost.
        """
        broadcast, self.broadcast = self.broadcast, None
        if broadcast is None:
            return
        messages, sender, dirty = broadcast.messages, broadcast.sender, self.dirty
        ready: dict[Codec, tuple[list[Frame], int]] = {}
        deliveries = 0
        codec, frames, joined_away = None, [], 0  # of the codec that came last: mostly it is the only one
        for connection in broadcast.audience:
            if connection is sender:
                continue
            if connection.codec is not codec:
                codec = connection.codec
                if codec not in ready:
                    frames = codec.joined(_encoded(messages, codec))
                    ready[codec] = frames, len(messages) - len(frames)
                frames, joined_away = ready[codec]
            outbox = connection.outbox
            if not outbox:
                dirty.append(connection)
            outbox += frames
            deliveries += joined_away
        self.counts.deliveries += deliveries

    def flush(self) -> None:
        """Hand every filled outbox to its transport.

        The body of ``Connection.hand_over`` stands here once more, for the same reason.
        """
        self.end_broadcast()
        dirty, self.dirty = self.dirty, []
        deliveries = 0
        for connection in dirty:
            outbox = connection.outbox
            try:
                if connection.is_paused:
                    connection.hand_over()
                    continue
                deliveries += len(outbox)
                connection.transport.write(outbox)
            except Exception:  # one transport's fault must not keep the others' frames back
                log.exception("%s: writing failed", connection)
            outbox.clear()
            connection.unflushed = 0
        self.counts.deliveries += deliveries


def _encoded(messages: list[Message], codec: Codec) -> list[Frame]:
    """A frame each; a message that cannot be encoded must not keep the others back."""
    frames = []
    for message in messages:
        try:
            frames.append(codec.frame(message))
        except Exception:
            log.exception("a message cannot be written in %s", codec.name, extra={"about": message})
    return frames


class Connection:
    """One client. Handlers append frames to ``outbox`` through ``send`` or ``write``, in order.

    ``limit`` bounds, in bytes, what waits here while the client does not read; a client that falls
    further behind is closed with ``Close.SLOW_CONSUMER``, because what it missed cannot be made up.
    """

    __slots__ = (
        "_held",
        "_held_bytes",
        "_limit",
        "address",
        "closed",
        "codec",
        "flusher",
        "has_had_much",
        "headers",
        "id",
        "is_paused",
        "outbox",
        "sdk_type",
        "sdk_version",
        "transport",
        "unflushed",
        "user",
        "why_closed",
    )

    def __init__(
        self,
        codec: Codec,
        flusher: Flusher,
        *,
        limit: int,
        address: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.id = next(_ids)
        self.codec = codec
        self.flusher = flusher
        self.user = ANONYMOUS
        self.address = address
        self.headers = headers
        self.sdk_type: str | None = None
        self.sdk_version: str | None = None
        self.outbox: list[Frame] = []
        self.closed = False
        self.why_closed = ""  # the reason of a close that began here
        self.transport: Transport = _NOWHERE
        self._limit = limit
        self.is_paused = False
        self._held: list[Frame] = []
        self._held_bytes = 0
        self.unflushed = 0
        self.has_had_much = False  # in this turn of the loop: others are to have theirs

    def attach(self, transport: Transport) -> None:
        """Write to ``transport`` from now on; until then, nothing must be sent."""
        self.transport = transport

    @property
    def waiting_bytes(self) -> int:
        """What the client has not read yet, as far as it is known here: kept here, or by the transport."""
        return self._held_bytes + self.unflushed + self.transport.buffered

    @property
    def traffic(self) -> tuple[int, int]:
        """Bytes that came from the client and bytes that went to it."""
        return self.transport.received, self.transport.sent

    def __str__(self) -> str:
        return f"connection {self.id} from {self.address or 'nowhere'}"

    def send(self, message: Message) -> None:
        """Queue ``message``."""
        self.write(self.codec.frame(message))

    def write(self, frame: Frame) -> None:
        """Queue a frame that this connection's codec made."""
        flusher, outbox = self.flusher, self.outbox
        if flusher.broadcast is not None:
            flusher.end_broadcast()
        if not outbox:
            if not flusher.dirty:
                flusher.call_soon(flusher.flush)
            flusher.dirty.append(self)
        outbox.append(frame)
        self.unflushed += len(frame)
        if self.unflushed > FLUSH_SIZE:
            self.has_had_much = True
            self.hand_over()

    def flush(self) -> None:
        """Hand over now what was queued until now."""
        self.flusher.end_broadcast()
        self.hand_over()

    def hand_over(self) -> None:
        """Hand the outbox to the transport, or keep it while the client does not read."""
        if self.is_paused and not self.closed:
            self._hold()
            return
        self.flusher.counts.deliveries += len(self.outbox)
        self.transport.write(self.outbox)
        self.outbox.clear()
        self.unflushed = 0

    def pause_writing(self) -> None:
        """The client reads slower than it is written to."""
        self.is_paused = True

    def resume_writing(self) -> None:
        """The client has caught up: it gets what was kept."""
        self.is_paused = False
        held, self._held, self._held_bytes = self._held, [], 0
        if held:
            self.flusher.counts.deliveries += len(held)
            self.transport.write(held)

    def pause_reading(self) -> None:
        """Leave further input with the operating system, which slows the client down."""
        self.transport.pause_reading()

    def resume_reading(self) -> None:
        """Take input again."""
        self.transport.resume_reading()

    def close(self, code: Close, reason: str = "") -> None:
        """Close behind all that was queued; does nothing the second time."""
        if not self.closed:
            self.flusher.end_broadcast()
            self.closed = True
            self.why_closed = reason
            self.flusher.counts.deliveries += len(self._held) + len(self.outbox)
            self.transport.write(self._held + self.outbox)
            self.outbox.clear()
            self._held.clear()
            self.transport.close(code, reason)

    def _hold(self) -> None:
        self._held += self.outbox
        self._held_bytes += sum(map(len, self.outbox))
        self.outbox.clear()
        self.unflushed = 0
        if self._held_bytes > self._limit:
            self._held.clear()
            self.close(Close.SLOW_CONSUMER, "the client reads too slowly")
