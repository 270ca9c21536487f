"""Several nodes in one event loop, joined by a real channel layer, with one store between them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

from channels.layers import InMemoryChannelLayer
from channels_redis.core import RedisChannelLayer
from channels_redis.pubsub import RedisPubSubChannelLayer

from accounts.login import Login, OpenLogin
from cluster.members import Members
from deepstream_project.config import Config
from gateway.node import Node
from permissions.verdict import AllowEverything
from tests.gateway.node_kit import Peer, Rules, config
from tests.records.kit import StoreDouble

DEADLINE = 10.0
REDIS = "redis://127.0.0.1:6379/0"


class Wire:
    """A channel layer that can be cut, held up and made to lose what is sent to a node."""

    def __init__(self, layer: Any) -> None:
        self._layer = layer
        self.is_cut = False
        self.gate = asyncio.Event()
        self.gate.set()
        self.loses: Callable[[dict[str, Any]], bool] = lambda message: False

    async def new_channel(self, prefix: str = "specific") -> str:
        return str(await self._layer.new_channel(prefix))

    async def group_add(self, group: str, channel: str) -> None:
        await self._layer.group_add(group, channel)

    async def group_discard(self, group: str, channel: str) -> None:
        await self._layer.group_discard(group, channel)

    async def receive(self, channel: str) -> dict[str, Any]:
        while True:
            message: dict[str, Any] = await self._layer.receive(channel)
            if not self.is_cut:
                return message

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        await self.gate.wait()
        if self.is_cut:
            raise ConnectionError("cut")
        if not self.loses(message):
            await self._layer.send(channel, message)

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        if self.is_cut:
            raise ConnectionError("cut")
        await self._layer.group_send(group, message)


class Site:
    """A node of the cluster and its wire."""

    layers: Layers

    def __init__(self, node: Node, members: Members, wire: Wire) -> None:
        self.node = node
        self.members = members
        self.wire = wire

    def client(self, user: str | None = None) -> Peer:
        """A client that is logged in here."""
        return Peer(self.node).log_in(user)

    def crash(self) -> None:
        """Say and hear nothing any more."""
        self.wire.is_cut = True


class Layers:
    """Makes the channel layers of one cluster: one for each node, as each process has its own."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self.prefix = f"test-{uuid4().hex[:8]}"
        self._memory = InMemoryChannelLayer(capacity=1000)
        self._made: list[Any] = []

    def make(self) -> Any:
        if self._kind == "memory":
            return self._memory
        made = RedisPubSubChannelLayer if self._kind == "pubsub" else RedisChannelLayer
        self._made.append(made(hosts=[REDIS], prefix=self.prefix))
        return self._made[-1]

    async def close(self) -> None:
        """Disconnect from Redis."""
        for layer in self._made:
            await (layer.close_pools() if self._kind == "core" else layer.flush())


@asynccontextmanager
async def cluster(
    count: int = 3,
    *,
    kind: str = "memory",
    store: Any = None,
    make_store: Callable[[], Any] | None = None,
    make_volatile: Callable[[], Any] | None = None,
    settings: Config | None = None,
    beat: float = 0.2,
    timeout: float = 3.0,
    check: Any = None,
) -> AsyncIterator[list[Site]]:
    """``count`` nodes that know each other, with one ``store`` between them, or one each of ``make_store``.

    ``make_volatile`` makes each one's for the records that are never stored.
    """
    layers, shared = Layers(kind), store or StoreDouble()
    sites = [
        add_site(
            layers.make(),
            make_store() if make_store else shared,
            f"node-{n}",
            settings,
            beat,
            timeout,
            check,
            volatile=make_volatile() if make_volatile else None,
        )
        for n in range(count)
    ]
    for site in sites:
        site.layers = layers
    try:
        await until(lambda: all(len(site.members.nodes()) == count - 1 for site in sites))
        yield sites
    finally:
        for site in sites:
            async with asyncio.timeout(DEADLINE):
                await site.node.stop()
                await site.members.bus.stop()
        await layers.close()


def add_site(
    layer: Any,
    store: Any,
    name: str,
    settings: Config | None = None,
    beat: float = 0.2,
    timeout: float = 3.0,
    check: Any = None,
    *,
    volatile: Any = None,
) -> Site:
    """One more node."""
    wire = Wire(layer)
    members = Members(wire, name=name, beat=beat, timeout=timeout)
    node = Node(
        settings or config(),
        store=store,
        volatile=volatile,
        cluster=members,
        permissions=lambda _: Rules(check) if check else AllowEverything(),
        login=Login([OpenLogin()]),
    )
    members.bus.start()
    return Site(node, members, wire)


async def covered(site: Site, name: str) -> None:
    """Wait until ``site`` hears of every change of the record, and has read what it may not have heard of.

    A change that is stored before that read is told as the whole record, not as what it was.
    """
    reader = site.node.records.pipelines.of(name).reader
    await until(lambda: reader.peek(name) is not None)


async def until(condition: Callable[[], bool]) -> None:
    """Wait until ``condition`` holds; the event loop goes on meanwhile."""
    async with asyncio.timeout(DEADLINE):
        while not condition():  # noqa: ASYNC110 - there is no event for what a node comes to know
            await asyncio.sleep(0.001)
