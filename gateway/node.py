"""The composition root: builds everything a process serves."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator

from accounts.login import Login
from deepstream_project.config import Config
from deepstream_protocol.message import Message
from deepstream_protocol.topics import ConnectionAction, Topic
from events.handler import EventHandler
from gateway.dispatch import Dispatch
from gateway.endpoints import open_endpoints
from gateway.expiry import Expiry
from gateway.host import Greet
from gateway.live.departed import Departed
from gateway.rules.records import RuleRecords
from gateway.session import Session
from monitoring.metrics import Metrics
from permissions.verdict import Permissions
from presence.handler import PresenceHandler
from pubsub.cluster import Cluster
from pubsub.connection import Close, Connection, Flusher
from pubsub.replies import Actions
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
        self.rpc = RpcHandler(cluster, config.rpc, loop)
        self.presence = PresenceHandler(cluster)
        features = config.features
        handlers: dict[int, tuple[bool, Actions]] = {
            Topic.EVENT: (features.event, self.events.actions),
            Topic.RECORD: (features.record, self.records.actions),
            Topic.RPC: (features.rpc, self.rpc.actions),
            Topic.PRESENCE: (features.presence, self.presence.actions),
        }
        self._dispatch = Dispatch(
            {topic: actions for topic, (enabled, actions) in handlers.items() if enabled},
            permissions(RuleRecords(self.records.pipelines, cluster)),
        )
        self.dispatch = self._dispatch.dispatch
        self.handle = self._dispatch.handle
        self.endpoints = open_endpoints(self, config.endpoints, loop)

    def _judge(self, connection: Connection, message: Message) -> bool | Awaitable[bool]:
        """See ``Dispatch.judge``; what the server itself does is not asked about."""
        return isinstance(connection.user, ServerItself) or self._dispatch.judge(connection, message)

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
