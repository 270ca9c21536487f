"""Listeners and subscribers around one Listening, in the words of one topic."""

from __future__ import annotations

from deepstream_project.config import ListenConfig
from deepstream_protocol.message import Message
from deepstream_protocol.topics import EventAction, RecordAction, Topic
from pubsub.listening import Listening
from pubsub.subscriptions import Subscriptions
from tests.pubsub.kit import Client, Clock, RecordingCluster

IN_ORDER = ListenConfig(
    shuffle_providers=False, response_timeout=0.5, rematch_interval=60.0, match_cooldown=10.0
)


class World:
    """Subscriptions, a Listening on them, and what its clients say, in the words of one topic."""

    def __init__(self, topic: Topic = Topic.EVENT, settings: ListenConfig = IN_ORDER) -> None:
        self.clock = Clock()
        self.cluster = RecordingCluster()
        self.topic = topic
        self.actions = RecordAction if topic is Topic.RECORD else EventAction
        self.subscriptions = Subscriptions(
            on_first=lambda name: self.listening.subscribed(name),
            on_last=lambda name: self.listening.unsubscribed(name),
        )
        self.listening = Listening(topic, self.subscriptions, self.cluster, settings, self.clock)

    def listener(self, *patterns: str) -> Client:
        client = Client()
        for pattern in patterns:
            self.listen(client, pattern)
        client.take()
        return client

    def subscriber(self, *names: str) -> Client:
        client = Client()
        for name in names:
            self.subscriptions.add(client.connection, name)
        return client

    def listen(self, client: Client, pattern: str, **fields: object) -> None:
        message = Message(self.topic, self.actions.LISTEN, name=pattern, **fields)
        self.listening.listen(client.connection, message)

    def unlisten(self, client: Client, pattern: str, **fields: object) -> None:
        message = Message(self.topic, self.actions.UNLISTEN, name=pattern, **fields)
        self.listening.unlisten(client.connection, message)

    def accept(self, client: Client, pattern: str, name: str) -> None:
        message = Message(self.topic, self.actions.LISTEN_ACCEPT, name=pattern, subscription=name)
        self.listening.accept(client.connection, message)

    def reject(self, client: Client, pattern: str, name: str) -> None:
        message = Message(self.topic, self.actions.LISTEN_REJECT, name=pattern, subscription=name)
        self.listening.reject(client.connection, message)

    def leave(self, client: Client, name: str) -> None:
        self.subscriptions.remove(client.connection, name)

    def disconnect(self, client: Client) -> None:
        client.connection.closed = True
        self.subscriptions.remove_connection(client.connection)
        self.listening.remove_connection(client.connection)

    def found(self, pattern: str, name: str) -> Message:
        action = self.actions.SUBSCRIPTION_FOR_PATTERN_FOUND
        return Message(self.topic, action, name=pattern, subscription=name)

    def removed(self, pattern: str, name: str) -> Message:
        action = self.actions.SUBSCRIPTION_FOR_PATTERN_REMOVED
        return Message(self.topic, action, name=pattern, subscription=name)

    def timeout(self, name: str) -> Message:
        return Message(self.topic, self.actions.LISTEN_RESPONSE_TIMEOUT, subscription=name)

    def has_provider(self, name: str) -> Message:
        return Message(self.topic, RecordAction.SUBSCRIPTION_HAS_PROVIDER, name=name)

    def has_no_provider(self, name: str) -> Message:
        return Message(self.topic, RecordAction.SUBSCRIPTION_HAS_NO_PROVIDER, name=name)
