"""A WebSocket after its handshake: from TCP reads to messages, from ready frames to TCP writes."""

from __future__ import annotations

import asyncio
import logging

from gateway.sockets.closing import ABNORMAL_CLOSURE, CLOSE_TIMEOUT, GOING_AWAY, INTERNAL_ERROR, hang_up
from gateway.sockets.frames import (
    FrameReceiver,
    Payload,
    read_header,
    read_only_frame,
    read_pings,
    read_simple_frames,
)
from gateway.sockets.rare_frames import RareFrames

logger = logging.getLogger(__name__)

WRITE_BUFFER_LIMIT = 256 * 1024
"""Bytes in the transport's buffer from which on the receiver is told to pause writing."""


class Pending:
    """What the next read starts with: messages nobody took yet, and the beginning of a frame."""

    __slots__ = ("data", "needed", "payloads")

    def __init__(self, data: bytes, needed: int, payloads: list[Payload]) -> None:
        self.data = bytearray(data)
        self.needed = needed
        self.payloads = payloads


class OpenSocket(asyncio.Protocol):
    """One open WebSocket: the asyncio protocol of its transport and the FrameTransport of its receiver.

    Whole, masked, unfragmented data frames are read here; all others go through a RareFrames that lives only
    as long as it has something to do. An idle socket is this object with its twelve slots.
    """

    __slots__ = (
        "_connections", "_is_open", "_max_size", "_paused", "_pending", "_pong", "_rare", "_receiver",
        "_timer", "_transport", "received", "sent",
    )  # fmt: skip

    def __init__(
        self,
        transport: asyncio.Transport,
        receiver: FrameReceiver,
        *,
        connections: set[asyncio.Protocol],
        max_size: int,
        early: bytes = b"",
    ) -> None:
        self._transport = transport
        self._receiver: FrameReceiver | None = receiver
        self._connections = connections
        self._max_size = max_size
        self.received = 0  # bytes, of all frames
        self.sent = 0
        self._is_open = True  # no close frame was sent or received
        self._paused = False  # the peer reads too slowly
        self._pong = b""  # the latest pong that waits for the peer to read
        self._pending: Pending | None = None
        self._rare: RareFrames | None = None
        self._timer: asyncio.TimerHandle | None = None
        connections.add(self)
        transport.set_write_buffer_limits(high=WRITE_BUFFER_LIMIT)
        if early:
            self._read_soon(early, [])

    def attach(self, receiver: FrameReceiver, backlog: list[Payload]) -> None:
        """Deliver to ``receiver`` from now on, first the ``backlog`` that the last one did not take."""
        self._receiver = receiver
        if backlog:
            self._read_soon(b"", backlog)

    def _read_soon(self, data: bytes, payloads: list[Payload]) -> None:
        """Take ``data`` and ``payloads`` in the loop's next turn, or with the next read if that is sooner."""
        if self._pending is None:
            self._pending = Pending(data, 0, payloads)
        else:
            self._pending.needed = 0
            self._pending.payloads += payloads
        asyncio.get_running_loop().call_soon(self.data_received, b"")

    def limit_messages(self, size: int) -> None:
        """Take messages of at most ``size`` bytes from now on, if that is less than before."""
        self._max_size = min(self._max_size, size)

    # The FrameTransport of the receiver.

    @property
    def buffered(self) -> int:
        """Bytes written that the kernel has not taken yet."""
        return self._transport.get_write_buffer_size()

    def write(self, frames: list[bytes]) -> None:
        """Send ready frames in one write; nothing once a close frame was sent or received."""
        if self._is_open:
            data = b"".join(frames)
            self.sent += len(data)
            self._transport.write(data)

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Start the closing handshake; raises ProtocolError for a code that RFC 6455 keeps off the wire."""
        if not self._is_open:
            return
        if self._rare is None:
            self._rare = RareFrames(self._max_size)
        self._rare.start_closing(code, reason)
        answers, _ = self._rare.answers()
        if answers:  # none if the peer's close frame is being answered just now
            self.write(answers)
        self._is_open = False
        self.resume_reading()
        self._end_by(asyncio.get_running_loop().call_later(CLOSE_TIMEOUT, self._transport.abort))

    def abort(self) -> None:
        """Drop the connection now."""
        self._transport.abort()

    def pause_reading(self) -> None:
        """Leave what the peer sends to the kernel; not while closing, which has to read the peer's answer."""
        if self._is_open and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Read again."""
        if not self._transport.is_closing():
            self._transport.resume_reading()

    # What uvicorn calls.

    def shutdown(self) -> None:
        """Say goodbye because the server stops (uvicorn's graceful shutdown)."""
        self.close(GOING_AWAY, "server is shutting down")

    # asyncio.Protocol

    def data_received(self, data: bytes) -> None:
        """Deliver the whole messages in ``data`` and keep what is left for the next read."""
        self.received += len(data)
        if self._pending is None and self._rare is None:
            payload = read_only_frame(data, self._max_size)
            if payload is not None:
                self._deliver([payload])
                return
            payloads: list[Payload] = []
            position = read_simple_frames(data, 0, self._max_size, payloads)
            if position == len(data):
                self._deliver(payloads)
                return
            self._read(data, position, payloads)
        elif self._receiver is not None:  # else it is over: what still comes is not for anyone
            self._read_on(data)

    def pause_writing(self) -> None:
        """The transport's buffer is over its limit."""
        self._paused = True
        if self._receiver is not None:
            self._receiver.writing_paused()

    def resume_writing(self) -> None:
        """The transport's buffer is low again."""
        self._paused = False
        if self._pong:
            self.write([self._pong])
            self._pong = b""
        if self._receiver is not None:
            self._receiver.writing_resumed()

    def connection_lost(self, exc: Exception | None) -> None:
        """The TCP connection is gone, whoever ended it."""
        self._connections.discard(self)
        self._is_open = False
        self._end_by(None)
        close = self._rare.close if self._rare is not None else None
        self._rare = self._pending = None
        self._conclude(*((ABNORMAL_CLOSURE, "") if close is None else (close.code, close.reason)))

    # Reading

    def _read(self, data: bytes, position: int, payloads: list[Payload]) -> None:
        """Read frames of all kinds from ``position`` on; deliver their messages, after ``payloads``."""
        end = len(data)
        pongs: list[bytes] = []
        while position < end:
            if self._rare is None or self._rare.between_frames:
                after = read_pings(data, position, pongs)
                if after > position:
                    position = after
                    continue
            if self._rare is None or self._rare.idle:
                before = position
                position = read_simple_frames(data, position, self._max_size, payloads)
                if position == end:
                    break
                if position > before:
                    continue  # what follows may be pings
                if self._keep_if_partial(data, position):
                    break
                if self._rare is None:
                    self._rare = RareFrames(self._max_size)
            start = position
            position = self._rare.read(data, start, payloads)
            if position == start:
                self._pending = Pending(data[start:], 0, [])
                break
            answers, is_end = self._rare.answers()
            if is_end:
                self._answer(pongs)
                self._end(answers, payloads)
                return
            pongs += answers
        if self._rare is not None and self._rare.idle:
            self._rare = None
        self._answer(pongs)
        self._deliver(payloads)

    def _read_on(self, data: bytes) -> None:
        """Read what is left of the last reads, and ``data`` behind it, once there is enough of it."""
        payloads: list[Payload] = []
        if (pending := self._pending) is not None:
            pending.data += data
            if len(pending.data) < pending.needed:
                return
            data, payloads = bytes(pending.data), pending.payloads
            self._pending = None
        self._read(data, 0, payloads)

    def _keep_if_partial(self, data: bytes, position: int) -> bool:
        """Keep an incomplete header, or a frame that will be simple, until the rest is there."""
        header = read_header(data, position)
        if header is None:
            self._pending = Pending(data[position:], 0, [])
            return True
        if not header.simple or header.stop <= len(data) or header.stop - header.start > self._max_size:
            return False
        self._pending = Pending(data[position:], header.stop - position, [])
        return True

    def _deliver(self, payloads: list[Payload]) -> None:
        if not payloads or self._receiver is None or not self._is_open:
            return  # after our close frame the peer's messages are no longer wanted
        try:
            self._receiver.frames_received(payloads)
        except Exception:  # whatever it was must cost this connection alone
            logger.exception("A WebSocket's receiver failed")
            self.close(INTERNAL_ERROR)

    def _answer(self, frames: list[bytes]) -> None:
        """Send pongs; to a peer that does not read, only the latest, later (RFC 6455 section 5.5.3)."""
        if not frames:
            return
        if self._paused:
            self._pong = frames[-1]
        else:
            self.write(frames)

    # Ending

    def _end(self, answers: list[bytes], payloads: list[Payload]) -> None:
        """The peer closed or broke the protocol: deliver what came before, answer and hang up."""
        assert self._rare is not None
        assert self._rare.close is not None
        close = self._rare.close
        self._deliver(payloads)
        self._is_open = False
        if not self._transport.is_closing():
            self._transport.write(b"".join(answers))
            self._end_by(hang_up(self._transport))
        self._conclude(close.code, close.reason)

    def _end_by(self, timer: asyncio.TimerHandle | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = timer

    def _conclude(self, code: int, reason: str) -> None:
        receiver, self._receiver = self._receiver, None
        if receiver is not None:
            receiver.connection_closed(code, reason)
