"""WebSocket frames (RFC 6455 section 5) on the fast path, and the two sides of an attached socket."""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Final, NamedTuple, Protocol

try:
    from websockets.speedups import apply_mask
except ImportError:  # a platform without the compiled extension: the same answers, slower
    from websockets.utils import apply_mask

Payload = bytes | str
"""One whole data message: ``str`` came as text, ``bytes`` as binary."""

_BINARY: Final = 0x82
_TEXT: Final = 0x81
_PONG: Final = 0x8A

_MASKED_BINARY: Final = _BINARY << 8 | 0x80
_MASKED_TEXT: Final = _TEXT << 8 | 0x80
"""The first two bytes of a client's frames as one number, less the length."""

MOST_PONGS = 64
"""Pings of one read that are each answered."""

_SHORT: Final = 126
"""A payload of fewer bytes has its length in the second byte of its frame."""

_USUAL: Final = 1024
"""A payload of fewer bytes has its frame's header looked up."""

_HEADER_16: Final = Struct(">BBH").pack
_HEADER_64: Final = Struct(">BBQ").pack

_HEAD_AND_KEY: Final = Struct(">H4s").unpack_from
_LENGTH_64_AND_KEY = Struct(">Q4s").unpack_from


def _header(opcode: int, length: int) -> bytes:
    if length < _SHORT:
        return bytes((opcode, length))
    return _HEADER_16(opcode, 126, length) if length < 65536 else _HEADER_64(opcode, 127, length)


_BINARY_HEADERS: Final = [_header(_BINARY, length) for length in range(_USUAL)]
_TEXT_HEADERS: Final = [_header(_TEXT, length) for length in range(_USUAL)]
_PONG_HEADERS: Final = [_header(_PONG, length) for length in range(_SHORT)]


def binary_frame(payload: bytes) -> bytes:
    """The server frame that carries ``payload`` as one binary message."""
    length = len(payload)
    return (_BINARY_HEADERS[length] if length < _USUAL else _header(_BINARY, length)) + payload


def text_frame(payload: bytes | str) -> bytes:
    """The server frame that carries ``payload`` (``bytes`` must be UTF-8) as one text message."""
    if isinstance(payload, str):
        payload = payload.encode()
    length = len(payload)
    return (_TEXT_HEADERS[length] if length < _USUAL else _header(_TEXT, length)) + payload


def read_only_frame(data: bytes, limit: int) -> bytes | None:
    """The payload of ``data`` if that is one simple binary frame and nothing else, as most reads are.

    Else None, and it is for ``read_simple_frames``, which says what simple is.
    """
    end = len(data)
    if end < 8:
        return None
    head, key = _HEAD_AND_KEY(data)
    length = head - _MASKED_BINARY
    if 0 <= length < _SHORT:
        start = 6
    elif length == 126:
        length, key = _HEAD_AND_KEY(data, 2)
        start = 8
    else:
        return None
    if start + length != end or length > limit:
        return None
    return apply_mask(data[start:], key)


def read_simple_frames(data: bytes, position: int, limit: int, payloads: list[Payload]) -> int:
    """Append the payloads of all simple frames from ``position`` on; return where the next frame starts.

    Simple is: whole in ``data``, final, masked, text or binary, no reserved bit, at most ``limit`` bytes,
    valid UTF-8 if text. The first frame that is anything else stops the reading and is left to the caller.
    Not to be called while a fragmented message is unfinished. A frame of 100 bytes takes about 0.2 µs.
    """
    end = len(data)
    last = end - 6
    append = payloads.append
    while position <= last:
        head, key = _HEAD_AND_KEY(data, position)
        length = head & 0x7F
        if length < _SHORT:
            start = position + 6
        elif length == 126 and position + 8 <= end:
            length, key = _HEAD_AND_KEY(data, position + 2)
            start = position + 8
        elif length == 127 and position + 14 <= end:
            length, key = _LENGTH_64_AND_KEY(data, position + 2)
            start = position + 14
        else:
            break
        stop = start + length
        if stop > end or length > limit:
            break
        kind = head & 0xFF80
        if kind == _MASKED_BINARY:
            append(apply_mask(data[start:stop], key))
        elif kind == _MASKED_TEXT:
            try:
                append(apply_mask(data[start:stop], key).decode())
            except UnicodeDecodeError:
                break
        else:
            break
        position = stop
    return position


