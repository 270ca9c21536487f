"""Tests of reading and subscribing to records: PROTOCOL.md section 5, through the handler."""

from __future__ import annotations

from typing import Any

import pytest

from deepstream_protocol.message import Message
from deepstream_protocol.topics import ParserAction, RecordAction, Topic
from records.names import MAX_NAME_LENGTH
from records.storage import StoreError
from tests.pubsub.kit import JSON
from tests.records.kit import World, actions, read, record, updated

RECORDS = {"a": (3, '{"a":1}'), "b": (0, "{}")}


def ack(action: int, id: str = "7", **fields: Any) -> Message:
    return record(action, is_ack=True, correlation_id=id, **fields)


def twice(action: int, name: str) -> Message:
    return record(RecordAction.MULTIPLE_SUBSCRIPTIONS, name, original_action=action)


async def subscribes(world: World, name: str, *clients: Any) -> list[bool]:
    """Which of ``clients`` get a write to ``name``."""
    for client in clients:
        client.take()
    message = Message(Topic.RECORD, RecordAction.UPDATE, name=name, version=99, data="{}")
    world.handler.subscriptions.publish(message)
    return [bool(client.take()) for client in clients]


# Reading


async def test_a_read_and_a_head_answer_with_what_is_stored() -> None:
    world = World(RECORDS)
    client = world.client()
    for _ in "from the store", "from memory":
        assert await world.ask(client, RecordAction.READ, name="a") == [read("a", 3, '{"a":1}')]
        head = record(RecordAction.HEAD_RESPONSE, "a", version=3)
        assert await world.ask(client, RecordAction.HEAD, name="a") == [head]
    assert world.store.loads == [["a"]]
    assert await subscribes(world, "a", client) == [False]


async def test_a_read_from_memory_is_answered_at_once() -> None:
    world = World(RECORDS)
    client = world.client()
    assert world.say(client, RecordAction.READ, name="a") is not None
    await world.settled()
    assert world.say(client, RecordAction.READ, name="a") is None
    assert client.take() == [read("a", 3, '{"a":1}')] * 2


async def test_what_does_not_exist_is_not_found_and_has_version_minus_one() -> None:
    world = World()
    client = world.client()
    replies = await world.ask(client, RecordAction.READ, name="x")
    assert replies == [
        record(RecordAction.RECORD_NOT_FOUND, "x", is_error=True, original_action=RecordAction.READ)
    ]
    replies = await world.ask(client, RecordAction.HEAD, name="x")
    assert replies == [record(RecordAction.HEAD_RESPONSE, "x", version=-1)]


@pytest.mark.parametrize(
    ("error", "action"),
    [
        (StoreError("down"), RecordAction.RECORD_LOAD_ERROR),
        (RuntimeError("a mistake"), RecordAction.RECORD_LOAD_ERROR),
        (TimeoutError(), RecordAction.STORAGE_RETRIEVAL_TIMEOUT),
    ],
)
@pytest.mark.parametrize("asked", [RecordAction.READ, RecordAction.HEAD])
async def test_a_store_that_does_not_answer_is_an_error(error: Exception, action: int, asked: int) -> None:
    world = World(RECORDS)
    client = world.client()
    world.store.load_errors.append(error)
    assert await world.ask(client, asked, name="a") == [
        record(action, "a", is_error=True, original_action=asked)
    ]
    assert actions(await world.ask(client, RecordAction.READ, name="a")) == [RecordAction.READ_RESPONSE]


async def test_a_store_that_takes_too_long_is_a_timeout() -> None:
    world = World(RECORDS, storage_retrieval_timeout=0.01)
    client = world.client()
    world.store.load_gate.close()
    world.say(client, RecordAction.READ, name="a")
    assert (await client.next()).action == RecordAction.STORAGE_RETRIEVAL_TIMEOUT


