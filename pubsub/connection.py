"""A client's connection: who it is, and the outbox through which everything to it leaves."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Mapping
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


class Flusher:
    """Writes each outbox that has something in it, once per turn of the event loop."""

    __slots__ = ("_call_soon", "_dirty", "written")

    def __init__(self, call_soon: Callable[..., object]) -> None:
        self.written = 0  # frames handed to transports so far
        self._call_soon = call_soon
        self._dirty: list[Connection] = []

    def add(self, connection: Connection) -> None:
        """Flush ``connection`` at the end of this turn; called when its outbox was empty."""
        if not self._dirty:
            self._call_soon(self.flush)
        self._dirty.append(connection)

    def flush(self) -> None:
        """Hand every filled outbox to its transport."""
        dirty, self._dirty = self._dirty, []
        for connection in dirty:
            try:
                connection.flush()
            except Exception:  # one transport's fault must not keep the others' frames back
                log.exception("%s: writing failed", connection)
                connection.outbox.clear()


class Connection:
    """One client. Handlers append frames to ``outbox`` through ``send`` or ``write``, in order.

    ``limit`` bounds, in bytes, what waits here while the client does not read; a client that falls
    further behind is closed with ``Close.SLOW_CONSUMER``, because what it missed cannot be made up.
    """

    __slots__ = (
        "__weakref__",
        "_flusher",
        "_held",
        "_held_bytes",
        "_limit",
        "_paused",
        "_transport",
        "_unflushed",
        "address",
        "closed",
        "codec",
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
        address: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.id = next(_ids)
        self.codec = codec
        self.user = ANONYMOUS
        self.address = address
        self.headers = headers
        self.sdk_type: str | None = None
        self.sdk_version: str | None = None
        self.outbox: list[Frame] = []
        self.closed = False
        self.why_closed = ""  # the reason of a close that began here
        self._transport: Transport = _NOWHERE
        self._flusher = flusher
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
        outbox = self.outbox
        if not outbox:
            self._flusher.add(self)
        outbox.append(frame)
        self._unflushed += len(frame)
        if self._unflushed > FLUSH_SIZE:
            self.flush()

    def mark(self) -> None:
        """Have the outbox flushed this turn; for a caller that appends to it by itself."""
        self._flusher.add(self)

    def flush(self) -> None:
        """Hand the outbox over, or keep it while the client does not read."""
        if self._paused and not self.closed:
            self._hold()
            return
        self._flusher.written += len(self.outbox)
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
            self._flusher.written += len(held)
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
            self.closed = True
            self.why_closed = reason
            self._flusher.written += len(self._held) + len(self.outbox)
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
