"""Processes that are no nodes find one through the channel layer, and have things done there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from cluster.operations import OperationError
from cluster.operator import ClusterOperator
from cluster.outside import Outside
from cluster.volatile import RedisStore
from deepstream_project.config import Config, ConfigError, RecordConfig
from deepstream_protocol.message import Message
from deepstream_protocol.topics import EventAction, Topic
from gateway.clustering import open_volatile
from gateway.operations import Operations
from tests.cluster.cluster_kit import Layers, Site, cluster, until

TIMEOUT = 5.0


class World:
    """Two nodes with operators, and a process beside them."""

    def __init__(self, sites: list[Site], outside: Outside) -> None:
        self.sites = sites
        self.outside = outside
        self.operators = [ClusterOperator(site.members, Operations(site.node).outcome) for site in sites]


@pytest_asyncio.fixture(params=["pubsub", "core"])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    async with cluster(2, kind=request.param) as sites:
        layers: Layers = sites[0].layers
        made = World(sites, Outside(layers.make()))
        yield made
        for operator in made.operators:
            operator.close()


async def test_what_is_written_and_emitted_from_outside_reaches_clients(world: World) -> None:
    client = world.sites[1].client()
    client.send(Message(Topic.EVENT, EventAction.SUBSCRIBE, names=["news"]))
    client.take()
    await until(lambda: bool(world.sites[0].members.nodes_at("event", "news")))
    emit = {"name": "news", "data": [1]}
    await world.outside.perform("event.emit", emit, node=None, timeout=TIMEOUT)
    assert (await client.next()).value() == [1]
    write = {"name": "a", "data": {"x": 1}}
    await world.outside.perform("record.write", write, node="node-1", timeout=TIMEOUT)
    found = await world.outside.perform("record.read", {"name": "a"}, node="node-0", timeout=TIMEOUT)
    assert found == {"version": 1, "data": {"x": 1}}


async def test_every_node_answers_for_itself_whoever_asks(world: World) -> None:
    for ask in (world.outside.perform_everywhere, world.operators[0].perform_everywhere):
        outcomes = await ask("record.read", {"name": "none"}, timeout=TIMEOUT)
        assert {node: outcome.get() for node, outcome in outcomes.items()} == {"node-0": None, "node-1": None}


async def test_errors_come_back_as_what_they_are(world: World) -> None:
    with pytest.raises(OperationError, match="no node 'nobody'"):
        await world.outside.perform("record.read", {"name": "a"}, node="nobody", timeout=TIMEOUT)
    write = {"name": "a", "data": {}, "version": 7}
    with pytest.raises(OperationError) as refused:
        await world.outside.perform("record.write", write, node=None, timeout=TIMEOUT)
    assert refused.value.code == "conflict"
    assert refused.value.details == {"version": 0, "data": {}}


async def test_without_a_live_node_the_reason_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cluster.outside.SEARCH_TIMEOUT", 0.1)
    layers = Layers("pubsub")
    with pytest.raises(OperationError, match="is one running") as nobody:
        await Outside(layers.make()).perform("node.hello", {}, node=None, timeout=TIMEOUT)
    assert nobody.value.code == "no-server"
    await layers.close()


async def test_a_node_that_does_not_answer_is_an_error_of_its_own(world: World) -> None:
    world.sites[1].wire.gate.clear()
    outcomes = await world.operators[0].perform_everywhere("node.hello", {}, timeout=0.3)
    assert outcomes["node-0"].get() is None
    error = outcomes["node-1"].error
    assert error is not None
    assert error.code == "timeout"
    world.sites[1].wire.gate.set()
    await asyncio.sleep(0)


# Where records that are never stored are


def volatile(settings: object, backend: str, prefixes: tuple[str, ...] = ("tmp/",)) -> RedisStore | None:
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": backend}}  # type: ignore[attr-defined]
    return open_volatile(Config(record=RecordConfig(storage_exclusion_prefixes=prefixes)))


async def test_records_that_are_never_stored_are_in_this_process_or_in_redis_or_refused(
    settings: object,
) -> None:
    assert volatile(settings, "channels.layers.InMemoryChannelLayer") is None
    assert volatile(settings, "channels_redis.core.RedisChannelLayer", ()) is None
    store = volatile(settings, "channels_redis.pubsub.RedisPubSubChannelLayer")
    assert isinstance(store, RedisStore)
    await store.close()
    with pytest.raises(ConfigError, match="set REDIS_URL, or leave out storageExclusionPrefixes"):
        volatile(settings, "channels_rabbitmq.core.RabbitmqChannelLayer")
