"""The operators' own WebSocket: the pages of the admin are deepstream clients of this very server.

It is independent of ``connectionEndpoints`` and ``auth`` of the configuration and of the Valve rules: only
staff gets in, by the session of the browser, and may look at what its permissions in Django allow. Nothing
can be written here; that is done by forms, which know CSRF and the journal. Operators are not online for
presence, and not in the lists of clients.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from accounts.django_user import DjangoUser
from accounts.login import Login
from accounts.operator_login import OperatorLogin
from accounts.roles import VIEW_RECORDS
from cluster.operations import Operator
from deepstream_project.config_network import WebSocketEndpoint
from deepstream_protocol.binary import BinaryCodec
from deepstream_protocol.message import Message
from deepstream_protocol.topics import ConnectionAction, EventAction, RecordAction, RpcAction, Topic
from gateway.endpoint import Endpoint
from gateway.expiry import Expiry
from gateway.host import Greet
from gateway.live.departed import Departed
from gateway.live.feeds import Feeds
from gateway.node import Node, accept_everyone
from monitoring.metrics import Metrics
from pubsub.connection import Close, Connection
from pubsub.replies import acknowledge, names_of, refusal, remark, unknown_action, unsubscribe_bulk

log = logging.getLogger("deepstream.operators")

PATH = "/admin/live"

SETTINGS = WebSocketEndpoint(
    url_path=PATH,
    max_message_size=64 * 1024,
    max_outbox_size=32 * 1024 * 1024,
    unauthenticated_client_timeout=20.0,
)

_LOOKS = {
    RecordAction.READ,
    RecordAction.HEAD,
    RecordAction.HEAD_BULK,
    RecordAction.SUBSCRIBEANDREAD,
    RecordAction.SUBSCRIBEANDHEAD,
    RecordAction.SUBSCRIBE,
    RecordAction.UNSUBSCRIBE,
}
"""What operators may ask of records."""


class Operators:
    """The host of the operators' sessions, in the node's place."""

    def __init__(self, node: Node, operator: Operator) -> None:
        loop = asyncio.get_running_loop()
        self.flusher = node.flusher
        self.greet: Greet = accept_everyone
        self.accepts_everyone = True
        self.is_stopping = False
        self.metrics = Metrics()  # not the node's, which counts what clients do
        self.departed = Departed()
        self._strategy = OperatorLogin(self._close_users)
        self.login = Login([self._strategy])
        self._node = node
        self._expiry = Expiry(loop)
        self._feeds = Feeds(operator)
        self._topics: dict[int, Callable[[Connection, Message], Awaitable[Any] | None]] = {
            Topic.CONNECTION: self._answer_ping,
            Topic.EVENT: self._event,
            Topic.RECORD: self._record,
        }
        self.endpoint = Endpoint(self, BinaryCodec(), SETTINGS, loop)

    def dispatch(self, connection: Connection, message: Message) -> Awaitable[Any] | None:
        """See ``Host.dispatch``."""
        return self._topics.get(message.topic, _deny)(connection, message)

    def add_connection(self, connection: Connection) -> None:
        """See ``Host.add_connection``."""
        self._expiry.start(connection)

    def remove_connection(self, connection: Connection) -> None:
        """See ``Host.remove_connection``."""
        self._expiry.stop(connection)
        self._feeds.subscriptions.remove_connection(connection)
        self._node.records.remove_connection(connection)

    def close(self) -> None:
        """Say goodbye to all pages and end what runs for them."""
        self.is_stopping = True
        self._feeds.close()
        self._expiry.close()
        self.endpoint.close()
        self._strategy.close()

    def _close_users(self, is_meant: Callable[[DjangoUser], bool], reason: str) -> None:
        for connection in [session.connection for session in self.endpoint.sessions]:
            if isinstance(connection.user, DjangoUser) and is_meant(connection.user):
                connection.close(Close.POLICY, reason)

    # What operators may ask

    def _answer_ping(self, connection: Connection, message: Message) -> None:
        if message.action == ConnectionAction.PING:
            connection.send(Message(Topic.CONNECTION, ConnectionAction.PONG))

    def _event(self, connection: Connection, message: Message) -> None:
        if message.action == EventAction.SUBSCRIBE:
            self._subscribe(connection, message)
        elif message.action == EventAction.UNSUBSCRIBE:
            remove = self._feeds.subscriptions.remove
            unsubscribe_bulk(connection, message, remove, EventAction.NOT_SUBSCRIBED)
        else:
            _deny(connection, message)

    def _subscribe(self, connection: Connection, message: Message) -> None:
        for name in names_of(message):
            if (problem := self._feeds.problem(connection, name)) is not None:
                extra = {"about": message}
                log.info("%s may not have the feed %s: %s", connection, name[:200], problem, extra=extra)
                connection.send(refusal(message, EventAction.MESSAGE_DENIED, name=name))
            elif not self._feeds.add(connection, name):
                remark(connection, message, EventAction.MULTIPLE_SUBSCRIPTIONS, name)
        acknowledge(connection, message)

    def _record(self, connection: Connection, message: Message) -> Awaitable[Any] | None:
        if message.action == RecordAction.SUBSCRIBECREATEANDREAD:
            message.action = RecordAction.SUBSCRIBEANDREAD  # to look at a record must not make it
        may = VIEW_RECORDS in connection.user.server_data["permissions"]
        if not may or message.action not in _LOOKS:
            _deny(connection, message)
            return None
        return self._node.handle(connection, message)


_DENIALS = {
    Topic.EVENT: EventAction.MESSAGE_DENIED,
    Topic.RECORD: RecordAction.MESSAGE_DENIED,
    Topic.RPC: RpcAction.MESSAGE_DENIED,
}


def _deny(connection: Connection, message: Message) -> None:
    """Operators write by forms alone."""
    denial = _DENIALS.get(Topic(message.topic)) if message.topic in _DENIALS else None
    if denial is None:
        unknown_action(connection, message)
    else:
        connection.send(refusal(message, denial))
