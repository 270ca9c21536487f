"""Tests of active providers: PROTOCOL.md section 8, line by line."""

from __future__ import annotations

import random
import time

import pytest

from deepstream_project.config import ListenConfig
from deepstream_protocol.message import Message
from deepstream_protocol.topics import EventAction, RecordAction, Topic
from pubsub.listening import MAX_PATTERN_LENGTH, Listening
from pubsub.subscriptions import Subscriptions
from tests.pubsub.kit import Client, Clock, RecordingCluster

IN_ORDER = ListenConfig(
    shuffle_providers=False, response_timeout=0.5, rematch_interval=60.0, match_cooldown=10.0
)


class World:
    """Subscriptions, a Listening on them, and what its clients say, in the words of one topic."""

    def __init__(self, topic: Topic = Topic.EVENT, settings: ListenConfig = IN_ORDER) -> None:
        self.clock = Clock()
        self.cluster = RecordingCluster()
        self.topic = topic
        self.actions = RecordAction if topic is Topic.RECORD else EventAction
        self.subscriptions = Subscriptions(
            on_first=lambda name: self.listening.subscribed(name),
            on_last=lambda name: self.listening.unsubscribed(name),
        )
        self.listening = Listening(topic, self.subscriptions, self.cluster, settings, self.clock)

    def listener(self, *patterns: str) -> Client:
        client = Client()
        for pattern in patterns:
            self.listen(client, pattern)
        client.take()
        return client

    def subscriber(self, *names: str) -> Client:
        client = Client()
        for name in names:
            self.subscriptions.add(client.connection, name)
        return client

    def listen(self, client: Client, pattern: str, **fields: object) -> None:
        message = Message(self.topic, self.actions.LISTEN, name=pattern, **fields)
        self.listening.listen(client.connection, message)

    def unlisten(self, client: Client, pattern: str, **fields: object) -> None:
        message = Message(self.topic, self.actions.UNLISTEN, name=pattern, **fields)
        self.listening.unlisten(client.connection, message)

    def accept(self, client: Client, pattern: str, name: str) -> None:
        message = Message(self.topic, self.actions.LISTEN_ACCEPT, name=pattern, subscription=name)
        self.listening.accept(client.connection, message)

    def reject(self, client: Client, pattern: str, name: str) -> None:
        message = Message(self.topic, self.actions.LISTEN_REJECT, name=pattern, subscription=name)
        self.listening.reject(client.connection, message)

    def leave(self, client: Client, name: str) -> None:
        self.subscriptions.remove(client.connection, name)

    def disconnect(self, client: Client) -> None:
        client.connection.closed = True
        self.subscriptions.remove_connection(client.connection)
        self.listening.remove_connection(client.connection)

    def found(self, pattern: str, name: str) -> Message:
        action = self.actions.SUBSCRIPTION_FOR_PATTERN_FOUND
        return Message(self.topic, action, name=pattern, subscription=name)

    def removed(self, pattern: str, name: str) -> Message:
        action = self.actions.SUBSCRIPTION_FOR_PATTERN_REMOVED
        return Message(self.topic, action, name=pattern, subscription=name)

    def timeout(self, name: str) -> Message:
        return Message(self.topic, self.actions.LISTEN_RESPONSE_TIMEOUT, subscription=name)

    def has_provider(self, name: str) -> Message:
        return Message(self.topic, RecordAction.SUBSCRIPTION_HAS_PROVIDER, name=name)

    def has_no_provider(self, name: str) -> Message:
        return Message(self.topic, RecordAction.SUBSCRIPTION_HAS_NO_PROVIDER, name=name)


@pytest.fixture(params=[Topic.EVENT, Topic.RECORD], ids=["events", "records"])
def world(request: pytest.FixtureRequest) -> World:
    return World(request.param)


@pytest.fixture
def records() -> World:
    return World(Topic.RECORD)


# LISTEN and UNLISTEN


