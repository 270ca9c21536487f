"""Codecs as connections use them: a wire format, and what the transport wants as one message.

Every message that the server makes for clients comes by here, so here they are counted, in ``sent``.
"""

from __future__ import annotations

from typing import Any, Protocol

from deepstream_protocol.message import Message
from gateway.sockets.frames import binary_frame, text_frame
from monitoring.metrics import Rows, rows
from pubsub.connection import Frame


class WireFormat(Protocol):
    """A codec of ``deepstream_protocol``."""

    name: str
    binary: bool

    def decode(self, payload: Any) -> list[Message]:
        """The messages in one payload; raises ProtocolError."""

    def encode(self, message: Message) -> Any:
        """The payload of one message."""


def _text_frame(payload: str) -> bytes:
    """No frame for what a wire format has no words for."""
    return text_frame(payload) if payload else b""


class FramedCodec:
    """For the fast transport: each message becomes a whole WebSocket frame, ready to be written."""

    __slots__ = ("_encode", "_sent", "_wrap", "binary", "decode", "name")

    def __init__(self, wire: WireFormat, sent: Rows | None = None) -> None:
        self.name = wire.name
        self.binary = wire.binary
        self.decode = wire.decode
        self._encode = wire.encode
        self._sent = rows() if sent is None else sent
        self._wrap = binary_frame if wire.binary else _text_frame

    def frame(self, message: Message) -> Frame:
        """``message`` as a frame; one that is passed on as it came needs no encoding."""
        self._sent[message.topic][message.action] += 1
        if message.binary is not None and self.binary:
            return binary_frame(message.binary)
        wrap, encode = self._wrap, self._encode  # read, then called: see Session._handle
        return wrap(encode(message))

    def joined(self, frames: list[Any]) -> list[Frame]:
        """One piece: frames say where they end."""
        return frames if len(frames) == 1 else [b"".join(frames)]


class PlainCodec:
    """For any ASGI server, which makes the frames itself: each message becomes a payload."""

    __slots__ = ("_encode", "_sent", "binary", "decode", "name")

    def __init__(self, wire: WireFormat, sent: Rows | None = None) -> None:
        self.name = wire.name
        self.binary = wire.binary
        self.decode = wire.decode
        self._encode = wire.encode
        self._sent = rows() if sent is None else sent

    def frame(self, message: Message) -> Frame:
        """``message`` as a payload."""
        self._sent[message.topic][message.action] += 1
        return self._encode(message)

    def joined(self, frames: list[Frame]) -> list[Frame]:
        """As they are: the server makes a frame of each."""
        return frames
