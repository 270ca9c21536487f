"""A hundred subscribers under full load, five of which stop reading: the others notice nothing."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest

from benchmarks.fanout import EventScene, FanOut
from benchmarks.load import Pace
from deepstream_protocol.message import Message
from deepstream_protocol.topics import EventAction, Topic
from pubsub.connection import Close, Frame
from tests.gateway.node_kit import Peer, running
from tests.gateway.node_kit import config as node_config
from tests.pubsub.kit import Recorder
from tests.robustness.conftest import Report
from tests.robustness.unharmed import GROWTH, unharmed
from tests.robustness.vitals import MIB
from tests.servers import Server, configuration

pytestmark = pytest.mark.xdist_group("robustness")

READERS, SLOW = 95, 5
OUTBOX = MIB
LATE = 1.0
"""Seconds: a server that waits for slow readers is later than that, one on a machine full of work is not."""

PACE = Pace(warm_up=0.2, seconds=2.0)


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    """A small outbox, so that a test can fill it."""
    return configuration(endpoint={"maxOutboxSize": OUTBOX})


def flood(*, slow: int) -> FanOut:
    """A publisher under full load, to 95 who read and some who do not."""
    return FanOut(
        "flood",
        "",
        "delivery",
        EventScene,
        publishers=1,
        subscribers=READERS + slow,
        window=8,  # a quarter of what a reader's outbox may hold
        slow=slow,
        size=OUTBOX // 32,
    )


async def test_five_of_a_hundred_who_stop_reading_are_dropped_and_the_others_lose_nothing(
    server: Server, report: Report
) -> None:
    async with unharmed(server, report, growth=GROWTH + SLOW * OUTBOX, p99=LATE):
        alone = await flood(slow=0).run(server.url, server.pid, PACE)
        beside = await flood(slow=SLOW).run(server.url, server.pid, PACE)
    for name, figures in (("all read", alone), ("beside five who do not", beside)):
        report(name, f"{figures.rate:,.0f}/s, p50 {figures.p50} ms, p99 {figures.p99} ms")
    assert (alone.errors, alone.undelivered, alone.dropped) == (0, 0, 0)
    assert (beside.errors, beside.undelivered, beside.dropped) == (0, 0, SLOW)
    assert alone.p99 is not None
    assert beside.p99 is not None
    assert beside.p99 < max(2 * alone.p99, LATE * 1000)


class Reader(Recorder):
    """A transport that counts the frames it is given, and keeps none."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def write(self, frames: list[Frame]) -> None:
        if self.closed is None:
            self.count += len(frames)


def subscribed(peer: Peer) -> Reader:
    """Have ``peer`` subscribe, with a transport that keeps nothing from then on."""
    peer.send(Message(Topic.EVENT, EventAction.SUBSCRIBE, names=["flood"], correlation_id="1"))
    peer.take()
    reader = Reader()
    peer.connection.attach(reader)
    return reader


async def test_what_waits_for_those_who_do_not_read_stays_within_its_bound() -> None:
    limit, size, events = 256 * 1024, 16 * 1024, 320
    async with running(node_config(max_outbox_size=limit)) as node:
        publisher, *peers = (Peer(node).log_in() for _ in range(1 + SLOW + READERS))
        readers = [subscribed(peer) for peer in peers]
        for peer in peers[:SLOW]:
            peer.session.writing_paused()
        tracemalloc.start()
        try:
            for number in range(events):
                data = f'"{number:<{size - 2}}"'
                publisher.send(Message(Topic.EVENT, EventAction.EMIT, name="flood", data=data))
                node.flusher.flush()
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert [reader.count for reader in readers] == [0] * SLOW + [events] * READERS
    assert [reader.closed and reader.closed[0] for reader in readers[:SLOW]] == [Close.SLOW_CONSUMER] * SLOW
    # Twenty times the bound was sent to each. All five wait for the same bytes, which are there once.
    assert peak < 3 * limit