def test_listening_is_acknowledged_with_the_pattern_and_the_correlation_id(world: World) -> None:
    client = Client()
    world.listen(client, "a/.*", correlation_id="1")
    ack = Message(world.topic, world.actions.LISTEN, is_ack=True, name="a/.*", correlation_id="1")
    assert client.take_one() == ack
    world.unlisten(client, "a/.*", correlation_id="2")
    ack = Message(world.topic, world.actions.UNLISTEN, is_ack=True, name="a/.*", correlation_id="2")
    assert client.take_one() == ack


@pytest.mark.parametrize("pattern", ["(", "[a", "a(?=b)", "(?P<x", r"\1", "", "x" * (MAX_PATTERN_LENGTH + 1)])
def test_a_pattern_that_is_no_regular_expression_is_refused(world: World, pattern: str) -> None:
    client = Client()
    world.listen(client, pattern, correlation_id="1")
    reply = client.take_one()
    assert reply.action == world.actions.INVALID_LISTEN_REGEX
    assert (reply.name, reply.correlation_id, reply.is_error) == (pattern, "1", True)
    assert reply.original_action == world.actions.LISTEN
    assert isinstance(reply.value(), str)
    world.subscriber("a")
    assert client.take() == []


def test_a_pattern_is_found_anywhere_in_a_name_and_minds_its_anchors(world: World) -> None:
    client = world.listener("b.d", "^x")
    world.subscriber("abcde", "bd", "xy", "ax")
    assert client.take() == [world.found("b.d", "abcde"), world.found("^x", "xy")]


def test_listening_twice_to_the_same_pattern_is_remarked_on_and_counts_once(world: World) -> None:
    client = world.listener("a")
    world.listen(client, "a")
    assert client.take_one() == Message(
        world.topic,
        world.actions.MULTIPLE_SUBSCRIPTIONS,
        name="a",
        original_action=world.actions.LISTEN,
    )
    world.subscriber("a")
    world.reject(client, "a", "a")
    assert client.take() == [world.found("a", "a")]


def test_unlistening_what_was_not_listened_to_is_remarked_on(world: World) -> None:
    other = world.listener("a")
    client = Client()
    world.unlisten(client, "a")
    assert client.take_one() == Message(
        world.topic, world.actions.NOT_SUBSCRIBED, name="a", original_action=world.actions.UNLISTEN
    )
    world.subscriber("a")
    assert other.take() == [world.found("a", "a")]


def test_the_cluster_hears_of_the_first_and_the_last_listener_of_a_pattern(world: World) -> None:
    role = f"{world.topic.name.lower()}-listen"
    one, other = world.listener("a"), world.listener("a")
    assert world.cluster.take() == [("join", role, "a")]
    world.unlisten(one, "a")
    assert world.cluster.take() == []
    world.disconnect(other)
    assert world.cluster.take() == [("leave", role, "a")]


def test_a_pattern_built_to_take_exponential_time_is_matched_in_no_time(world: World) -> None:
    world.listener("(a+)+$", "(a|a)*b", "(a*)*c")
    begin = time.perf_counter()
    world.subscriber("a" * 1000 + "!")
    assert time.perf_counter() - begin < 1


# The search


def test_names_subscribed_before_are_offered_before_the_ack_in_their_order(world: World) -> None:
    world.subscriber("a/1", "b/1", "a/2")
    client = Client()
    world.listen(client, "^a/")
    found, also, ack = client.take()
    assert [found, also] == [world.found("^a/", "a/1"), world.found("^a/", "a/2")]
    assert ack.is_ack


def test_a_name_is_offered_with_its_first_subscriber_and_not_again_with_the_second(world: World) -> None:
    client = world.listener("a")
    world.subscriber("a")
    assert client.take() == [world.found("a", "a")]
    world.subscriber("a")
    assert client.take() == []
    world.accept(client, "a", "a")
    world.subscriber("a")
    assert client.take() == []


