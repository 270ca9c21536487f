"""Clients on different nodes see one server: every kind of channel layer, all nodes in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from deepstream_protocol.message import Message
from deepstream_protocol.topics import EventAction, PresenceAction, RecordAction, RpcAction, Topic
from tests.cluster.cluster_kit import Site, cluster, covered, until
from tests.gateway.node_kit import Peer


@pytest_asyncio.fixture(params=["memory", "pubsub", "core"])
async def sites(request: pytest.FixtureRequest) -> AsyncIterator[list[Site]]:
    async with cluster(3, kind=request.param) as sites:
        yield sites


async def subscribe(client: Peer, name: str) -> Message:
    client.send(Message(Topic.RECORD, RecordAction.SUBSCRIBECREATEANDREAD, names=[name]))
    return (await client.until(RecordAction.READ_RESPONSE))[-1]


async def test_an_event_reaches_the_subscribers_on_every_node_once(sites: list[Site]) -> None:
    clients = [site.client() for site in sites]
    for client in clients:
        client.send(Message(Topic.EVENT, EventAction.SUBSCRIBE, names=["news"]))
        client.take()
    emitter = sites[0]
    await until(lambda: len(emitter.members.nodes_at("event", "news")) == 2)
    clients[0].send(Message(Topic.EVENT, EventAction.EMIT, name="news", data="1"))
    clients[0].send(Message(Topic.EVENT, EventAction.EMIT, name="news", data="2"))
    for client in clients[1:]:
        assert [(await client.next()).value() for _ in range(2)] == [1, 2]
        assert client.take() == []
    assert clients[0].take() == []


async def test_a_write_on_one_node_reaches_the_subscribers_of_the_others_as_what_it_is(
    sites: list[Site],
) -> None:
    writer, reader = sites[0].client(), sites[1].client()
    await subscribe(writer, "a/1")
    await subscribe(reader, "a/1")
    for site in sites[:2]:
        await covered(site, "a/1")
    patch = Message(Topic.RECORD, RecordAction.PATCH, name="a/1", version=1, path="x", data="1")
    writer.send(patch)
    assert await reader.next() == patch
    reader.send(Message(Topic.RECORD, RecordAction.PATCH, name="a/1", version=2, path="y", data="2"))
    assert (await writer.next()).version == 2
    late = sites[2].client()
    answer = await subscribe(late, "a/1")
    assert (answer.version, answer.value()) == (2, {"x": 1, "y": 2})


async def test_two_writers_of_one_version_on_two_nodes_have_one_winner(sites: list[Site]) -> None:
    ann, bob = sites[0].client(), sites[1].client()
    for site, client in zip(sites, (ann, bob), strict=False):
        await subscribe(client, "a/1")
        await covered(site, "a/1")
    for number, client in enumerate((ann, bob)):
        data = f'{{"by":{number}}}'
        client.send(
            Message(
                Topic.RECORD,
                RecordAction.UPDATE,
                name="a/1",
                version=1,
                data=data,
                is_write_ack=True,
                correlation_id="w",
            )
        )
    answers = [await ann.next(), await bob.next()]
    actions = sorted(answer.action for answer in answers)
    assert RecordAction.WRITE_ACKNOWLEDGEMENT in actions
    assert (RecordAction.VERSION_EXISTS in actions) or (RecordAction.UPDATE in actions)


async def test_a_deletion_is_told_everywhere_and_what_is_made_anew_begins_anew(sites: list[Site]) -> None:
    ann, bob = sites[0].client(), sites[1].client()
    await subscribe(ann, "a/1")
    await subscribe(bob, "a/1")
    await covered(sites[1], "a/1")
    ann.send(Message(Topic.RECORD, RecordAction.DELETE, name="a/1"))
    assert (await bob.next()).action == RecordAction.DELETED
    answer = await subscribe(bob, "a/1")
    assert (answer.version, answer.value()) == (0, {})


async def test_a_call_goes_to_a_provider_on_another_node_and_from_node_to_node_until_one_wants_it(
    sites: list[Site],
) -> None:
    asker = sites[0].client()
    providers = [site.client() for site in sites[1:]]
    for provider in providers:
        provider.send(Message(Topic.RPC, RpcAction.PROVIDE, names=["add"]))
        provider.take()
    await until(lambda: len(sites[0].members.nodes_at("rpc", "add")) == 2)
    asker.send(Message(Topic.RPC, RpcAction.REQUEST, name="add", correlation_id="c", data="[1,2]"))
    waits = [asyncio.ensure_future(provider.next()) for provider in providers]
    (first,), (second,) = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    request = first.result()
    rejecter, other = (providers[0], providers[1]) if first is waits[0] else (providers[1], providers[0])
    rejecter.send(Message(Topic.RPC, RpcAction.REJECT, name="add", correlation_id=request.correlation_id))
    request = await second
    assert request.value() == [1, 2]
    answer = {"name": "add", "correlation_id": request.correlation_id}
    other.send(Message(Topic.RPC, RpcAction.ACCEPT, **answer))
    other.send(Message(Topic.RPC, RpcAction.RESPONSE, data="3", **answer))
    accepted, response = await asker.next(), await asker.next()
    assert (accepted.action, accepted.correlation_id) == (RpcAction.ACCEPT, "c")
    assert (response.action, response.correlation_id, response.value()) == (RpcAction.RESPONSE, "c", 3)


async def test_a_call_that_all_nodes_reject_has_no_provider(sites: list[Site]) -> None:
    asker, provider = sites[0].client(), sites[1].client()
    provider.send(Message(Topic.RPC, RpcAction.PROVIDE, names=["add"]))
    provider.take()
    await until(lambda: bool(sites[0].members.nodes_at("rpc", "add")))
    asker.send(Message(Topic.RPC, RpcAction.REQUEST, name="add", correlation_id="c"))
    request = await provider.next()
    provider.send(Message(Topic.RPC, RpcAction.REJECT, name="add", correlation_id=request.correlation_id))
    assert (await asker.next()).action == RpcAction.NO_RPC_PROVIDER


async def test_a_user_is_online_as_long_as_one_node_has_a_socket_of_his(sites: list[Site]) -> None:
    watcher = sites[2].client("watcher")
    watcher.send(Message(Topic.PRESENCE, PresenceAction.SUBSCRIBE_ALL))
    watcher.take()
    ann_here, ann_there = sites[0].client("ann"), sites[1].client("ann")
    assert (await watcher.next()).name == "ann"
    await until(lambda: len(sites[2].members.nodes_at("presence", "ann")) == 2)
    ann_here.disconnect()
    await until(lambda: len(sites[2].members.nodes_at("presence", "ann")) == 1)
    assert watcher.take() == []
    ann_there.disconnect()
    left = await watcher.next()
    assert (left.action, left.name) == (PresenceAction.PRESENCE_LEAVE_ALL, "ann")


async def test_a_listener_on_another_node_provides_and_stops_when_the_last_subscriber_is_gone(
    sites: list[Site],
) -> None:
    listener, subscriber, other = sites[0].client(), sites[1].client(), sites[2].client()
    listener.send(Message(Topic.RECORD, RecordAction.LISTEN, name="^a/.*"))
    assert (await listener.next()).is_ack
    await subscribe(subscriber, "a/1")
    found = await listener.next()
    assert (found.action, found.name, found.subscription) == (
        RecordAction.SUBSCRIPTION_FOR_PATTERN_FOUND,
        "^a/.*",
        "a/1",
    )
    listener.send(Message(Topic.RECORD, RecordAction.LISTEN_ACCEPT, name="^a/.*", subscription="a/1"))
    assert (await subscriber.next()).action == RecordAction.SUBSCRIPTION_HAS_PROVIDER
    await until(lambda: bool(sites[2].members.nodes_at("record-provide", "a/1")))
    other.send(Message(Topic.RECORD, RecordAction.SUBSCRIBEANDREAD, names=["a/1"]))
    assert RecordAction.SUBSCRIPTION_HAS_PROVIDER in {
        message.action for message in await other.until(RecordAction.READ_RESPONSE)
    }
    await until(lambda: len(sites[0].members.nodes_at("record", "a/1")) == 2)
    subscriber.send(Message(Topic.RECORD, RecordAction.UNSUBSCRIBE, names=["a/1"]))
    await subscriber.next()
    await until(lambda: len(sites[0].members.nodes_at("record", "a/1")) == 1)
    assert listener.take() == []
    other.send(Message(Topic.RECORD, RecordAction.UNSUBSCRIBE, names=["a/1"]))
    assert (await listener.next()).action == RecordAction.SUBSCRIPTION_FOR_PATTERN_REMOVED


async def test_when_the_provider_is_gone_a_listener_on_another_node_is_asked(sites: list[Site]) -> None:
    listeners = [sites[0].client(), sites[1].client()]
    subscriber = sites[2].client()
    await subscribe(subscriber, "a/1")
    for listener in listeners:
        listener.send(Message(Topic.RECORD, RecordAction.LISTEN, name="^a/.*"))
    provided: list[Peer] = []
    for _ in listeners:
        waits = {
            asyncio.ensure_future(listener.until(RecordAction.SUBSCRIPTION_FOR_PATTERN_FOUND)): listener
            for listener in listeners
            if listener not in provided
        }
        done, left = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for task in left:
            task.cancel()
        (found,) = done
        listener = waits[found]
        provided.append(listener)
        listener.send(Message(Topic.RECORD, RecordAction.LISTEN_ACCEPT, name="^a/.*", subscription="a/1"))
        assert (await subscriber.next()).action == RecordAction.SUBSCRIPTION_HAS_PROVIDER
        if listener is not listeners[-1] or len(provided) == 1:
            listener.disconnect()
            assert (await subscriber.next()).action == RecordAction.SUBSCRIPTION_HAS_NO_PROVIDER
