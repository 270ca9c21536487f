"""A node in this process, and clients that hand it frames as a transport does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import orjson

from accounts.login import Login, LoginRequest, OpenLogin, Outcome
from deepstream_project.config import Config
from deepstream_project.config_network import Endpoints, JsonEndpoint, WebSocketEndpoint
from deepstream_protocol.message import Message
from deepstream_protocol.topics import AuthAction, ConnectionAction, Topic
from gateway.node import Node
from permissions.verdict import AllowEverything, Verdict
from pubsub.cluster import SingleNode
from pubsub.user import User
from tests.pubsub.kit import DEADLINE, Client, Recorder
from tests.records.kit import StoreDouble

Check = Callable[[User, Message], Verdict | Awaitable[Verdict]]

CHALLENGE = Message(Topic.CONNECTION, ConnectionAction.CHALLENGE, url="ws://test")
ACCEPT = Message(Topic.CONNECTION, ConnectionAction.ACCEPT)
PING = Message(Topic.CONNECTION, ConnectionAction.PING)
PONG = Message(Topic.CONNECTION, ConnectionAction.PONG)
LOGGED_IN = Message(Topic.AUTH, AuthAction.AUTH_SUCCESSFUL)


class Rules:
    """Permissions that a function decides, and that keep what they were asked."""

    def __init__(self, check: Check) -> None:
        self._check = check
        self.asked: list[Message] = []

    def check(self, user: User, message: Message) -> Verdict | Awaitable[Verdict]:
        self.asked.append(message)
        return self._check(user, message)


class Strategy:
    """A login strategy that a function decides, and that keeps what it was asked."""

    def __init__(self, decide: Callable[[LoginRequest], Outcome | Awaitable[Outcome]]) -> None:
        self._decide = decide
        self.asked: list[LoginRequest] = []

    def login(self, request: LoginRequest) -> Outcome | Awaitable[Outcome]:
        self.asked.append(request)
        return self._decide(request)


def config(*, features: Mapping[str, bool] | None = None, **endpoint: Any) -> Config:
    """The binary and the JSON endpoint with these options, each for clients of its own wire alone."""
    plain = Config()
    return replace(
        plain,
        features=replace(plain.features, **(features or {})),
        endpoints=Endpoints(
            binary=WebSocketEndpoint(**endpoint), json=JsonEndpoint(**endpoint), text=None, http_api=None
        ),
    )


@asynccontextmanager
async def running(
    settings: Config | None = None,
    *,
    check: Check | None = None,
    decide: Callable[[LoginRequest], Outcome | Awaitable[Outcome]] | None = None,
    store: Any = None,
    **options: Any,
) -> AsyncIterator[Node]:
    """A node that allows everything to everybody unless ``check`` and ``decide`` say otherwise."""
    options.setdefault("permissions", lambda _: Rules(check) if check else AllowEverything())
    node = Node(
        settings or config(),
        store=store or StoreDouble(),
        cluster=SingleNode(),
        login=Login([Strategy(decide) if decide else OpenLogin()]),
        **options,
    )
    try:
        yield node
    finally:
        async with asyncio.timeout(DEADLINE):
            await node.stop()


class Peer(Client):
    """A client at an endpoint of ``node``: what it sends goes through its session, frame by frame."""

    def __init__(
        self,
        node: Node,
        path: str = "/deepstream",
        *,
        address: str = "10.0.0.1:5000",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__()
        self.flusher = node.flusher
        self.endpoint = node.endpoints[path]
        self.session = self.endpoint.open(framed=False, address=address, headers=headers)
        self.connection = self.session.connection
        self.transport = Recorder()
        self.connection.attach(self.transport)
        self.endpoint.start(self.session, self.transport)  # type: ignore[arg-type]

    def send(self, *messages: Message) -> None:
        """Hand over ``messages`` as one read, a frame each."""
        self.send_raw(*(self.connection.codec.frame(message) for message in messages))

    def send_raw(self, *payloads: bytes | str) -> None:
        """Hand over the payloads of one read."""
        self.session.frames_received(list(payloads))

    def challenge(self) -> Peer:
        self.send(CHALLENGE)
        assert self.take() == [ACCEPT]
        return self

    def ask_to_log_in(self, **data: Any) -> None:
        self.send(Message(Topic.AUTH, AuthAction.REQUEST, data=orjson.dumps(data).decode()))

    def log_in(self, username: str | None = None) -> Peer:
        """Go through the whole opening, as ``username`` or openly."""
        self.challenge()
        self.ask_to_log_in(**({"username": username} if username else {}))
        assert self.take_one().action == AuthAction.AUTH_SUCCESSFUL
        return self

    def disconnect(self, code: int = 1006) -> None:
        """The socket is gone."""
        self.session.connection_closed(code, "")

    async def idle(self) -> None:
        """Wait until no message of this client is waited for."""
        async with asyncio.timeout(DEADLINE):
            while (task := self.session.waiting) is not None:
                await asyncio.wait([task])

    async def closed(self) -> int:
        """Wait until the server closed, and return its code."""
        async with asyncio.timeout(DEADLINE):
            while self.transport.closed is None:
                self.transport.changed.clear()
                await self.transport.changed.wait()
        return self.transport.closed[0]
