"""Tests of writes that the store does not take, or that others were faster with."""

from __future__ import annotations

import pytest

from deepstream_protocol.binary import BinaryCodec
from deepstream_protocol.topics import RecordAction
from records.storage import StoreError
from tests.pubsub.kit import JSON
from tests.records.kit import acknowledged, actions, patched, read, record, updated
from tests.records.writes_kit import a_world, ids

# The store fails


async def test_a_write_that_is_not_stored_is_an_error_that_nobody_else_hears_of() -> None:
    world, writer, subscriber = await a_world()
    world.store.commit_errors.append(StoreError("down"))
    world.write(writer, "r", 4, '{"lost":1}', "1")
    await world.settled()
    assert writer.take() == [
        record(
            RecordAction.RECORD_UPDATE_ERROR,
            "r",
            original_action=RecordAction.UPDATE,
            correlation_id="1",
            is_write_ack=True,
            is_error=True,
        )
    ]
    assert subscriber.take() == []
    assert await world.ask(writer, RecordAction.READ, name="r") == [read("r", 3, '{"a":1}')]
    world.write(writer, "r", 4, '{"kept":1}', "2")
    await world.settled()
    assert writer.take() == [acknowledged("r", "2")]
    assert subscriber.take() == [updated("r", 4, '{"kept":1}')]


@pytest.mark.parametrize("error", [StoreError("down"), RuntimeError("a mistake"), TimeoutError()])
async def test_whatever_goes_wrong_in_the_store_all_writes_are_answered(error: Exception) -> None:
    world, writer, _ = await a_world()
    world.store.commit_errors.append(error)
    world.write(writer, "r", 4, "{}", "1")
    world.write(writer, "r", 5, "{}", "2")
    world.write(writer, "r", 5, "{}", "3")
    await world.settled()
    assert actions(writer.take()) == [RecordAction.RECORD_UPDATE_ERROR] * 3
    world.write(writer, "r", 4, "{}", "4")
    await world.settled()
    assert writer.take() == [acknowledged("r", "4")]


async def test_a_record_that_cannot_be_read_cannot_be_written() -> None:
    world, writer, _ = await a_world()
    world.store.load_errors.append(StoreError("down"))
    world.store.write_elsewhere("other", 1, "{}")
    world.write(writer, "other", 2, "{}", "1")
    await world.settled()
    assert actions(writer.take()) == [RecordAction.RECORD_UPDATE_ERROR]
    world.write(writer, "other", 2, "{}", "2")
    await world.settled()
    assert writer.take() == [acknowledged("other", "2")]


async def test_data_that_the_store_cannot_keep_harms_no_other_record_of_the_same_commit() -> None:
    world, writer, subscriber = await a_world()
    world.store.invalid.add("bad")
    world.store.load_gate.close()
    for name in ("r", "bad", "new"):
        world.say(
            writer,
            RecordAction.CREATEANDUPDATE,
            name=name,
            version=-1,
            data="{}",
            correlation_id=name,
            is_write_ack=True,
        )
    world.store.load_gate.open()
    await world.settled()
    answers = {message.correlation_id: message.action for message in writer.take()}
    assert answers == {
        "r": RecordAction.WRITE_ACKNOWLEDGEMENT,
        "bad": RecordAction.RECORD_UPDATE_ERROR,
        "new": RecordAction.WRITE_ACKNOWLEDGEMENT,
    }
    assert [message.name for message in subscriber.take()] == ["r", "new"]
    assert ["bad", "new"] in [[row.name for row in rows] for rows in world.store.commits]


# Somebody else writes too


async def test_a_write_that_lost_against_another_node_is_answered_with_the_winner() -> None:
    world, writer, subscriber = await a_world()
    world.store.write_elsewhere("r", 4, '{"winner":1}')
    world.write(writer, "r", 4, '{"loser":1}', "1")
    await world.settled()
    (reply,) = writer.take()
    assert (reply.action, reply.version, reply.data) == (
        RecordAction.VERSION_EXISTS,
        4,
        '{"winner":1}',
    )
    assert world.store.stored("r") == (4, '{"winner":1}')
    assert updated("r", 4, '{"loser":1}') not in subscriber.take()


