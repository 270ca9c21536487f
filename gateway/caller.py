"""A client without a socket: what HTTP asks goes through the same door as every WebSocket message."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Mapping
from typing import Any, Protocol
from uuid import uuid4

from deepstream_protocol.message import Message
from pubsub.connection import Connection, Flusher, User

NO_LIMIT = 1 << 62
"""Nothing ever waits for a caller: it takes each message at once."""


class Door(Protocol):
    """The node, as far as a caller uses it."""

    flusher: Flusher

    def dispatch(self, connection: Connection, message: Message) -> Awaitable[Any] | None:
        """Ask the rules about a message, then have it handled."""


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


UNENCODED = _Unencoded()


class Caller:
    """Sends one user's requests, one at a time, and waits for the answer to each.

    An answer is recognised by the request's correlation id, or, where the protocol's answers carry
    none, by its action and name.
    """

    __slots__ = ("_answer", "_connection", "_node", "_request", "_wanted")

    def __init__(self, node: Door, user: User, *, address: str, headers: Mapping[str, str] | None) -> None:
        self._node = node
        self._request: Message | None = None
        self._wanted: frozenset[int] = frozenset()
        self._answer: asyncio.Future[Message] | None = None
        self._connection = Connection(
            UNENCODED, node.flusher, limit=NO_LIMIT, address=address, headers=headers
        )
        self._connection.user = user
        self._connection.attach(self)

    async def ask(self, message: Message, *answers: int, timeout: float) -> Message:
        """Send ``message``; the first error about it, or message with one of the actions ``answers``.

        Raises TimeoutError after ``timeout`` seconds.
        """
        async with asyncio.timeout(timeout):
            answer = self._expect(message, answers)
            await self._dispatch(message)
            return await answer

    async def tell(self, message: Message, *, timeout: float) -> Message | None:
        """Send ``message``, to which there is no answer but perhaps an error, which is returned."""
        async with asyncio.timeout(timeout):
            answer = self._expect(message, ())
            await self._dispatch(message)
            self._connection.flush()
            return answer.result() if answer.done() else None

    def _expect(self, message: Message, answers: Iterable[int]) -> asyncio.Future[Message]:
        message.correlation_id = uuid4().hex
        self._request, self._wanted = message, frozenset(answers)
        self._answer = asyncio.get_running_loop().create_future()
        return self._answer

    async def _dispatch(self, message: Message) -> None:
        pending = self._node.dispatch(self._connection, message)
        if pending is not None:
            await pending

    # What the connection writes to

    def write(self, frames: list[Any]) -> None:
        """See ``Transport.write``."""
        for message in frames:
            if self._answer is not None and not self._answer.done() and self._is_answer(message):
                self._answer.set_result(message)

    def close(self, code: int, reason: str) -> None:
        """There is no socket to close."""

    def pause_reading(self) -> None:
        """A caller sends when it is asked to."""

    def resume_reading(self) -> None:
        """A caller sends when it is asked to."""

    def _is_answer(self, message: Message) -> bool:
        request = self._request
        assert request is not None
        if message.correlation_id is None:
            return message.action in self._wanted and message.name == request.name
        if message.correlation_id != request.correlation_id:
            return False
        return message.action in self._wanted or message.original_action is not None
