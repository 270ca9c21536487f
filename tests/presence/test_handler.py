"""Tests of presence: PROTOCOL.md section 7."""

from __future__ import annotations

import pytest

from deepstream_protocol.message import Message
from deepstream_protocol.topics import ParserAction, PresenceAction, Topic
from presence.handler import PresenceHandler
from pubsub.cluster import SingleNode
from pubsub.user import User
from tests.pubsub.kit import JSON, Client, RecordingCluster

OPEN = User("open", is_authenticated=False)


def presence(action: int, **fields: object) -> Message:
    return Message(Topic.PRESENCE, action, **fields)


def joined(name: str) -> Message:
    return presence(PresenceAction.PRESENCE_JOIN, name=name)


def left(name: str) -> Message:
    return presence(PresenceAction.PRESENCE_LEAVE, name=name)


def joined_all(name: str) -> Message:
    return presence(PresenceAction.PRESENCE_JOIN_ALL, name=name)


def left_all(name: str) -> Message:
    return presence(PresenceAction.PRESENCE_LEAVE_ALL, name=name)


class World:
    def __init__(self, cluster: RecordingCluster | SingleNode | None = None) -> None:
        self.handler = PresenceHandler(cluster or SingleNode())

    def log_in(self, user: User | str) -> Client:
        client = Client(user)
        self.handler.add_connection(client.connection)
        return client

    def log_out(self, client: Client) -> None:
        self.handler.remove_connection(client.connection)

    def say(self, client: Client, action: int, **fields: object) -> None:
        self.handler.actions.receive(client.connection, presence(action, **fields))

    def watcher(self, *users: str, everybody: bool = False) -> Client:
        client = self.log_in(OPEN)
        if users:
            self.say(client, PresenceAction.SUBSCRIBE, names=list(users))
        if everybody:
            self.say(client, PresenceAction.SUBSCRIBE_ALL)
        client.take()
        return client

    def query(self, client: Client, *users: str) -> dict[str, bool]:
        self.say(client, PresenceAction.QUERY, names=list(users), correlation_id="1")
        return client.take_one().value()

    def query_all(self, client: Client) -> list[str]:
        self.say(client, PresenceAction.QUERY_ALL)
        reply = client.take_one()
        assert reply.action == PresenceAction.QUERY_ALL_RESPONSE
        return reply.names or []


@pytest.fixture
def world() -> World:
    return World()


def test_a_join_is_told_for_the_first_socket_of_a_user_and_a_leave_for_the_last(world: World) -> None:
    watcher = world.watcher(everybody=True)
    first = world.log_in("jane")
    assert watcher.take() == [joined_all("jane")]
    second = world.log_in("jane")
    world.log_out(first)
    assert watcher.take() == []
    world.log_out(second)
    assert watcher.take() == [left_all("jane")]
    world.log_in("jane")
    assert watcher.take() == [joined_all("jane")]


def test_subscribers_to_one_user_hear_of_that_user_alone(world: World) -> None:
    watcher = world.watcher("jane", "joe")
    clients = [world.log_in(user) for user in ("jane", "jim", "joe")]
    assert watcher.take() == [joined("jane"), joined("joe")]
    for client in clients:
        world.log_out(client)
    assert watcher.take() == [left("jane"), left("joe")]


def test_a_subscriber_to_all_and_to_one_hears_both_the_one_for_all_first(world: World) -> None:
    watcher = world.watcher("jane", everybody=True)
    world.log_out(world.log_in("jane"))
    assert watcher.take() == [joined_all("jane"), joined("jane"), left_all("jane"), left("jane")]


def test_a_client_does_not_hear_of_its_own_login(world: World) -> None:
    jane = world.log_in("jane")
    world.say(jane, PresenceAction.SUBSCRIBE_ALL)
    jane.take()
    world.log_in("jane")
    assert jane.take() == []


def test_a_user_online_already_when_subscribed_to_is_not_told_of(world: World) -> None:
    world.log_in("jane")
    assert world.watcher("jane", everybody=True).take() == []


def test_subscribing_to_all_is_acknowledged(world: World) -> None:
    client = world.log_in("jane")
    for action in (PresenceAction.SUBSCRIBE_ALL, PresenceAction.UNSUBSCRIBE_ALL):
        world.say(client, action)
        assert client.take() == [presence(action, is_ack=True)]
    world.log_in("joe")
    assert client.take() == []


def test_subscribing_to_all_twice_is_remarked_on_and_tells_once(world: World) -> None:
    watcher = world.watcher(everybody=True)
    world.say(watcher, PresenceAction.SUBSCRIBE_ALL)
    remark, ack = watcher.take()
    assert (remark.action, remark.original_action) == (
        PresenceAction.MULTIPLE_SUBSCRIPTIONS,
        PresenceAction.SUBSCRIBE_ALL,
    )
    assert ack == presence(PresenceAction.SUBSCRIBE_ALL, is_ack=True)
    world.log_in("jane")
    assert watcher.take() == [joined_all("jane")]


def test_unsubscribing_from_all_without_a_subscription_is_remarked_on(world: World) -> None:
    client = world.log_in("jane")
    world.say(client, PresenceAction.UNSUBSCRIBE_ALL)
    reply = client.take_one()
    assert (reply.action, reply.original_action) == (
        PresenceAction.NOT_SUBSCRIBED,
        PresenceAction.UNSUBSCRIBE_ALL,
    )


