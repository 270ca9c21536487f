"""A client's message: the rules are asked about it, and its topic's handler does what it asks."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Mapping
from typing import Any, Final

from deepstream_protocol.message import Message
from deepstream_protocol.topics import (
    ConnectionAction,
    EventAction,
    ParserAction,
    PresenceAction,
    RecordAction,
    RpcAction,
    Topic,
)
from permissions.questions import QUESTIONS
from permissions.verdict import Denial, Permissions, Verdict
from pubsub.connection import Connection
from pubsub.replies import Actions, names_of, refusal

log = logging.getLogger("deepstream")

_ACTIONS: Final[dict[int, Any]] = {
    Topic.EVENT: EventAction,
    Topic.RECORD: RecordAction,
    Topic.RPC: RpcAction,
    Topic.PRESENCE: PresenceAction,
}


class Dispatch:
    """The rules in force, and the handlers of the topics that this server has."""

    __slots__ = ("_actions", "_permissions")

    def __init__(self, actions: dict[int, Actions], permissions: Permissions) -> None:
        self._actions = actions
        self._permissions = permissions

    def dispatch(self, connection: Connection, message: Message) -> Awaitable[Any] | None:
        """Ask the rules about a logged-in client's message, then have it handled.

        What is returned must be awaited before the connection's next message.
        """
        actions = self._actions.get(message.topic)
        if actions is None:
            self._answer_connection(connection, message)
            return None
        check = self._permissions.check  # read, then called: see Session._handle
        verdict = check(connection.user, message)
        if verdict is None:
            return actions[message.action](connection, message)
        if isinstance(verdict, dict):
            return self._handle_allowed(connection, message, verdict)
        return self._dispatch_later(connection, message, verdict)

    def handle(self, connection: Connection, message: Message) -> Awaitable[Any] | None:
        """Have a message of the server's own handled, about which no rule is asked."""
        actions = self._actions.get(message.topic)
        if actions is None:
            self._answer_connection(connection, message)
            return None
        return actions.receive(connection, message)

    def judge(self, connection: Connection, message: Message) -> bool | Awaitable[bool]:
        """Ask the rules once more about a message that they permitted on what turned out to be outdated."""
        verdict = self._permissions.check(connection.user, message)
        if verdict is None:
            return True
        if isinstance(verdict, dict):
            return self._is_permitted(connection, message, verdict)
        return self._judge_later(connection, message, verdict)

    async def _judge_later(
        self, connection: Connection, message: Message, pending: Awaitable[Verdict]
    ) -> bool:
        return self._is_permitted(connection, message, await pending)

    def _is_permitted(self, connection: Connection, message: Message, verdict: Verdict) -> bool:
        if verdict:
            _refuse(connection, message, verdict)
        return not verdict

    async def _dispatch_later(
        self, connection: Connection, message: Message, pending: Awaitable[Verdict]
    ) -> None:
        verdict = await pending
        if connection.closed:
            return
        following = self._handle_allowed(connection, message, verdict)
        if following is not None:
            await following

    def _handle_allowed(
        self, connection: Connection, message: Message, verdict: Verdict
    ) -> Awaitable[Any] | None:
        """Refuse the names that are denied, and go on with the others (PROTOCOL.md section 3)."""
        if verdict:
            _refuse(connection, message, verdict)
            question = QUESTIONS.get((message.topic, message.action))
            if message.names is None or question is None or not question.bulk:
                return None
            message.names = [name for name in names_of(message) if name not in verdict]
        return self._actions[message.topic].receive(connection, message)

    def _answer_connection(self, connection: Connection, message: Message) -> None:
        if message.topic == Topic.CONNECTION and message.action == ConnectionAction.PING:
            connection.send(Message(Topic.CONNECTION, ConnectionAction.PONG))
            return
        reply = Message(Topic.PARSER, ParserAction.UNKNOWN_TOPIC)
        reply.original_topic, reply.original_action = message.topic, message.action
        connection.send(reply)


def _refuse(connection: Connection, message: Message, verdict: Mapping[str, Denial]) -> None:
    for name, denial in verdict.items():
        connection.send(denied(message, denial, name))
    log.debug("%s: the rules refuse a message", connection, extra={"event": "denied", "about": message})


def denied(message: Message, denial: Denial, name: str) -> Message:
    """What a client is told whose message the rules refuse for ``name``; no name: as a whole."""
    reply = refusal(message, _ACTIONS[message.topic][denial.value])
    if name:
        reply.name = name
    return reply
