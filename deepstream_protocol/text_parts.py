"""What the lines of the text wire format are made of: names, ids and typed values (PROTOCOL.md section 9)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .errors import ProtocolError
from .message import Message
from .topics import EventAction, PresenceAction, RecordAction, RpcAction, Topic
from .typed import read_typed

EXCERPT = 1000
"""Characters of what was sent that an error repeats."""

_INVALID_DATA: Mapping[int, int] = {
    Topic.EVENT: EventAction.INVALID_MESSAGE_DATA,
    Topic.RECORD: RecordAction.INVALID_MESSAGE_DATA,
    Topic.RPC: RpcAction.INVALID_MESSAGE_DATA,
    Topic.PRESENCE: PresenceAction.INVALID_PRESENCE_USERS,
}

Read = Callable[[list[str]], Message]
"""The message of the parts behind topic and action; raises ValueError if they do not fit."""


def invalid(message: Message, shown: str) -> Message:
    """The error that says that ``shown``, of what would have been ``message``, is not to be understood."""
    reply = Message(message.topic, _INVALID_DATA[message.topic], is_error=True)
    reply.original_action, reply.data = message.action, shown[:EXCERPT]
    reply.name, reply.correlation_id = message.name, message.correlation_id
    reply.is_write_ack = message.is_write_ack
    return reply


def named(topic: int, action: int, name: str) -> Message:
    """A message about ``name``, which must not be empty."""
    if not name:
        raise ProtocolError("an empty name")
    message = Message(topic, action)
    message.name = name
    return message


def valued(message: Message, typed: str) -> Message:
    """``message`` with the data that ``typed`` stands for."""
    try:
        message.data = read_typed(typed)
        if typed[0] in "ON":  # of these the text has not been looked at, or may be beyond all numbers
            message.value()
    except ProtocolError:
        return invalid(message, typed)
    return message


def by_name(topic: int, action: int) -> Read:
    """Reads a name and nothing else."""

    def read(parts: list[str]) -> Message:
        (name,) = parts
        return named(topic, action, name)

    return read


def listener(topic: int, action: int) -> Read:
    """Reads a pattern and the name for which a provider is sought."""

    def read(parts: list[str]) -> Message:
        pattern, subscription = parts
        message = named(topic, action, pattern)
        message.subscription = subscription
        return message

    return read
