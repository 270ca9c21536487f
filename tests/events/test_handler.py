"""Tests of events: PROTOCOL.md section 4. What is said of listening is in tests/pubsub/test_listening.py."""

from __future__ import annotations

import pytest

from deepstream_project.config import ListenConfig
from deepstream_protocol.binary import BinaryCodec
from deepstream_protocol.message import Message
from deepstream_protocol.topics import EventAction, ParserAction, Topic
from events.handler import EventHandler
from tests.pubsub.kit import JSON, Client, Clock, RecordingCluster


class World:
    def __init__(self) -> None:
        self.clock = Clock()
        self.cluster = RecordingCluster()
        self.handler = EventHandler(self.cluster, ListenConfig(shuffle_providers=False), self.clock)

    def say(self, client: Client, action: int, **fields: object) -> None:
        self.handler.actions.receive(client.connection, Message(Topic.EVENT, action, **fields))

    def subscriber(self, *names: str, **options: object) -> Client:
        client = Client(**options)
        self.say(client, EventAction.SUBSCRIBE, names=list(names))
        client.take()
        return client


@pytest.fixture
def world() -> World:
    return World()


def emitted(name: str, data: str | None = None) -> Message:
    message = Message(Topic.EVENT, EventAction.EMIT, name=name)
    if data is not None:
        message.data = data
    return message


@pytest.mark.parametrize("data", ['{"a":[1,null]}', "1.50", '""', "null", None])
def test_an_event_reaches_every_subscriber_but_the_sender_with_its_data_as_it_came(
    world: World, data: str | None
) -> None:
    sender, one, other = (world.subscriber("e") for _ in range(3))
    elsewhere = world.subscriber("f")
    world.handler.actions.receive(sender.connection, emitted("e", data))
    assert one.take() == other.take() == [emitted("e", data)]
    assert sender.take() == elsewhere.take() == []


def test_an_event_nobody_wants_is_no_error(world: World) -> None:
    sender = Client()
    world.say(sender, EventAction.EMIT, name="e", data="1")
    assert sender.take() == []


def test_subscribers_get_the_event_and_nothing_else_that_its_sender_put_in(world: World) -> None:
    subscriber = world.subscriber("e")
    fields = {"correlation_id": "9", "is_ack": True, "original_action": 3, "subscription": "x"}
    world.say(Client(), EventAction.EMIT, name="e", data="1", **fields)
    assert subscriber.take() == [emitted("e", "1")]


def test_an_event_is_passed_from_one_wire_format_to_another(world: World) -> None:
    binary, json = world.subscriber("e"), world.subscriber("e", codec=JSON)
    (message,) = BinaryCodec().decode(BinaryCodec().encode(emitted("e", '{"a":1}')))
    world.handler.actions.receive(Client().connection, message)
    assert binary.take_one() == emitted("e", '{"a":1}')
    assert json.take_one().value() == {"a": 1}


@pytest.mark.parametrize("data", ["", "{bad", "undefined"])
def test_data_that_is_no_json_is_refused_and_reaches_nobody(world: World, data: str) -> None:
    sender, subscriber = Client(), world.subscriber("e")
    world.say(sender, EventAction.EMIT, name="e", data=data)
    reply = sender.take_one()
    assert (reply.action, reply.name, reply.is_error) == (EventAction.INVALID_MESSAGE_DATA, "e", True)
    assert reply.original_action == EventAction.EMIT
    assert subscriber.take() == []
    assert world.cluster.take()[-1][0] != "publish"


def test_events_of_one_name_arrive_in_the_order_they_were_emitted(world: World) -> None:
    subscriber = world.subscriber("e", "f")
    senders = [Client(), Client()]
    for number in range(20):
        world.say(senders[number % 2], EventAction.EMIT, name="ef"[number % 3 == 0], data=str(number))
    assert [message.value() for message in subscriber.take()] == list(range(20))