async def test_a_write_of_whatever_version_is_applied_to_the_winner() -> None:
    world, writer, _ = await a_world()
    world.store.write_elsewhere("r", 8, '{"winner":1}')
    world.write(writer, "r", -1, "1", "1", path="mine")
    await world.settled()
    assert writer.take() == [acknowledged("r", "1")]
    assert world.store.stored("r") == (9, '{"winner":1,"mine":1}')


async def test_a_write_to_what_was_deleted_elsewhere_fails() -> None:
    world, writer, _ = await a_world()
    world.store.remove_elsewhere("r")
    world.write(writer, "r", 4, "{}", "1")
    await world.settled()
    assert actions(writer.take()) == [RecordAction.RECORD_UPDATE_ERROR]
    assert world.store.stored("r") is None


async def test_a_creation_that_lost_is_applied_to_what_was_created_elsewhere() -> None:
    world, writer, _ = await a_world()
    world.store.commit_gate.close()
    world.say(writer, RecordAction.CREATEANDPATCH, name="new", version=-1, path="a", data="1", **ids())
    await world.store.commit_gate.arrived()
    world.store.write_elsewhere("new", 5, '{"b":1}')
    world.store.commit_gate.open()
    await world.settled()
    assert writer.take() == [acknowledged("new", "9")]
    assert world.store.stored("new") == (6, '{"b":1,"a":1}')


async def test_a_write_that_lost_and_cannot_be_read_again_fails_and_the_record_goes_on() -> None:
    world, writer, _ = await a_world()
    world.store.write_elsewhere("r", 8, "{}")
    world.store.load_errors.append(StoreError("down"))
    world.write(writer, "r", -1, "[]", "1")
    await world.settled()
    assert actions(writer.take()) == [RecordAction.RECORD_UPDATE_ERROR]
    world.write(writer, "r", -1, "[]", "2")
    await world.settled()
    assert writer.take() == [acknowledged("r", "2")]
    assert world.store.stored("r") == (9, "[]")


# The way out


async def test_a_write_is_passed_from_one_wire_format_to_another() -> None:
    world, writer, binary = await a_world()
    json = await world.subscriber("r", codec=JSON)
    fields = {"name": "r", "version": 4, "path": "b", "data": "[1]"}
    codec = BinaryCodec()
    (message,) = codec.decode(codec.encode(record(RecordAction.PATCH, **fields)))
    world.handler.actions.receive(writer.connection, message)
    await world.settled()
    assert binary.take() == [patched("r", 4, "b", "[1]")]
    (seen,) = json.take()
    assert (seen.version, seen.path, seen.value()) == (4, "b", [1])


async def test_subscribers_see_nothing_of_how_a_write_was_asked_for() -> None:
    world, writer, subscriber = await a_world()
    codec = BinaryCodec()
    sent = record(RecordAction.UPDATE, "r", version=4, data="{}", **ids(is_ack=True, is_error=True))
    (message,) = codec.decode(codec.encode(sent))
    world.handler.actions.receive(writer.connection, message)
    await world.settled()
    assert subscriber.take() == [updated("r", 4, "{}")]


async def test_other_nodes_hear_of_writes_and_deletions_as_subscribers_do() -> None:
    world, writer, subscriber = await a_world()
    assert world.cluster.take() == [("join", "record", "r"), ("join", "record", "new")]
    world.write(writer, "r", -1, "{}")
    await world.settled()
    world.say(writer, RecordAction.DELETE, name="r")
    await world.settled()
    sent = [call[2] for call in world.cluster.take() if call[0] == "publish"]
    assert sent == subscriber.take() == [updated("r", 4, "{}"), record(RecordAction.DELETED, "r")]
