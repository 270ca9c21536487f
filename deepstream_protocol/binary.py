"""The binary wire format of ``/deepstream``: one protobuf message a frame, behind its length.

The outer message has the topic and, as bytes, the topic's own message (``deepstream.proto``). Written
by hand because all that clients send and receive passes here, at several times the speed of upb.
"""

from __future__ import annotations

from functools import lru_cache

from .binary_fields import read_frame, write_frame
from .binary_hot_reader import is_passed_on, read_hot
from .binary_hot_writer import write_hot
from .errors import ProtocolError
from .message import Message


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
            return write_hot(message) or _write_other(message)
        except UnicodeEncodeError:
            raise ProtocolError("text with a lone surrogate") from None


def _write_other(message: Message) -> bytes:
    if len(message.__dict__) == 2:
        return _write_bare(message.topic, message.action)
    return write_frame(message)


@lru_cache(maxsize=256)
def _write_bare(topic: int, action: int) -> bytes:
    """A message without any field: what a client is told of its login, and pongs."""
    return write_frame(Message(topic, action))


def _read_other(payload: bytes) -> Message:
    message = read_frame(payload)
    if is_passed_on(message) and write_frame(message) == payload:
        message.binary = payload
    return message
