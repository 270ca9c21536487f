"""The client's side of WebSocket framing, no more of it than the loads need."""

from __future__ import annotations

from struct import Struct

from deepstream_protocol.binary import BinaryCodec
from deepstream_protocol.message import Message

_SHORT = Struct(">BB4x").pack
_LONG = Struct(">BBH4x").pack
_LONGEST = Struct(">BBQ4x").pack
_BINARY = 0x82
_MASKED = 0x80
_CODEC = BinaryCodec()


class StrangeFrame(Exception):
    """The server sent what no load expects: a close or control frame, text, or a fragment."""


def upgrade_request(host: str, port: int, path: str) -> bytes:
    """The opening handshake; the key is a constant because nobody here checks the answer to it."""
    lines = (
        f"GET {path} HTTP/1.1",
        f"Host: {host}:{port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: ZGVlcHN0cmVhbSBsb2Fkcw==",
        "Sec-WebSocket-Version: 13",
    )
    return "\r\n".join((*lines, "", "")).encode()


def frame(message: Message) -> bytes:
    """``message`` in one binary frame with an all-zero mask key, which leaves the payload as it is.

    RFC 6455 section 5.3 allows any key, and a server has to unmask all the same.
    """
    payload = _CODEC.encode(message)
    length = len(payload)
    if length < 126:
        return _SHORT(_BINARY, _MASKED | length) + payload
    if length < 65536:
        return _LONG(_BINARY, _MASKED | 126, length) + payload
    return _LONGEST(_BINARY, _MASKED | 127, length) + payload


def read_frames(data: bytes, payloads: list[bytes]) -> int:
    """Append the payload of every whole frame in ``data``; return where the first unfinished one starts."""
    position, end = 0, len(data)
    while end - position >= 2:
        if data[position] != _BINARY:
            raise StrangeFrame(data[position : position + 200])
        length, start = data[position + 1], position + 2
        if length == 126:
            length, start = int.from_bytes(data[start : start + 2], "big"), start + 2
        elif length == 127:
            length, start = int.from_bytes(data[start : start + 8], "big"), start + 8
        stop = start + length
        if stop > end:
            break
        payloads.append(data[start:stop])
        position = stop
    return position


def frame_size(payload: bytes) -> int:
    """Bytes of the server's frame around ``payload``."""
    length = len(payload)
    return length + (2 if length < 126 else 4 if length < 65536 else 10)


def action_in(payload: bytes) -> int:
    """The action of the message that a frame's payload is, read without the rest of it where it stands where
    all servers put it: behind two lengths of one or two bytes each, and the topic."""
    at = 5 if payload[0] < 128 else 7
    if payload[at] == 1 << 3 and payload[at + 1] < 128:
        return payload[at + 1]
    return message_in(payload).action


def message_in(payload: bytes) -> Message:
    """The message that a frame's payload is."""
    return _CODEC.decode(payload)[0]
