"""Codecs as connections use them: a wire format, and what the transport wants as one message."""

from __future__ import annotations

from typing import Any, Protocol

from deepstream_protocol.message import Message
from gateway.frames import binary_frame, text_frame
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

    __slots__ = ("_encode", "_wrap", "binary", "decode", "name")

    def __init__(self, wire: WireFormat) -> None:
        self.name = wire.name
        self.binary = wire.binary
        self.decode = wire.decode
        self._encode = wire.encode
        self._wrap = binary_frame if wire.binary else _text_frame

    def frame(self, message: Message) -> Frame:
        """``message`` as a frame."""
        return self._wrap(self._encode(message))


class PlainCodec:
    """For any ASGI server, which makes the frames itself: each message becomes a payload."""

    __slots__ = ("binary", "decode", "frame", "name")

    def __init__(self, wire: WireFormat) -> None:
        self.name = wire.name
        self.binary = wire.binary
        self.decode = wire.decode
        self.frame = wire.encode