def test_listeners_are_asked_one_after_another(world: World) -> None:
    first, second, third = (world.listener("a") for _ in range(3))
    world.subscriber("a")
    assert [client.take() for client in (first, second, third)] == [[world.found("a", "a")], [], []]
    world.reject(first, "a", "a")
    assert [client.take() for client in (first, second, third)] == [[], [world.found("a", "a")], []]
    world.accept(second, "a", "a")
    assert [client.take() for client in (first, second, third)] == [[], [], []]
    assert world.listening.has_provider("a")


def test_a_listener_is_asked_once_for_each_of_its_patterns_that_match(world: World) -> None:
    client = world.listener("a", "^a", "b")
    world.subscriber("a")
    assert client.take() == [world.found("a", "a")]
    world.reject(client, "a", "a")
    assert client.take() == [world.found("^a", "a")]
    world.reject(client, "^a", "a")
    assert client.take() == []


def test_a_search_that_all_reject_ends_and_nobody_is_told(records: World) -> None:
    listeners = [records.listener("a") for _ in range(2)]
    subscriber = records.subscriber("a")
    for listener in listeners:
        records.reject(listener, "a", "a")
        listener.take()
    assert subscriber.take() == []
    assert not records.listening.has_provider("a")


def test_silence_is_told_as_a_timeout_and_the_next_one_is_asked(world: World) -> None:
    silent, next_one = world.listener("a"), world.listener("a")
    world.subscriber("a")
    silent.take()
    world.clock.advance(0.49)
    assert (silent.take(), next_one.take()) == ([], [])
    world.clock.advance(0.02)
    assert silent.take() == [world.timeout("a")]
    assert next_one.take() == [world.found("a", "a")]
    world.clock.advance(0.5)
    assert next_one.take() == [world.timeout("a")]
    assert silent.take() == []


def test_an_answer_in_time_stops_the_timeout(world: World) -> None:
    client = world.listener("a")
    world.subscriber("a")
    world.clock.advance(0.4)
    world.accept(client, "a", "a")
    client.take()
    world.clock.advance(5)
    assert client.take() == []
    assert world.listening.has_provider("a")


def test_a_listener_who_comes_during_a_search_is_asked_in_its_turn(world: World) -> None:
    first = world.listener("a")
    world.subscriber("a")
    late = world.listener("a")
    assert late.take() == []
    world.reject(first, "a", "a")
    assert late.take() == [world.found("a", "a")]


def test_a_listener_who_comes_when_there_is_a_provider_is_asked_when_that_goes(world: World) -> None:
    provider = world.listener("a")
    world.subscriber("a")
    world.accept(provider, "a", "a")
    late = world.listener("a")
    assert late.take() == []
    world.disconnect(provider)
    assert late.take() == [world.found("a", "a")]


def test_searches_for_different_names_do_not_wait_for_each_other(world: World) -> None:
    client = world.listener("a")
    world.subscriber("a1", "a2", "a3")
    assert client.take() == [world.found("a", f"a{number}") for number in (1, 2, 3)]
    world.accept(client, "a", "a2")
    assert [world.listening.has_provider(f"a{number}") for number in (1, 2, 3)] == [False, True, False]


def test_when_the_subscriber_leaves_during_the_search_it_ends(world: World) -> None:
    asked, waiting = world.listener("a"), world.listener("a")
    subscriber = world.subscriber("a")
    asked.take()
    world.leave(subscriber, "a")
    world.clock.advance(5)
    assert (asked.take(), waiting.take()) == ([], [])


def test_a_listener_who_unlistens_while_it_is_asked_makes_room_at_once(world: World) -> None:
    asked, waiting = world.listener("a"), world.listener("a")
    world.subscriber("a")
    asked.take()
    world.unlisten(asked, "a")
    assert [message.action for message in asked.take()] == [world.actions.UNLISTEN]
    assert waiting.take() == [world.found("a", "a")]
    world.clock.advance(0.5)
    assert asked.take() == []


def test_a_listener_whose_socket_closes_while_it_waits_is_not_asked(world: World) -> None:
    asked, gone, last = (world.listener("a") for _ in range(3))
    world.subscriber("a")
    world.disconnect(gone)
    world.reject(asked, "a", "a")
    assert gone.take() == []
    assert last.take() == [world.found("a", "a")]


