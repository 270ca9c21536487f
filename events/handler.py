"""Events: publish and subscribe (PROTOCOL.md section 4)."""

from __future__ import annotations

from asyncio import AbstractEventLoop

from deepstream_protocol.message import Message
from deepstream_protocol.topics import EventAction, Topic
from pubsub.cluster import Cluster
from pubsub.connection import Connection
from pubsub.listening import Listening, ListenSettings
from pubsub.replies import Actions, refusal, subscribe_bulk, unsubscribe_bulk
from pubsub.subscriptions import Subscriptions


class EventHandler:
    """Keeps who subscribed to which event, and hands each emitted event to them."""

    def __init__(self, cluster: Cluster, listen: ListenSettings, loop: AbstractEventLoop) -> None:
        self._cluster = cluster
        self.subscriptions = Subscriptions(on_first=self._on_first, on_last=self._on_last)
        self.listening = Listening(Topic.EVENT, self.subscriptions, cluster, listen, loop)
        cluster.on_message(Topic.EVENT, self._deliver)
        self.actions = Actions(
            {
                EventAction.EMIT: self.emit,
                EventAction.SUBSCRIBE: self._subscribe,
                EventAction.UNSUBSCRIBE: self._unsubscribe,
                EventAction.LISTEN: self.listening.listen,
                EventAction.UNLISTEN: self.listening.unlisten,
                EventAction.LISTEN_ACCEPT: self.listening.accept,
                EventAction.LISTEN_REJECT: self.listening.reject,
            }
        )

    def emit(self, connection: Connection | None, message: Message) -> None:
        """EMIT: to every subscriber on every node but the sender.

        Data is passed on as it came, but not unread: text that is no JSON would break its receivers.
        """
        if not message.has_readable_data():
            if connection is not None:
                connection.send(refusal(message, EventAction.INVALID_MESSAGE_DATA))
            return
        if message.binary is None:
            message = Message(Topic.EVENT, EventAction.EMIT, name=message.name, data=message.data)
        self.subscriptions.publish(message, sender=connection)
        self._cluster.publish("event", message)

    def _deliver(self, node: str, message: Message) -> None:
        """What another node says of events: mostly that one was emitted there."""
        if self.listening.is_addressed(message):
            self.listening.deliver(node, message)
        else:
            self.subscriptions.publish(message)

    def remove_connection(self, connection: Connection) -> None:
        """A socket is gone: with it its subscriptions and patterns."""
        self.subscriptions.remove_connection(connection)
        self.listening.remove_connection(connection)

    def close(self) -> None:
        """Cancel the timers."""
        self.listening.close()

    def _subscribe(self, connection: Connection, message: Message) -> None:
        subscribe_bulk(connection, message, self.subscriptions.add, EventAction.MULTIPLE_SUBSCRIPTIONS)

    def _unsubscribe(self, connection: Connection, message: Message) -> None:
        unsubscribe_bulk(connection, message, self.subscriptions.remove, EventAction.NOT_SUBSCRIBED)

    def _on_first(self, name: str) -> None:
        self._cluster.join("event", name)
        self.listening.subscribed(name)

    def _on_last(self, name: str) -> None:
        self._cluster.leave("event", name)
        self.listening.unsubscribed(name)
