"""A client's connection: who it is, and the outbox through which everything to it leaves."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Collection, Mapping
from enum import IntEnum
from typing import Any, Protocol

from deepstream_protocol.message import Message

log = logging.getLogger("deepstream.connection")

Frame = bytes | str
"""One encoded message as the transport takes it: a ready WebSocket frame, or a bare payload."""


FLUSH_SIZE = 1 << 20
"""Bytes of answers that do not wait for the end of the turn: many small questions can ask for a lot."""


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


class User:
    """Who logged in: ``client_data`` was sent to the client, ``server_data`` is for the rules.

    ``expires_at``, in seconds since 1970, is when the login ends and its connection with it; None: never.
    """

    __slots__ = ("client_data", "expires_at", "id", "is_authenticated", "server_data")

    def __init__(
        self,
        id: str | None,
        *,
        is_authenticated: bool = True,
        client_data: Any = None,
        server_data: Any = None,
        expires_at: float | None = None,
    ) -> None:
        self.id = id
        self.expires_at = expires_at
        self.is_authenticated = is_authenticated
        self.client_data = client_data
        self.server_data = server_data


ANONYMOUS = User(None, is_authenticated=False)
"""The user of a connection before its login."""


class _Nowhere:
    """The transport of a connection whose socket is not attached yet."""

    __slots__ = ()

    received = sent = buffered = 0

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


class Flusher:
    """Writes each outbox that has something in it, once per turn of the event loop.

    The server's innermost loop is the one over those who get a message, and it is gone through once for all
    messages of a turn that go to the same ones: the latest ``broadcast`` stays open for more of them, and is
    queued (``end_broadcast``) before anything else is, or before its audience changes.
    """

    __slots__ = ("_call_soon", "_dirty", "broadcast")

    def __init__(self, call_soon: Callable[..., object]) -> None:
        self.broadcast: _Broadcast | None = None
        self._call_soon = call_soon
        self._dirty: list[Connection] = []

    def add(self, connection: Connection) -> None:
        """Flush ``connection`` at the end of this turn; called when its outbox was empty."""
        if not self._dirty:
            self._call_soon(self.flush)
        self._dirty.append(connection)

    def publish(self, message: Message, audience: Collection[Connection], sender: Connection | None) -> None:
        """Queue ``message`` for all of ``audience`` but ``sender``.

        It is encoded later in this turn, so it must not be changed any more. Whoever changes ``audience``
        calls ``end_broadcast`` before.
        """
        if sender not in audience:
            sender = None
        broadcast = self.broadcast
        if broadcast is None:
            if not self._dirty:
                self._call_soon(self.flush)
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
        messages, sender, dirty = broadcast.messages, broadcast.sender, self._dirty
        ready: dict[Codec, tuple[list[Frame], int]] = {}
        for connection in broadcast.audience:
            if connection is sender:
                continue
            codec = connection.codec
            found = ready.get(codec)
            if found is None:
                frames = codec.joined(_encoded(messages, codec))
                found = ready[codec] = frames, len(messages) - len(frames)
            frames, joined_away = found
            outbox = connection.outbox
            if not outbox:
                dirty.append(connection)
            outbox += frames
            if joined_away:
                connection.counts.deliveries += joined_away

    def flush(self) -> None:
        """Hand every filled outbox to its transport."""
        self.end_broadcast()
        dirty, self._dirty = self._dirty, []
        for connection in dirty:
            try:
                connection.hand_over()
            except Exception:  # one transport's fault must not keep the others' frames back
                log.exception("%s: writing failed", connection)
                connection.outbox.clear()


def _encoded(messages: list[Message], codec: Codec) -> list[Frame]:
    """A frame each; a message that cannot be encoded must not keep the others back."""
    frames = []
    for message in messages:
        try:
            frames.append(codec.frame(message))
        except Exception:
            log.exception("a message cannot be written in %s", codec.name, extra={"about": message})
    return frames


class _Uncounted:
    """For connections whose messages nobody counts."""

    deliveries = 0


_UNCOUNTED = _Uncounted()


class Connection:
    """One client. Handlers append frames to ``outbox`` through ``send`` or ``write``, in order.

    ``limit`` bounds, in bytes, what waits here while the client does not read; a client that falls
    further behind is closed with ``Close.SLOW_CONSUMER``, because what it missed cannot be made up.
    """

    __slots__ = (
        "__weakref__",
        "_held",
        "_held_bytes",
        "_limit",
        "_paused",
        "_transport",
        "_unflushed",
        "address",
        "closed",
        "codec",
        "counts",
        "flusher",
        "headers",
        "id",
        "outbox",
        "sdk_type",
        "sdk_version",
        "user",
        "why_closed",
    )

    def __init__(
        self,
        codec: Codec,
        flusher: Flusher,
        *,
        limit: int,
        counts: Counts | None = None,
        address: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.id = next(_ids)
        self.codec = codec
        self.counts = _UNCOUNTED if counts is None else counts
        self.flusher = flusher
        self.user = ANONYMOUS
        self.address = address
        self.headers = headers
        self.sdk_type: str | None = None
        self.sdk_version: str | None = None
        self.outbox: list[Frame] = []
        self.closed = False
        self.why_closed = ""  # the reason of a close that began here
        self._transport: Transport = _NOWHERE
        self._limit = limit
        self._paused = False
        self._held: list[Frame] = []
        self._held_bytes = 0
        self._unflushed = 0

    def attach(self, transport: Transport) -> None:
        """Write to ``transport`` from now on; until then, nothing must be sent."""
        self._transport = transport

    @property
    def waiting_bytes(self) -> int:
        """What the client has not read yet, as far as it is known here: kept here, or by the transport."""
        return self._held_bytes + self._unflushed + self._transport.buffered

    @property
    def traffic(self) -> tuple[int, int]:
        """Bytes that came from the client and bytes that went to it."""
        return self._transport.received, self._transport.sent

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
            flusher.add(self)
        outbox.append(frame)
        self._unflushed += len(frame)
        if self._unflushed > FLUSH_SIZE:
            self.hand_over()

    def flush(self) -> None:
        """Hand over now what was queued until now."""
        self.flusher.end_broadcast()
        self.hand_over()

    def hand_over(self) -> None:
        """Hand the outbox to the transport, or keep it while the client does not read."""
        if self._paused and not self.closed:
            self._hold()
            return
        self.counts.deliveries += len(self.outbox)
        self._transport.write(self.outbox)
        self.outbox.clear()
        self._unflushed = 0

    def pause_writing(self) -> None:
        """The client reads slower than it is written to."""
        self._paused = True

    def resume_writing(self) -> None:
        """The client has caught up: it gets what was kept."""
        self._paused = False
        held, self._held, self._held_bytes = self._held, [], 0
        if held:
            self.counts.deliveries += len(held)
            self._transport.write(held)

    def pause_reading(self) -> None:
        """Leave further input with the operating system, which slows the client down."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Take input again."""
        self._transport.resume_reading()

    def close(self, code: Close, reason: str = "") -> None:
        """Close behind all that was queued; does nothing the second time."""
        if not self.closed:
            self.flusher.end_broadcast()
            self.closed = True
            self.why_closed = reason
            self.counts.deliveries += len(self._held) + len(self.outbox)
            self._transport.write(self._held + self.outbox)
            self.outbox.clear()
            self._held.clear()
            self._transport.close(code, reason)

    def _hold(self) -> None:
        self._held += self.outbox
        self._held_bytes += sum(map(len, self.outbox))
        self.outbox.clear()
        self._unflushed = 0
        if self._held_bytes > self._limit:
            self._held.clear()
            self.close(Close.SLOW_CONSUMER, "the client reads too slowly")