async def test_records_in_memory_are_read_while_the_store_does_not_answer() -> None:
    world = World(RECORDS)
    client, other = world.client(), world.client()
    await world.ask(client, RecordAction.READ, name="a")
    world.store.load_gate.close()
    world.say(other, RecordAction.READ, name="b")
    await world.store.load_gate.arrived()
    assert world.say(client, RecordAction.READ, name="a") is None
    assert client.take() == [read("a", 3, '{"a":1}')]
    assert other.take() == []
    world.store.load_gate.open()
    await world.settled()
    assert other.take() == [read("b", 0)]


# Subscribing


async def test_subscribe_and_read_acknowledges_all_names_then_answers_each() -> None:
    world = World(RECORDS)
    client = world.client()
    names = ["a", "x", "b"]
    first, *others = await world.ask(client, RecordAction.SUBSCRIBEANDREAD, names=names, correlation_id="7")
    assert first == ack(RecordAction.SUBSCRIBEANDREAD, names=names)
    assert others == [read("a", 3, '{"a":1}'), read("x", -1), read("b", 0)]
    assert [name for name in "abx" if await subscribes(world, name, client) == [True]] == list("abx")
    assert world.store.commits == []
    assert world.store.loads == [names]


async def test_subscribe_create_and_read_creates_what_is_missing_empty_at_version_0() -> None:
    world = World(RECORDS)
    client = world.client()
    names = ["a", "x"]
    replies = await world.ask(client, RecordAction.SUBSCRIBECREATEANDREAD, names=names, correlation_id="7")
    assert replies[0] == ack(RecordAction.SUBSCRIBECREATEANDREAD, names=names)
    assert replies[1:] == [read("a", 3, '{"a":1}'), read("x", 0)]
    assert world.store.stored("x") == (0, "{}")
    assert await subscribes(world, "x", client) == [True]


async def test_a_created_record_is_shown_only_after_it_was_stored() -> None:
    world = World()
    client = world.client()
    world.store.commit_gate.close()
    world.say(client, RecordAction.SUBSCRIBECREATEANDREAD, names=["x"])
    await world.store.commit_gate.arrived()
    assert actions(client.take()) == [RecordAction.SUBSCRIBECREATEANDREAD]
    world.store.commit_gate.open()
    await world.settled()
    assert client.take() == [read("x", 0)]


async def test_any_number_of_clients_that_create_the_same_record_create_it_once() -> None:
    world = World()
    clients = [world.client() for _ in range(10)]
    for client in clients:
        world.say(client, RecordAction.SUBSCRIBECREATEANDREAD, names=["x"])
    await world.settled()
    assert all(client.take()[1:] == [read("x", 0)] for client in clients)
    assert len(world.store.commits) == 1


async def test_a_record_that_was_created_elsewhere_meanwhile_is_shown_as_it_is() -> None:
    world = World()
    client = world.client()
    world.store.commit_gate.close()
    world.say(client, RecordAction.SUBSCRIBECREATEANDREAD, names=["x"])
    await world.store.commit_gate.arrived()
    world.store.write_elsewhere("x", 5, "[1]")
    world.store.commit_gate.open()
    await world.settled()
    assert client.take()[1:] == [read("x", 5, "[1]")]
    assert world.store.stored("x") == (5, "[1]")


async def test_a_record_that_cannot_be_created_is_an_error_and_the_others_are_read() -> None:
    world = World(RECORDS)
    client = world.client()
    long = "x" * (MAX_NAME_LENGTH + 1)
    world.store.invalid.add("bad")
    names = [long, "bad", "a", "a\0b"]
    replies = await world.ask(client, RecordAction.SUBSCRIBECREATEANDREAD, names=names)
    assert read("a", 3, '{"a":1}') in replies
    errors = [message for message in replies if message.action == RecordAction.RECORD_CREATE_ERROR]
    assert sorted(message.name or "" for message in errors) == sorted([long, "bad", "a\0b"])
    assert await subscribes(world, "bad", client) == [False]


async def test_subscribe_only_subscribes() -> None:
    world = World(RECORDS)
    client = world.client()
    replies = await world.ask(client, RecordAction.SUBSCRIBE, names=["a", "x"], correlation_id="7")
    assert replies == [ack(RecordAction.SUBSCRIBE)]
    assert world.store.loads == []
    assert await subscribes(world, "a", client) == [True]


