"""Tests of listening and of the search for a provider: PROTOCOL.md section 8."""

from __future__ import annotations

import random
import time

import pytest

from deepstream_project.config import ListenConfig
from deepstream_protocol.message import Message
from deepstream_protocol.topics import Topic
from pubsub.patterns import MAX_PATTERN_LENGTH
from tests.pubsub.kit import Client
from tests.pubsub.listening_kit import World


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
