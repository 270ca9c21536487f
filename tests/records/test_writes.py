"""Tests of writing records: PROTOCOL.md section 5, through the handler."""

from __future__ import annotations

from typing import Any

import pytest

from deepstream_protocol.binary import BinaryCodec
from deepstream_protocol.topics import RecordAction
from records.names import MAX_NAME_LENGTH
from records.storage import StoreError
from tests.pubsub.kit import JSON, Client
from tests.records.kit import World, acknowledged, actions, patched, read, record, updated

EXISTING = {"r": (3, '{"a":1}')}


async def a_world(**options: Any) -> tuple[World, Client, Client]:
    """A world with the record r at version 3, a writer and a subscriber to it."""
    world = World(EXISTING, **options)
    writer, subscriber = world.client(), await world.subscriber("r", "new")
    return world, writer, subscriber


def ids(**fields: Any) -> dict[str, Any]:
    return {"correlation_id": "9", "is_write_ack": True} | fields


# What is accepted


@pytest.mark.parametrize("version", [4, -1])
async def test_an_update_of_the_next_version_is_stored_acknowledged_and_broadcast(version: int) -> None:
    world, writer, subscriber = await a_world()
    world.write(writer, "r", version, '{"b":2}', "1")
    await world.settled()
    assert world.store.stored("r") == (4, '{"b":2}')
    assert writer.take() == [acknowledged("r", "1")]
    assert subscriber.take() == [updated("r", 4, '{"b":2}')]


async def test_a_write_that_wants_no_acknowledgement_gets_none() -> None:
    world, writer, subscriber = await a_world()
    world.write(writer, "r", 4, "[]")
    await world.settled()
    assert writer.take() == []
    assert subscriber.take() == [updated("r", 4, "[]")]


async def test_the_author_does_not_get_its_own_write_though_it_subscribed() -> None:
    world, _, subscriber = await a_world()
    world.write(subscriber, "r", 4, "[]", "1")
    await world.settled()
    assert subscriber.take() == [acknowledged("r", "1")]


@pytest.mark.parametrize(
    ("fields", "data"),
    [
        ({"path": "a", "data": "2"}, '{"a":2}'),
        ({"path": "b.c[1]", "data": '"x"'}, '{"a":1,"b":{"c":[null,"x"]}}'),
        ({"path": "a", "data": "null"}, '{"a":null}'),
        ({"path": " b ", "data": "{}"}, '{"a":1,"b":{}}'),
    ],
)
async def test_a_patch_sets_one_path_and_is_broadcast_as_such(fields: dict[str, Any], data: str) -> None:
    world, writer, subscriber = await a_world()
    world.write(writer, "r", 4, id="1", **fields)
    await world.settled()
    assert world.store.stored("r") == (4, data)
    assert writer.take() == [acknowledged("r", "1")]
    assert subscriber.take() == [patched("r", 4, **fields)]


@pytest.mark.parametrize("action", [RecordAction.ERASE, RecordAction.PATCH])
async def test_an_erasure_and_a_patch_without_data_remove_one_path(action: int) -> None:
    world, writer, subscriber = await a_world()
    await world.ask(writer, action, name="r", version=4, path="a")
    assert world.store.stored("r") == (4, "{}")
    assert subscriber.take() == [record(action, "r", version=4, path="a")]


async def test_a_batch_of_patches_is_one_version_for_those_who_know_batches() -> None:
    world, writer, subscriber = await a_world()
    batch = '[{"path":"b","data":1},{"path":"a"},{"path":"b","data":2},{"path":"c","data":null}]'
    await world.ask(writer, RecordAction.PATCH_MULTI, name="r", version=4, data=batch)
    assert world.store.stored("r") == (4, '{"b":2,"c":null}')
    assert subscriber.take() == [record(RecordAction.PATCH_MULTI, "r", version=4, data=batch)]


async def test_clients_that_drop_batches_unread_get_what_the_batch_made() -> None:
    world, writer, _ = await a_world()
    official = await world.subscriber("r", sdk_type="javascript")
    await world.ask(writer, RecordAction.PATCH_MULTI, name="r", version=4, data='[{"path":"b","data":1}]')
    assert official.take() == [updated("r", 4, '{"a":1,"b":1}')]


@pytest.mark.parametrize(
    "batch",
    [
        '[{"path":"b","data":1},{"path":"__proto__.x","data":1}]',
        '[{"path":"b","data":1},{"data":1}]',
        '[{"path":"b","data":1},{"path":7}]',
        '[{"path":"b","data":1},"c"]',
        '{"path":"b","data":1}',
        "[]",
        "1",
    ],
)
async def test_a_batch_is_applied_all_or_nothing(batch: str) -> None:
    world, writer, subscriber = await a_world()
    replies = await world.ask(writer, RecordAction.PATCH_MULTI, name="r", version=4, data=batch, **ids())
    assert actions(replies) == [RecordAction.INVALID_MESSAGE_DATA]
    assert world.store.stored("r") == EXISTING["r"]
    assert subscriber.take() == []


# What is refused


@pytest.mark.parametrize("version", [3, 2, 0, -2, None])
async def test_a_version_that_was_made_already_is_answered_with_the_current_state(
    version: int | None,
) -> None:
    world, writer, subscriber = await a_world()
    fields = {} if version is None else {"version": version}
    replies = await world.ask(writer, RecordAction.UPDATE, name="r", data="{}", **fields, **ids())
    assert replies == [
        record(
            RecordAction.VERSION_EXISTS,
            "r",
            version=3,
            data='{"a":1}',
            original_action=RecordAction.UPDATE,
            correlation_id="9",
            is_write_ack=True,
        )
    ]
    assert subscriber.take() == []
    assert world.store.commits == []


