"""The bus: items between nodes over a channel layer, in order, batched, and with every loss noticed.

Each node has a channel of its own and all are in one group. The group carries heartbeats, goodbyes and the
questions of processes that are no nodes; everything else goes from channel to channel, one layer message
per destination and turn of the event loop. A layer may drop messages: batches are numbered, and heartbeats
say how far a sender got, so a node that missed one asks for a new beginning.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from cluster.lane import Batch, Incoming, Item, Outgoing
from pubsub.timers import Every

log = logging.getLogger("deepstream.cluster")

GROUP = "deepstream.nodes"

SEND_TIMEOUT = 5.0
"""Seconds that the layer may take to accept a message."""

FIRST_RETRY, LAST_RETRY = 0.05, 1.0
"""Seconds after which what the layer did not take is tried again: doubled each time, up to the last."""

FAREWELL = 2.0
"""Seconds that what waits may take to leave when the node stops."""

DEAF_BEATS = 2.5
"""Heartbeats that a node may fail to hear from itself before it knows that it is deaf."""

DEAF = 5
"""How many times the timeout a node that hears not even itself goes on believing in the others."""


class Layer(Protocol):
    """A channel layer with groups."""

    async def new_channel(self, prefix: str = ...) -> str:
        """A channel that this process alone reads."""

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        """Put ``message`` on a channel."""

    async def receive(self, channel: str) -> dict[str, Any]:
        """The next message on a channel."""

    async def group_add(self, group: str, channel: str) -> None:
        """Let ``channel`` have what is sent to ``group``."""

    async def group_discard(self, group: str, channel: str) -> None:
        """Let ``channel`` no longer have it."""

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        """Send ``message`` to all channels of a group."""


class Listener(Protocol):
    """Whoever is told what the bus hears."""

    def beginning(self) -> list[tuple[Item, int]]:
        """All that a node must know of this one, as items and their sizes in bytes."""

    def node_came(self, node: str) -> None:
        """A node is there."""

    def node_gone(self, node: str) -> None:
        """A node said goodbye, or was silent for too long."""

    def node_begins(self, node: str) -> None:
        """This node begins anew to tell ``node`` everything."""

    def heard(self, node: str, item: Item) -> None:
        """An item from ``node``."""

    def missed(self, node: str) -> None:
        """Something that ``node`` sent was lost."""

    def cut_off(self) -> None:
        """This node hears nobody, not even itself."""

    def asked(self, question: Mapping[str, Any]) -> None:
        """A process that is no node asks something."""


class Peer:
    """Another node: its lanes, its task that sends, and when it was last heard."""

    __slots__ = (
        "drained",
        "heard_at",
        "incoming",
        "is_busy",
        "name",
        "outgoing",
        "silent_beats",
        "wake",
        "worker",
    )

    def __init__(self, name: str, epoch: int) -> None:
        self.name = name
        self.outgoing = Outgoing(epoch)
        self.incoming = Incoming()
        self.heard_at = time.monotonic()
        self.silent_beats = 0
        self.wake = asyncio.Event()
        self.drained = asyncio.Event()
        self.drained.set()
        self.is_busy = False
        """Whether something waits: the worker need not be woken for every item of a turn."""
        self.worker: asyncio.Task[None] | None = None


class Bus:
    """This node's end of the bus; ``id`` names it, and is its channel, once it is connected."""

    def __init__(
        self,
        layer: Layer,
        listener: Callable[[Bus], Listener],
        *,
        name: str,
        beat: float = 2.0,
        timeout: float = 6.0,
    ) -> None:
        """``beat``: seconds between heartbeats; a node that was not heard for ``timeout`` seconds is gone."""
        self.id = ""
        self.name = name
        self.peers: dict[str, Peer] = {}
        self.is_connected = asyncio.Event()
        """Set once this node has heard itself: the layer works."""
        self.lag = 0.0
        """Seconds that this node's last heartbeat took to come back to it."""
        self.sent = self.received = self.items = self.dropped = self.missed = 0
        self._layer = layer
        self._beat = beat
        self._timeout = timeout
        self._heard_self_at = time.monotonic()
        self._listener = listener(self)
        self._timers: list[Every] = []
        self._is_stopping = False
        self._is_deaf = False
        self._living: asyncio.Task[None] | None = None
        self._beating: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Connect, now or as soon as the layer works, and stay connected."""
        self._living = asyncio.get_running_loop().create_task(self._live())

    async def stop(self) -> None:
        """Send what waits, say goodbye and disconnect."""
        self._is_stopping = True
        for timer in self._timers:
            timer.close()
        await _cancel(*([self._beating] if self._beating is not None else []))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL):
                for peer in self.peers.values():
                    await peer.drained.wait()
        peers, self.peers = self.peers, {}
        await _cancel(*(peer.worker for peer in peers.values() if peer.worker is not None))
        with contextlib.suppress(Exception):
            async with asyncio.timeout(FAREWELL):
                await self._layer.group_send(GROUP, {"type": "deepstream.leave", "from": self.id})
                await self._layer.group_discard(GROUP, self.id)
        if self._living is not None:
            await _cancel(self._living)

    def send(self, node: str, item: Item, size: int) -> None:
        """Queue ``item`` of about ``size`` bytes for ``node``; in vain if that is gone."""
        peer = self.peers.get(node)
        if peer is None:
            return
        if not peer.outgoing.add(item, size):
            self._report_drop(peer)
        if not peer.is_busy:
            peer.is_busy = True
            peer.drained.clear()
            peer.wake.set()

    def send_all(self, item: Item, size: int) -> None:
        """Queue ``item`` for every node."""
        for node in self.peers:
            self.send(node, item, size)

    def counts(self) -> dict[str, int]:
        """The other nodes, and since the start: batches sent and received, the items in the latter, what was
        dropped because it waited too long, and how often something that another node sent was missed."""
        return {
            "peers": len(self.peers),
            "sent": self.sent,
            "received": self.received,
            "items": self.items,
            "dropped": self.dropped,
            "missed": self.missed,
        }

    def problem(self) -> str | None:
        """Why this node cannot reach the others, None if it can."""
        if not self.id:
            return "the channel layer does not work"
        silence = time.monotonic() - self._heard_self_at
        return (
            f"the channel layer was silent for {silence:.0f} s" if silence > DEAF_BEATS * self._beat else None
        )

    async def reply(self, channel: str, message: dict[str, Any]) -> None:
        """Answer a process that asked; in vain if the layer does not work or it is gone."""
        with contextlib.suppress(Exception):
            async with asyncio.timeout(SEND_TIMEOUT):
                await self._layer.send(channel, message)

    # Sending

    async def _work(self, node: str, peer: Peer) -> None:
        """Send what waits for one node, one layer message after the other, for as long as it is there."""
        while True:
            await peer.wake.wait()
            while peer.outgoing:
                await self._send(node, peer.outgoing.take())
            peer.outgoing.rest()
            peer.is_busy = False
            peer.wake.clear()
            peer.drained.set()

    async def _send(self, node: str, batch: Batch) -> None:
        message = {"type": "deepstream.batch", "from": self.id, "name": self.name, "batch": list(batch)}
        pause = FIRST_RETRY
        while True:
            try:
                async with asyncio.timeout(SEND_TIMEOUT):
                    await self._layer.send(node, message)
            except Exception as error:  # noqa: BLE001 - each layer raises its driver's own
                if pause == FIRST_RETRY:
                    log.warning("The channel layer does not take messages, they wait: %r", error)
                await asyncio.sleep(pause)
                pause = min(2 * pause, LAST_RETRY)
            else:
                self.sent += 1
                return

    def _report_drop(self, peer: Peer) -> None:
        self.dropped += peer.outgoing.dropped
        log.error(
            "%d messages for node %s were dropped: they waited too long", peer.outgoing.dropped, peer.name
        )
        peer.outgoing.dropped = 0

    # Heartbeats

    def _beat_once(self) -> None:
        if self._beating is None or self._beating.done():
            self._beating = asyncio.get_running_loop().create_task(self._send_beat())

    def _look(self) -> None:
        """Between heartbeats: while this node hears not even itself, it beats more often."""
        if time.monotonic() - self._heard_self_at > 1.5 * self._beat:
            self._beat_once()
        self._bury()
        was_deaf, self._is_deaf = self._is_deaf, self.problem() is not None
        if self._is_deaf and not was_deaf:
            self._listener.cut_off()

    async def _send_beat(self) -> None:
        sent = {node: [peer.outgoing.epoch, peer.outgoing.sent] for node, peer in self.peers.items()}
        beat = {
            "type": "deepstream.beat",
            "from": self.id,
            "name": self.name,
            "sent": sent,
            "at": time.monotonic(),
        }
        with contextlib.suppress(Exception):
            async with asyncio.timeout(SEND_TIMEOUT):
                if time.monotonic() - self._heard_self_at > 1.5 * self._beat:
                    await self._layer.group_add(GROUP, self.id)  # a layer may forget, or take it for too old
                await self._layer.group_send(GROUP, beat)

    def _bury(self) -> None:
        """Take for gone who was silent for too long, but not while it is this node that is deaf."""
        now = time.monotonic()
        is_deaf = now - self._heard_self_at > DEAF_BEATS * self._beat
        timeout = self._timeout * DEAF if is_deaf else self._timeout
        enough = 0 if is_deaf else self._timeout / self._beat - 0.5
        for node, peer in list(self.peers.items()):
            if now - peer.heard_at > timeout and peer.silent_beats > enough:
                log.warning("Node %s was not heard for %.1f s: it is gone", peer.name, now - peer.heard_at)
                self._lose(node)

    # Hearing

    async def _live(self) -> None:
        """Connect, then hear what comes; what breaks is tried again."""
        pause = FIRST_RETRY
        while not self._is_stopping:
            try:
                if not self.id:
                    await self._connect()
                message = await self._layer.receive(self.id)
            except Exception as error:  # noqa: BLE001 - each layer raises its driver's own
                if pause == FIRST_RETRY:
                    log.error("The channel layer does not work, this node is alone: %r", error)
                await asyncio.sleep(pause)
                pause = min(2 * pause, LAST_RETRY)
                continue
            pause = FIRST_RETRY
            if not self._is_stopping:
                self._take(message)

    async def _connect(self) -> None:
        channel = await self._layer.new_channel("deepstream")
        await self._layer.group_add(GROUP, channel)
        self.id = channel
        self._beat_once()
        loop = asyncio.get_running_loop()
        self._timers = [Every(loop, self._beat, self._beat_once), Every(loop, self._beat / 4, self._look)]

    def _take(self, message: dict[str, Any]) -> None:
        try:
            match message["type"]:
                case "deepstream.batch":
                    self._take_batch(message)
                case "deepstream.beat":
                    self._take_beat(message)
                case "deepstream.leave":
                    if message["from"] in self.peers:
                        log.info("Node %s has left", self.peers[message["from"]].name)
                        self._lose(message["from"])
                case "deepstream.question":
                    self._listener.asked(message)
        except Exception:  # one message's fault must not make the node deaf
            log.exception("A message of the bus was not understood")

    def _take_batch(self, message: dict[str, Any]) -> None:
        node, batch = message["from"], Batch(*message["batch"])
        peer = self._hear(node, message["name"])
        was_whole = peer.incoming.is_whole
        if not peer.incoming.is_new(batch):
            return
        self.received += 1
        self.items += len(batch.items)
        for item in batch.items:
            try:
                self._listener.heard(node, item)
            except Exception:
                log.exception("An item from node %s failed", peer.name)
        if was_whole and not peer.incoming.is_whole:
            self._demand(node, peer)

    def _take_beat(self, message: dict[str, Any]) -> None:
        node = message["from"]
        if node == self.id:
            self._heard_self(message["at"])
            return
        if (known := self.peers.get(node)) and time.monotonic() - known.heard_at > 1.5 * self._beat:
            self._beat_once()  # one of the two was cut off: the other shall know soon how far this one got
        peer = self._hear(node, message["name"])
        sent = message["sent"].get(self.id)
        if sent is not None:
            peer.incoming.check(*sent)
        if peer.incoming.has_begun and not peer.incoming.is_whole:
            self._demand(node, peer)

    def _heard_self(self, at: float) -> None:
        self._heard_self_at = time.monotonic()
        self.lag = self._heard_self_at - at
        for peer in self.peers.values():
            peer.silent_beats += 1
        self.is_connected.set()

    def _hear(self, node: str, name: str) -> Peer:
        """The peer that a message came from; one that was not known is told everything."""
        peer = self.peers.get(node)
        if peer is None:
            peer = self.peers[node] = Peer(name, epoch=time.monotonic_ns() // 1_000_000)
            log.info("Node %s is there", name)
            peer.worker = asyncio.get_running_loop().create_task(self._work(node, peer))
            self._listener.node_came(node)
            self._begin(node, peer)
            self._beat_once()  # so that it hears of this node at once
        peer.heard_at = time.monotonic()
        peer.silent_beats = 0
        return peer

    def _begin(self, node: str, peer: Peer) -> None:
        """Tell ``node`` all from the beginning."""
        peer.outgoing.begin()
        for item, size in self._listener.beginning():
            self.send(node, item, size)
        self._listener.node_begins(node)

    def _demand(self, node: str, peer: Peer) -> None:
        """Something from ``node`` is missing: ask it to begin anew."""
        self.missed += 1
        log.warning("Something from node %s was lost: it is asked to begin anew", peer.name)
        self._listener.missed(node)
        self.send(node, ["again"], 8)

    def begin_again(self, node: str) -> None:
        """``node`` has missed something: tell it all from the beginning."""
        if (peer := self.peers.get(node)) is not None:
            self._begin(node, peer)

    def _lose(self, node: str) -> None:
        peer = self.peers.pop(node)
        if peer.worker is not None:
            peer.worker.cancel()
        self._listener.node_gone(node)


async def _cancel(*tasks: asyncio.Task[None]) -> None:
    """End ``tasks``, but do not wait for ever for a layer that does not let go."""
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=FAREWELL)
