"""Tests of subscriptions: who is at which name, and the broadcast to them."""

from __future__ import annotations

from deepstream_protocol.binary import BinaryCodec
from deepstream_protocol.message import Message
from deepstream_protocol.topics import EventAction, Topic
from gateway.codecs import FramedCodec, PlainCodec
from pubsub.connection import Close, Connection, Flusher, Frame
from pubsub.subscriptions import Subscriptions
from tests.pubsub.kit import BINARY, JSON, Client, Recorder


class Counting:
    """A codec that counts how often it encodes."""

    def __init__(self, inner: PlainCodec) -> None:
        self.name, self.binary = inner.name, inner.binary
        self.decode, self.joined = inner.decode, inner.joined
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
    sender.flusher.flush()
    assert (binary.encoded, json.encoded) == (1, 1)
    assert all(client.take_one().value() == 1 for client in clients)
    subscriptions.publish(event("nobody"))
    sender.flusher.flush()
    assert (binary.encoded, json.encoded) == (1, 1)


def test_broadcasts_and_answers_reach_a_client_in_the_order_they_were_made() -> None:
    subscriptions, client = Subscriptions(), Client()
    subscriptions.add(client.connection, "e")
    for number in range(0, 10, 2):
        subscriptions.publish(event(data=str(number)))
        client.connection.send(event(data=str(number + 1)))
    assert [message.value() for message in client.take()] == list(range(10))
    assert len(client.transport.writes) == 1


def test_messages_of_one_turn_reach_everybody_in_one_write_and_are_encoded_once() -> None:
    binary, json = Counting(BINARY), Counting(JSON)
    subscriptions = Subscriptions()
    clients = [Client(codec=codec) for codec in (binary, json) for _ in range(3)]
    for client in clients:
        subscriptions.add(client.connection, "e")
    for number in range(10):
        subscriptions.publish(event(data=str(number)))
    for client in clients:
        assert [message.value() for message in client.take()] == list(range(10))
        assert len(client.transport.writes) == 1
    assert (binary.encoded, json.encoded) == (10, 10)


def test_broadcasts_to_different_audiences_keep_their_order_at_those_who_are_in_both() -> None:
    subscriptions, both, one = Subscriptions(), Client(), Client()
    for name in "ef":
        subscriptions.add(both.connection, name)
    subscriptions.add(one.connection, "f")
    for number, name in enumerate("eefeffe"):
        subscriptions.publish(event(name, str(number)))
    assert [message.value() for message in both.take()] == list(range(7))
    assert [message.value() for message in one.take()] == [2, 4, 5]


def test_each_sender_in_the_audience_is_left_out_of_its_own_messages_alone() -> None:
    subscriptions = Subscriptions()
    one, other = clients = [Client(), Client()]
    for client in clients:
        subscriptions.add(client.connection, "e")
    stranger = Client()
    for number, sender in enumerate((one, other, stranger, one, one)):
        subscriptions.publish(event(data=str(number)), sender=sender.connection)
    assert [message.value() for message in one.take()] == [1, 2]
    assert [message.value() for message in other.take()] == [0, 2, 3, 4]


def test_who_comes_or_goes_within_a_turn_gets_what_was_published_while_it_was_there() -> None:
    subscriptions = Subscriptions()
    stays, comes, goes, gone = clients = [Client() for _ in range(4)]
    for client in (stays, goes, gone):
        subscriptions.add(client.connection, "e")
    subscriptions.publish(event(data="1"))
    subscriptions.add(comes.connection, "e")
    subscriptions.publish(event(data="2"))
    subscriptions.remove(goes.connection, "e")
    subscriptions.publish(event(data="3"))
    subscriptions.remove_connection(gone.connection)
    subscriptions.publish(event(data="4"))
    subscriptions.remove_name("e")
    subscriptions.publish(event(data="5"))
    got = [[message.value() for message in client.take()] for client in clients]
    assert got == [[1, 2, 3, 4], [2, 3, 4], [1, 2], [1, 2, 3]]


def test_who_is_closed_within_a_turn_gets_what_was_published_before() -> None:
    subscriptions = Subscriptions()
    closed, other = clients = [Client(), Client()]
    for client in clients:
        subscriptions.add(client.connection, "e")
    subscriptions.publish(event(data="1"))
    closed.connection.close(Close.POLICY)
    subscriptions.publish(event(data="2"))
    assert [message.value() for message in closed.take()] == [1]
    assert [message.value() for message in other.take()] == [1, 2]


def test_what_is_flushed_at_once_comes_behind_what_was_published() -> None:
    subscriptions, client = Subscriptions(), Client()
    subscriptions.add(client.connection, "e")
    subscriptions.publish(event(data="1"))
    client.connection.flush()
    assert len(client.transport.writes) == 1
    subscriptions.publish(event(data="2"))
    assert [message.value() for message in client.take()] == [1, 2]


def test_a_message_that_a_wire_format_cannot_say_costs_nobody_another_one() -> None:
    class Halting(Counting):
        """Cannot encode a three."""

        def frame(self, message: Message) -> Frame:
            if message.data == "3":
                raise ValueError("a three")
            return super().frame(message)

    subscriptions = Subscriptions()
    halting, other = clients = [Client(codec=Halting(JSON)), Client()]
    for client in clients:
        subscriptions.add(client.connection, "e")
    for number in (2, 3, 4):
        subscriptions.publish(event(data=str(number)))
    assert [message.value() for message in halting.take()] == [2, 4]
    assert [message.value() for message in other.take()] == [2, 3, 4]


def test_messages_are_joined_where_frames_are_ready_and_each_is_counted_as_delivered() -> None:
    class Count:
        deliveries = 0

    framed, counts = FramedCodec(BinaryCodec()), Count()
    flusher, subscriptions, recorders = (
        Flusher(lambda _: None, counts),
        Subscriptions(),
        [Recorder() for _ in range(3)],
    )
    for recorder in recorders:
        connection = Connection(framed, flusher, limit=1000)
        connection.attach(recorder)
        subscriptions.add(connection, "e")
    messages = [event(data=str(number)) for number in range(5)]
    for message in messages:
        subscriptions.publish(message)
    connection.send(event(data="answer"))
    flusher.flush()
    (joined,) = framed.joined([framed.frame(message) for message in messages])
    assert [recorder.writes for recorder in recorders[:2]] == [[[joined]], [[joined]]]
    assert recorders[2].writes == [[joined, framed.frame(event(data="answer"))]]
    assert counts.deliveries == 5 * 3 + 1
