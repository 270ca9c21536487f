"""The composition root: builds everything a process serves, and hands each message to its handler."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

from accounts.login import Login
from deepstream_project.config import Config
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
from events.handler import EventHandler
from gateway.endpoints import open_endpoints
from gateway.expiry import Expiry
from gateway.host import Greet
from gateway.live.departed import Departed
from gateway.rules.records import RuleRecords
from gateway.session import Session
from monitoring.metrics import Metrics
from permissions.questions import QUESTIONS
from permissions.verdict import Denial, Permissions, Verdict
from presence.handler import PresenceHandler
from pubsub.cluster import Cluster
from pubsub.connection import Close, Connection, Flusher
from pubsub.replies import Actions, names_of, refusal
from pubsub.user import User
from records.handler import RecordHandler
from records.storage import RecordStore, StoreError
from rpc.handler import RpcHandler

log = logging.getLogger("deepstream")

DRAIN_TIMEOUT = 15
"""Seconds that the writes under way have to be settled when the node stops."""


def accept_everyone(connection: Connection, challenge: Message) -> Message:
    """The greeting of a server that serves all who come."""
    return Message(Topic.CONNECTION, ConnectionAction.ACCEPT)


class ServerItself(User):
    """The server's own code as a user: no rules are asked about what it does."""

    __slots__ = ()


_ACTIONS: dict[int, Any] = {
    Topic.EVENT: EventAction,
    Topic.RECORD: RecordAction,
    Topic.RPC: RpcAction,
    Topic.PRESENCE: PresenceAction,
}


class Node:
    """One server process (or one of a test): handlers, endpoints and what they share."""

    def __init__(
        self,
        config: Config,
        *,
        store: RecordStore,
        cluster: Cluster,
        volatile: RecordStore | None = None,
        permissions: Callable[[RuleRecords], Permissions],
        login: Login,
        greet: Greet = accept_everyone,
        metrics: Metrics | None = None,
    ) -> None:
        loop = asyncio.get_running_loop()
        self.metrics = metrics or Metrics()
        self.departed = Departed()
        self.config = config
        self.login = login
        self.greet = greet
        self.accepts_everyone = greet is accept_everyone
        self.flusher = Flusher(loop.call_soon, self.metrics)
        self.is_stopping = False
        self._store = store
        self._expiry = Expiry(loop)
        self.events = EventHandler(cluster, config.listen, loop)
        self.records = RecordHandler(
            store, cluster, config.record, config.listen, loop, volatile=volatile, judge=self._judge
        )
        self._permissions = permissions(RuleRecords(self.records.pipelines, cluster))
        self.rpc = RpcHandler(cluster, config.rpc, loop)
        self.presence = PresenceHandler(cluster)
        features = config.features
        handlers: dict[int, tuple[bool, Actions]] = {
            Topic.EVENT: (features.event, self.events.actions),
            Topic.RECORD: (features.record, self.records.actions),
            Topic.RPC: (features.rpc, self.rpc.actions),
            Topic.PRESENCE: (features.presence, self.presence.actions),
        }
        self._actions = {topic: actions for topic, (enabled, actions) in handlers.items() if enabled}
        self.endpoints = open_endpoints(self, config.endpoints, loop)

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

    def _judge(self, connection: Connection, message: Message) -> bool | Awaitable[bool]:
        """Ask the rules once more about a message that they permitted on what turned out to be outdated."""
        if isinstance(connection.user, ServerItself):
            return True
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

    def add_connection(self, connection: Connection) -> None:
        """A login was accepted."""
        self.presence.add_connection(connection)
        self._expiry.start(connection)

    def remove_connection(self, connection: Connection) -> None:
        """A socket is gone."""
        self._expiry.stop(connection)
        for handler in (self.events, self.records, self.rpc, self.presence):
            handler.remove_connection(connection)

    def sessions(self) -> Iterator[Session]:
        """Every client on every endpoint."""
        for endpoint in self.endpoints.values():
            yield from endpoint.sessions

    def close_users(self, is_meant: Callable[[User], bool], reason: str) -> None:
        """Close the connections of all users that are meant."""
        for connection in [session.connection for session in self.sessions()]:
            if is_meant(connection.user):
                connection.close(Close.POLICY, reason)

    async def problem(self) -> str | None:
        """Why this node cannot serve, None if it can: it must be running and its store must answer."""
        if self.is_stopping:
            return "the server is stopping"
        try:
            async with asyncio.timeout(self.config.record.storage_retrieval_timeout):
                await self._store.load(())
        except TimeoutError:
            return "the store does not answer"
        except StoreError as error:
            return f"the store fails: {error}"
        return None

    async def stop(self) -> None:
        """Settle what is under way, tell every client that the server goes, and end the timers."""
        self.is_stopping = True
        try:
            async with asyncio.timeout(DRAIN_TIMEOUT):
                await self.records.drain()
        except TimeoutError:
            log.error("the store did not settle all writes within %d s", DRAIN_TIMEOUT)
        self.flusher.flush()
        for endpoint in self.endpoints.values():
            endpoint.close()
        self._expiry.close()
        for handler in (self.events, self.records, self.rpc):
            handler.close()


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
