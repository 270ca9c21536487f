"""Tests of the answers that all topics give in the same form: PROTOCOL.md section 3."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from deepstream_protocol.message import Message
from deepstream_protocol.topics import EventAction, ParserAction, RecordAction, Topic
from pubsub.connection import Connection
from pubsub.replies import (
    acknowledge,
    names_of,
    refusal,
    subscribe_bulk,
    unknown_action,
    unsubscribe_bulk,
)
from pubsub.subscriptions import Subscriptions
from tests.pubsub.kit import JSON, Client

Bulk = Callable[[Connection, Message, Callable[[Connection, str], bool], int], None]


def subscribe(**fields: object) -> Message:
    return Message(Topic.EVENT, EventAction.SUBSCRIBE, **fields)


def unsubscribe(**fields: object) -> Message:
    return Message(Topic.EVENT, EventAction.UNSUBSCRIBE, **fields)


def ask(bulk: Bulk, message: Message, *there: str) -> tuple[list[Message], list[str]]:
    """What ``bulk`` answers to a client at the names ``there``, and where the client is then."""
    client, subscriptions = Client(), Subscriptions()
    for name in there:
        subscriptions.add(client.connection, name)
    if bulk is subscribe_bulk:
        bulk(client.connection, message, subscriptions.add, EventAction.MULTIPLE_SUBSCRIPTIONS)
    else:
        bulk(client.connection, message, subscriptions.remove, EventAction.NOT_SUBSCRIBED)
    return client.take(), list(subscriptions.of(client.connection))


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({"names": ["a", "b"]}, ["a", "b"]),
        ({"name": "a"}, ["a"]),
        ({"name": "a", "names": ["b"]}, ["b"]),
        ({"names": []}, []),
        ({}, []),
    ],
)
def test_a_single_name_counts_as_a_list_of_one(fields: dict[str, object], names: list[str]) -> None:
    assert list(names_of(subscribe(**fields))) == names


def test_a_bulk_gets_one_ack_with_its_correlation_id() -> None:
    replies, names = ask(subscribe_bulk, subscribe(names=["a", "b", "c"], correlation_id="7"))
    assert replies == [subscribe(is_ack=True, correlation_id="7")]
    assert names == ["a", "b", "c"]


def test_an_ack_has_no_correlation_id_where_there_was_none() -> None:
    assert ask(subscribe_bulk, subscribe(names=["a"]))[0] == [subscribe(is_ack=True)]


def test_names_that_are_there_already_are_remarked_on_before_the_ack() -> None:
    message = subscribe(names=["a", "b", "c", "a"], correlation_id="7")
    replies, names = ask(subscribe_bulk, message, "b")
    twice = [
        Message(
            Topic.EVENT,
            EventAction.MULTIPLE_SUBSCRIPTIONS,
            name=name,
            original_action=EventAction.SUBSCRIBE,
        )
        for name in "ba"
    ]
    assert replies == [*twice, subscribe(is_ack=True, correlation_id="7")]
    assert sorted(names) == ["a", "b", "c"]


def test_removing_in_bulk_gets_one_ack_whatever_was_there() -> None:
    message = unsubscribe(names=["a", "b", "c"], correlation_id="8")
    replies, names = ask(unsubscribe_bulk, message, "a", "d")
    assert replies == [unsubscribe(is_ack=True, correlation_id="8")]
    assert names == ["d"]


def test_removing_a_single_name_that_is_not_there_is_remarked_on() -> None:
    replies, _ = ask(unsubscribe_bulk, unsubscribe(name="a"))
    assert replies == [
        Message(
            Topic.EVENT,
            EventAction.NOT_SUBSCRIBED,
            name="a",
            original_action=EventAction.UNSUBSCRIBE,
        )
    ]


def test_removing_a_single_name_that_is_there_is_acknowledged_with_it() -> None:
    replies, names = ask(unsubscribe_bulk, unsubscribe(name="a"), "a")
    assert replies == [unsubscribe(is_ack=True, name="a")]
    assert names == []


def test_an_ack_can_repeat_the_names() -> None:
    client = Client()
    message = Message(Topic.RECORD, RecordAction.NOTIFY, names=["a", "b"], correlation_id="1")
    acknowledge(client.connection, message, names=True)
    ack = Message(Topic.RECORD, RecordAction.NOTIFY, is_ack=True, names=["a", "b"], correlation_id="1")
    assert client.take_one() == ack


def test_a_refusal_says_which_request_it_answers() -> None:
    write = Message(
        Topic.RECORD,
        RecordAction.UPDATE,
        name="r",
        correlation_id="9",
        is_write_ack=True,
        version=3,
        data="{}",
    )
    assert refusal(write, RecordAction.MESSAGE_DENIED) == Message(
        Topic.RECORD,
        RecordAction.MESSAGE_DENIED,
        name="r",
        correlation_id="9",
        is_write_ack=True,
        is_error=True,
        original_action=RecordAction.UPDATE,
    )


def test_a_refusal_of_a_request_that_told_little_tells_little() -> None:
    reply = refusal(Message(Topic.RECORD, RecordAction.READ), RecordAction.RECORD_NOT_FOUND, name="other")
    assert reply == Message(
        Topic.RECORD,
        RecordAction.RECORD_NOT_FOUND,
        name="other",
        is_error=True,
        original_action=RecordAction.READ,
    )


def test_an_action_that_no_client_can_ask_for_is_named_in_the_answer() -> None:
    client = Client(codec=JSON)
    unknown_action(client.connection, Message(Topic.EVENT, 99))
    assert client.take_one() == Message(
        Topic.PARSER, ParserAction.UNKNOWN_ACTION, original_topic=Topic.EVENT, original_action=99
    )


@pytest.mark.parametrize(("data", "readable"), [(None, True), ("1", True), ("", False), ("{bad", False)])
def test_data_that_is_no_json_is_found_out(data: str | None, readable: bool) -> None:
    message = Message(Topic.EVENT, EventAction.EMIT, name="e")
    if data is not None:
        message.data = data
    assert message.has_readable_data() is readable
