"""Loads on clusters: they run, everything arrives, and what the bus costs is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from benchmarks.cluster import COMMAND, main, measure, turns
from benchmarks.cluster_joins import Audience, Joins
from benchmarks.cluster_loads import ClusterLoad, Idle, OneEvent, SpreadFanOut
from benchmarks.cluster_requests import CallsElsewhere, SpreadWrites
from benchmarks.fanout import EventScene, RecordScene
from benchmarks.figures import Figures
from benchmarks.load import Pace
from benchmarks.membership import Cost, bytes_per_name, cost
from benchmarks.meter import Measured, bus_cost, shares
from benchmarks.nodes import Ground, Nodes
from benchmarks.onlooker import Onlooker
from benchmarks.sockets import Client
from benchmarks.spread import Site
from deepstream_protocol.binary import BinaryCodec
from deepstream_protocol.message import Message
from deepstream_protocol.topics import PresenceAction, Topic

pytestmark = [pytest.mark.redis, pytest.mark.xdist_group("benchmarks on clusters")]

SHORT = Pace(warm_up=0.05, seconds=0.3)

SMALL: list[ClusterLoad] = [
    SpreadFanOut("events", "", EventScene, subscribers=5, window=8),
    SpreadFanOut("record", "", RecordScene, subscribers=5, window=8),
    SpreadWrites("own", "", names=lambda writer: f"own/{writer}", writers=4),
    SpreadWrites("same", "", names=lambda writer: "same", writers=4),
    CallsElsewhere("calls", "", requesters=4),
    OneEvent("here", "", elsewhere=False),
    OneEvent("there", "", elsewhere=True),
    Joins("joins", "", at_once=4),
]


@pytest.fixture(scope="module")
def two_nodes() -> Iterator[Nodes]:
    """Two processes that no load here has used for what it uses."""
    with Ground(layer="pubsub", storage="sqlite") as ground, ground.nodes(2) as nodes:
        yield nodes


@pytest.mark.parametrize("load", SMALL, ids=lambda load: load.name)
def test_a_load_on_two_nodes_delivers_everything(load: ClusterLoad, two_nodes: Nodes) -> None:
    measured = measure(two_nodes, load, SHORT)
    figures = measured.figures
    assert (figures.errors, figures.undelivered, measured.faults) == (0, 0, 0)
    assert figures.operations > 3
    assert figures.seconds >= SHORT.seconds
    assert figures.p50 is not None
    assert figures.p99 is not None
    assert 0 < figures.p50 <= figures.p99
    if load.crosses:
        assert measured.items >= measured.batches > 0


def test_two_nodes_that_nobody_uses_cost_something_for_each_second(two_nodes: Nodes) -> None:
    measured = measure(two_nodes, Idle("idle", ""), Pace(seconds=1.0))
    assert measured.figures.operations == 2
    assert measured.faults == 0


async def test_the_onlooker_waits_for_all_nodes_and_reads_what_their_buses_count(two_nodes: Nodes) -> None:
    async with Onlooker(two_nodes) as onlooker:
        statuses = await onlooker.statuses()
        assert sorted(statuses) == ["node-0", "node-1"]
        before, after = await onlooker.totals(), await onlooker.totals()
    assert before["peers"] == 2
    assert after["sent"] > before["sent"]  # its questions went from node to node


@pytest.mark.parametrize(
    ("nodes", "places"), [(1, [0, 0, 0, 0, 0]), (2, [1, 0, 1, 0, 1]), (3, [1, 2, 0, 1, 2])]
)
def test_clients_are_placed_in_turns_and_the_last_one_at_the_last_node(nodes: int, places: list[int]) -> None:
    unused: list[Any] = [None] * nodes
    site = Site(Nodes(unused, "pubsub", "", (), ()), onlooker=unused[0])
    assert site.around(5) == places
    assert site.last == places[-1]


def test_the_core_layer_joins_nodes_as_well() -> None:
    with Ground(layer="core", storage="sqlite") as ground, ground.nodes(2) as nodes:
        measured = measure(nodes, SMALL[0], SHORT)
        keys = redis.Redis.from_url(nodes.redis_url).keys("*group*")
    assert (measured.figures.errors, measured.figures.undelivered) == (0, 0)
    assert keys  # that layer's groups are keys; those of the pub/sub layer are not


def test_the_command_prints_both_tables_and_writes_every_round(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report, document = tmp_path / "report.json", tmp_path / "document.md"
    document.write_text(f"before\n<!-- begin: {COMMAND} -->\nold\n<!-- end: {COMMAND} -->\nafter\n")
    call, what = "rpc-elsewhere", ["--nodes", "1", "2", "--storage", "sqlite"]
    how = ["--rounds", "1", "--seconds", "0.2", "--warm-up", "0.05"]
    main(["--load", call, *what, *how, "--json", str(report), "--markdown", str(document)])
    printed = capsys.readouterr()
    rows = [line.split()[:2] for line in printed.out.splitlines() if line.startswith(call)]
    assert rows == [[call, "1"], [call, "2"], [call, "2"]]
    assert "[2/2] rpc-elsewhere on 2 nodes, round 1" in printed.err
    assert "| rpc-elsewhere | 2 |" in document.read_text()
    measured = json.loads(report.read_text())
    assert [(run["load"], run["nodes"]) for run in measured["rounds"]] == [(call, 1), (call, 2)]
    assert all(run["summary"]["undelivered"] == 0 for run in measured["rounds"])
    assert "sqlite" in measured["environment"]["cluster"]


def test_sizes_take_turns_and_a_load_that_needs_another_node_is_not_put_on_one() -> None:
    loads = [SMALL[5], SMALL[6]]
    order = [(load.name, nodes, round_) for load, nodes, round_ in turns(loads, [1, 2], 2)]
    here = [("here", 1, 0), ("here", 2, 0), ("here", 2, 1), ("here", 1, 1)]
    assert order == [*here, ("there", 2, 0), ("there", 2, 1)]


def test_what_more_nodes_cost_more_is_put_down_to_their_batches() -> None:
    alone = [_measured(cpu=1.0), _measured(cpu=1.2), _measured(cpu=9.0)]
    together = [_measured(cpu=2.2, redis=0.3, batches=1000, items=4000)] * 3
    found = bus_cost(alone, together, crosses=True)
    assert found.per_operation == pytest.approx(100)  # µs: 1 s more for 10,000 operations
    assert found.per_batch == pytest.approx(1000)
    assert found.items_per_batch == pytest.approx(4)
    assert found.redis == pytest.approx(300)
    apart = bus_cost(alone, together, crosses=False)
    assert apart.per_operation == pytest.approx(100)
    assert apart.per_batch is None


def test_shares_are_those_of_a_second() -> None:
    assert shares([_measured(cpu=1.0, redis=0.5, batches=10)]) == {
        "redis": 0.25,
        "database": 0.0,
        "batches": 5.0,
    }


async def test_a_join_counts_when_everybody_has_heard_of_it_and_a_strange_one_is_an_error() -> None:
    loop = asyncio.get_running_loop()
    watchers = [Client(memoryview(bytearray(8))) for _ in range(2)]
    audience = Audience(watchers)
    audience.expect("ann")
    for watcher, (complete, errors) in zip([0, 0, 1], [(0, 0), (0, 1), (1, 1)], strict=True):
        watchers[watcher]._take([_joined("ann")])
        assert (audience.complete, audience.errors) == (complete, errors)
    watchers[0]._take([_joined("bob")])
    assert (audience.due, audience.complete, audience.errors) == (1, 1, 2)
    assert loop.time() > audience.latencies[0] > 0


async def test_a_heartbeat_names_every_node_so_all_of_them_together_grow_with_the_cube() -> None:
    small, large = await cost(3, beats=10), await cost(30, beats=10)
    assert large.size > 8 * small.size
    assert Cost(10, 1000, 0.001).traffic == 10 * 10 * 1000 / 2
    assert Cost(10, 1000, 0.001).share == pytest.approx(0.005)


def test_a_name_that_many_nodes_subscribe_to_costs_less_for_each() -> None:
    assert 50 < bytes_per_name(4) < bytes_per_name(1) < 2000


def _measured(*, cpu: float, redis: float = 0.0, batches: int = 0, items: int = 0) -> Measured:
    return Measured(Figures(10_000, 2.0, cpu, 0.1), redis, 0.0, batches, items, 0)


def _joined(user: str) -> bytes:
    return BinaryCodec().encode(Message(Topic.PRESENCE, PresenceAction.PRESENCE_JOIN_ALL, name=user))
