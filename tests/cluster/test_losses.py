"""What is lost, late or cut off is noticed and made good: no subscriber is left with an old record."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest
from redis.asyncio import Redis

from cluster.bus import GROUP
from deepstream_protocol.binary import BinaryCodec
from deepstream_protocol.message import Message
from deepstream_protocol.topics import EventAction, PresenceAction, RecordAction, RpcAction, Topic
from pubsub.arbiter import arbiter_of
from records.storage import Committed, Row, StoreError
from tests.cluster.cluster_kit import DEADLINE, REDIS, Site, cluster, covered, until
from tests.gateway.node_kit import Peer
from tests.records.kit import StoreDouble


async def subscribed(
    site: Site, name: str, action: RecordAction = RecordAction.SUBSCRIBECREATEANDREAD
) -> Peer:
    client = site.client()
    client.send(Message(Topic.RECORD, action, names=[name]))
    await client.until(RecordAction.READ_RESPONSE)
    return client


async def write(site: Site, name: str, version: int, data: str) -> None:
    """A write whose acknowledgement is waited for."""
    client = site.client()
    client.send(
        Message(
            Topic.RECORD,
            RecordAction.CREATEANDUPDATE,
            name=name,
            version=version,
            data=data,
            is_write_ack=True,
            correlation_id="w",
        )
    )
    assert (await client.next()).action == RecordAction.WRITE_ACKNOWLEDGEMENT
    client.disconnect()


async def next_update(client: Peer) -> tuple[int | None, object]:
    message = (await client.until(RecordAction.UPDATE))[-1]
    return message.version, message.value()


async def test_an_update_between_a_subscription_and_the_others_hearing_of_it_is_not_lost() -> None:
    async with cluster(2) as (here, there):
        await write(there, "a", -1, '{"n":1}')
        there.wire.gate.clear()  # what this node wants to say is held up
        here.wire.gate.clear()
        reader = await subscribed(here, "a")
        await write(there, "a", -1, '{"n":2}')
        assert there.members.nodes_at("record", "a") == ()
        here.wire.gate.set()
        there.wire.gate.set()
        assert await next_update(reader) == (2, {"n": 2})


@pytest.mark.parametrize("seed", range(8))
async def test_whatever_the_delays_every_subscriber_ends_with_the_last_version(seed: int) -> None:
    chance = random.Random(seed)
    async with cluster(3) as sites:

        async def delays() -> None:
            while True:
                gate = chance.choice(sites).wire.gate
                gate.clear()
                for _ in range(chance.randrange(20)):
                    await asyncio.sleep(0)
                gate.set()
                await asyncio.sleep(0)

        nuisance = asyncio.ensure_future(delays())
        readers: list[Peer] = []
        for number in range(1, 41):
            await write(chance.choice(sites), "a", -1, f'{{"n":{number}}}')
            if chance.random() < 0.3:
                readers.append(await subscribed(chance.choice(sites), "a"))
        nuisance.cancel()
        for site in sites:
            site.wire.gate.set()
        seen: dict[Peer, int] = {}

        def all_have_the_last() -> bool:
            for reader in readers:
                for message in reader.take():
                    if message.version is not None:
                        assert message.version > seen.get(reader, 0)
                        seen[reader] = message.version
            return all(seen.get(reader, 40) == 40 or reader not in seen for reader in readers)

        await until(all_have_the_last)


async def test_a_lost_batch_is_noticed_and_its_update_made_good() -> None:
    async with cluster(2) as (here, there):
        reader = await subscribed(here, "a")
        await covered(here, "a")
        there.wire.loses = lambda message: message["type"] == "deepstream.batch"
        await write(there, "a", -1, '{"n":1}')
        await until(lambda: there.members.bus.sent > 0)
        there.wire.loses = lambda message: False
        assert await next_update(reader) == (1, {"n": 1})
        assert here.members.bus.missed > 0


async def test_what_a_node_is_and_is_not_any_more_is_whole_again_after_losses() -> None:
    async with cluster(2) as (here, there):
        ann = here.client("ann")
        await until(lambda: bool(there.members.nodes_at("presence", "ann")))
        here.wire.loses = lambda message: message["type"] == "deepstream.batch"
        ann.disconnect()
        here.client("bob")
        here.client().send(Message(Topic.EVENT, EventAction.SUBSCRIBE, names=["news"]))
        await asyncio.sleep(0)
        here.wire.loses = lambda message: False
        await until(lambda: bool(there.members.nodes_at("presence", "bob")))
        await until(lambda: bool(there.members.nodes_at("event", "news")))
        assert not there.members.nodes_at("presence", "ann")


async def test_a_node_that_dies_takes_its_users_providers_and_listeners_with_it() -> None:
    async with cluster(3, beat=0.1, timeout=0.5) as (here, there, dying):
        watcher = here.client("watcher")
        watcher.send(Message(Topic.PRESENCE, PresenceAction.SUBSCRIBE_ALL))
        watcher.take()
        provider = dying.client("ann")
        provider.send(Message(Topic.RPC, RpcAction.PROVIDE, names=["add"]))
        provider.send(Message(Topic.RECORD, RecordAction.LISTEN, name=".*"))
        assert (await watcher.next()).name == "ann"
        await until(lambda: bool(here.members.nodes_at("record-listen", ".*")))
        asker = here.client()
        asker.send(Message(Topic.RPC, RpcAction.REQUEST, name="add", correlation_id="1"))
        await provider.until(RpcAction.REQUEST)
        dying.crash()
        left = await watcher.next()
        assert (left.action, left.name) == (PresenceAction.PRESENCE_LEAVE_ALL, "ann")
        assert (await asker.next()).action in (RpcAction.NO_RPC_PROVIDER, RpcAction.ACCEPT_TIMEOUT)
        for role, name in (("rpc", "add"), ("record-listen", ".*"), ("presence", "ann")):
            for site in (here, there):
                await until(lambda s=site, r=role, n=name: not s.members.nodes_at(r, n))  # type: ignore[misc]


async def test_a_node_that_was_cut_off_and_comes_back_is_whole_again() -> None:
    async with cluster(3, beat=0.1, timeout=0.5) as (here, there, cut):
        reader = await subscribed(cut, "a")
        await covered(cut, "a")
        cut.client("ann")
        await until(lambda: bool(here.members.nodes_at("presence", "ann")))
        cut.wire.is_cut = True
        await until(lambda: len(here.members.nodes()) == len(there.members.nodes()) == 1)
        await write(here, "a", -1, '{"n":1}')
        here.client("bob")
        cut.wire.is_cut = False
        assert await next_update(reader) == (1, {"n": 1})
        await until(lambda: bool(here.members.nodes_at("presence", "ann")))
        await until(lambda: bool(cut.members.nodes_at("presence", "bob")))
        assert all(len(site.members.nodes()) == 2 for site in (here, there, cut))


async def test_while_the_layer_is_down_nobody_is_declared_dead_and_local_traffic_goes_on() -> None:
    async with cluster(2, beat=0.1, timeout=0.4) as (here, there):
        reader = await subscribed(here, "a")
        there.client("ann")
        await until(lambda: bool(here.members.nodes_at("presence", "ann")))
        for site in (here, there):
            site.wire.is_cut = True
        await until(lambda: here.members.covers is not None and not here.members.covers("a"))
        await write(here, "a", -1, '{"n":1}')
        assert await next_update(reader) == (1, {"n": 1})
        await write(there, "a", -1, '{"n":2}')
        assert here.members.nodes_at("presence", "ann")
        asker = here.client()
        asker.send(Message(Topic.RECORD, RecordAction.READ, name="a"))
        assert (await asker.next()).version == 2
        for site in (here, there):
            site.wire.is_cut = False
        assert await next_update(reader) == (2, {"n": 2})
        await until(lambda: here.members.bus.problem() is None)


async def test_a_write_without_version_that_loses_is_judged_by_what_it_is_applied_to() -> None:
    """Each bid must be higher than the price that it replaces, on whichever node that was set."""
    from permissions.verdict import Denial

    asked: list[int] = []

    def higher(user: object, message: Message) -> dict[str, Denial] | None:
        if message.action != RecordAction.CREATEANDPATCH:
            return None
        asked.append(message.value())
        node = nodes[0] if not judged_there else nodes[1]
        state = node.node.records.pipelines.peek("a")
        price = state.value.get("price", 0) if state is not None else 0
        return None if message.value() > price else {"a": Denial.DENIED}

    judged_there = False
    async with cluster(2, check=higher) as nodes:
        here, there = nodes
        await write(here, "a", -1, '{"price":1}')
        bidder = await subscribed(here, "a")
        await covered(here, "a")
        there.wire.gate.clear()  # this node does not hear of the other bid in time
        judged_there = True
        other = there.client()
        await subscribed(there, "a")
        bid = {"name": "a", "version": -1, "path": "price", "is_write_ack": True, "correlation_id": "b"}
        other.send(Message(Topic.RECORD, RecordAction.CREATEANDPATCH, data="10", **bid))
        assert (await other.next()).action == RecordAction.WRITE_ACKNOWLEDGEMENT
        judged_there = False
        bidder.send(Message(Topic.RECORD, RecordAction.CREATEANDPATCH, data="5", **bid))
        answer = (await bidder.until(RecordAction.MESSAGE_DENIED))[-1]
        assert answer.is_error
        assert asked[-2:] == [5, 5]
        there.wire.gate.set()


async def test_a_record_that_is_deleted_and_made_anew_at_once_is_no_longer_shown_as_it_was() -> None:
    """The new one may have the very version of the old one."""
    async with cluster(2) as (here, there):
        await write(there, "a", -1, '{"was":1}')
        reader = await subscribed(here, "a")
        await covered(here, "a")
        await until(lambda: not here.node.records.pipelines.of("a").is_busy("a"))
        there.wire.gate.clear()
        client = there.client()
        client.send(Message(Topic.RECORD, RecordAction.DELETE, name="a"))
        assert (await client.next()).action == RecordAction.DELETE_SUCCESS
        await write(there, "a", -1, '{"is":1}')
        there.wire.gate.set()
        assert await next_update(reader) == (1, {"is": 1})


async def test_a_subscriber_who_was_shown_more_than_another_hears_of_the_deletion_of_that() -> None:
    async with cluster(2) as (here, there):
        there.wire.gate.clear()  # so it reads the store each time
        await subscribed(there, "a", RecordAction.SUBSCRIBEANDREAD)
        await write(here, "a", -1, '{"n":1}')
        reader = await subscribed(there, "a", RecordAction.SUBSCRIBEANDREAD)
        client = here.client()
        client.send(Message(Topic.RECORD, RecordAction.DELETE, name="a"))
        assert (await client.next()).action == RecordAction.DELETE_SUCCESS
        there.wire.gate.set()
        await reader.until(RecordAction.DELETED)


async def test_a_commit_of_which_nobody_knows_what_became_is_looked_up() -> None:
    """A database may store a commit and then not be able to say so."""

    class Mute(StoreDouble):
        is_mute = False

        async def commit(self, rows: Sequence[Row]) -> Committed:
            refused = await super().commit(rows)
            if self.is_mute:
                raise StoreError("the connection is gone")
            return refused

    store = Mute()
    async with cluster(2, store=store) as (here, there):
        await write(there, "a", -1, '{"n":1}')
        readers = [await subscribed(site, "a") for site in (here, there)]
        for site in (here, there):
            await covered(site, "a")
        store.is_mute = True
        client = here.client()
        update = Message(Topic.RECORD, RecordAction.UPDATE, name="a", version=2, data='{"n":2}')
        update.is_write_ack, update.correlation_id = True, "w"
        client.send(update)
        assert (await client.next()).action == RecordAction.RECORD_UPDATE_ERROR
        store.is_mute = False
        for reader in readers:
            assert await next_update(reader) == (2, {"n": 2})


async def test_what_was_dropped_because_it_waited_too_long_is_made_good_though_nothing_follows_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with cluster(2) as (here, there):
        reader = await subscribed(here, "a")
        await covered(here, "a")
        there.wire.gate.clear()
        await write(there, "a", -1, '{"n":1}')
        await until(lambda: not there.members.bus.peers[here.members.id].outgoing)  # it is on its way
        monkeypatch.setattr("cluster.lane.MAX_WAITING", 1)
        await write(there, "a", -1, '{"n":2}')
        assert there.members.bus.dropped == 1
        monkeypatch.undo()
        there.wire.gate.set()
        assert await next_update(reader) == (1, {"n": 1})
        assert await next_update(reader) == (2, {"n": 2})


async def test_a_clock_that_is_set_back_makes_no_node_deaf(monkeypatch: pytest.MonkeyPatch) -> None:
    now = itertools.count(2_000_000_000, -60)
    monkeypatch.setattr("time.time", lambda: float(next(now)))
    async with cluster(2, beat=0.1, timeout=0.5) as (here, cut):
        here.client("ann")
        await until(lambda: bool(cut.members.nodes_at("presence", "ann")))
        for user in ("bob", "cleo"):
            cut.wire.is_cut = True
            await until(lambda: not here.members.nodes())
            cut.wire.is_cut = False
            here.client(user)
            await until(partial(cut.members.nodes_at, "presence", user))


async def test_a_group_that_the_layer_forgot_is_joined_again() -> None:
    """As after a restart of Redis, or when the layer takes a membership for too old."""
    async with cluster(2, kind="core", beat=0.1, timeout=2.0) as sites:
        async with Redis.from_url(REDIS) as redis:
            assert await redis.delete(f"{sites[0].layers.prefix}:group:{GROUP}") == 1
        for site in sites:
            site.members.bus.is_connected.clear()
            async with asyncio.timeout(DEADLINE):
                await site.members.bus.is_connected.wait()


@pytest.mark.parametrize("lost", [RecordAction.SUBSCRIPTION_FOR_PATTERN_FOUND, RecordAction.LISTEN_REJECT])
async def test_a_search_for_a_provider_outlives_the_loss_of_a_question_or_an_answer(
    lost: RecordAction,
) -> None:
    async with cluster(2) as (arbiter, other):
        name = next(
            name
            for name in map(str, itertools.count())
            if arbiter_of(name, (arbiter.members.id, other.members.id)) == arbiter.members.id
        )
        listeners = [other.client(), arbiter.client()]
        for listener in listeners:
            listener.send(Message(Topic.RECORD, RecordAction.LISTEN, name=".*"))
            assert (await listener.next()).is_ack
        await until(lambda: bool(arbiter.members.nodes_at("record-listen", ".*")))
        ends: dict[int, Site] = {RecordAction.SUBSCRIPTION_FOR_PATTERN_FOUND: arbiter}
        wire = ends.get(lost, other).wire
        losses: list[object] = []

        def loses(message: dict[str, Any]) -> bool:
            found = message["type"] == "deepstream.batch" and any(
                item[0] == "message" and BinaryCodec().decode(item[1])[0].action == lost
                for item in message["batch"][2]
            )
            if found and not losses:
                losses.append(message)
                return True
            return False

        wire.loses = loses
        await subscribed(other, name)
        near, far = listeners
        if lost == RecordAction.LISTEN_REJECT:
            reject = Message(Topic.RECORD, RecordAction.LISTEN_REJECT, name=".*", subscription=name)
            await near.until(RecordAction.SUBSCRIPTION_FOR_PATTERN_FOUND)
            near.send(reject)
            await near.until(RecordAction.SUBSCRIPTION_FOR_PATTERN_FOUND)  # it cannot know that it was lost
            near.send(reject)
            await far.until(RecordAction.SUBSCRIPTION_FOR_PATTERN_FOUND)
        else:
            await near.until(RecordAction.SUBSCRIPTION_FOR_PATTERN_FOUND)
        assert losses