def test_subscribing_to_users_is_acknowledged_in_bulk(world: World) -> None:
    client = world.log_in("jane")
    world.say(client, PresenceAction.SUBSCRIBE, names=["a", "b"], correlation_id="1")
    assert client.take() == [presence(PresenceAction.SUBSCRIBE, is_ack=True, correlation_id="1")]
    world.say(client, PresenceAction.SUBSCRIBE, names=["b"], correlation_id="2")
    remark, ack = client.take()
    assert remark == presence(
        PresenceAction.MULTIPLE_SUBSCRIPTIONS, name="b", original_action=PresenceAction.SUBSCRIBE
    )
    assert ack.is_ack
    world.say(client, PresenceAction.UNSUBSCRIBE, names=["a", "z"], correlation_id="3")
    assert client.take() == [presence(PresenceAction.UNSUBSCRIBE, is_ack=True, correlation_id="3")]
    world.log_in("a")
    world.log_in("b")
    assert client.take() == [joined("b")]


def test_the_subscriptions_to_one_and_to_all_are_independent(world: World) -> None:
    watcher = world.watcher("jane", everybody=True)
    world.say(watcher, PresenceAction.UNSUBSCRIBE_ALL)
    watcher.take()
    jane = world.log_in("jane")
    assert watcher.take() == [joined("jane")]
    world.say(watcher, PresenceAction.SUBSCRIBE_ALL)
    world.say(watcher, PresenceAction.UNSUBSCRIBE, names=["jane"])
    watcher.take()
    world.log_out(jane)
    assert watcher.take() == [left_all("jane")]


def test_a_user_may_be_named_like_the_subscription_to_all(world: World) -> None:
    to_all, to_one = world.watcher(everybody=True), world.watcher("%_EVERYONE_%")
    world.log_in("jane")
    assert to_all.take() == [joined_all("jane")]
    assert to_one.take() == []
    world.log_in("%_EVERYONE_%")
    assert to_all.take() == [joined_all("%_EVERYONE_%")]
    assert to_one.take() == [joined("%_EVERYONE_%")]


def test_a_socket_that_closes_takes_its_subscriptions_with_it(world: World) -> None:
    watcher = world.watcher("jane", everybody=True)
    world.log_out(watcher)
    world.log_in("jane")
    assert watcher.take() == []


def test_the_query_of_all_names_every_user_once_but_the_asker(world: World) -> None:
    jane = world.log_in("jane")
    for user in ("joe", "jane", "joe", "jim"):
        world.log_in(user)
    assert world.query_all(jane) == ["joe", "jim"]
    assert world.query_all(world.log_in(OPEN)) == ["jane", "joe", "jim"]


def test_a_query_says_of_each_user_in_the_order_asked_whether_it_is_online(world: World) -> None:
    jane = world.log_in("jane")
    joe = world.log_in("joe")
    assert list(world.query(jane, "nobody", "joe", "jane").items()) == [
        ("nobody", False),
        ("joe", True),
        ("jane", True),
    ]
    world.log_out(joe)
    assert world.query(jane, "joe") == {"joe": False}
    assert world.query(jane) == {}


def test_the_answer_to_a_query_has_its_correlation_id(world: World) -> None:
    jane = world.log_in("jane")
    world.say(jane, PresenceAction.QUERY, names=["joe"], correlation_id="42")
    assert jane.take_one() == presence(
        PresenceAction.QUERY_RESPONSE, correlation_id="42", data='{"joe":false}'
    )


def test_users_without_an_id_of_their_own_are_left_out(world: World) -> None:
    watcher = world.watcher("open", everybody=True)
    clients = [world.log_in(OPEN), world.log_in(User(None))]
    assert world.query_all(watcher) == []
    assert world.query(watcher, "open") == {"open": False}
    for client in clients:
        world.log_out(client)
    assert watcher.take() == []


def test_a_socket_that_closes_before_its_login_is_nobodys_leave(world: World) -> None:
    watcher = world.watcher(everybody=True)
    world.log_out(Client())
    assert watcher.take() == []


def test_other_nodes_hear_of_a_users_first_and_last_socket_here() -> None:
    cluster = RecordingCluster()
    world = World(cluster)
    first, second = world.log_in("jane"), world.log_in("jane")
    assert cluster.take() == [("join", "presence", "jane")]
    world.log_out(first)
    assert cluster.take() == []
    world.log_out(second)
    assert cluster.take() == [("leave", "presence", "jane")]


def test_a_user_who_is_online_on_another_node_neither_joins_nor_leaves_here() -> None:
    world = World(RecordingCluster([("presence", "jane")]))
    watcher = world.watcher(everybody=True)
    jane = world.log_in("jane")
    world.log_out(jane)
    assert watcher.take() == []
    assert world.query(watcher, "jane") == {"jane": True}
    assert world.query_all(watcher) == ["jane"]


def test_a_join_on_another_node_is_told_to_the_subscribers_here(world: World) -> None:
    watcher = world.watcher("jane", everybody=True)
    world.handler.tell("jane", online=True)
    assert watcher.take() == [joined_all("jane"), joined("jane")]
    world.handler.tell("jane", online=False)
    assert watcher.take() == [left_all("jane"), left("jane")]


def test_an_unknown_action_is_answered(world: World) -> None:
    client = Client("jane", codec=JSON)
    world.say(client, PresenceAction.PRESENCE_JOIN)
    reply = client.take_one()
    assert (reply.topic, reply.action) == (Topic.PARSER, ParserAction.UNKNOWN_ACTION)
