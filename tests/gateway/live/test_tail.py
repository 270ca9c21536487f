"""The live tail of one client: there while it is read, and nothing of it afterwards."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from cluster.operations import OperationError
from deepstream_protocol.message import Message
from deepstream_protocol.topics import EventAction, Topic
from gateway.live import tail
from gateway.live.tail import TailCodec, Tails
from gateway.node import Node
from tests.gateway.node_kit import Peer, running


class Watched(Peer):
    """A client whose own coding leaves no notes in its connection's tail."""

    def _decode(self) -> None:
        with self._own_codec():
            super()._decode()

    def send(self, *messages: Message) -> None:
        with self._own_codec():
            frames = [self.connection.codec.frame(message) for message in messages]
        self.send_raw(*frames)

    @contextmanager
    def _own_codec(self) -> Iterator[None]:
        codec = self.connection.codec
        if isinstance(codec, TailCodec):
            self.connection.codec = codec.codec
        yield
        self.connection.codec = codec


@pytest.fixture
async def node() -> AsyncIterator[Node]:
    async with running() as node:
        yield node


@pytest.fixture
async def tails() -> AsyncIterator[Tails]:
    tails = Tails()
    yield tails
    tails.close()


def emit(peer: Peer, data: str = '"secret"') -> None:
    peer.send(Message(Topic.EVENT, EventAction.EMIT, name="shout", data=data))


def read(tails: Tails, peer: Peer, after: int = 0, *, with_payload: bool = False) -> dict[str, Any]:
    return tails.read(peer.connection, after, with_payload=with_payload)


@pytest.mark.parametrize("path", ["/deepstream", "/deepstream-json"])
async def test_messages_of_both_ways_are_seen_and_arrive_as_before(
    node: Node, tails: Tails, path: str
) -> None:
    ann, bob = Watched(node, path).log_in("ann"), Watched(node).log_in("bob")
    assert read(tails, ann) == {"last": 0, "missed": 0, "messages": []}
    ann.send(Message(Topic.EVENT, EventAction.SUBSCRIBE, names=["shout"]))
    emit(bob)
    assert [message.action for message in ann.take()] == [EventAction.SUBSCRIBE, EventAction.EMIT]
    seen = read(tails, ann)["messages"]
    assert [(one["way"], one["topic"], one["action"]) for one in seen] == [
        ("in", "EVENT", "SUBSCRIBE"),
        ("out", "EVENT", "SUBSCRIBE"),
        ("out", "EVENT", "EMIT"),
    ]
    assert seen[0]["names"] == ["shout"]
    assert all(one["size"] > 0 for one in seen)


async def test_what_an_error_is_about_is_told_in_words(node: Node, tails: Tails) -> None:
    ann = Watched(node).log_in("ann")
    read(tails, ann)
    emit(ann, "no JSON")
    error = read(tails, ann)["messages"][-1]
    assert (error["action"], error["original_action"]) == ("INVALID_MESSAGE_DATA", "EVENT EMIT")
    assert "original_topic" not in error


async def test_payloads_are_told_only_to_who_asks_for_them(node: Node, tails: Tails) -> None:
    ann = Watched(node).log_in("ann")
    read(tails, ann)
    emit(ann)
    assert "data" not in read(tails, ann)["messages"][0]
    assert read(tails, ann, with_payload=True)["messages"][0]["data"] == '"secret"'


async def test_long_payloads_and_bulks_are_cut(node: Node, tails: Tails) -> None:
    ann = Watched(node).log_in("ann")
    read(tails, ann)
    emit(ann, f'"{"x" * 5000}"')
    ann.send(Message(Topic.EVENT, EventAction.SUBSCRIBE, names=[f"n{i}" for i in range(50)]))
    emitted, subscribed, _ = read(tails, ann, with_payload=True)["messages"]
    assert len(emitted["data"]) == tail.PAYLOAD + 1
    assert emitted["size"] > 5000
    assert subscribed["names"][-1] == "… and 30 more"


async def test_each_reading_goes_on_where_the_last_one_ended(node: Node, tails: Tails) -> None:
    ann = Watched(node).log_in("ann")
    read(tails, ann)
    emit(ann)
    first = read(tails, ann)
    emit(ann)
    second = read(tails, ann, first["last"])
    assert [one["number"] for one in (*first["messages"], *second["messages"])] == [1, 2]


async def test_what_was_too_much_to_keep_is_counted(
    node: Node, tails: Tails, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "KEPT", 10)
    ann = Watched(node).log_in("ann")
    read(tails, ann)
    emit(ann)
    seen = read(tails, ann)
    for _ in range(25):
        emit(ann)
    behind = read(tails, ann, seen["last"])
    assert (len(behind["messages"]), behind["missed"], behind["last"]) == (10, 15, 26)


async def test_a_frame_that_cannot_be_read_is_seen_too(node: Node, tails: Tails) -> None:
    ann = Watched(node).log_in("ann")
    read(tails, ann)
    ann.send_raw(b"\xff\xff\xff")
    assert read(tails, ann)["messages"][0]["action"] == "UNREADABLE"
    assert (await ann.closed()) == 1008


async def test_nobody_reads_and_the_connection_has_its_own_codec_again(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "LEASE", 0.01)
    tails, ann = Tails(), Watched(node).log_in("ann")
    codec = ann.connection.codec
    read(tails, ann)
    assert ann.connection.codec is not codec
    ended = tails.ended
    await ended.wait()
    assert ann.connection.codec is codec
    assert len(tails) == 0
    emit(ann)
    tails.close()


async def test_the_others_keep_their_codec(node: Node, tails: Tails) -> None:
    ann, bob = Watched(node).log_in("ann"), Watched(node).log_in("bob")
    codec = bob.connection.codec
    read(tails, ann)
    assert bob.connection.codec is codec
    assert ann.connection.codec is not codec


async def test_only_so_many_clients_are_tailed_at_once(
    node: Node, tails: Tails, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "MOST", 1)
    read(tails, Watched(node).log_in("ann"))
    with pytest.raises(OperationError, match="close one of those pages"):
        read(tails, Watched(node).log_in("bob"))


async def test_who_has_not_logged_in_is_not_tailed(node: Node, tails: Tails) -> None:
    with pytest.raises(OperationError, match="not logged in"):
        read(tails, Watched(node).challenge())
