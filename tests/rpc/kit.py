"""Providers and requestors around one RPC handler."""

from __future__ import annotations

from collections.abc import Sequence

from deepstream_project.config import RpcConfig
from deepstream_protocol.message import Message
from deepstream_protocol.topics import RpcAction, Topic
from rpc.handler import RpcHandler
from tests.pubsub.kit import Client, Clock, RecordingCluster


def rpc(action: int, name: str | None = "add", id: str | None = "1", **fields: object) -> Message:
    message = Message(Topic.RPC, action, **fields)
    if name is not None:
        message.name = name
    if id is not None:
        message.correlation_id = id
    return message


class World:
    def __init__(self, **options: object) -> None:
        self.clock = Clock()
        self.cluster = RecordingCluster()
        self.handler = RpcHandler(self.cluster, RpcConfig(**options), self.clock)

    def say(self, client: Client, action: int, **fields: object) -> None:
        self.handler.actions.receive(client.connection, rpc(action, **fields))

    def provider(self, *names: str) -> Client:
        client = Client()
        message = Message(Topic.RPC, RpcAction.PROVIDE, names=list(names or ("add",)))
        self.handler.actions.receive(client.connection, message)
        client.take()
        return client

    def request(self, requestor: Client | None = None, **fields: object) -> Client:
        requestor = requestor or Client()
        self.say(requestor, RpcAction.REQUEST, **fields)
        return requestor

    def disconnect(self, client: Client) -> None:
        client.connection.closed = True
        self.handler.remove_connection(client.connection)


def asked(providers: Sequence[Client]) -> Client:
    """The one of ``providers`` that was sent a request."""
    (provider,) = [one for one in providers if [message.action for message in one.take()]]
    return provider