async def test_subscribing_again_is_remarked_on_and_still_read() -> None:
    world = World(RECORDS)
    client = world.client()
    for action in (RecordAction.SUBSCRIBEANDREAD, RecordAction.SUBSCRIBECREATEANDREAD):
        await world.ask(client, RecordAction.SUBSCRIBEANDREAD, names=["a"])
        replies = await world.ask(client, action, names=["a"], correlation_id="7")
        assert replies == [ack(action, names=["a"]), twice(action, "a"), read("a", 3, '{"a":1}')]
    replies = await world.ask(client, RecordAction.SUBSCRIBE, names=["a"], correlation_id="7")
    assert replies == [twice(RecordAction.SUBSCRIBE, "a"), ack(RecordAction.SUBSCRIBE)]


async def test_a_head_after_a_reconnect_sends_known_versions_together_and_the_rest_as_they_are_read() -> None:
    world = World(RECORDS)
    reader, client = world.client(), world.client()
    await world.ask(reader, RecordAction.READ, name="a")
    replies = await world.ask(
        client, RecordAction.SUBSCRIBEANDHEAD, names=["a", "b", "x"], correlation_id="7"
    )
    assert replies[:2] == [
        record(RecordAction.HEAD_RESPONSE_BULK, versions={"a": 3}),
        ack(RecordAction.SUBSCRIBEANDHEAD),
    ]
    heads = {message.name: message.version for message in replies[2:]}
    assert actions(replies[2:]) == [RecordAction.HEAD_RESPONSE] * 2
    assert heads == {"b": 0, "x": -1}
    assert [name for name in "abx" if await subscribes(world, name, client) == [True]] == list("abx")


async def test_unsubscribing_is_acknowledged_and_ends_the_broadcasts() -> None:
    world = World(RECORDS)
    client = await world.subscriber("a", "b")
    replies = await world.ask(client, RecordAction.UNSUBSCRIBE, names=["a", "nothing"], correlation_id="7")
    assert replies == [ack(RecordAction.UNSUBSCRIBE)]
    assert await subscribes(world, "a", client) == [False]
    assert await subscribes(world, "b", client) == [True]


async def test_a_bulk_without_names_is_acknowledged() -> None:
    world = World(RECORDS)
    client = world.client()
    for action in (RecordAction.SUBSCRIBEANDREAD, RecordAction.SUBSCRIBECREATEANDREAD):
        assert await world.ask(client, action, names=[]) == [record(action, is_ack=True)]


async def test_a_record_that_cannot_be_read_is_an_error_and_not_subscribed() -> None:
    world = World(RECORDS)
    client = world.client()
    await world.ask(client, RecordAction.READ, name="b")
    world.store.load_errors.append(StoreError("down"))
    replies = await world.ask(client, RecordAction.SUBSCRIBEANDREAD, names=["a", "b"])
    assert actions(replies) == [
        RecordAction.SUBSCRIBEANDREAD,
        RecordAction.READ_RESPONSE,
        RecordAction.RECORD_LOAD_ERROR,
    ]
    assert await subscribes(world, "a", client) == [False]


async def test_a_client_that_is_gone_when_its_record_was_read_is_not_subscribed() -> None:
    world = World(RECORDS)
    client = world.client()
    world.store.load_gate.close()
    world.say(client, RecordAction.SUBSCRIBECREATEANDREAD, names=["a", "x"])
    await world.store.load_gate.arrived()
    client.connection.closed = True
    world.handler.remove_connection(client.connection)
    world.store.load_gate.open()
    await world.settled()
    assert world.handler.subscriptions.names() == set()


async def test_a_socket_that_closes_takes_its_subscriptions_and_patterns_with_it() -> None:
    world = World(RECORDS)
    client = await world.subscriber("a")
    await world.ask(client, RecordAction.LISTEN, name="a")
    world.handler.remove_connection(client.connection)
    assert await subscribes(world, "a", client) == [False]
    await world.subscriber("a")
    assert client.take() == []
    roles = [call[:2] for call in world.cluster.take()]
    assert roles.count(("join", "record")) == roles.count(("leave", "record")) + 1


