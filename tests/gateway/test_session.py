"""Tests of the life of a connection: PROTOCOL.md section 2."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from accounts.login import LoginRequest, Refused
from deepstream_protocol.message import Message
from deepstream_protocol.topics import (
    AuthAction,
    ConnectionAction,
    EventAction,
    ParserAction,
    PresenceAction,
    RecordAction,
    Topic,
)
from pubsub.connection import FLUSH_SIZE, Close, Connection
from pubsub.user import User
from tests.gateway.node_kit import (
    ACCEPT,
    CHALLENGE,
    LOGGED_IN,
    PING,
    PONG,
    Peer,
    Strategy,
    config,
    running,
)

JSON_PATH = "/deepstream-json"


def emit(name: str = "e", data: str = "1") -> Message:
    return Message(Topic.EVENT, EventAction.EMIT, name=name, data=data)


def subscribe(*names: str, id: str = "1") -> Message:
    return Message(Topic.EVENT, EventAction.SUBSCRIBE, names=list(names), correlation_id=id)


def nobody(request: LoginRequest) -> Refused:
    return Refused()


# The challenge


async def test_a_challenge_is_accepted_and_says_who_the_client_is() -> None:
    async with running() as node:
        peer = Peer(node)
        peer.send(
            Message(
                Topic.CONNECTION,
                ConnectionAction.CHALLENGE,
                url="ws://a",
                sdk_type="javascript",
                sdk_version="7.0.0",
            )
        )
        assert peer.take() == [ACCEPT]
        assert (peer.connection.sdk_type, peer.connection.sdk_version) == ("javascript", "7.0.0")


@pytest.mark.parametrize(
    "reply",
    [
        Message(Topic.CONNECTION, ConnectionAction.REDIRECT, url="ws://elsewhere"),
        Message(Topic.CONNECTION, ConnectionAction.REJECT),
    ],
    ids=["redirect", "reject"],
)
async def test_a_server_can_redirect_or_reject_and_closes_then(reply: Message) -> None:
    seen = []

    def greet(connection: Connection, challenge: Message) -> Message:
        seen.append((connection.address, challenge.url))
        return reply

    async with running(greet=greet) as node:
        peer = Peer(node)
        peer.send(CHALLENGE)
        assert peer.take() == [reply]
        assert peer.transport.closed is not None
        assert peer.transport.closed[0] == Close.NORMAL
        assert seen == [("10.0.0.1:5000", "ws://test")]


@pytest.mark.parametrize(
    "message",
    [emit(), Message(Topic.AUTH, AuthAction.REQUEST, data="{}"), Message(Topic.RECORD, 3, name="r")],
)
async def test_any_other_topic_before_the_challenge_is_refused_and_the_socket_stays(message: Message) -> None:
    async with running() as node:
        peer = Peer(node, JSON_PATH)
        peer.send(message)
        reply = peer.take_one()
        assert (reply.topic, reply.action) == (Topic.CONNECTION, ConnectionAction.INVALID_MESSAGE)
        assert (reply.original_topic, reply.original_action) == (message.topic, message.action)
        peer.log_in()


async def test_pings_are_answered_in_every_state() -> None:
    async with running() as node:
        peer = Peer(node)
        peer.send(PING)
        assert peer.take() == [PONG]
        peer.challenge()
        peer.send(PING)
        assert peer.take() == [PONG]
        peer.ask_to_log_in()
        peer.send(PING)
        assert peer.take() == [LOGGED_IN, PONG]


# Login


@pytest.mark.parametrize("client_data", [None, {"role": "admin"}, "text", [1], 0])
async def test_a_login_is_answered_with_the_users_client_data(client_data: Any) -> None:
    async with running(decide=lambda _: User("jane", client_data=client_data)) as node:
        peer = Peer(node).challenge()
        peer.ask_to_log_in()
        reply = peer.take_one()
        assert (reply.topic, reply.action) == (Topic.AUTH, AuthAction.AUTH_SUCCESSFUL)
        assert reply.value() == client_data
        assert (reply.data is None) is (client_data is None)
        assert peer.connection.user.id == "jane"


@pytest.mark.parametrize("data", [None, "null", "1", '"s"', "true", "[]", "", "{bad"])
async def test_login_data_that_is_no_object_is_refused_and_the_socket_closed(data: str | None) -> None:
    async with running() as node:
        peer = Peer(node).challenge()
        message = Message(Topic.AUTH, AuthAction.REQUEST)
        if data is not None:
            message.data = data
        peer.send(message, PING)
        assert [reply.action for reply in peer.take()] == [AuthAction.INVALID_MESSAGE_DATA]
        assert peer.transport.closed is not None


@pytest.mark.parametrize("message", [emit(), CHALLENGE, Message(Topic.AUTH, AuthAction.AUTH_SUCCESSFUL)])
async def test_any_other_message_before_login_is_refused_and_the_socket_stays(message: Message) -> None:
    async with running() as node:
        peer = Peer(node, JSON_PATH).challenge()
        peer.send(message)
        reply = peer.take_one()
        assert (reply.topic, reply.action) == (Topic.AUTH, AuthAction.INVALID_MESSAGE)
        assert (reply.original_topic, reply.original_action) == (message.topic, message.action)
        peer.ask_to_log_in()
        assert peer.take() == [LOGGED_IN]


@pytest.mark.parametrize(("reason", "data"), [(None, None), ({"error": "no"}, '{"error":"no"}')])
async def test_a_refused_login_says_what_the_strategy_said(reason: Any, data: str | None) -> None:
    async with running(decide=lambda _: Refused(reason)) as node:
        peer = Peer(node).challenge()
        peer.ask_to_log_in()
        reply = peer.take_one()
        assert (reply.action, reply.data) == (AuthAction.AUTH_UNSUCCESSFUL, data)
        assert peer.transport.closed is None
        assert not peer.connection.user.is_authenticated


@pytest.mark.parametrize("attempts", [1, 3])
async def test_at_the_last_refusal_the_client_is_told_and_closed(attempts: int) -> None:
    async with running(config(max_auth_attempts=attempts), decide=nobody) as node:
        peer = Peer(node).challenge()
        for _ in range(attempts + 1):
            peer.ask_to_log_in()
        refusals = [AuthAction.AUTH_UNSUCCESSFUL] * attempts
        replies = [reply.action for reply in peer.take()]
        assert replies == [*refusals, AuthAction.TOO_MANY_AUTH_ATTEMPTS]
        assert peer.transport.closed is not None


async def test_a_client_may_try_again_and_then_is_in() -> None:
    def decide(request: LoginRequest) -> User | Refused:
        return User("jane") if request.data.get("password") == "right" else Refused()

    async with running(decide=decide) as node:
        peer = Peer(node).challenge()
        for password in ("wrong", "also wrong", "right"):
            peer.ask_to_log_in(password=password)
        assert [reply.action for reply in peer.take()] == [
            AuthAction.AUTH_UNSUCCESSFUL,
            AuthAction.AUTH_UNSUCCESSFUL,
            AuthAction.AUTH_SUCCESSFUL,
        ]


async def test_a_strategy_sees_the_data_the_address_and_the_headers() -> None:
    strategy = Strategy(lambda _: User("jane"))
    async with running(decide=strategy.login) as node:
        peer = Peer(node, address="1.2.3.4:5", headers={"cookie": "c"}).challenge()
        peer.ask_to_log_in(username="jane", password="x")
        (request,) = strategy.asked
        assert request.data == {"username": "jane", "password": "x"}
        assert (request.address, request.headers) == ("1.2.3.4:5", {"cookie": "c"})


async def test_refused_login_data_is_logged_only_if_wanted(caplog: pytest.LogCaptureFixture) -> None:
    for wanted in (False, True):
        caplog.clear()
        with caplog.at_level("INFO", "deepstream.connection"):
            async with running(config(log_invalid_auth_data=wanted), decide=nobody) as node:
                peer = Peer(node).challenge()
                peer.ask_to_log_in(password="a secret")
        assert "login refused" in caplog.text
        assert ("a secret" in caplog.text) is wanted


async def test_a_second_login_is_no_message_of_this_stage() -> None:
    async with running() as node:
        peer = Peer(node).log_in("jane")
        peer.ask_to_log_in(username="joe")
        assert peer.take_one().action == ParserAction.UNKNOWN_TOPIC
        assert peer.connection.user.id == "jane"


# Time


async def test_a_client_that_does_not_log_in_in_time_is_told_and_closed() -> None:
    async with running(config(unauthenticated_client_timeout=0.02)) as node:
        silent, challenged = Peer(node), Peer(node).challenge()
        for peer in (silent, challenged):
            assert (await peer.next()).action == ConnectionAction.AUTHENTICATION_TIMEOUT
            assert await peer.closed() == Close.POLICY


async def test_a_client_that_logs_in_or_goes_in_time_is_not_timed_out() -> None:
    async with running(config(unauthenticated_client_timeout=0.02)) as node:
        logged_in, gone, late = Peer(node).log_in(), Peer(node), Peer(node)
        gone.disconnect()
        await late.closed()
        assert logged_in.transport.closed is None
        assert gone.take() == []


async def test_a_login_that_takes_too_long_is_timed_out_and_not_answered() -> None:
    answer: asyncio.Future[User] = asyncio.get_running_loop().create_future()
    settings = config(unauthenticated_client_timeout=0.02)
    async with running(settings, decide=lambda _: answer) as node:
        peer = Peer(node).challenge()
        peer.ask_to_log_in()
        assert (await peer.next()).action == ConnectionAction.AUTHENTICATION_TIMEOUT
        answer.set_result(User("jane"))
        await peer.idle()
        assert peer.take() == []
        assert not node.presence.is_online("jane")


async def test_a_socket_silent_for_two_heartbeats_is_closed_and_one_that_pings_is_not() -> None:
    async with running(config(heartbeat_interval=0.02)) as node:
        silent, lively = Peer(node).log_in(), Peer(node).log_in()
        while silent.transport.closed is None:
            lively.send(PING)
            assert await lively.next() == PONG
            await asyncio.sleep(0)
        assert silent.transport.closed[0] == Close.POLICY
        assert lively.transport.closed is None


# Frames


@pytest.mark.parametrize(("path", "payload"), [("/deepstream-json", b"{}")])
@pytest.mark.parametrize("stage", ["opened", "logged in"])
async def test_a_frame_of_the_wrong_kind_closes_the_socket(
    path: str, payload: bytes | str, stage: str
) -> None:
    async with running() as node:
        peer = Peer(node, path)
        if stage == "logged in":
            peer.log_in()
        peer.send_raw(payload)
        assert peer.take() == []
        assert peer.transport.closed is not None
        assert peer.transport.closed[0] == Close.WRONG_FRAME_KIND


@pytest.mark.parametrize(
    ("path", "garbage"),
    [("/deepstream", b"\xff\xff\xff"), ("/deepstream", b""), ("/deepstream-json", "{bad"), (JSON_PATH, "[]")],
)
@pytest.mark.parametrize("stage", ["opened", "logged in"])
async def test_a_frame_that_does_not_parse_is_answered_and_the_socket_closed(
    path: str, garbage: bytes | str, stage: str
) -> None:
    async with running() as node:
        peer = Peer(node, path)
        if stage == "logged in":
            peer.log_in()
        peer.send_raw(garbage, peer.connection.codec.frame(PING))
        reply = peer.take_one()
        assert (reply.topic, reply.action) == (Topic.PARSER, ParserAction.MESSAGE_PARSE_ERROR)
        assert peer.transport.closed is not None


async def test_an_unknown_topic_is_answered_in_every_state_and_the_socket_stays() -> None:
    async with running() as node:
        peer = Peer(node, JSON_PATH)
        unknown = '{"topic":55,"action":1}'
        peer.send_raw(unknown)
        assert peer.take_one().action == ConnectionAction.INVALID_MESSAGE
        peer.challenge()
        peer.send_raw(unknown)
        reply = peer.take_one()
        assert (reply.topic, reply.action) == (Topic.AUTH, AuthAction.INVALID_MESSAGE)
        peer.ask_to_log_in()
        peer.take()
        peer.send_raw(unknown)
        reply = peer.take_one()
        assert (reply.topic, reply.action) == (Topic.PARSER, ParserAction.UNKNOWN_TOPIC)
        assert reply.original_topic == 55
        peer.send(PING)
        assert peer.take() == [PONG]


async def test_the_frames_of_one_read_are_handled_in_order() -> None:
    async with running() as node:
        subscriber, peer = Peer(node).log_in(), Peer(node)
        subscriber.send(subscribe("e"))
        subscriber.take()
        login = Message(Topic.AUTH, AuthAction.REQUEST, data="{}")
        peer.send(CHALLENGE, login, *(emit(data=str(number)) for number in range(20)), PING)
        assert peer.take() == [ACCEPT, LOGGED_IN, PONG]
        assert [message.value() for message in subscriber.take()] == list(range(20))


async def test_nothing_is_handled_after_the_close() -> None:
    async with running() as node:
        subscriber, peer = Peer(node).log_in(), Peer(node).log_in()
        subscriber.send(subscribe("e"))
        subscriber.take()
        peer.send_raw(b"\xff", peer.connection.codec.frame(emit()))
        peer.send(emit())
        assert subscriber.take() == []


async def test_who_asks_for_much_in_one_read_is_answered_in_turns_between_which_others_have_theirs() -> None:
    async with running() as node:
        greedy = Peer(node).log_in()
        made = Message(Topic.RECORD, RecordAction.CREATEANDUPDATE, name="r", version=-1, correlation_id="1")
        made.data, made.is_write_ack = '{"a":"' + "x" * 100_000 + '"}', True
        greedy.send(made)
        assert (await greedy.next()).action == RecordAction.WRITE_ACKNOWLEDGEMENT
        greedy.send(*[Message(Topic.RECORD, RecordAction.READ, name="r")] * 100)
        answered = len(greedy.take())
        assert answered == FLUSH_SIZE // 100_000 + 1
        while answered < 100:
            assert (await greedy.next()).action == RecordAction.READ_RESPONSE
            answered += 1
        await greedy.idle()


# Messages that wait


class Slow:
    """A login that a test answers."""

    def __init__(self) -> None:
        self.answers: list[asyncio.Future[User | Refused]] = []

    def __call__(self, request: LoginRequest) -> asyncio.Future[User | Refused]:
        self.answers.append(asyncio.get_running_loop().create_future())
        return self.answers[-1]


async def test_while_a_login_waits_the_clients_later_messages_wait_and_nobody_elses() -> None:
    slow = Slow()
    async with running(decide=slow) as node:
        waiting, other = Peer(node).challenge(), Peer(node).challenge()
        waiting.ask_to_log_in()
        waiting.send(subscribe("e"), PING)
        other.send(PING)
        assert (waiting.take(), other.take()) == ([], [PONG])
        slow.answers[0].set_result(User("jane"))
        await waiting.idle()
        ack = Message(Topic.EVENT, EventAction.SUBSCRIBE, is_ack=True, correlation_id="1")
        assert waiting.take() == [LOGGED_IN, ack, PONG]


async def test_a_client_that_sends_while_it_waits_is_read_from_no_more_until_it_is_done() -> None:
    slow = Slow()
    async with running(decide=slow) as node:
        peer = Peer(node).challenge()
        peer.ask_to_log_in()
        assert peer.transport.is_reading
        peer.send(PING)
        assert not peer.transport.is_reading
        slow.answers[0].set_result(User("jane"))
        await peer.idle()
        assert peer.transport.is_reading
        assert peer.take() == [LOGGED_IN, PONG]


async def test_messages_that_wait_one_after_another_keep_their_order() -> None:
    slow = Slow()
    async with running(decide=slow) as node:
        peer = Peer(node).challenge()
        for _ in range(3):
            peer.ask_to_log_in()
        for outcome in (Refused("1"), Refused("2"), User("jane")):
            task = peer.session.waiting
            slow.answers[-1].set_result(outcome)
            assert task is not None
            await asyncio.wait([task])
        await peer.idle()
        assert [reply.data for reply in peer.take()] == ['"1"', '"2"', None]


@pytest.mark.parametrize("answered", [False, True])
async def test_a_client_that_goes_while_its_login_waits_is_never_online(answered: bool) -> None:
    slow = Slow()
    async with running(decide=slow) as node:
        peer = Peer(node).challenge()
        peer.ask_to_log_in()
        if answered:
            slow.answers[0].set_result(User("jane"))
        task = peer.session.waiting
        peer.disconnect()
        assert task is not None
        await asyncio.wait([task])
        assert not node.presence.is_online("jane")


# Mistakes


async def test_a_mistake_of_the_server_closes_that_connection_alone() -> None:
    def check(user: User, message: Message) -> None:
        if message.name == "bad":
            raise RuntimeError("a mistake")

    async with running(check=check) as node:
        unlucky, other = Peer(node).log_in(), Peer(node).log_in()
        unlucky.send(emit("bad"), PING)
        assert unlucky.take() == []
        assert unlucky.transport.closed is not None
        assert unlucky.transport.closed[0] == Close.INTERNAL_ERROR
        other.send(emit("good"), PING)
        assert other.take() == [PONG]


async def test_a_mistake_in_what_was_waited_for_closes_that_connection_alone() -> None:
    slow = Slow()
    async with running(decide=slow) as node:
        unlucky, other = Peer(node).challenge(), Peer(node).challenge()
        unlucky.ask_to_log_in()
        slow.answers[0].set_exception(RuntimeError("a mistake"))
        assert await unlucky.closed() == Close.INTERNAL_ERROR
        other.send(PING)
        assert other.take() == [PONG]


# The end


async def test_when_the_socket_closes_everything_the_client_had_is_gone() -> None:
    async with running() as node:
        watcher, jane = Peer(node).log_in(), Peer(node).log_in("jane")
        watcher.send(Message(Topic.PRESENCE, PresenceAction.SUBSCRIBE_ALL))
        jane.send(subscribe("e"), Message(Topic.RPC, 8, names=["add"]))
        jane.send(Message(Topic.RECORD, RecordAction.SUBSCRIBE, names=["r"]))
        watcher.take()
        jane.disconnect()
        assert watcher.take() == [Message(Topic.PRESENCE, PresenceAction.PRESENCE_LEAVE_ALL, name="jane")]
        for subscriptions in (node.events.subscriptions, node.records.subscriptions, node.rpc.providers):
            assert list(subscriptions.names()) == []
        assert jane.session not in jane.endpoint.sessions
        assert jane.connection.closed


async def test_a_client_that_reads_too_slowly_is_told_nothing_until_it_reads_and_loses_nothing() -> None:
    async with running() as node:
        slow, other = Peer(node).log_in(), Peer(node).log_in()
        slow.send(subscribe("e"))
        slow.take()
        slow.session.writing_paused()
        for number in range(10):
            other.send(emit(data=str(number)))
            node.flusher.flush()
        assert slow.take() == []
        slow.session.writing_resumed()
        assert [message.value() for message in slow.take()] == list(range(10))


async def test_a_client_that_falls_too_far_behind_is_closed_as_slow() -> None:
    async with running(config(max_outbox_size=1000)) as node:
        slow, other = Peer(node).log_in(), Peer(node).log_in()
        slow.send(subscribe("e"))
        slow.take()
        slow.session.writing_paused()
        for _ in range(20):
            other.send(emit(data='"' + "x" * 100 + '"'))
            node.flusher.flush()
        assert await slow.closed() == Close.SLOW_CONSUMER
        other.send(PING)
        assert other.take() == [PONG]
