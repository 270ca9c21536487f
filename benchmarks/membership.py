"""``python -m benchmarks.membership``: what knowing each other costs, in clusters of any size.

One node hears the heartbeats of as many others as it is told to, without Redis: what Redis passes on is
computed. And what it takes to remember a name at which another node has a role (docs/scaling.md).
"""

from __future__ import annotations

import argparse
import asyncio
import time
import tracemalloc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import uvloop
from channels_redis.serializers import registry

from benchmarks.environment import environment
from cluster.bus import GROUP, Bus
from cluster.lane import Item
from cluster.replicated_set import ReplicatedSet

BEAT = 2.0
"""Seconds between two heartbeats of a node, the default of ``heartbeatInterval``."""

BEATS = 2000
"""Heartbeats that are heard in a measurement."""


class Quiet:
    """A listener (``cluster.bus.Listener``) that has nothing to say."""

    def beginning(self) -> list[tuple[Item, int]]:
        """Nothing."""
        return []

    def node_came(self, node: str) -> None:
        """Nothing follows from it."""

    node_gone = node_begins = missed = node_came

    def heard(self, node: str, item: Item) -> None:
        """Nothing is said."""

    def asked(self, question: Mapping[str, Any]) -> None:
        """Nobody asks."""


class Recording:
    """A layer that serializes as channels_redis does, keeps what is sent to the group, and has heard what it
    is given."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.waiting: asyncio.Queue[bytes] = asyncio.Queue()
        self._serializer = registry.get_serializer("msgpack")

    async def new_channel(self, prefix: str = "") -> str:
        """One with a name as long as those of channels_redis."""
        return "deepstreamdeepstream" + "0" * 32

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        """In vain."""

    async def receive(self, channel: str) -> dict[str, Any]:
        """What was put into ``waiting``."""
        message: dict[str, Any] = self._serializer.deserialize(await self.waiting.get())
        self.waiting.task_done()
        return message

    async def group_add(self, group: str, channel: str) -> None:
        """There is one."""

    async def group_discard(self, group: str, channel: str) -> None:
        """It stays."""

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        """Keep it."""
        assert group == GROUP
        self.sent.append(self.encode(message))

    def encode(self, message: Mapping[str, Any]) -> bytes:
        """``message`` as it goes to Redis."""
        encoded: bytes = self._serializer.serialize(message)
        return encoded


@dataclass(frozen=True, slots=True)
class Cost:
    """A heartbeat among ``nodes``: its size, and the seconds of CPU that hearing one takes."""

    nodes: int
    size: int
    seconds: float

    @property
    def share(self) -> float:
        """The part of one CPU that a node spends on hearing all others."""
        return self.seconds * self.nodes / BEAT

    @property
    def traffic(self) -> float:
        """Bytes a second that Redis passes on."""
        return self.size * self.nodes**2 / BEAT


async def cost(nodes: int, *, beats: int = BEATS) -> Cost:
    """Measure it with at least this many heartbeats."""
    layer = Recording()
    bus = Bus(layer, lambda _: Quiet(), name="node-0", beat=3600, timeout=7200)
    bus.start()
    names = [f"deepstreamdeepstream{number:032}" for number in range(1, nodes)]
    positions = {name: [int(time.time() * 1000), 1_000_000] for name in names[1:]}
    positions[await layer.new_channel()] = [0, 0]
    beat = {"type": "deepstream.beat", "sent": positions, "at": time.monotonic()}
    round_ = [layer.encode(beat | {"from": name, "name": f"node-{name[-4:]}"}) for name in names]
    await _hear(layer, round_)  # the others come
    rounds = -(-beats // nodes)
    start = time.process_time()
    for _ in range(rounds):
        await _hear(layer, round_)
    spent = time.process_time() - start
    await bus.stop()
    return Cost(nodes, len(round_[0]), spent / (rounds * len(round_)))


def bytes_per_name(nodes: int) -> float:
    """Memory that a node needs for a name at which ``nodes`` others have a role, for each of these."""
    names, known = 10_000, ReplicatedSet(lambda node, role, name, present: None)
    tracemalloc.start()
    try:
        for node in range(nodes):
            known.add(f"node-{node}", "event", [f"subscribed/{number:09}" for number in range(names)])
        return tracemalloc.get_traced_memory()[0] / names / nodes
    finally:
        tracemalloc.stop()


async def _hear(layer: Recording, messages: Sequence[bytes]) -> None:
    for message in messages:
        layer.waiting.put_nowait(message)
    await layer.waiting.join()


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a line for each size."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.membership", description=__doc__)
    parser.add_argument("--nodes", nargs="+", type=int, default=[3, 10, 30, 100, 300, 1000], metavar="N")
    options = parser.parse_args(arguments)
    print("\n".join(f"{key}: {value}" for key, value in environment().items()), end="\n\n")
    print(f"{'nodes':>6} {'bytes':>8} {'µs to hear':>11} {'CPU of a node':>14} {'Redis sends':>14}")
    for nodes in options.nodes:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            each = runner.run(cost(nodes))
        traffic = f"{each.traffic / 1e6:,.2f} MB/s"
        print(f"{nodes:>6} {each.size:>8,} {each.seconds * 1e6:>11,.0f} {each.share:>13.2%} {traffic:>14}")
    for nodes in (1, 2, 10):
        print(
            f"\nA name that {nodes} other nodes subscribe to: {bytes_per_name(nodes):.0f} bytes for each",
            end="",
        )
    print()


if __name__ == "__main__":
    main()
