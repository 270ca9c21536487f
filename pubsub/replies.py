"""The answers that all topics give in the same form (PROTOCOL.md section 3)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from deepstream_protocol.message import Message
from deepstream_protocol.topics import ParserAction, Topic
from pubsub.connection import Connection

Handle = Callable[[Connection, Message], Awaitable[Any] | None]
"""Does what a permitted message asks; what is returned must be awaited before the connection's next one."""


class Actions(dict[int, Handle]):
    """What is done for each action of a topic; for any other a client is told that there is no such."""

    __slots__ = ()

    def __missing__(self, action: int) -> Handle:
        return unknown_action

    def receive(self, connection: Connection, message: Message) -> Awaitable[Any] | None:
        """Do what ``message`` asks."""
        return self[message.action](connection, message)


def names_of(message: Message) -> Sequence[str]:
    """The names a bulk message asks for; a single ``name`` counts as a list of one."""
    if message.names is not None:
        return message.names
    return () if message.name is None else (message.name,)


def acknowledge(connection: Connection, message: Message, *, names: bool = False) -> None:
    """Send ``message``'s topic and action back as done, with what identifies the request.

    With ``names``, all names that were asked for go back too, as some clients of bulk reads expect.
    """
    reply = Message(message.topic, message.action)
    reply.is_ack = True
    if names:
        reply.names = list(names_of(message))
    if message.correlation_id is not None:
        reply.correlation_id = message.correlation_id
    if message.name is not None:
        reply.name = message.name
    connection.send(reply)


def refusal(message: Message, action: int, **fields: Any) -> Message:
    """An error in answer to ``message``, saying which action it was and, if it told, which request."""
    reply = Message(message.topic, action, is_error=True, original_action=message.action)
    if message.name is not None:
        reply.name = message.name
    if message.correlation_id is not None:
        reply.correlation_id = message.correlation_id
    if message.is_write_ack:
        reply.is_write_ack = True
    reply.set(fields)
    return reply


def remark(connection: Connection, message: Message, action: int, name: str) -> None:
    """Tell that ``name`` was already as the message wanted it; no error, nothing went wrong."""
    connection.send(Message(message.topic, action, name=name, original_action=message.action))


def subscribe_bulk(
    connection: Connection, message: Message, add: Callable[[Connection, str], bool], already: int
) -> None:
    """``add`` each name, report those that were there as ``already``, then send the one ack."""
    for name in names_of(message):
        if not add(connection, name):
            remark(connection, message, already, name)
    acknowledge(connection, message)


def unsubscribe_bulk(
    connection: Connection, message: Message, remove: Callable[[Connection, str], bool], missing: int
) -> None:
    """``remove`` each name, then send the one ack; only a single name can be reported ``missing``."""
    for name in names_of(message):
        if not remove(connection, name) and message.names is None:
            remark(connection, message, missing, name)
            return
    acknowledge(connection, message)


def unknown_action(connection: Connection, message: Message) -> None:
    """An action number that a client cannot ask for in this topic."""
    reply = Message(Topic.PARSER, ParserAction.UNKNOWN_ACTION)
    reply.original_topic, reply.original_action = message.topic, message.action
    connection.send(reply)