def test_shuffled_providers_share_the_load() -> None:
    random.seed(4)
    world = World(settings=ListenConfig(shuffle_providers=True))
    listeners = [world.listener("a") for _ in range(4)]
    world.subscriber(*(f"a{number}" for number in range(400)))
    shares = [len(listener.take()) for listener in listeners]
    assert sum(shares) == 400
    assert all(60 < share < 140 for share in shares)


# Answers that nobody asked for


def test_an_acceptance_after_the_timeout_is_answered_with_the_removal(world: World) -> None:
    late, next_one = world.listener("a"), world.listener("a")
    world.subscriber("a")
    world.clock.advance(0.5)
    late.take()
    world.accept(late, "a", "a")
    assert late.take() == [world.removed("a", "a")]
    world.accept(next_one, "a", "a")
    assert world.listening.has_provider("a")
    world.accept(late, "a", "a")
    assert late.take() == [world.removed("a", "a")]
    world.disconnect(late)
    assert world.listening.has_provider("a")


def test_an_acceptance_after_the_subscriber_left_is_answered_with_the_removal(world: World) -> None:
    client = world.listener("a")
    subscriber = world.subscriber("a")
    world.leave(subscriber, "a")
    client.take()
    world.accept(client, "a", "a")
    assert client.take() == [world.removed("a", "a")]
    assert not world.listening.has_provider("a")


def test_accepting_twice_changes_nothing(records: World) -> None:
    client = records.listener("a")
    subscriber = records.subscriber("a")
    records.accept(client, "a", "a")
    client.take()
    subscriber.take()
    records.accept(client, "a", "a")
    assert (client.take(), subscriber.take()) == ([], [])
    assert records.listening.has_provider("a")


def test_answers_of_those_who_were_not_asked_change_nothing(world: World) -> None:
    asked, other = world.listener("a"), world.listener("a")
    stranger = Client()
    world.subscriber("a")
    for client in (other, stranger):
        world.reject(client, "a", "a")
        world.accept(client, "a", "a")
    world.accept(asked, "unknown", "a")
    world.accept(asked, "a", "unknown")
    world.reject(asked, "a", "unknown")
    for message in (Message(world.topic, world.actions.LISTEN_ACCEPT),):
        world.listening.accept(asked.connection, message)
        world.listening.reject(asked.connection, message)
    assert not world.listening.has_provider("a")
    world.accept(asked, "a", "a")
    assert world.listening.has_provider("a")


# Providers


def test_a_provider_hears_when_the_last_subscriber_is_gone(world: World) -> None:
    provider, other = world.listener("a"), world.listener("a")
    one, two = world.subscriber("a"), world.subscriber("a")
    world.accept(provider, "a", "a")
    provider.take()
    world.leave(one, "a")
    assert provider.take() == []
    world.disconnect(two)
    assert provider.take() == [world.removed("a", "a")]
    assert other.take() == []
    assert not world.listening.has_provider("a")


def test_a_listener_who_rejected_hears_nothing_when_the_last_subscriber_is_gone(world: World) -> None:
    client = world.listener("a")
    subscriber = world.subscriber("a")
    world.reject(client, "a", "a")
    client.take()
    world.leave(subscriber, "a")
    assert client.take() == []


def test_a_name_that_is_subscribed_again_is_offered_again_at_once(world: World) -> None:
    client = world.listener("a")
    for answer in (world.accept, world.reject):
        subscriber = world.subscriber("a")
        answer(client, "a", "a")
        client.take()
        world.leave(subscriber, "a")
        client.take()
        again = world.subscriber("a")
        assert client.take() == [world.found("a", "a")]
        world.leave(again, "a")


