"""Tests of the node: the rules are asked about every message, and each goes to the handler of its topic."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from deepstream_protocol.message import Message
from deepstream_protocol.topics import (
    ACTIONS,
    ConnectionAction,
    EventAction,
    ParserAction,
    PresenceAction,
    RecordAction,
    RpcAction,
    Topic,
)
from gateway.node import Node
from permissions.verdict import Denial, Verdict
from pubsub.connection import Close
from pubsub.user import User
from records.storage import StoreError
from tests.gateway.node_kit import PING, PONG, Peer, Rules, config, running
from tests.pubsub.kit import DEADLINE
from tests.records.kit import StoreDouble

NAMES = ("a", "b", "c", "d")

BULKS = [
    (Topic.EVENT, EventAction.SUBSCRIBE),
    (Topic.RECORD, RecordAction.SUBSCRIBE),
    (Topic.RECORD, RecordAction.SUBSCRIBEANDREAD),
    (Topic.RECORD, RecordAction.SUBSCRIBECREATEANDREAD),
    (Topic.RECORD, RecordAction.SUBSCRIBEANDHEAD),
    (Topic.RPC, RpcAction.PROVIDE),
    (Topic.PRESENCE, PresenceAction.SUBSCRIBE),
]
IDS = [f"{topic.name}-{action.name}" for topic, action in BULKS]

ERRORS: dict[int, Any] = {
    Topic.EVENT: EventAction,
    Topic.RECORD: RecordAction,
    Topic.RPC: RpcAction,
    Topic.PRESENCE: PresenceAction,
}


def denying(*names: str, denial: Denial = Denial.DENIED) -> Callable[[User, Message], Verdict]:
    """Rules that refuse ``names`` in every message."""

    def check(user: User, message: Message) -> Verdict:
        asked = message.names if message.names is not None else [message.name or ""]
        return {name: denial for name in asked if name in names} or None

    return check


def names_at(node: Node, topic: int, peer: Peer) -> list[str]:
    """The names that ``peer`` is subscribed to or provides."""
    subscriptions = {
        Topic.EVENT: node.events.subscriptions,
        Topic.RECORD: node.records.subscriptions,
        Topic.RPC: node.rpc.providers,
        Topic.PRESENCE: node.presence.by_user,
    }[Topic(topic)]
    return sorted(subscriptions.of(peer.connection))


# Denied names


@pytest.mark.parametrize(("topic", "action"), BULKS, ids=IDS)
@pytest.mark.parametrize("denied", ["a", "b", "d", "ad", "bc", "bcd", "abcd", ""])
@pytest.mark.parametrize("denial", list(Denial))
async def test_of_a_bulk_exactly_the_denied_names_are_left_out_and_there_is_one_ack(
    topic: Topic, action: int, denied: str, denial: Denial
) -> None:
    async with running(check=denying(*denied, denial=denial)) as node:
        peer = Peer(node).log_in()
        peer.send(Message(topic, action, names=list(NAMES), correlation_id="7"))
        await peer.idle()
        replies = peer.take()
        error = ERRORS[topic][denial.value]
        refusals = [message for message in replies if message.action == error]
        assert refusals == [
            Message(topic, error, name=name, original_action=action, correlation_id="7", is_error=True)
            for name in denied
        ]
        acks = [message for message in replies if message.is_ack]
        assert [(ack.topic, ack.action, ack.correlation_id) for ack in acks] == [(topic, action, "7")]
        assert names_at(node, topic, peer) == sorted(set(NAMES) - set(denied))


@pytest.mark.parametrize("names", [["a", "a", "b"], ["b", "a", "c", "a"]])
async def test_a_denied_name_that_is_asked_for_twice_is_left_out_both_times(names: list[str]) -> None:
    async with running(check=denying("a")) as node:
        peer = Peer(node).log_in()
        peer.send(Message(Topic.EVENT, EventAction.SUBSCRIBE, names=names))
        assert names_at(node, Topic.EVENT, peer) == sorted(set(names) - {"a"})


async def test_denied_records_are_neither_read_nor_created() -> None:
    store = StoreDouble({"secret": (1, '{"secret":1}')})
    async with running(check=denying("secret", "new"), store=store) as node:
        peer = Peer(node).log_in()
        for action in (
            RecordAction.SUBSCRIBECREATEANDREAD,
            RecordAction.SUBSCRIBEANDREAD,
            RecordAction.SUBSCRIBEANDHEAD,
        ):
            peer.send(Message(Topic.RECORD, action, names=["new", "secret"]))
        for name in ("secret", "new"):
            peer.send(Message(Topic.RECORD, RecordAction.READ, name=name))
            peer.send(Message(Topic.RECORD, RecordAction.HEAD, name=name))
        await peer.idle()
        shown = {message.action for message in peer.take()}
        assert shown.isdisjoint({RecordAction.READ_RESPONSE, RecordAction.HEAD_RESPONSE})
        assert store.loads == store.commits == []


WRITE = {"correlation_id": "9", "is_write_ack": True}


@pytest.mark.parametrize(
    "message",
    [
        Message(Topic.RECORD, RecordAction.UPDATE, name="a", version=1, data="{}", **WRITE),
        Message(Topic.RECORD, RecordAction.PATCH, name="a", version=1, path="p", data="1", **WRITE),
        Message(Topic.RECORD, RecordAction.ERASE, name="a", version=1, path="p", **WRITE),
        Message(Topic.RECORD, RecordAction.CREATEANDUPDATE, name="a", version=-1, data="{}", **WRITE),
        Message(Topic.RECORD, RecordAction.DELETE, name="a", correlation_id="9"),
        Message(Topic.RECORD, RecordAction.READ, name="a"),
        Message(Topic.RECORD, RecordAction.LISTEN, name="a", correlation_id="9"),
        Message(Topic.EVENT, EventAction.EMIT, name="a", data="1"),
        Message(Topic.EVENT, EventAction.LISTEN, name="a", correlation_id="9"),
        Message(Topic.RPC, RpcAction.REQUEST, name="a", correlation_id="9"),
    ],
    ids=lambda message: f"{Topic(message.topic).name}-{ACTIONS[message.topic](message.action).name}",
)
@pytest.mark.parametrize("denial", list(Denial))
async def test_a_denied_message_is_answered_with_what_identifies_it_and_does_nothing(
    message: Message, denial: Denial
) -> None:
    store = StoreDouble({"a": (0, "{}")})
    async with running(check=denying("a", denial=denial), store=store) as node:
        peer = Peer(node).log_in()
        peer.send(message)
        await peer.idle()
        expected = Message(
            message.topic,
            ERRORS[message.topic][denial.value],
            name="a",
            original_action=message.action,
            is_error=True,
        )
        if message.correlation_id:
            expected.correlation_id = message.correlation_id
        if message.is_write_ack:
            expected.is_write_ack = True
        assert peer.take() == [expected]
        assert store.loads == store.commits == []


async def test_a_message_without_a_name_can_be_denied_too() -> None:
    async with running(check=denying("")) as node:
        peer = Peer(node).log_in()
        peer.send(Message(Topic.PRESENCE, PresenceAction.QUERY_ALL))
        assert peer.take() == [
            Message(
                Topic.PRESENCE,
                PresenceAction.MESSAGE_DENIED,
                original_action=PresenceAction.QUERY_ALL,
                is_error=True,
            )
        ]


async def test_the_rules_are_asked_about_every_message_by_the_user_who_sent_it() -> None:
    asked: list[tuple[str | None, int]] = []
    rules = Rules(lambda user, message: asked.append((user.id, message.action)))
    async with running(check=rules.check) as node:
        jane, joe = Peer(node).log_in("jane"), Peer(node).log_in("joe")
        jane.send(Message(Topic.EVENT, EventAction.SUBSCRIBE, names=["e"]))
        joe.send(Message(Topic.EVENT, EventAction.EMIT, name="e"), PING)
        assert asked == [("jane", EventAction.SUBSCRIBE), ("joe", EventAction.EMIT)]


# Rules that must wait


class Slow:
    """Rules that wait for a test to answer about names in ``waits``, and allow all others at once."""

    def __init__(self, *waits: str) -> None:
        self._waits = waits
        self.answers: dict[str, asyncio.Future[Verdict]] = {}

    def __call__(self, user: User, message: Message) -> Any:
        name = message.name or (message.names or [""])[0]
        if name not in self._waits:
            return None
        return self.answers.setdefault(name, asyncio.get_running_loop().create_future())


def emit(name: str, data: str) -> Message:
    return Message(Topic.EVENT, EventAction.EMIT, name=name, data=data)


async def test_a_verdict_that_is_waited_for_keeps_the_order_of_that_client_and_holds_up_nobody_else() -> None:
    slow = Slow("slow")
    async with running(check=slow) as node:
        subscriber, waiting, other = (Peer(node).log_in() for _ in range(3))
        subscriber.send(Message(Topic.EVENT, EventAction.SUBSCRIBE, names=["e", "slow"]))
        await subscriber.idle()
        subscriber.take()
        waiting.send(emit("e", "1"), emit("slow", "2"), emit("e", "3"))
        waiting.send(emit("e", "4"), PING)
        other.send(emit("e", "5"), PING)
        assert [message.value() for message in subscriber.take()] == [1, 5]
        assert (waiting.take(), other.take()) == ([], [PONG])
        slow.answers["slow"].set_result(None)
        await waiting.idle()
        assert [message.value() for message in subscriber.take()] == [2, 3, 4]
        assert waiting.take() == [PONG]


async def test_a_denial_that_was_waited_for_leaves_out_the_name_and_lets_the_next_messages_go_on() -> None:
    slow = Slow("a")
    async with running(check=slow) as node:
        peer = Peer(node).log_in()
        peer.send(Message(Topic.EVENT, EventAction.SUBSCRIBE, names=["a", "b"], correlation_id="7"), PING)
        slow.answers["a"].set_result({"a": Denial.DENIED})
        await peer.idle()
        assert [message.action for message in peer.take()] == [
            EventAction.MESSAGE_DENIED,
            EventAction.SUBSCRIBE,
            ConnectionAction.PONG,
        ]
        assert names_at(node, Topic.EVENT, peer) == ["b"]


async def test_a_message_that_waits_for_the_rules_and_then_for_the_store_keeps_the_order() -> None:
    slow, store = Slow("r"), StoreDouble({"r": (3, "{}")})
    async with running(check=slow, store=store) as node:
        peer = Peer(node).log_in()
        store.load_gate.close()
        peer.send(Message(Topic.RECORD, RecordAction.READ, name="r"), PING)
        slow.answers["r"].set_result(None)
        await store.load_gate.arrived()
        assert peer.take() == []
        store.load_gate.open()
        await peer.idle()
        assert [message.action for message in peer.take()] == [
            RecordAction.READ_RESPONSE,
            ConnectionAction.PONG,
        ]


@pytest.mark.parametrize("answered", [False, True])
async def test_a_client_that_goes_while_the_rules_are_asked_does_nothing_any_more(answered: bool) -> None:
    slow = Slow("slow")
    async with running(check=slow) as node:
        subscriber, gone = Peer(node).log_in(), Peer(node).log_in()
        subscriber.send(Message(Topic.EVENT, EventAction.SUBSCRIBE, names=["e"]))
        subscriber.take()
        gone.send(Message(Topic.EVENT, EventAction.SUBSCRIBE, names=["slow"]), emit("e", "1"))
        if answered:
            slow.answers["slow"].set_result(None)
        task = gone.session.waiting
        gone.disconnect()
        assert task is not None
        await asyncio.wait([task])
        assert subscriber.take() == []
        assert list(node.events.subscriptions.names()) == ["e"]


async def test_a_client_that_the_server_closed_while_the_rules_were_asked_does_nothing_any_more() -> None:
    slow = Slow("slow")
    async with running(check=slow) as node:
        peer = Peer(node).log_in("jane")
        peer.send(Message(Topic.EVENT, EventAction.SUBSCRIBE, names=["slow"]))
        node.close_users(lambda user: user.id == "jane", "gone")
        slow.answers["slow"].set_result(None)
        await peer.idle()
        assert list(node.events.subscriptions.names()) == []


# Topics


@pytest.mark.parametrize(
    "message",
    [
        Message(Topic.AUTH, 2, data="{}"),
        Message(Topic.CONNECTION, ConnectionAction.CHALLENGE),
        Message(Topic.CONNECTION, ConnectionAction.PONG),
        Message(Topic.PARSER, 1),
    ],
)
async def test_a_topic_that_no_client_speaks_about_is_unknown_and_the_socket_stays(message: Message) -> None:
    async with running() as node:
        peer = Peer(node, "/deepstream-json").log_in()
        peer.send(message)
        reply = peer.take_one()
        assert (reply.topic, reply.action) == (Topic.PARSER, ParserAction.UNKNOWN_TOPIC)
        assert (reply.original_topic, reply.original_action) == (message.topic, message.action)
        peer.send(PING)
        assert peer.take() == [PONG]


@pytest.mark.parametrize("feature", ["event", "record", "rpc", "presence"])
async def test_a_topic_that_is_switched_off_is_unknown_and_the_others_work(feature: str) -> None:
    bulks = {
        "event": Message(Topic.EVENT, EventAction.SUBSCRIBE, names=["a"]),
        "record": Message(Topic.RECORD, RecordAction.SUBSCRIBE, names=["a"]),
        "rpc": Message(Topic.RPC, RpcAction.PROVIDE, names=["a"]),
        "presence": Message(Topic.PRESENCE, PresenceAction.SUBSCRIBE, names=["a"]),
    }
    async with running(config(features={feature: False})) as node:
        peer = Peer(node).log_in()
        for name, message in bulks.items():
            peer.send(message)
            reply = peer.take_one()
            if name == feature:
                assert (reply.topic, reply.action) == (Topic.PARSER, ParserAction.UNKNOWN_TOPIC)
            else:
                assert reply.is_ack


async def test_clients_of_different_wires_hear_each_other() -> None:
    async with running() as node:
        binary, json = Peer(node).log_in(), Peer(node, "/deepstream-json").log_in()
        for peer in (binary, json):
            peer.send(Message(Topic.EVENT, EventAction.SUBSCRIBE, names=["e"]))
            peer.take()
        binary.send(emit("e", '{"from":"binary"}'))
        json.send(emit("e", '{"from":"json"}'))
        assert [message.value() for message in json.take()] == [{"from": "binary"}]
        assert [message.value() for message in binary.take()] == [{"from": "json"}]


# The end


async def test_a_node_that_stops_settles_its_writes_and_says_goodbye() -> None:
    store = StoreDouble({"r": (0, "{}")})
    async with running(store=store) as node:
        peers = [Peer(node).log_in(), Peer(node, "/deepstream-json").log_in(), Peer(node)]
        store.commit_gate.close()
        write = Message(Topic.RECORD, RecordAction.UPDATE, name="r", version=1, data="[]", **WRITE)
        peers[0].send(write)
        await store.commit_gate.arrived()
        stopping = asyncio.create_task(node.stop())
        await asyncio.sleep(0)
        assert not stopping.done()
        assert peers[0].transport.closed is None
        store.commit_gate.open()
        await asyncio.wait_for(stopping, DEADLINE)
        assert [message.action for message in peers[0].take()] == [RecordAction.WRITE_ACKNOWLEDGEMENT]
        assert [await peer.closed() for peer in peers] == [Close.GOING_AWAY] * 3
        assert store.stored("r") == (1, "[]")


async def test_a_node_stops_though_its_clients_go_on_writing() -> None:
    store = StoreDouble({"r": (0, "{}")})
    write = Message(Topic.RECORD, RecordAction.UPDATE, name="r", version=-1, data="[]", **WRITE)
    async with running(store=store) as node:
        peers = [Peer(node).log_in() for _ in range(5)]
        writers = [asyncio.create_task(write_for_ever(peer, write)) for peer in peers]
        await peers[0].until(RecordAction.WRITE_ACKNOWLEDGEMENT)
        await asyncio.wait_for(node.stop(), DEADLINE)
        await asyncio.wait_for(asyncio.gather(*writers), DEADLINE)
        acknowledged = sum(
            message.action == RecordAction.WRITE_ACKNOWLEDGEMENT for peer in peers for message in peer.take()
        )
        assert store.stored("r")[0] >= acknowledged


async def write_for_ever(peer: Peer, write: Message) -> None:
    while peer.transport.closed is None:
        peer.send(write)
        await asyncio.sleep(0)


async def test_a_node_can_serve_while_it_runs_and_its_store_answers() -> None:
    store = StoreDouble()
    async with running(store=store) as node:
        assert await node.problem() is None
        store.load_errors.append(StoreError("down"))
        assert "down" in (await node.problem() or "")
        assert await node.problem() is None
        await node.stop()
        assert "stopping" in (await node.problem() or "")


async def test_the_connections_of_the_users_that_are_meant_are_closed_and_no_others() -> None:
    async with running() as node:
        jane, joe, open_one = Peer(node).log_in("jane"), Peer(node).log_in("joe"), Peer(node)
        node.close_users(lambda user: user.id == "jane", "gone")
        assert jane.transport.closed == (Close.POLICY, "gone")
        assert joe.transport.closed is None
        assert open_one.transport.closed is None
