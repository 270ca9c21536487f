"""A client without a socket: what HTTP asks goes through the same door as every WebSocket message."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Collection, Mapping
from itertools import count
from typing import Any, NamedTuple, Protocol
from uuid import uuid4

from deepstream_protocol.message import Message
from deepstream_protocol.topics import Topic
from pubsub.connection import Connection, Flusher
from pubsub.user import User

NO_LIMIT = 1 << 62
"""Nothing ever waits for a caller: it takes each message at once."""


class _Unencoded:
    """The codec of a connection whose messages stay messages."""

    name = "none"
    binary = False

    def decode(self, payload: Any) -> list[Message]:
        """Nothing is ever decoded."""
        raise NotImplementedError("a caller has no wire")

    def frame(self, message: Message) -> Any:
        """The message itself."""
        return message

    def joined(self, frames: list[Any]) -> list[Any]:
        """Messages stay messages."""
        return frames


UNENCODED = _Unencoded()


class _Line(Connection):
    """The connection of a caller, who takes each message at once: nothing waits, nothing has a size."""

    __slots__ = ()

    def write(self, frame: Any) -> None:
        """See ``Connection.write``."""
        self.transport.write([frame])


class _Question(NamedTuple):
    """A message that was sent, the actions of its answers, and who waits for the first of them."""

    message: Message
    answers: Collection[int]
    answer: asyncio.Future[Message | None]

    def is_answered_by(self, message: Message) -> bool:
        """Whether ``message``, which carries no correlation id, is an answer to this question."""
        asked = self.message
        if message.topic == Topic.PARSER:
            return (message.original_topic, message.original_action) == (asked.topic, asked.action)
        return (message.topic, message.name) == (asked.topic, asked.name) and message.action in self.answers


class Door(Protocol):
    """What takes a caller's messages."""

    flusher: Flusher

    def dispatch(self, connection: Connection, message: Message) -> Awaitable[Any] | None:
        """Have a message handled; what is returned must be awaited before the next one."""


class Caller:
    """Sends one user's messages in order, as a socket would, and knows which answer is to which.

    An answer is recognised by the correlation id or, where the protocol's answers carry none, by its
    action and name; then the first to ask is the first to be answered.
    """

    __slots__ = ("_connection", "_ids", "_node", "_prefix", "_questions")

    received: int = 0
    sent: int = 0
    buffered: int = 0

    def __init__(self, node: Door, user: User, *, address: str, headers: Mapping[str, str] | None) -> None:
        self._node = node
        self._questions: dict[str, _Question] = {}
        self._prefix = uuid4().hex
        self._ids = count()
        self._connection = _Line(UNENCODED, node.flusher, limit=NO_LIMIT, address=address, headers=headers)
        self._connection.user = user
        self._connection.attach(self)

    async def ask(self, message: Message, answers: Collection[int]) -> asyncio.Future[Message | None]:
        """Send ``message``; the future gets the first error about it, or answer with one of the actions.

        Without ``answers`` there is nothing to wait for: it is done, with None if no error came. When
        this returns, the next message may be sent.
        """
        question = _Question(message, answers, asyncio.get_running_loop().create_future())
        message.correlation_id = f"{self._prefix}-{next(self._ids)}"
        self._questions[message.correlation_id] = question
        try:
            pending = self._node.dispatch(self._connection, message)
            if pending is not None:
                await pending
        except BaseException:
            self._questions.pop(message.correlation_id, None)
            raise
        self._connection.flush()
        if not answers and not question.answer.done():
            self._settle(message.correlation_id, None)
        return question.answer

    # What the connection writes to

    def write(self, frames: list[Any]) -> None:
        """See ``Transport.write``."""
        for message in frames:
            id = message.correlation_id or self._id_of(message)
            question = self._questions.get(id)
            if question is None:
                continue
            # An answer by its action, or by saying what went wrong with which action of ours.
            if message.action in question.answers or message.original_action is not None:
                self._settle(id, message)

    def close(self, code: int, reason: str) -> None:
        """There is no socket to close."""

    def pause_reading(self) -> None:
        """A caller sends when it is asked to."""

    def resume_reading(self) -> None:
        """A caller sends when it is asked to."""

    def _id_of(self, message: Message) -> str:
        for id, question in self._questions.items():
            if question.is_answered_by(message):
                return id
        return ""

    def _settle(self, id: str, answer: Message | None) -> None:
        question = self._questions.pop(id)
        if not question.answer.done():  # nobody waits any longer if it was cancelled
            question.answer.set_result(answer)
