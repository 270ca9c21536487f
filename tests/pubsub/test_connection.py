"""Tests of the outbox: what is sent leaves in order, once a turn, and within a bound."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from deepstream_protocol.message import Message
from deepstream_protocol.topics import ConnectionAction, EventAction, Topic
from pubsub.connection import Close, Connection, Flusher, Frame
from pubsub.user import ANONYMOUS
from tests.pubsub.kit import BINARY, Client, Recorder


def event(number: int) -> Message:
    return Message(Topic.EVENT, EventAction.EMIT, name="e", data=str(number))


def numbers(client: Client) -> list[int]:
    return [message.value() for message in client.take()]


class Turns:
    """The ``call_soon`` of a loop whose turns a test makes."""

    def __init__(self) -> None:
        self.due: list[Callable[[], object]] = []

    def __call__(self, callback: Callable[[], object]) -> None:
        self.due.append(callback)

    def turn(self) -> None:
        due, self.due = self.due, []
        for callback in due:
            callback()


def two_clients() -> tuple[Turns, Connection, Recorder, Connection, Recorder]:
    turns = Turns()
    flusher = Flusher(turns)
    recorders = Recorder(), Recorder()
    connections = [Connection(BINARY, flusher, limit=1000) for _ in recorders]
    for connection, recorder in zip(connections, recorders, strict=True):
        connection.attach(recorder)
    return turns, connections[0], recorders[0], connections[1], recorders[1]


def test_nothing_is_written_before_the_turn_is_over() -> None:
    turns, connection, transport, _, _ = two_clients()
    connection.send(event(1))
    assert transport.writes == []
    turns.turn()
    assert len(transport.writes) == 1


def test_all_messages_of_a_turn_leave_in_one_write_and_in_order() -> None:
    turns, one, first, other, second = two_clients()
    for number in range(3):
        one.write(b"%d" % number)
    other.write(b"x")
    one.write(b"3")
    assert len(turns.due) == 1
    turns.turn()
    assert first.writes == [[b"0", b"1", b"2", b"3"]]
    assert second.writes == [[b"x"]]
    one.write(b"4")
    turns.turn()
    assert first.writes[1:] == [[b"4"]]
    assert len(second.writes) == 1


async def test_a_real_loop_flushes_at_its_next_turn() -> None:
    client = Client(flusher=Flusher(asyncio.get_running_loop().call_soon))
    client.connection.send(event(1))
    client.connection.send(event(2))
    async with asyncio.timeout(5):
        await client.transport.changed.wait()
    assert [len(write) for write in client.transport.writes] == [2]


def test_a_client_that_does_not_read_is_kept_waiting_for_and_then_gets_all_in_order() -> None:
    client = Client()
    client.connection.send(event(1))
    client.flusher.flush()
    client.connection.pause_writing()
    for number in (2, 3):
        client.connection.send(event(number))
        client.flusher.flush()
    assert len(client.transport.writes) == 1
    client.connection.send(event(4))
    client.connection.resume_writing()
    client.connection.send(event(5))
    assert numbers(client) == [1, 2, 3, 4, 5]


def test_a_client_that_catches_up_with_nothing_kept_is_written_nothing() -> None:
    client = Client()
    client.connection.pause_writing()
    client.connection.resume_writing()
    assert client.transport.writes == []


def test_a_client_can_be_paused_again_and_again() -> None:
    client = Client()
    for number in range(10):
        client.connection.pause_writing()
        client.connection.send(event(number))
        client.flusher.flush()
        client.connection.resume_writing()
    assert numbers(client) == list(range(10))


def test_what_waits_for_a_client_is_bounded_and_beyond_it_is_closed_as_slow() -> None:
    client = Client(limit=100)
    client.connection.pause_writing()
    client.connection.write(b"x" * 100)
    client.flusher.flush()
    assert client.transport.closed is None
    client.connection.write(b"x")
    client.flusher.flush()
    assert client.transport.closed is not None
    assert client.transport.closed[0] == Close.SLOW_CONSUMER
    assert client.connection.closed
    assert client.transport.writes == []


def test_the_bound_is_for_what_waits_now_not_for_what_ever_waited() -> None:
    client = Client(limit=100)
    for _ in range(5):
        client.connection.pause_writing()
        client.connection.write(b"x" * 60)
        client.flusher.flush()
        client.connection.resume_writing()
    assert client.transport.closed is None
    assert len(client.transport.frames) == 5


def test_a_client_that_reads_is_never_slow() -> None:
    client = Client(limit=100)
    client.connection.write(b"x" * 5000)
    client.flusher.flush()
    assert client.transport.closed is None


def test_a_slow_client_does_not_hold_up_another() -> None:
    turns, slow, first, other, second = two_clients()
    slow.pause_writing()
    for connection in (slow, other):
        connection.write(b"x" * 2000)
    turns.turn()
    assert first.closed is not None
    assert second.closed is None
    assert second.frames == [b"x" * 2000]


def test_closing_sends_what_was_queued_first() -> None:
    turns, connection, transport, _, _ = two_clients()
    connection.write(b"last words")
    connection.close(Close.POLICY, "because")
    assert transport.frames == [b"last words"]
    assert transport.closed == (Close.POLICY, "because")
    turns.turn()
    assert transport.frames == [b"last words"]


def test_closing_sends_what_was_kept_for_a_client_that_did_not_read() -> None:
    client = Client()
    client.connection.pause_writing()
    client.connection.send(event(1))
    client.flusher.flush()
    client.connection.send(event(2))
    client.connection.close(Close.GOING_AWAY)
    client.connection.resume_writing()
    assert numbers(client) == [1, 2]


def test_a_connection_is_closed_once() -> None:
    client = Client()
    client.connection.close(Close.POLICY, "first")
    client.connection.close(Close.NORMAL, "second")
    assert client.transport.closed == (Close.POLICY, "first")


def test_sending_to_a_closed_connection_harms_nobody() -> None:
    turns, one, first, other, second = two_clients()
    one.close(Close.NORMAL)
    one.write(b"too late")
    other.write(b"in time")
    turns.turn()
    assert first.frames == []
    assert second.frames == [b"in time"]


def test_a_transport_that_fails_does_not_keep_others_from_being_written_to() -> None:
    class Broken(Recorder):
        def write(self, frames: list[Frame]) -> None:
            raise OSError("broken")

    turns, one, _, other, second = two_clients()
    one.attach(Broken())
    one.write(b"lost")
    other.write(b"kept")
    turns.turn()
    assert second.frames == [b"kept"]


def test_reading_is_paused_and_resumed_at_the_transport() -> None:
    client = Client()
    client.connection.pause_reading()
    assert not client.transport.is_reading
    client.connection.resume_reading()
    assert client.transport.is_reading


def test_a_connection_is_nobodys_until_its_login() -> None:
    connection = Client().connection
    assert connection.user is ANONYMOUS
    assert connection.user.id is None
    assert not connection.user.is_authenticated


def test_every_connection_has_an_id_of_its_own_and_says_where_it_is_from() -> None:
    flusher = Flusher(lambda _: None)
    one = Connection(BINARY, flusher, limit=1, address="10.0.0.1:5000")
    other = Connection(BINARY, flusher, limit=1)
    assert one.id != other.id
    assert str(one) == f"connection {one.id} from 10.0.0.1:5000"
    assert str(other) == f"connection {other.id} from nowhere"


def test_sending_before_a_transport_is_attached_is_a_mistake() -> None:
    flusher = Flusher(lambda _: None)
    connection = Connection(BINARY, flusher, limit=1)
    connection.send(Message(Topic.CONNECTION, ConnectionAction.PONG))
    with pytest.raises(RuntimeError, match="before a transport"):
        connection.flush()