async def test_a_version_that_leaves_one_out_is_refused_and_the_record_goes_on() -> None:
    world, writer, subscriber = await a_world()
    (reply,) = await world.ask(writer, RecordAction.UPDATE, name="r", version=5, data="{}", **ids())
    assert (reply.action, reply.version, reply.name) == (RecordAction.INVALID_VERSION, 3, "r")
    assert (reply.correlation_id, reply.is_write_ack, reply.original_action) == (
        "9",
        True,
        RecordAction.UPDATE,
    )
    world.write(writer, "r", 4, "{}", "1")
    await world.settled()
    assert writer.take() == [acknowledged("r", "1")]
    assert subscriber.take() == [updated("r", 4, "{}")]


@pytest.mark.parametrize("action", [RecordAction.UPDATE, RecordAction.PATCH, RecordAction.ERASE])
@pytest.mark.parametrize("version", [1, -1, 0])
async def test_writing_to_what_does_not_exist_fails(action: int, version: int) -> None:
    world, writer, subscriber = await a_world()
    replies = await world.ask(writer, action, name="new", version=version, path="a", data="{}", **ids())
    assert replies == [
        record(RecordAction.RECORD_UPDATE_ERROR, "new", is_error=True, original_action=action, **ids())
    ]
    assert world.store.stored("new") is None
    assert subscriber.take() == []


@pytest.mark.parametrize("action", [RecordAction.UPDATE, RecordAction.CREATEANDUPDATE])
@pytest.mark.parametrize("data", ["1", '"x"', "null", "true", None, "", "{bad", "[" * 201 + "]" * 201])
async def test_a_record_is_an_object_or_an_array_of_bounded_depth(action: int, data: str | None) -> None:
    world, writer, subscriber = await a_world()
    fields = {} if data is None else {"data": data}
    replies = await world.ask(writer, action, name="r", version=4, **fields, **ids())
    assert actions(replies) == [RecordAction.INVALID_MESSAGE_DATA]
    assert (replies[0].correlation_id, replies[0].is_write_ack, replies[0].is_error) == ("9", True, True)
    assert subscriber.take() == []
    assert world.store.stored("r") == EXISTING["r"]


@pytest.mark.parametrize(
    ("path", "data"),
    [
        (None, "1"),
        ("", "1"),
        (" . ", "1"),
        ("__proto__.x", "1"),
        ("a.constructor", "1"),
        ("prototype", "1"),
        ("a[x]", "1"),
        ("a[-1]", "1"),
        ("a[999999999]", "1"),
        (".".join("a" * 201), "1"),
        (".".join("a" * 150), "[" * 60 + "]" * 60),
        ("a", "{bad"),
        ("a", ""),
    ],
)
async def test_a_patch_that_cannot_be_made_is_refused(path: str | None, data: str) -> None:
    world, writer, subscriber = await a_world()
    fields = {} if path is None else {"path": path}
    replies = await world.ask(writer, RecordAction.PATCH, name="r", version=4, data=data, **fields, **ids())
    assert actions(replies) == [RecordAction.INVALID_MESSAGE_DATA]
    assert subscriber.take() == []
    assert world.store.stored("r") == EXISTING["r"]
    world.write(writer, "r", 4, "{}", "1")
    await world.settled()
    assert writer.take() == [acknowledged("r", "1")]


async def test_the_deepest_records_allowed_can_be_patched_on() -> None:
    world, writer, _ = await a_world()
    world.write(writer, "r", 4, "[" * 200 + "]" * 200, "1")
    world.write(writer, "r", 5, "[]", "2", path="[0][0]")
    world.write(writer, "r", 6, "[" * 100 + "]" * 100, "3", path=".".join("b" * 100))
    await world.settled()
    assert actions(writer.take()) == [
        RecordAction.WRITE_ACKNOWLEDGEMENT,
        RecordAction.WRITE_ACKNOWLEDGEMENT,
        RecordAction.WRITE_ACKNOWLEDGEMENT,
    ]


async def test_a_record_does_not_grow_beyond_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("records.requests.MAX_SIZE", 100)
    world, writer, _ = await a_world()
    world.write(writer, "r", 4, '"' + "x" * 60 + '"', "1", path="b")
    world.write(writer, "r", 5, '"' + "x" * 60 + '"', "2", path="c")
    world.write(writer, "r", 5, "{}", "3")
    await world.settled()
    assert actions(writer.take()) == [
        RecordAction.WRITE_ACKNOWLEDGEMENT,
        RecordAction.INVALID_MESSAGE_DATA,
        RecordAction.WRITE_ACKNOWLEDGEMENT,
    ]


async def test_a_write_without_a_name_is_refused() -> None:
    world, writer, _ = await a_world()
    for action in (RecordAction.UPDATE, RecordAction.CREATEANDPATCH):
        replies = await world.ask(writer, action, version=1, data="{}", path="a")
        assert actions(replies) == [RecordAction.INVALID_MESSAGE_DATA]


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
    world.handler.receive(writer.connection, message)
    await world.settled()
    assert binary.take() == [patched("r", 4, "b", "[1]")]
    (seen,) = json.take()
    assert (seen.version, seen.path, seen.value()) == (4, "b", [1])


async def test_subscribers_see_nothing_of_how_a_write_was_asked_for() -> None:
    world, writer, subscriber = await a_world()
    codec = BinaryCodec()
    sent = record(RecordAction.UPDATE, "r", version=4, data="{}", **ids(is_ack=True, is_error=True))
    (message,) = codec.decode(codec.encode(sent))
    world.handler.receive(writer.connection, message)
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