def test_after_unsubscribing_no_event_arrives(world: World) -> None:
    subscriber = world.subscriber("a", "b")
    world.say(subscriber, EventAction.UNSUBSCRIBE, names=["a"], correlation_id="2")
    assert subscriber.take_one() == Message(
        Topic.EVENT, EventAction.UNSUBSCRIBE, is_ack=True, correlation_id="2"
    )
    for name in "ab":
        world.say(Client(), EventAction.EMIT, name=name)
    assert subscriber.take() == [emitted("b")]


def test_subscribing_twice_is_remarked_on_and_delivers_once(world: World) -> None:
    subscriber = world.subscriber("a")
    world.say(subscriber, EventAction.SUBSCRIBE, names=["a"], correlation_id="1")
    remark, ack = subscriber.take()
    assert remark == Message(
        Topic.EVENT,
        EventAction.MULTIPLE_SUBSCRIPTIONS,
        name="a",
        original_action=EventAction.SUBSCRIBE,
    )
    assert ack == Message(Topic.EVENT, EventAction.SUBSCRIBE, is_ack=True, correlation_id="1")
    world.say(Client(), EventAction.EMIT, name="a")
    assert subscriber.take() == [emitted("a")]


def test_other_nodes_hear_of_the_first_and_last_subscriber_and_of_every_event(world: World) -> None:
    one, other = world.subscriber("e"), world.subscriber("e")
    assert world.cluster.take() == [("join", "event", "e")]
    world.say(one, EventAction.EMIT, name="e", data="1")
    assert world.cluster.take() == [("publish", "event", emitted("e", "1"))]
    world.handler.remove_connection(one.connection)
    assert world.cluster.take() == []
    world.handler.remove_connection(other.connection)
    assert world.cluster.take() == [("leave", "event", "e")]


def test_an_event_of_another_node_reaches_all_subscribers_and_goes_no_further(world: World) -> None:
    subscriber = world.subscriber("e")
    world.cluster.take()
    world.cluster.say(emitted("e", "1"))
    assert subscriber.take() == [emitted("e", "1")]
    assert world.cluster.take() == []


def test_an_event_of_the_server_itself_reaches_all_subscribers(world: World) -> None:
    subscriber = world.subscriber("e")
    world.handler.emit(None, emitted("e", "1"))
    assert subscriber.take() == [emitted("e", "1")]


def test_a_socket_that_closes_takes_its_subscriptions_and_patterns_with_it(world: World) -> None:
    provider = Client()
    world.say(provider, EventAction.LISTEN, name="^e")
    subscriber = world.subscriber("e1")
    found = Message(Topic.EVENT, EventAction.SUBSCRIPTION_FOR_PATTERN_FOUND, name="^e", subscription="e1")
    assert provider.take()[-1] == found
    world.say(provider, EventAction.LISTEN_ACCEPT, name="^e", subscription="e1")
    world.handler.remove_connection(subscriber.connection)
    removed = Message(Topic.EVENT, EventAction.SUBSCRIPTION_FOR_PATTERN_REMOVED, name="^e", subscription="e1")
    assert provider.take() == [removed]
    world.handler.remove_connection(provider.connection)
    world.subscriber("e2")
    assert provider.take() == []


def test_unlistening_and_rejecting_go_to_the_listening(world: World) -> None:
    provider = Client()
    world.say(provider, EventAction.LISTEN, name="e")
    world.subscriber("e")
    world.say(provider, EventAction.LISTEN_REJECT, name="e", subscription="e")
    world.say(provider, EventAction.UNLISTEN, name="e")
    assert [message.action for message in provider.take()] == [
        EventAction.LISTEN,
        EventAction.SUBSCRIPTION_FOR_PATTERN_FOUND,
        EventAction.UNLISTEN,
    ]


def test_an_unknown_action_is_answered(world: World) -> None:
    client = Client(codec=JSON)
    world.say(client, EventAction.SUBSCRIPTION_HAS_PROVIDER)
    reply = client.take_one()
    assert (reply.topic, reply.action) == (Topic.PARSER, ParserAction.UNKNOWN_ACTION)
    assert reply.original_action == EventAction.SUBSCRIPTION_HAS_PROVIDER


def test_a_closed_handler_has_no_timers_left(world: World) -> None:
    world.handler.close()
    assert world.clock.pending == 0