@pytest.mark.parametrize("goes", ["unlisten", "disconnect"])
def test_when_the_provider_goes_the_search_starts_again(world: World, goes: str) -> None:
    provider, successor = world.listener("a"), world.listener("a")
    world.subscriber("a")
    world.accept(provider, "a", "a")
    if goes == "unlisten":
        world.unlisten(provider, "a")
    else:
        world.disconnect(provider)
    assert not world.listening.has_provider("a")
    assert successor.take() == [world.found("a", "a")]
    world.accept(successor, "a", "a")
    assert world.listening.has_provider("a")


def test_a_provider_that_gives_a_name_up_hands_it_to_another_and_is_not_asked_itself(world: World) -> None:
    provider, successor = world.listener("a"), world.listener("a")
    world.subscriber("a")
    world.accept(provider, "a", "a")
    provider.take()
    world.reject(provider, "a", "a")
    assert provider.take() == []
    assert successor.take() == [world.found("a", "a")]


def test_a_provider_keeps_the_names_of_its_other_patterns_when_it_unlistens_one(world: World) -> None:
    provider = world.listener("a", "b")
    world.subscriber("a", "b")
    world.accept(provider, "a", "a")
    world.accept(provider, "b", "b")
    world.unlisten(provider, "a")
    assert not world.listening.has_provider("a")
    assert world.listening.has_provider("b")


def test_a_socket_that_goes_with_several_matching_patterns_is_not_asked_for_its_own_names(
    world: World,
) -> None:
    provider = world.listener("a", "^a")
    successor = world.listener("a$")
    world.subscriber("a")
    world.accept(provider, "a", "a")
    world.disconnect(provider)
    assert successor.take() == [world.found("a$", "a")]
    world.accept(successor, "a$", "a")
    assert world.listening.has_provider("a")


# What subscribers hear


def test_record_subscribers_hear_when_a_provider_is_found_and_lost(records: World) -> None:
    provider = records.listener("a")
    one, two = records.subscriber("a"), records.subscriber("a")
    records.accept(provider, "a", "a")
    assert (one.take(), two.take()) == ([records.has_provider("a")], [records.has_provider("a")])
    records.unlisten(provider, "a")
    assert (one.take(), two.take()) == ([records.has_no_provider("a")], [records.has_no_provider("a")])


@pytest.mark.parametrize("goes", ["unlisten", "disconnect", "reject"])
def test_record_subscribers_hear_of_a_hand_over_from_provider_to_provider(records: World, goes: str) -> None:
    provider, successor = records.listener("a"), records.listener("a")
    subscriber = records.subscriber("a")
    records.accept(provider, "a", "a")
    match goes:
        case "unlisten":
            records.unlisten(provider, "a")
        case "disconnect":
            records.disconnect(provider)
        case _:
            records.reject(provider, "a", "a")
    records.accept(successor, "a", "a")
    assert subscriber.take() == [
        records.has_provider("a"),
        records.has_no_provider("a"),
        records.has_provider("a"),
    ]


def test_event_subscribers_hear_nothing_of_providers() -> None:
    events = World(Topic.EVENT)
    provider = events.listener("a")
    subscriber = events.subscriber("a")
    events.accept(provider, "a", "a")
    events.unlisten(provider, "a")
    assert subscriber.take() == []


# Trying again


def test_a_name_that_all_rejected_is_tried_again_at_the_rematch_interval(world: World) -> None:
    client = world.listener("a")
    world.subscriber("a")
    world.reject(client, "a", "a")
    client.take()
    world.clock.advance(59)
    assert client.take() == []
    world.clock.advance(1)
    assert client.take() == [world.found("a", "a")]
    world.accept(client, "a", "a")
    world.clock.advance(600)
    assert client.take() == []


def test_a_name_is_not_tried_again_within_the_cooldown_of_a_failed_search(world: World) -> None:
    client = world.listener("a")
    world.clock.advance(55)
    world.subscriber("a")
    world.reject(client, "a", "a")
    client.take()
    world.clock.advance(5)
    assert client.take() == []
    world.clock.advance(60)
    assert client.take() == [world.found("a", "a")]