# Behind one's own writes


@pytest.mark.parametrize(
    ("action", "answer"),
    [
        (RecordAction.READ, read("a", 4, "[4]")),
        (RecordAction.HEAD, record(RecordAction.HEAD_RESPONSE, "a", version=4)),
        (RecordAction.SUBSCRIBEANDREAD, read("a", 4, "[4]")),
        (RecordAction.SUBSCRIBECREATEANDREAD, read("a", 4, "[4]")),
        (RecordAction.SUBSCRIBEANDHEAD, record(RecordAction.HEAD_RESPONSE, "a", version=4)),
    ],
)
async def test_who_reads_behind_its_own_write_sees_it_and_only_once_it_is_stored(
    action: int, answer: Message
) -> None:
    world = World(RECORDS)
    client = world.client()
    await world.ask(client, RecordAction.READ, name="a")
    world.store.commit_gate.close()
    world.write(client, "a", 4, "[4]")
    await world.store.commit_gate.arrived()
    names = {"name": "a"} if action in (RecordAction.READ, RecordAction.HEAD) else {"names": ["a"]}
    world.say(client, action, **names)
    assert answer not in client.take()
    world.store.commit_gate.open()
    await world.settled()
    assert client.take() == [answer]


async def test_who_reads_behind_its_own_deletion_finds_nothing() -> None:
    world = World(RECORDS)
    client = world.client()
    world.say(client, RecordAction.DELETE, name="a")
    world.say(client, RecordAction.READ, name="a")
    world.say(client, RecordAction.SUBSCRIBECREATEANDREAD, names=["a"])
    await world.settled()
    assert actions(client.take()) == [
        RecordAction.SUBSCRIBECREATEANDREAD,
        RecordAction.DELETE_SUCCESS,
        RecordAction.RECORD_NOT_FOUND,
        RecordAction.READ_RESPONSE,
    ]
    assert world.store.stored("a") == (0, "{}")


async def test_a_subscriber_who_comes_during_a_commit_gets_the_new_state_and_no_update_of_it() -> None:
    world = World(RECORDS)
    writer, subscriber = world.client(), world.client()
    await world.ask(writer, RecordAction.READ, name="a")
    world.store.commit_gate.close()
    world.write(writer, "a", 4, "[4]")
    await world.store.commit_gate.arrived()
    world.say(subscriber, RecordAction.SUBSCRIBEANDREAD, names=["a"])
    world.write(writer, "a", 5, "[5]")
    world.store.commit_gate.open()
    await world.settled()
    assert subscriber.take()[1:] == [read("a", 4, "[4]"), updated("a", 5, "[5]")]


# NOTIFY


async def test_a_notification_shows_subscribers_what_was_changed_in_the_store() -> None:
    world = World(RECORDS)
    subscriber, client = await world.subscriber("a", "b"), world.client()
    world.store.write_elsewhere("a", 9, '{"new":1}')
    world.store.remove_elsewhere("b")
    replies = await world.ask(client, RecordAction.NOTIFY, names=["a", "b", "x"], correlation_id="7")
    assert replies == [ack(RecordAction.NOTIFY, names=["a", "b", "x"])]
    assert subscriber.take() == [updated("a", 9, '{"new":1}'), record(RecordAction.DELETED, "b")]
    assert await subscribes(world, "b", subscriber) == [False]
    assert await world.ask(client, RecordAction.READ, name="a") == [read("a", 9, '{"new":1}')]


async def test_who_notifies_and_has_subscribed_is_shown_the_change_before_the_ack() -> None:
    world = World(RECORDS)
    client = await world.subscriber("a")
    world.store.write_elsewhere("a", 9, "{}")
    replies = await world.ask(client, RecordAction.NOTIFY, names=["a"], correlation_id="7")
    assert replies == [updated("a", 9, "{}"), ack(RecordAction.NOTIFY, names=["a"])]


