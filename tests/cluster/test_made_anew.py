"""A record that is deleted and made anew is another record, whatever its version: on every store."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import orjson
import pytest
import pytest_asyncio

from cluster.volatile import RedisStore
from deepstream_project.config import RecordConfig
from deepstream_protocol.message import Message
from deepstream_protocol.paths import set_path
from deepstream_protocol.topics import RecordAction, Topic
from records.storage import Committed, Row
from tests.cluster.cluster_kit import Site, cluster, until
from tests.gateway.node_kit import Peer, config
from tests.records.kit import StoreDouble, turns
from tests.records.store_kit import MakeStore, a_postgresql_database, make_store, postgresql, redis_stores

__all__ = ["a_postgresql_database", "make_store", "postgresql", "redis_stores"]

NAME = "volatile/a"


@pytest_asyncio.fixture
async def sites(make_store: MakeStore) -> AsyncIterator[list[Site]]:
    """Three nodes; in Redis are records that are never stored."""
    options: dict[str, Any] = {"make_store": make_store}
    if isinstance(make_store(), RedisStore):
        excluded = RecordConfig(storage_exclusion_prefixes=("volatile/",))
        options = {"make_volatile": make_store, "settings": replace(config(), record=excluded)}
    async with cluster(3, **options) as sites:
        yield sites


async def ask(site: Site, action: int, **fields: Any) -> Message:
    """What another client of ``site`` than all others is answered."""
    client = site.client()
    client.send(Message(Topic.RECORD, action, name=NAME, **fields))
    answer = await client.next()
    client.disconnect()
    return answer


async def write(site: Site, action: int, version: int, data: str, **fields: Any) -> Message:
    """The answer to a write whose acknowledgement is wanted."""
    return await ask(
        site, action, version=version, data=data, is_write_ack=True, correlation_id="w", **fields
    )


async def make(site: Site, data: str) -> None:
    """Make the record, at version 1."""
    answer = await write(site, RecordAction.CREATEANDUPDATE, 1, data)
    assert answer.action == RecordAction.WRITE_ACKNOWLEDGEMENT


async def delete(site: Site) -> None:
    assert (await ask(site, RecordAction.DELETE)).action == RecordAction.DELETE_SUCCESS


async def stored(site: Site) -> tuple[int | None, object]:
    """Version and data as a node reads them that knows nothing."""
    answer = await ask(site, RecordAction.READ)
    return answer.version, answer.value()


async def follower(site: Site) -> Peer:
    """A client that follows the record, at a node that knows it and hears of every change."""
    client = site.client()
    client.send(Message(Topic.RECORD, RecordAction.SUBSCRIBEANDREAD, names=[NAME]))
    await client.until(RecordAction.READ_RESPONSE)
    await until(lambda: site.members.covers is not None and site.members.covers(NAME))
    reader = site.node.records.pipelines.of(NAME).reader
    await until(lambda: reader.peek(NAME) is not None)
    return client


async def made_anew(here: Site, there: Site) -> Peer:
    """The record is another one, at the same version, and a client of ``there`` follows the old one: ``here``
    can say nothing."""
    await make(here, '{"was":1}')
    client = await follower(there)
    here.wire.gate.clear()
    await delete(here)
    await make(here, '{"is":1}')
    return client


async def test_a_write_to_the_record_that_was_is_refused_and_shown_the_one_that_is(sites: list[Site]) -> None:
    here, there, third = sites
    await made_anew(here, there)
    answer = await write(there, RecordAction.PATCH, 2, "1", path="late")
    assert answer.action == RecordAction.VERSION_EXISTS
    assert (answer.version, answer.value()) == (1, {"is": 1})
    assert await stored(third) == (1, {"is": 1})
    answer = await write(there, RecordAction.PATCH, 2, "2", path="merged")
    assert answer.action == RecordAction.WRITE_ACKNOWLEDGEMENT
    assert await stored(third) == (2, {"is": 1, "merged": 2})
    here.wire.gate.set()


async def test_a_write_of_whichever_version_comes_next_is_applied_to_the_record_that_is(
    sites: list[Site],
) -> None:
    here, there, third = sites
    await made_anew(here, there)
    answer = await write(there, RecordAction.PATCH, -1, "1", path="next")
    assert answer.action == RecordAction.WRITE_ACKNOWLEDGEMENT
    assert await stored(third) == (2, {"is": 1, "next": 1})
    here.wire.gate.set()


async def test_subscribers_are_told_of_the_record_that_is_before_they_are_told_of_a_change_to_it(
    sites: list[Site],
) -> None:
    here, there, _ = sites
    client = await made_anew(here, there)
    await write(there, RecordAction.PATCH, -1, "1", path="next")
    whole, patch = [await client.next() for _ in range(2)]
    assert (whole.action, whole.version, whole.value()) == (RecordAction.UPDATE, 1, {"is": 1})
    assert (patch.action, patch.version, patch.path) == (RecordAction.PATCH, 2, "next")
    here.wire.gate.set()


async def test_a_change_to_the_record_that_is_does_not_make_anything_of_the_one_that_was(
    sites: list[Site],
) -> None:
    """The node that made it anew, and patches it, is heard before the one that deleted it."""
    here, there, third = sites
    await make(here, '{"was":1}')
    client = await follower(there)
    here.wire.gate.clear()
    await delete(here)
    await make(third, '{"is":1}')
    await write(third, RecordAction.PATCH, 2, "1", path="next")
    shown: Any = {"was": 1}
    while shown != {"is": 1, "next": 1}:
        message = await client.next()
        if message.action == RecordAction.UPDATE:
            shown = message.value()
        else:
            shown = set_path(shown, message.path or "", message.value())
        assert shown in ({"is": 1}, {"is": 1, "next": 1})
    here.wire.gate.set()


async def test_a_node_writes_on_to_what_it_made_itself_without_a_further_look(sites: list[Site]) -> None:
    here, there, third = sites
    for number in range(3):
        await make(here, f'{{"life":{number}}}')
        client = await follower(there)
        for version in (2, 3):
            answer = await write(here, RecordAction.PATCH, version, str(version), path="n")
            assert answer.action == RecordAction.WRITE_ACKNOWLEDGEMENT
            assert (await client.next()).action == RecordAction.PATCH
        assert await stored(third) == (3, {"life": number, "n": 3})
        await delete(here)
        await client.until(RecordAction.DELETED)
        client.disconnect()


async def test_a_change_that_a_node_of_an_older_version_tells_goes_by_its_version(
    sites: list[Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there, _ = sites
    await make(here, '{"n":1}')
    client = await follower(there)
    monkeypatch.setattr(
        here.members, "publish_record", lambda message, id: here.members.publish("record", message)
    )
    for version in (2, 3):
        await write(here, RecordAction.PATCH, version, str(version), path="n")
        told = await client.next()
        assert (told.action, told.version, told.value()) == (RecordAction.PATCH, version, version)
    await delete(here)
    await client.until(RecordAction.DELETED)


async def test_a_write_that_waits_for_the_new_record_is_not_told_as_a_change_to_the_old_one() -> None:
    """The node hears of the deletion, but a client there writes before it has read what there is now."""
    store = StoreDouble()
    async with cluster(2, store=store) as (here, there):
        await make(here, '{"was":1}')
        client, writer = await follower(there), there.client()
        here.wire.gate.clear()
        await delete(here)
        await make(here, '{"is":1}')
        store.load_gate.close()
        here.wire.gate.set()
        await store.load_gate.arrived()
        write = {"name": NAME, "version": -1, "path": "next", "data": "1", "is_write_ack": True}
        writer.send(Message(Topic.RECORD, RecordAction.PATCH, correlation_id="w", **write))
        store.load_gate.open()
        assert (await writer.next()).action == RecordAction.WRITE_ACKNOWLEDGEMENT
        told = await client.next()
        while told.version != 2:
            told = await client.next()
        assert (told.action, told.value()) == (RecordAction.UPDATE, {"is": 1, "next": 1})


class Lives(StoreDouble):
    """Notes when a record goes on with what another one of its name was."""

    def __init__(self) -> None:
        super().__init__()
        self.changes = 0
        self.revenants: list[object] = []

    async def commit(self, rows: Sequence[Row]) -> Committed:
        before = {row.name: self.stored(row.name) for row in rows}
        committed = await super().commit(rows)
        for row in rows:
            stored = before[row.name]
            if row.data is not None and row.base >= 0 and row.name not in committed.refused:
                assert stored is not None
                was, is_now = orjson.loads(stored[1]), orjson.loads(row.data)
                self.changes += 1
                if was["life"] != is_now["life"]:
                    self.revenants.append((was, is_now))
        return committed


@pytest.mark.parametrize("seed", range(8))
async def test_whatever_the_delays_no_record_goes_on_with_what_another_one_was(seed: int) -> None:
    chance, store = random.Random(seed), Lives()
    async with cluster(3, store=store) as sites:
        clients = [site.client() for site in sites]
        screens = [Screen(site) for site in sites]
        for life in range(40):
            for site in sites:
                (site.wire.gate.set if chance.random() < 0.5 else site.wire.gate.clear)()
            for _ in range(6):
                say(chance.choice(screens).client, RecordAction.SUBSCRIBEANDREAD, names=[NAME])
                say(chance.choice(clients), RecordAction.PATCH, version=-1, path=f"n{life}", data="1")
                await turns(chance.randrange(4))
            say(chance.choice(clients), RecordAction.DELETE)
            await turns(chance.randrange(4))
            data = f'{{"life":{life}}}'
            say(chance.choice(clients), RecordAction.CREATEANDUPDATE, version=1, data=data)
            await turns(chance.randrange(4))
        for site in sites:
            site.wire.gate.set()
        await until(lambda: not any(site.node.records.pipelines.pending() for site in sites))
        await until(lambda: all(screen.shows(store.stored(NAME)) for screen in screens))
    assert store.changes > 20
    assert store.revenants == []


class Screen:
    """A client that makes of what it is sent what an official one does."""

    def __init__(self, site: Site) -> None:
        self.client = site.client()
        self._subscriptions = site.node.records.subscriptions
        self._shown: tuple[int | None, Any] = (None, None)

    def shows(self, stored: tuple[int, str] | None) -> bool:
        """Whether it shows what is ``stored``, or follows no record."""
        for message in self.client.take():
            match message.action:
                case RecordAction.READ_RESPONSE | RecordAction.UPDATE:
                    self._shown = message.version, message.value()
                case RecordAction.PATCH:
                    patched = set_path(self._shown[1], message.path or "", message.value())
                    self._shown = message.version, patched
        if not self._subscriptions.has(self.client.connection, NAME):
            return True
        version, text = stored or (-1, "{}")
        return self._shown == (version, orjson.loads(text))


def say(client: Peer, action: int, **fields: Any) -> None:
    if "names" not in fields:
        fields["name"] = NAME
    client.send(Message(Topic.RECORD, action, **fields))
