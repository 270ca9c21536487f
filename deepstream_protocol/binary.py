"""The binary wire format of ``/deepstream``: one protobuf message a frame, behind its length.

The outer message has the topic and, as bytes, the topic's own message (``deepstream.proto``). Written
by hand because all that clients send and receive passes here, at several times the speed of upb.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from .binary_fields import read_frame, write_frame
from .binary_hot_reader import is_passed_on, read_hot
from .binary_hot_writer import write_hot
from .errors import ProtocolError
from .memo import Memo
from .message import Message, new_message
from .schema import SCHEMA
from .topics import Topic
from .varint import read_varint

_CONNECTION: Final = int(Topic.CONNECTION)
_ABOUT_CONNECTION: Final = bytes((2 << 3, Topic.CONNECTION))
"""What a frame about the connection has behind its length, if that is one byte."""

_WITH_CALLS: Final = frozenset(
    topic for topic, fields in SCHEMA.items() if any(field.attribute == "correlation_id" for field in fields)
)

_LONGEST_KEPT: Final = 128
"""Bytes of a greeting, or of a correlation id, up to which how it is read or written is remembered."""


class BinaryCodec:
    """Binary frames with one protobuf message each, in and out."""

    name = "binary"
    binary = True

    def decode(self, payload: bytes) -> list[Message]:
        """The one message in ``payload``; what follows it is ignored, as the reference server does.

        ``message.binary`` is the payload where that is what other clients must get. Raises ProtocolError
        for bytes that are no message, UnknownTopic for a topic that clients have no messages about.
        """
        try:
            return [read_hot(payload) or _read_other(payload)]
        except IndexError:
            raise ProtocolError("a message that is cut off") from None
        except UnicodeDecodeError:
            raise ProtocolError("text that is not UTF-8") from None

    def encode(self, message: Message) -> bytes:
        """``message`` in one frame: the fields its topic has on this wire, by their numbers.

        Raises ProtocolError for text with a lone surrogate and for a number of more than 32 bits,
        UnknownTopic for a topic that clients have no messages about.
        """
        if message.binary is not None:
            return message.binary
        try:
            fields = message.present()
            return write_hot(fields) or _write_other(message, fields)
        except UnicodeEncodeError:
            raise ProtocolError("text with a lone surrogate") from None


def frame_size(payload: bytes) -> int:
    """Bytes of the frame that ``payload`` begins with, which may have something behind it."""
    size, at = read_varint(payload, 0)
    return at + size


def _write_other(message: Message, fields: dict[str, Any]) -> bytes:
    if len(fields) == 2:
        return _write_bare(message.topic, message.action)
    if len(fields) == 4 and message.is_ack and (correlation_id := message.correlation_id):
        call = correlation_id.encode()
        if len(call) <= _LONGEST_KEPT and message.topic in _WITH_CALLS:
            before, after = _write_ack_around(message.topic, message.action, len(call))
            return b"%b%b%b" % (before, call, after)
    return write_frame(message)


@lru_cache(maxsize=256)
def _write_bare(topic: int, action: int) -> bytes:
    """A message without any field: what a client is told of its login, and pongs."""
    return write_frame(Message(topic, action))


@lru_cache(maxsize=1024)
def _write_ack_around(topic: int, action: int, size: int) -> tuple[bytes, bytes]:
    """What the answer to a bulk action has before and behind a correlation id of ``size`` bytes."""
    call = "x" * size
    frame = write_frame(Message(topic, action, is_ack=True, correlation_id=call))
    before, _, after = frame.rpartition(call.encode())
    return before, after


def _read_other(payload: bytes) -> Message:
    if payload[1:3] == _ABOUT_CONNECTION and len(payload) <= _LONGEST_KEPT:
        fields = _GREETINGS[payload]
        if fields["topic"] == _CONNECTION:
            greeting = new_message(Message)
            greeting.set(fields)
            return greeting
    message = read_frame(payload)
    if is_passed_on(message) and write_frame(message) == payload:
        message.binary = payload
    return message


def _read_greeting(payload: bytes) -> dict[str, Any]:
    return read_frame(payload).fields()


_GREETINGS: Final = Memo(_read_greeting, 256)
"""The fields of a challenge or a ping, which all clients of an application say alike."""
