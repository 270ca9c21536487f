"""A record that is deleted and made anew is another record, whatever its version: on every store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest_asyncio

from cluster.volatile import RedisStore
from deepstream_project.config import RecordConfig
from deepstream_protocol.message import Message
from deepstream_protocol.topics import RecordAction, Topic
from tests.cluster.cluster_kit import Site, cluster, until
from tests.gateway.node_kit import Peer, config
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
