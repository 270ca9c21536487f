"""The bus between nodes: one channel-layer message per turn of the loop and destination."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import orjson

log = logging.getLogger("deepstream.cluster")

GROUP = "deepstream.nodes"
"""The channel-layer group in which nodes find each other."""

MAX_BATCH = 256 * 1024
"""Bytes of items in one layer message; more is split."""

MAX_WAITING = 64 * 1024 * 1024
"""Bytes that may wait for one node while the layer does not take them; beyond, they are dropped and counted."""

RETRY_INTERVAL = 0.5
"""Seconds after a failure of the layer until it is tried again."""

Item = list[Any]
"""What nodes tell each other: a kind and its arguments, all of which JSON can carry."""


class Layer(Protocol):
    """A channel layer of Channels, as far as the bus uses it."""

    async def new_channel(self, prefix: str = ...) -> str:
        """The name of a channel that only this process reads."""

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        """Put ``message`` on a channel."""

    async def receive(self, channel: str) -> dict[str, Any]:
        """Wait for the next message on a channel."""

    async def group_add(self, group: str, channel: str) -> None:
        """Have ``channel`` get what is sent to ``group``."""

    async def group_discard(self, group: str, channel: str) -> None:
        """The opposite."""

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        """Put ``message`` on each channel of ``group``."""


class Listener(Protocol):
    """Who gets what comes over the bus; plain calls in the event loop."""

    def beat(self, node: str, channel: str, state: dict[str, Any]) -> None:
        """``node`` lives and reads ``channel``."""

    def item(self, node: str, item: Item) -> None:
        """``node`` says ``item``."""

    def missed(self, node: str) -> None:
        """Something that ``node`` said did not arrive."""


class _Peer:
    """Another node: where to send, what waits to be sent, and how far both have counted."""

    __slots__ = ("channel", "received", "sent", "size", "waiting")

    def __init__(self, channel: str) -> None:
        self.channel = channel
        self.sent = 0
        self.received: int | None = None
        self.waiting: list[bytes] = []
        self.size = 0


class Bus:
    """Sends items to nodes in order, notices what is missing, and never makes a caller wait."""

    def __init__(self, layer: Layer, node: str, listener: Listener) -> None:
        self.node = node
        self.channel = ""
        self.dropped = 0
        self._layer = layer
        self._listener = listener
        self._peers: dict[str, _Peer] = {}
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin to listen."""
        self.channel = await self._layer.new_channel()
        await self._layer.group_add(GROUP, self.channel)
        self._tasks = [asyncio.create_task(self._receive()), asyncio.create_task(self._send())]

    async def stop(self) -> None:
        """Send what waits, then listen no longer."""
        await self._send_waiting()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await _quietly(self._layer.group_discard(GROUP, self.channel))

    def introduce(self, node: str, channel: str) -> None:
        """From now on ``node`` can be sent to; a new channel is a new life of it."""
        peer = self._peers.get(node)
        if peer is None or peer.channel != channel:
            self._peers[node] = _Peer(channel)

    def forget(self, node: str) -> None:
        """``node`` is gone, and with it what waited for it."""
        self._peers.pop(node, None)

    def send(self, node: str, item: Item) -> None:
        """Queue ``item`` for ``node``; one that is gone gets nothing."""
        peer = self._peers.get(node)
        if peer is not None:
            self._queue(peer, orjson.dumps(item))

    def broadcast(self, item: Item) -> None:
        """Queue ``item`` for every node."""
        data = orjson.dumps(item)
        for peer in self._peers.values():
            self._queue(peer, data)

    async def beat(self, state: dict[str, Any]) -> None:
        """Let all nodes, known or not, know that this one lives; raises what the layer raises."""
        beat = {"type": "deepstream.beat", "node": self.node, "channel": self.channel, "state": state}
        await self._layer.group_send(GROUP, beat)

    def _queue(self, peer: _Peer, data: bytes) -> None:
        if peer.size > MAX_WAITING:
            # The gap in the numbers tells the other node that it must ask for the whole.
            log.error("bus: %d items for a node were dropped, the layer does not take them", len(peer.waiting))
            self.dropped += len(peer.waiting)
            peer.waiting.clear()
            peer.size = 0
            peer.sent += 1
        peer.waiting.append(data)
        peer.size += len(data)
        self._wake.set()

    # Out

    async def _send(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            if not await self._send_waiting():
                await asyncio.sleep(RETRY_INTERVAL)
                self._wake.set()

    async def _send_waiting(self) -> bool:
        """Send what waits; False if the layer failed, and then what was not sent still waits."""
        for peer in list(self._peers.values()):
            while peer.waiting:
                batch = list(_batch(peer.waiting))
                message = {
                    "type": "deepstream.items",
                    "node": self.node,
                    "number": peer.sent + 1,
                    "items": b"[" + b",".join(batch) + b"]",
                }
                try:
                    await self._layer.send(peer.channel, message)
                except Exception as error:  # whatever the layer's driver raises, the bus must go on
                    log.warning("bus: the channel layer does not take messages: %r", error)
                    return False
                peer.sent += 1
                del peer.waiting[: len(batch)]
                peer.size -= sum(map(len, batch))
        return True

    # In

    async def _receive(self) -> None:
        while True:
            try:
                message = await self._layer.receive(self.channel)
            except Exception as error:  # as above
                log.warning("bus: the channel layer does not give messages: %r", error)
                await asyncio.sleep(RETRY_INTERVAL)
                continue
            if message["node"] != self.node:
                self._take(message)

    def _take(self, message: dict[str, Any]) -> None:
        node = message["node"]
        try:
            if message["type"] == "deepstream.beat":
                self._listener.beat(node, message["channel"], message["state"])
                return
            peer = self._peers.get(node)
            if peer is None:
                return  # it will be introduced by its next beat, and then asked for the whole
            expected = None if peer.received is None else peer.received + 1
            peer.received = message["number"]
            if expected is not None and message["number"] != expected:
                self._listener.missed(node)
            for item in orjson.loads(message["items"]):
                self._listener.item(node, item)
        except Exception:
            log.exception("bus: a message of node %s was not understood", node)


def _batch(waiting: list[bytes]) -> Iterator[bytes]:
    """The first items that fit into one layer message, at least one."""
    size = 0
    for data in waiting:
        size += len(data)
        if size > MAX_BATCH and size != len(data):
            return
        yield data


async def _quietly(awaitable: Any) -> None:
    try:
        await awaitable
    except Exception as error:  # we are leaving anyway
        log.info("bus: leaving the channel layer failed: %r", error)