async def test_other_nodes_hear_of_a_notified_change() -> None:
    world = World(RECORDS)
    await world.ask(world.client(), RecordAction.NOTIFY, names=["a", "x"])
    assert world.cluster.take() == [("broadcast", record(RecordAction.NOTIFY, names=["a", "x"]))]


async def test_writes_go_on_from_what_was_notified() -> None:
    world = World(RECORDS)
    subscriber, client = await world.subscriber("a"), world.client()
    world.store.write_elsewhere("a", 9, '{"new":1}')
    await world.ask(client, RecordAction.NOTIFY, names=["a"])
    world.write(client, "a", 10, "1", path="b")
    await world.settled()
    assert [message.version for message in subscriber.take()] == [9, 10]
    assert world.store.stored("a") == (10, '{"new":1,"b":1}')


async def test_a_notification_that_cannot_be_read_is_an_error_without_an_ack() -> None:
    world = World(RECORDS)
    subscriber, client = await world.subscriber("a"), world.client()
    world.store.load_errors.append(StoreError("down"))
    (reply,) = await world.ask(client, RecordAction.NOTIFY, names=["a"], correlation_id="7")
    assert (reply.action, reply.correlation_id) == (RecordAction.RECORD_NOTIFY_ERROR, "7")
    assert subscriber.take() == []


async def test_a_notified_record_that_lives_in_memory_alone_stays() -> None:
    world = World(storage_exclusion_prefixes=("tmp/",))
    client = world.client()
    await world.ask(client, RecordAction.CREATEANDUPDATE, name="tmp/1", version=-1, data="[1]")
    subscriber = await world.subscriber("tmp/1")
    await world.ask(client, RecordAction.NOTIFY, names=["tmp/1"])
    assert subscriber.take() == [updated("tmp/1", 1, "[1]")]


# Providers, and what is none of this


async def test_who_subscribes_to_a_record_with_a_provider_is_told_so_before_its_answer() -> None:
    world = World(RECORDS)
    provider, first = world.client(), await world.subscriber("a")
    await world.ask(provider, RecordAction.LISTEN, name="^a")
    await world.ask(provider, RecordAction.LISTEN_ACCEPT, name="^a", subscription="a")
    told = record(RecordAction.SUBSCRIPTION_HAS_PROVIDER, "a")
    assert first.take() == [told]
    second, third, fourth = (world.client() for _ in range(3))
    replies = await world.ask(second, RecordAction.SUBSCRIBEANDREAD, names=["a"])
    assert replies[1:] == [told, read("a", 3, '{"a":1}')]
    replies = await world.ask(third, RecordAction.SUBSCRIBE, names=["a"], correlation_id="7")
    assert replies == [told, ack(RecordAction.SUBSCRIBE)]
    replies = await world.ask(fourth, RecordAction.SUBSCRIBEANDHEAD, names=["a"])
    assert told in replies
    await world.ask(provider, RecordAction.UNLISTEN, name="^a")
    assert first.take() == [record(RecordAction.SUBSCRIPTION_HAS_NO_PROVIDER, "a")]


async def test_a_deleted_record_needs_its_provider_no_longer() -> None:
    world = World(RECORDS)
    provider = world.client()
    await world.subscriber("a")
    await world.ask(provider, RecordAction.LISTEN, name="^a")
    await world.ask(provider, RecordAction.LISTEN_ACCEPT, name="^a", subscription="a")
    await world.ask(world.client(), RecordAction.DELETE, name="a")
    assert provider.take() == [record(RecordAction.SUBSCRIPTION_FOR_PATTERN_REMOVED, "^a", subscription="a")]


@pytest.mark.parametrize(
    "action", [RecordAction.READ_RESPONSE, RecordAction.HEAD_BULK, RecordAction.DELETE_BULK, 99, 0]
)
async def test_an_action_that_is_none_of_a_clients_is_answered(action: int) -> None:
    world = World(RECORDS)
    client = world.client(codec=JSON)
    (reply,) = await world.ask(client, action, name="a")
    assert (reply.topic, reply.action) == (Topic.PARSER, ParserAction.UNKNOWN_ACTION)
    assert reply.original_action == action
