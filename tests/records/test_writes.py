"""Tests of writing records: PROTOCOL.md section 5, through the handler."""

from __future__ import annotations

from typing import Any

import pytest

from deepstream_protocol.topics import RecordAction
from tests.records.kit import acknowledged, actions, patched, record, updated
from tests.records.writes_kit import EXISTING, a_world, ids

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