def read_pings(data: bytes, position: int, pongs: list[bytes]) -> int:
    """Read whole pings and pongs from ``position`` on; return where the next frame of another kind starts.

    Appends a pong for each ping. Of more than MOST_PONGS only the last is answered, which RFC 6455 section
    5.5.3 allows, so that to flood costs the flooder more than us. Unasked pongs ask for nothing.
    """
    end, last = len(data), len(data) - 6
    unanswered = None
    while position <= last:
        head, key = _HEAD_AND_KEY(data, position)
        length = head - 0x8980  # an empty ping; 0x8A80 is an empty pong
        is_ping = 0 <= length < 126
        if not is_ping:
            length -= 0x100
            if not 0 <= length < 126:
                break
        start = position + 6
        if start + length > end:
            break
        position = start + length
        if not is_ping:
            continue
        if len(pongs) < MOST_PONGS:
            pongs.append(_PONG_HEADERS[length] + apply_mask(data[start:position], key))
        else:
            unanswered = (start, position, key)
    if unanswered is not None:
        start, stop, key = unanswered
        pongs[-1] = _PONG_HEADERS[stop - start] + apply_mask(data[start:stop], key)
    return position


class FrameHeader(NamedTuple):
    """Where a frame's payload starts, where the frame ends, and whether it may be a simple one."""

    start: int
    stop: int
    simple: bool


def read_header(data: bytes, position: int) -> FrameHeader | None:
    """The header of the frame at ``position``; ``None`` if there is not enough of it to tell its length."""
    available = len(data) - position
    if available < 2:
        return None
    first, second = data[position], data[position + 1]
    masked, length, extended = second >= 0x80, second & 0x7F, 0
    if length >= 126:
        extended = 2 if length == 126 else 8
        if available < 2 + extended:
            return None
        length = int.from_bytes(data[position + 2 : position + 2 + extended], "big")
    start = position + 2 + extended + (4 if masked else 0)
    return FrameHeader(start, start + length, masked and first in (_BINARY, _TEXT))


class FrameReceiver(Protocol):
    """What takes the messages of an attached socket. All calls are plain and come from the event loop."""

    def frames_received(self, payloads: list[Payload]) -> None:
        """Take all whole data messages of one read, in order."""

    def writing_paused(self) -> None:
        """The peer reads too slowly: what is written now only grows the buffer."""

    def writing_resumed(self) -> None:
        """The buffer is down again."""

    def connection_closed(self, code: int, reason: str) -> None:
        """The last call, made exactly once: the code of the first close frame of either side, or 1006."""


class FrameTransport(Protocol):
    """An accepted socket, for one that speaks in ready frames."""

    @property
    def buffered(self) -> int:
        """Bytes written that the kernel has not taken yet."""

    def write(self, frames: list[bytes]) -> None:
        """Send ready server frames in one write, or nothing after ``close``; the list may be reused."""

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Send a close frame after all that was written; drop a peer that does not answer in seconds."""

    def limit_messages(self, size: int) -> None:
        """Take messages of at most ``size`` bytes from now on, if that is less than before."""

    def abort(self) -> None:
        """Drop the connection now; what is buffered is lost."""

    def pause_reading(self) -> None:
        """Take no more messages from the peer until ``resume_reading``."""

    def resume_reading(self) -> None:
        """Go on after ``pause_reading``."""


Attach = Callable[[FrameReceiver], FrameTransport]
"""``scope["extensions"]["deepstream.frames"]["attach"]``: callable once, after websocket.accept was sent."""