def test_silence_counts_as_a_failed_search_from_its_end_on(world: World) -> None:
    client = world.listener("a")
    world.clock.advance(49.8)
    world.subscriber("a")
    world.clock.advance(1)
    assert client.take() == [world.found("a", "a"), world.timeout("a")]
    world.clock.advance(10)
    assert client.take() == []
    world.clock.advance(60)
    assert client.take()[0] == world.found("a", "a")


def test_a_new_listener_is_asked_at_once_whatever_failed_before(world: World) -> None:
    first = world.listener("a")
    world.subscriber("a")
    world.reject(first, "a", "a")
    first.take()
    second = Client()
    world.listen(second, "a")
    assert second.take()[0] == world.found("a", "a")
    assert first.take() == []


def test_a_name_without_subscribers_is_not_tried_again(world: World) -> None:
    client = world.listener("a")
    subscriber = world.subscriber("a")
    world.reject(client, "a", "a")
    world.leave(subscriber, "a")
    client.take()
    world.clock.advance(600)
    assert client.take() == []


def test_a_name_that_its_only_provider_gave_up_is_tried_again_at_the_rematch_interval(world: World) -> None:
    client = world.listener("a")
    world.subscriber("a")
    world.accept(client, "a", "a")
    world.reject(client, "a", "a")
    client.take()
    world.clock.advance(60)
    assert client.take() == [world.found("a", "a")]


def test_a_closed_listening_has_no_timers_left() -> None:
    world = World()
    world.listener("a")
    world.subscriber("a")
    world.listening.close()
    assert world.clock.pending == 0


class Beliefs:
    """What record subscribers must think of the provider of each name, by all that they were told."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._known: dict[tuple[Client, str], bool] = {}

    def subscribe(self, client: Client, name: str) -> None:
        if self._world.subscriptions.add(client.connection, name):
            self._known[client, name] = self._world.listening.has_provider(name)

    def check(self, clients: list[Client], names: list[str]) -> None:
        """Take in what was told: each piece of news is one, and the last one of each name is right."""
        for client in clients:
            for message in client.take():
                if message.action in NEWS and (client, message.name) in self._known:
                    has_provider = message.action == RecordAction.SUBSCRIPTION_HAS_PROVIDER
                    assert self._known[client, message.name] is not has_provider
                    self._known[client, message.name] = has_provider
            for name in names:
                if self._world.subscriptions.has(client.connection, name):
                    assert self._known[client, name] == self._world.listening.has_provider(name)


NEWS = (RecordAction.SUBSCRIPTION_HAS_PROVIDER, RecordAction.SUBSCRIPTION_HAS_NO_PROVIDER)


@pytest.mark.parametrize("seed", range(20))
def test_whatever_happens_subscribers_know_whether_there_is_a_provider(seed: int) -> None:
    chance = random.Random(seed)
    world = World(Topic.RECORD, ListenConfig(shuffle_providers=True))
    beliefs = Beliefs(world)
    names, patterns = ["a1", "a2", "ab", "b1"], ["a", "b", "^a.$"]
    clients = [Client() for _ in range(6)]
    provided = 0
    for _ in range(300):
        client, name, pattern = chance.choice(clients), chance.choice(names), chance.choice(patterns)
        match chance.randrange(9):
            case 0:
                world.listen(client, pattern)
            case 1:
                world.unlisten(client, pattern)
            case 2 | 3:
                beliefs.subscribe(client, name)
            case 4:
                world.leave(client, name)
            case 5 | 6:
                for other in clients:
                    world.accept(other, pattern, name)
            case 7:
                world.reject(client, pattern, name)
            case _:
                world.clock.advance(chance.choice([0.1, 1, 30]))
        beliefs.check(clients, names)
        provided += sum(map(world.listening.has_provider, names))
        assert not any(map(world.listening.has_provider, set(names) - world.subscriptions.names()))
    assert provided > 50
    for client in clients:
        world.disconnect(client)
    assert not any(map(world.listening.has_provider, names))
    calls = [call[0] for call in world.cluster.take()]
    assert calls.count("join") == calls.count("leave") > 0
