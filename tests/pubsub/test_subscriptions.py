"""Tests of subscriptions: who is at which name, and the broadcast to them."""

from __future__ import annotations

from deepstream_protocol.message import Message
from deepstream_protocol.topics import EventAction, Topic
from gateway.codecs import PlainCodec
from pubsub.connection import Frame
from pubsub.subscriptions import Subscriptions
from tests.pubsub.kit import BINARY, JSON, Client


class Counting(PlainCodec):
    """A codec that counts how often it encodes."""

    def __init__(self, inner: PlainCodec) -> None:
        self.name, self.binary, self.decode = inner.name, inner.binary, inner.decode
        self._inner = inner
        self.encoded = 0

    def frame(self, message: Message) -> Frame:
        self.encoded += 1
        return self._inner.frame(message)


def event(name: str = "e", data: str = "1") -> Message:
    return Message(Topic.EVENT, EventAction.EMIT, name=name, data=data)


def hooked() -> tuple[Subscriptions, list[str]]:
    told: list[str] = []
    subscriptions = Subscriptions(
        on_first=lambda name: told.append(f"+{name}"), on_last=lambda name: told.append(f"-{name}")
    )
    return subscriptions, told


def test_a_connection_is_at_a_name_once() -> None:
    subscriptions, connection = Subscriptions(), Client().connection
    assert subscriptions.add(connection, "a")
    assert not subscriptions.add(connection, "a")
    assert list(subscriptions.at("a")) == [connection]
    assert subscriptions.has(connection, "a")
    assert "a" in subscriptions
    assert subscriptions.remove(connection, "a")
    assert not subscriptions.remove(connection, "a")
    assert "a" not in subscriptions
    assert not subscriptions.has(connection, "a")


def test_names_and_connections_keep_the_order_of_arrival() -> None:
    subscriptions = Subscriptions()
    clients = [Client().connection for _ in range(5)]
    for connection in clients:
        subscriptions.add(connection, "a")
    subscriptions.remove(clients[1], "a")
    subscriptions.add(clients[1], "a")
    assert list(subscriptions.at("a")) == [clients[index] for index in (0, 2, 3, 4, 1)]
    for name in "zyx":
        subscriptions.add(clients[0], name)
    assert list(subscriptions.of(clients[0])) == ["a", "z", "y", "x"]
    assert list(subscriptions.names()) == ["a", "z", "y", "x"]


def test_a_name_nobody_is_at_and_a_stranger_are_no_errors() -> None:
    subscriptions, connection = Subscriptions(), Client().connection
    assert list(subscriptions.at("a")) == []
    assert list(subscriptions.of(connection)) == []
    assert not subscriptions.remove(connection, "a")
    subscriptions.remove_connection(connection)
    subscriptions.remove_name("a")
    subscriptions.publish(event("a"))


def test_the_first_and_the_last_connection_of_a_name_are_told_of_and_no_other() -> None:
    subscriptions, told = hooked()
    one, other = Client().connection, Client().connection
    subscriptions.add(one, "a")
    subscriptions.add(other, "a")
    subscriptions.add(one, "a")
    assert told == ["+a"]
    subscriptions.remove(one, "a")
    assert told == ["+a"]
    subscriptions.remove(other, "a")
    assert told == ["+a", "-a"]
    subscriptions.add(one, "a")
    assert told == ["+a", "-a", "+a"]


def test_the_hooks_see_the_subscription_as_it_is_then() -> None:
    seen: list[tuple[str, bool]] = []
    subscriptions = Subscriptions(
        on_first=lambda name: seen.append((name, name in subscriptions)),
        on_last=lambda name: seen.append((name, name in subscriptions)),
    )
    connection = Client().connection
    subscriptions.add(connection, "a")
    subscriptions.remove(connection, "a")
    assert seen == [("a", True), ("a", False)]


def test_a_socket_that_is_gone_leaves_every_name_and_only_its_own() -> None:
    subscriptions, told = hooked()
    gone, other = Client().connection, Client().connection
    for name in "abc":
        subscriptions.add(gone, name)
    subscriptions.add(other, "b")
    subscriptions.remove_connection(gone)
    assert list(subscriptions.names()) == ["b"]
    assert list(subscriptions.at("b")) == [other]
    assert list(subscriptions.of(gone)) == []
    assert told == ["+a", "+b", "+c", "-a", "-c"]


def test_a_name_that_is_gone_loses_all_its_connections() -> None:
    subscriptions, told = hooked()
    one, other = Client().connection, Client().connection
    for connection in (one, other):
        subscriptions.add(connection, "a")
    subscriptions.add(one, "b")
    subscriptions.remove_name("a")
    assert list(subscriptions.names()) == ["b"]
    assert list(subscriptions.of(one)) == ["b"]
    assert list(subscriptions.of(other)) == []
    assert told == ["+a", "+b", "-a"]


def test_a_message_goes_to_everyone_at_its_name_but_the_sender() -> None:
    subscriptions = Subscriptions()
    sender, one, other, elsewhere = clients = [Client() for _ in range(4)]
    for client in clients[:3]:
        subscriptions.add(client.connection, "e")
    subscriptions.add(elsewhere.connection, "f")
    subscriptions.publish(event(), sender=sender.connection)
    assert [client.take() for client in clients] == [[], [event()], [event()], []]
    subscriptions.publish(event())
    assert sender.take() == [event()]
    assert (one.take(), other.take()) == ([event()], [event()])


def test_a_message_can_go_to_the_subscribers_of_another_name() -> None:
    subscriptions = Subscriptions()
    named, other = Client(), Client()
    subscriptions.add(named.connection, "e")
    subscriptions.add(other.connection, "all")
    subscriptions.publish(event(), at="all")
    assert named.take() == []
    assert other.take() == [event()]


def test_a_message_is_encoded_once_per_wire_format_and_not_at_all_for_nobody() -> None:
    binary, json = Counting(BINARY), Counting(JSON)
    subscriptions = Subscriptions()
    sender = Client(codec=json)
    clients = [Client(codec=codec) for codec in (binary, json) for _ in range(50)]
    for client in [sender, *clients]:
        subscriptions.add(client.connection, "e")
    subscriptions.publish(event(), sender=sender.connection)
    assert (binary.encoded, json.encoded) == (1, 1)
    assert all(client.take_one().value() == 1 for client in clients)
    subscriptions.publish(event("nobody"))
    assert (binary.encoded, json.encoded) == (1, 1)


def test_broadcasts_and_answers_reach_a_client_in_the_order_they_were_made() -> None:
    subscriptions, client = Subscriptions(), Client()
    subscriptions.add(client.connection, "e")
    for number in range(0, 10, 2):
        subscriptions.publish(event(data=str(number)))
        client.connection.send(event(data=str(number + 1)))
    assert [message.value() for message in client.take()] == list(range(10))
    assert len(client.transport.writes) == 1
