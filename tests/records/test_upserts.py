"""Tests of creating, deleting and of the prefix options: PROTOCOL.md section 5, through the handler."""

from __future__ import annotations

import pytest

from deepstream_protocol.topics import RecordAction
from records.names import MAX_NAME_LENGTH
from records.storage import StoreError
from tests.records.kit import acknowledged, actions, patched, read, record, updated
from tests.records.writes_kit import EXISTING, a_world, ids

# Upserts


@pytest.mark.parametrize("version", [1, -1])
async def test_an_upsert_creates_what_is_missing_and_is_seen_as_an_update(version: int) -> None:
    world, writer, subscriber = await a_world()
    replies = await world.ask(
        writer, RecordAction.CREATEANDUPDATE, name="new", version=version, data="[1]", **ids()
    )
    assert replies == [acknowledged("new", "9")]
    assert world.store.stored("new") == (1, "[1]")
    assert subscriber.take() == [updated("new", 1, "[1]")]


async def test_an_upsert_of_a_path_creates_what_is_missing_and_is_seen_as_a_patch() -> None:
    world, writer, subscriber = await a_world()
    fields = {"version": -1, "path": "a.b", "data": "1"}
    assert await world.ask(writer, RecordAction.CREATEANDPATCH, name="new", **fields) == []
    assert world.store.stored("new") == (1, '{"a":{"b":1}}')
    assert subscriber.take() == [patched("new", 1, "a.b", "1")]


async def test_an_upsert_of_what_exists_is_the_next_write() -> None:
    world, writer, subscriber = await a_world()
    await world.ask(writer, RecordAction.CREATEANDUPDATE, name="r", version=-1, data="{}")
    await world.ask(writer, RecordAction.CREATEANDPATCH, name="r", version=5, path="b[0]", data="1")
    assert world.store.stored("r") == (5, '{"b":[1]}')
    assert subscriber.take() == [updated("r", 4, "{}"), patched("r", 5, "b[0]", "1")]


@pytest.mark.parametrize(
    ("name", "version", "answer", "current"),
    [
        ("r", 3, RecordAction.VERSION_EXISTS, (3, '{"a":1}')),
        ("r", 7, RecordAction.INVALID_VERSION, (3, '{"a":1}')),
        ("new", 0, RecordAction.VERSION_EXISTS, (0, "{}")),
        ("new", 4, RecordAction.INVALID_VERSION, (0, "{}")),
    ],
)
async def test_the_version_of_an_upsert_is_checked_too(
    name: str, version: int, answer: int, current: tuple[int, str]
) -> None:
    world, writer, subscriber = await a_world()
    (reply,) = await world.ask(writer, RecordAction.CREATEANDUPDATE, name=name, version=version, data="{}")
    assert (reply.action, (reply.version, reply.data)) == (answer, current)
    assert reply.original_action == RecordAction.CREATEANDUPDATE
    assert world.store.commits == []
    assert subscriber.take() == []


@pytest.mark.parametrize("name", ["x" * (MAX_NAME_LENGTH + 1), "a\0b"])
async def test_an_upsert_cannot_create_a_record_with_a_name_that_no_record_can_have(name: str) -> None:
    world, writer, _ = await a_world()
    replies = await world.ask(writer, RecordAction.CREATEANDUPDATE, name=name, version=-1, data="{}")
    assert actions(replies) == [RecordAction.RECORD_CREATE_ERROR]
    assert world.store.commits == []


# Deletion


async def test_a_deletion_is_told_to_its_author_and_to_all_others_and_unsubscribes_everybody() -> None:
    world, writer, subscriber = await a_world()
    deleter = await world.subscriber("r")
    assert await world.ask(deleter, RecordAction.DELETE, name="r") == [
        record(RecordAction.DELETE_SUCCESS, "r")
    ]
    assert subscriber.take() == [record(RecordAction.DELETED, "r")]
    assert world.store.stored("r") is None
    await world.ask(writer, RecordAction.CREATEANDUPDATE, name="r", version=-1, data="{}")
    assert (subscriber.take(), deleter.take()) == ([], [])


async def test_deleting_what_does_not_exist_succeeds_and_unsubscribes_too() -> None:
    world, writer, subscriber = await a_world()
    assert await world.ask(writer, RecordAction.DELETE, name="new") == [
        record(RecordAction.DELETE_SUCCESS, "new")
    ]
    assert subscriber.take() == [record(RecordAction.DELETED, "new")]
    assert world.store.commits == []


