"""Tests of providers once they are found, and of searching again: PROTOCOL.md section 8."""

from __future__ import annotations

import random

import pytest

from deepstream_project.config import ListenConfig
from deepstream_protocol.message import Message
from deepstream_protocol.topics import RecordAction, Topic
from tests.pubsub.kit import Client
from tests.pubsub.listening_kit import World


@pytest.fixture(params=[Topic.EVENT, Topic.RECORD], ids=["events", "records"])
def world(request: pytest.FixtureRequest) -> World:
    return World(request.param)


@pytest.fixture
def records() -> World:
    return World(Topic.RECORD)


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
