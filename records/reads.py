"""Reading and subscribing to records (PROTOCOL.md section 5)."""

from __future__ import annotations

from asyncio import AbstractEventLoop, Future
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from deepstream_protocol.message import Message
from deepstream_protocol.topics import RecordAction, Topic
from pubsub.connection import Connection
from pubsub.listening import Listening, provider_message
from pubsub.replies import acknowledge, names_of, refusal, remark, unsubscribe_bulk
from pubsub.subscriptions import Subscriptions
from records.pipelines import Pipelines
from records.reader import RetrievalTimeout
from records.requests import Visit
from records.state import ABSENT, RecordState
from records.storage import StoreError


class Reads:
    """Every action that shows a client records, and those that subscribe it to them.

    What a method returns, unless None, ends when all has been answered.
    """

    def __init__(
        self,
        pipelines: Pipelines,
        subscriptions: Subscriptions,
        listening: Listening,
        loop: AbstractEventLoop,
        *,
        on_shown: Callable[[str, RecordState], None] | None = None,
    ) -> None:
        """``on_shown(name, state)`` is told what each subscriber is shown at the start."""
        self._on_shown = on_shown
        self._pipelines = pipelines
        self._subscriptions = subscriptions
        self._listening = listening
        self._loop = loop

    def create_and_read(self, connection: Connection, message: Message) -> Awaitable[Any] | None:
        """SUBSCRIBECREATEANDREAD."""
        acknowledge(connection, message, names=True)
        return self._visit(connection, message, self._answer_subscription, creates=True)

    def subscribe_and_read(self, connection: Connection, message: Message) -> Awaitable[Any] | None:
        """SUBSCRIBEANDREAD."""
        acknowledge(connection, message, names=True)
        return self._visit(connection, message, self._answer_subscription)

    def _answer_subscription(
        self, connection: Connection, message: Message, name: str, state: RecordState
    ) -> None:
        self._add(connection, message, name, state)
        connection.send(_read_response(name, state))

    def subscribe_and_head(self, connection: Connection, message: Message) -> Awaitable[Any] | None:
        """SUBSCRIBEANDHEAD: versions that are in memory go out together, the others as they are read."""
        versions: dict[str, int] = {}
        rest = []
        for name in dict.fromkeys(names_of(message)):
            state = self._peek_settled(name)
            if state is None or state is ABSENT:
                rest.append(name)
            else:
                self._add(connection, message, name, state)
                versions[name] = state.version
        bulk = Message(Topic.RECORD, RecordAction.HEAD_RESPONSE_BULK, versions=versions)
        connection.send(bulk)
        acknowledge(connection, message)
        return self._visit(connection, message, self._answer_subscribed_head, names=rest)

    def _answer_subscribed_head(
        self, connection: Connection, message: Message, name: str, state: RecordState
    ) -> None:
        self._add(connection, message, name, state)
        self._answer_head(connection, message, name, state)

    def subscribe(self, connection: Connection, message: Message) -> None:
        """SUBSCRIBE."""
        for name in names_of(message):
            self._add(connection, message, name)
        acknowledge(connection, message)

    def unsubscribe(self, connection: Connection, message: Message) -> None:
        """UNSUBSCRIBE."""
        unsubscribe_bulk(connection, message, self._subscriptions.remove, RecordAction.NOT_SUBSCRIBED)

    def read(self, connection: Connection, message: Message) -> Awaitable[Any] | None:
        """READ."""
        return self._visit(connection, message, self._answer_read)

    def _answer_read(self, connection: Connection, message: Message, name: str, state: RecordState) -> None:
        if state is ABSENT:
            connection.send(refusal(message, RecordAction.RECORD_NOT_FOUND, name=name))
        else:
            connection.send(_read_response(name, state))

    def head(self, connection: Connection, message: Message) -> Awaitable[Any] | None:
        """HEAD."""
        return self._visit(connection, message, self._answer_head)

    def _answer_head(self, connection: Connection, message: Message, name: str, state: RecordState) -> None:
        head = Message(Topic.RECORD, RecordAction.HEAD_RESPONSE, name=name, version=state.version)
        connection.send(head)

    def _add(
        self, connection: Connection, message: Message, name: str, shown: RecordState | None = None
    ) -> None:
        if shown is not None and self._on_shown is not None:
            self._on_shown(name, shown)
        if not self._subscriptions.add(connection, name):
            remark(connection, message, RecordAction.MULTIPLE_SUBSCRIPTIONS, name)
        elif self._listening.has_provider(name):
            connection.send(provider_message(name, has_provider=True))

    def _visit(
        self,
        connection: Connection,
        message: Message,
        answer: Callable[[Connection, Message, str, RecordState], None],
        *,
        creates: bool = False,
        names: Iterable[str] | None = None,
    ) -> Awaitable[Any] | None:
        """Call ``answer`` with the settled state of each name: at once if it is in memory.

        Otherwise the name's transition calls it, between two writes, so that whoever is subscribed by
        ``answer`` misses none and gets none twice.
        """
        waiting: list[str] = []
        for name in dict.fromkeys(names_of(message) if names is None else names):
            state = self._peek_settled(name)
            if state is None or (creates and state is ABSENT):
                waiting.append(name)
            else:
                answer(connection, message, name, state)
        return self._wait(connection, message, answer, waiting, creates) if waiting else None

    def _wait(
        self,
        connection: Connection,
        message: Message,
        answer: Callable[[Connection, Message, str, RecordState], None],
        names: list[str],
        creates: bool,
    ) -> Awaitable[Any]:
        finished: Future[None] = self._loop.create_future()
        left = len(names)

        def found(name: str, state: RecordState) -> None:
            if not connection.closed:
                answer(connection, message, name, state)

        def unreadable(name: str, error: StoreError | None) -> None:
            connection.send(refusal(message, _error_action(error, creates), name=name))

        def done() -> None:
            nonlocal left
            left -= 1
            if not left and not finished.done():
                finished.set_result(None)

        author = connection.user.id or ""
        for name in names:
            visit = Visit(name, found, unreadable, done, creates=creates, author=author)
            self._pipelines.of(name).submit(name, visit)
        return finished

    def _peek_settled(self, name: str) -> RecordState | None:
        """The state of ``name`` if it is in memory and no write to it is under way."""
        commit = self._pipelines.of(name)
        return None if commit.is_busy(name) else commit.reader.peek(name)


def _read_response(name: str, state: RecordState) -> Message:
    message = Message(Topic.RECORD, RecordAction.READ_RESPONSE)
    message.name, message.version, message.data = name, state.version, state.text
    return message


def _error_action(error: StoreError | None, creates: bool) -> int:
    if isinstance(error, RetrievalTimeout):
        return RecordAction.STORAGE_RETRIEVAL_TIMEOUT
    return RecordAction.RECORD_CREATE_ERROR if creates else RecordAction.RECORD_LOAD_ERROR
