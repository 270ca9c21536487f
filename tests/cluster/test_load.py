"""Sixty clients and ten thousand writes on three nodes: one winner for each version, one state for all."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from contextlib import AsyncExitStack

import orjson
import pytest

from deepstream_protocol.message import Message
from deepstream_protocol.topics import RecordAction, Topic
from tests.cluster.conftest import StartFleet
from tests.cluster.fleet import Fleet
from tests.cluster.population import Counter, read
from tests.robustness.client import Client
from tests.robustness.crowd import Crowd
from tests.servers import configuration

pytestmark = [pytest.mark.postgres, pytest.mark.redis, pytest.mark.xdist_group("cluster-load")]

CLIENTS, COUNTERS, TIMES = 60, 5, 3
RECORDS, WRITES, WRITERS, IN_FLIGHT = 40, 10_000, 12, 20
KEYS = ("z", "a", "long name", "ü", "b.c", "d[2]", "e[0].f")
VALUES = (
    "1.0", "-0.0", "1e21", "12345678901234567890", "0.1", "1E-7", "9007199254740993", "null", "true", "[ ]",
    '"text"', '"\\u00fc \\u2028 \\ud83d\\ude00"', '{ "z": 1,  "a": [1.50, {"b": null}] }',
    '{"zz":1,"a":{"y":[],"x":{}}}',
)  # fmt: skip


@pytest.fixture(scope="module")
def fleet(start_fleet: StartFleet) -> Iterator[Fleet]:
    return start_fleet(config=configuration(record={"storageExclusionPrefixes": ["tmp/"]}))


async def spread(stack: AsyncExitStack, fleet: Fleet, count: int) -> list[Client]:
    """Logged-in clients, one after the other on each node."""
    crowds = [await stack.enter_async_context(Crowd(port)) for port in fleet.ports]
    return await asyncio.gather(*(crowds[number % len(crowds)].login() for number in range(count)))


@pytest.mark.parametrize(("prefix", "stored"), [("counter", COUNTERS), ("tmp", 0)])
async def test_counters_that_sixty_clients_on_three_nodes_increment_end_exact(
    fleet: Fleet, prefix: str, stored: int
) -> None:
    """Whether the database decides between them or, for records that it never has, Redis does."""
    names = [f"{prefix}/{number}" for number in range(COUNTERS)]
    async with AsyncExitStack() as stack:
        clients = await spread(stack, fleet, CLIENTS)
        for name in names:
            create = Message(
                Topic.RECORD, RecordAction.CREATEANDUPDATE, name=name, version=-1, data='{"n":0}'
            )
            await clients[0].write(create)
        counters = [Counter(client, random.Random()) for client in clients]
        async with asyncio.timeout(60):
            await asyncio.gather(*(counter.increment(names, TIMES) for counter in counters))
        for client in clients[: len(fleet.nodes)]:
            for name in names:
                answer = await read(client, name)
                assert (answer.version, answer.value()) == (1 + CLIENTS * TIMES, {"n": CLIENTS * TIMES})
    assert sum(counter.conflicts for counter in counters) > CLIENTS
    rows = fleet.sql(f"SELECT data FROM records_record WHERE name LIKE '{prefix}/%%'")
    assert [orjson.loads(text) for (text,) in rows] == [{"n": CLIENTS * TIMES}] * stored


def random_write(name: str, chance: random.Random) -> Message:
    """A write of any kind, of whatever version comes next."""
    kind = chance.choice((RecordAction.CREATEANDUPDATE, *[RecordAction.CREATEANDPATCH] * 6))
    message = Message(Topic.RECORD, kind, name=name, version=-1, data=chance.choice(VALUES))
    if kind == RecordAction.CREATEANDPATCH:
        message.path = chance.choice(KEYS)
    else:
        message.data = f'{{ "{chance.choice("zyx")}" : {message.data}, "a":{chance.choice(VALUES)} }}'
    return message


async def test_after_ten_thousand_random_writes_all_nodes_have_the_same_bytes(fleet: Fleet) -> None:
    names = [f"random/{number}" for number in range(RECORDS)]
    seed = random.randrange(1 << 32)
    async with AsyncExitStack() as stack:
        clients = await spread(stack, fleet, WRITERS + len(fleet.nodes))
        for client in clients[WRITERS:]:  # on each node one that follows all of them
            await client.ask(Message(Topic.RECORD, RecordAction.SUBSCRIBECREATEANDREAD, names=names))

        async def write(client: Client, chance: random.Random) -> None:
            for _ in range(WRITES // WRITERS // IN_FLIGHT):
                batch = [random_write(chance.choice(names), chance) for _ in range(IN_FLIGHT)]
                for answer in await asyncio.gather(*(client.write(message) for message in batch)):
                    assert answer.action == RecordAction.WRITE_ACKNOWLEDGEMENT, answer

        async with asyncio.timeout(60):
            await asyncio.gather(
                *(write(client, random.Random(seed + n)) for n, client in enumerate(clients[:WRITERS]))
            )
        await asyncio.to_thread(fleet.settle)
        followed = [[await read(client, name) for name in names] for client in clients[WRITERS:]]
    fresh = await asyncio.to_thread(reborn, fleet)
    async with Crowd(fresh) as crowd:
        client = await crowd.login()
        loaded = [await read(client, name) for name in names]
    for node in followed:
        for one, other in zip(node, loaded, strict=True):
            assert (one.version, one.data) == (other.version, other.data), (seed, one.name)


def reborn(fleet: Fleet) -> int:
    """The port of a node that has forgotten all it knew."""
    fleet.nodes[0].restart()
    fleet.settle()
    return fleet.ports[0]