async def test_a_record_that_is_created_again_begins_anew() -> None:
    world, writer, _ = await a_world()
    world.say(writer, RecordAction.DELETE, name="r")
    world.write(writer, "r", 4, "{}", "1")
    world.say(writer, RecordAction.CREATEANDUPDATE, name="r", version=-1, data="[1]", **ids())
    world.write(writer, "r", 2, "[2]", "2")
    await world.settled()
    assert actions(writer.take()) == [
        RecordAction.DELETE_SUCCESS,
        RecordAction.RECORD_UPDATE_ERROR,
        RecordAction.WRITE_ACKNOWLEDGEMENT,
        RecordAction.WRITE_ACKNOWLEDGEMENT,
    ]
    assert world.store.stored("r") == (2, "[2]")


async def test_a_deletion_that_the_store_does_not_take_is_an_error_and_nobody_else_hears_of_it() -> None:
    world, writer, subscriber = await a_world()
    world.store.commit_errors.append(StoreError("down"))
    (reply,) = await world.ask(writer, RecordAction.DELETE, name="r")
    assert (reply.action, reply.name, reply.is_error) == (RecordAction.RECORD_DELETE_ERROR, "r", True)
    assert subscriber.take() == []
    world.write(writer, "r", 4, "{}")
    await world.settled()
    assert subscriber.take() == [updated("r", 4, "{}")]


# Prefixes


async def test_an_upsert_on_the_hot_path_is_not_version_checked() -> None:
    world, writer, subscriber = await a_world(storage_hot_path_prefixes=("r", "hot/"))
    for version in (1, 99, 4):
        await world.ask(writer, RecordAction.CREATEANDUPDATE, name="r", version=version, data=f"[{version}]")
    assert subscriber.take() == [updated("r", 4, "[1]"), updated("r", 5, "[99]"), updated("r", 6, "[4]")]
    assert world.store.stored("r") == (6, "[4]")
    assert await world.ask(
        writer, RecordAction.CREATEANDUPDATE, name="hot/1", version=-1, data="{}", **ids()
    ) == [acknowledged("hot/1", "9")]


async def test_a_path_cannot_be_written_on_the_hot_path() -> None:
    world, writer, _ = await a_world(storage_hot_path_prefixes=("r",))
    (reply,) = await world.ask(
        writer, RecordAction.CREATEANDPATCH, name="r", version=-1, path="a", data="1", **ids()
    )
    assert (reply.action, reply.original_action, reply.correlation_id) == (
        RecordAction.INVALID_PATCH_ON_HOTPATH,
        RecordAction.CREATEANDPATCH,
        "9",
    )
    assert world.store.stored("r") == EXISTING["r"]


async def test_other_writes_on_the_hot_path_are_version_checked() -> None:
    world, writer, _ = await a_world(storage_hot_path_prefixes=("r",))
    world.write(writer, "r", 3, "{}")
    world.write(writer, "r", 4, "1", "1", path="b")
    await world.settled()
    assert actions(writer.take()) == [RecordAction.VERSION_EXISTS, RecordAction.WRITE_ACKNOWLEDGEMENT]


async def test_records_excluded_from_storage_live_in_memory_alone() -> None:
    world, writer, _ = await a_world(storage_exclusion_prefixes=("tmp/",))
    subscriber = await world.subscriber("tmp/1")
    loads = len(world.store.loads)
    world.say(writer, RecordAction.CREATEANDUPDATE, name="tmp/1", version=-1, data="[1]", **ids())
    world.write(writer, "tmp/1", 2, "[2]", "1")
    world.write(writer, "tmp/1", 2, "[3]", "2")
    await world.settled()
    assert actions(writer.take()) == [
        RecordAction.WRITE_ACKNOWLEDGEMENT,
        RecordAction.WRITE_ACKNOWLEDGEMENT,
        RecordAction.VERSION_EXISTS,
    ]
    assert subscriber.take() == [updated("tmp/1", 1, "[1]"), updated("tmp/1", 2, "[2]")]
    assert await world.ask(writer, RecordAction.READ, name="tmp/1") == [read("tmp/1", 2, "[2]")]
    await world.ask(writer, RecordAction.DELETE, name="tmp/1")
    assert subscriber.take() == [record(RecordAction.DELETED, "tmp/1")]
    assert world.store.commits == []
    assert len(world.store.loads) == loads
