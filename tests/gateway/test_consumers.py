"""Tests of the consumer: on any ASGI server message by message, on our own with frames that are ready."""

from __future__ import annotations

import asyncio
import gc
import logging
from typing import Any

import pytest
from channels.routing import URLRouter
from django.urls import path

from deepstream_protocol.message import Message
from deepstream_protocol.topics import AuthAction, EventAction, Topic
from gateway.asgi_transport import HIGH_WATER
from gateway.consumers import DeepstreamConsumer
from gateway.node import Node
from gateway.session import Session
from gateway.sockets.frames import binary_frame
from pubsub.connection import Close
from tests.gateway.asgi_kit import Connected
from tests.gateway.node_kit import ACCEPT, CHALLENGE, PING, PONG, Strategy, config, running
from tests.pubsub.kit import BINARY, DEADLINE, Recorder

LOGIN = Message(Topic.AUTH, AuthAction.REQUEST, data="{}")


def served(node: Node) -> Any:
    """The consumer as an ASGI application."""
    return DeepstreamConsumer.as_asgi(endpoint_of=node.endpoints.get)


async def logged_in(node: Node) -> Connected:
    socket = await Connected.websocket(served(node)).open()
    socket.say(CHALLENGE, LOGIN)
    assert await socket.message() == ACCEPT
    assert (await socket.message()).action == AuthAction.AUTH_SUCCESSFUL
    return socket


def emit(data: str, name: str = "e") -> Message:
    return Message(Topic.EVENT, EventAction.EMIT, name=name, data=data)


# Any ASGI server


async def test_a_client_is_served_message_by_message() -> None:
    async with running() as node:
        subscriber, sender = await logged_in(node), await logged_in(node)
        subscriber.say(Message(Topic.EVENT, EventAction.SUBSCRIBE, names=["e"]))
        assert (await subscriber.message()).is_ack
        sender.say(emit("1"), emit("2"), PING)
        assert await sender.message() == PONG
        assert [(await subscriber.message()).value() for _ in range(2)] == [1, 2]
        for socket in (subscriber, sender):
            socket.leave()
            await socket.ended()
        assert node.endpoints["/deepstream"].sessions == {}


async def test_a_path_that_nobody_serves_is_closed_without_being_accepted() -> None:
    async with running() as node:
        socket = Connected.websocket(served(node), "/elsewhere")
        assert (await socket.hear())["type"] == "websocket.close"
        await socket.ended()


async def test_text_frames_come_and_go_as_text() -> None:
    async with running() as node:
        socket = await Connected.websocket(served(node), "/deepstream-json").open()
        socket.tell({"type": "websocket.receive", "text": '{"topic":2,"action":5}', "bytes": None})
        event = await socket.hear()
        assert event == {"type": "websocket.send", "text": '{"topic":2,"action":4}'}
        socket.leave()
        await socket.ended()


async def test_a_frame_that_is_too_big_closes_the_socket_and_is_not_handled() -> None:
    async with running(config(max_message_size=100)) as node:
        socket = await Connected.websocket(served(node)).open()
        socket.say(CHALLENGE)
        assert await socket.message() == ACCEPT
        socket.say(Message(Topic.AUTH, AuthAction.REQUEST, data='{"username":"' + "x" * 100 + '"}'))
        event = await socket.hear()
        assert (event["type"], event["code"] % 1000) == ("websocket.close", Close.TOO_BIG % 1000)
        socket.leave()
        await socket.ended()


async def test_size_is_counted_in_bytes() -> None:
    async with running(config(max_message_size=100)) as node:
        socket = await Connected.websocket(served(node), "/deepstream-json").open()
        text = '{"topic":2,"action":5,"url":"' + "日" * 40 + '"}'
        assert len(text) < 100 < len(text.encode())
        socket.tell({"type": "websocket.receive", "text": text})
        assert (await socket.hear())["type"] == "websocket.close"
        socket.leave()
        await socket.ended()


async def test_what_was_said_before_a_close_is_sent_before_it() -> None:
    async with running(config(max_auth_attempts=1), decide=lambda _: None) as node:
        socket = await Connected.websocket(served(node)).open()
        socket.say(CHALLENGE, LOGIN)
        actions = [(await socket.message()).action for _ in range(3)]
        assert actions[1:] == [AuthAction.AUTH_UNSUCCESSFUL, AuthAction.TOO_MANY_AUTH_ATTEMPTS]
        assert (await socket.hear())["type"] == "websocket.close"
        socket.leave()
        await socket.ended()


@pytest.mark.parametrize("code", [1001, None])
async def test_a_client_that_leaves_is_forgotten(code: int | None) -> None:
    async with running() as node:
        socket = await logged_in(node)
        socket.say(Message(Topic.EVENT, EventAction.SUBSCRIBE, names=["e"]))
        await socket.message()
        socket.leave(code)
        await socket.ended()
        assert list(node.events.subscriptions.names()) == []


async def test_a_server_that_cancels_the_application_ends_the_session() -> None:
    async with running() as node:
        socket = await logged_in(node)
        socket.task.cancel()
        await asyncio.wait([socket.task])
        assert node.endpoints["/deepstream"].sessions == {}


async def test_a_client_that_reads_slowly_holds_up_nobody_and_then_gets_all_in_order() -> None:
    async with running() as node:
        slow, quick, sender = [await logged_in(node) for _ in range(3)]
        for socket in (slow, quick):
            socket.say(Message(Topic.EVENT, EventAction.SUBSCRIBE, names=["e"]))
            await socket.message()
        slow.can_send.clear()
        size = HIGH_WATER // 4
        for number in range(20):
            sender.say(emit(f'"{number} {"x" * size}"'))
            assert (await quick.message()).value().startswith(f"{number} ")
        assert slow.nothing_heard()
        slow.can_send.set()
        numbers = [int((await slow.message()).value().split()[0]) for _ in range(20)]
        assert numbers == list(range(20))
        for socket in (slow, quick, sender):
            socket.leave()
            await socket.ended()


async def test_a_client_that_falls_too_far_behind_is_closed_as_slow() -> None:
    async with running(config(max_outbox_size=HIGH_WATER)) as node:
        slow, sender = await logged_in(node), await logged_in(node)
        slow.say(Message(Topic.EVENT, EventAction.SUBSCRIBE, names=["e"]))
        await slow.message()
        slow.can_send.clear()
        (session,) = [one for one in node.sessions() if "e" in node.events.subscriptions.of(one.connection)]
        for _ in range(12):
            sender.say(emit('"' + "x" * (HIGH_WATER // 4) + '"'), PING)
            assert await sender.message() == PONG
        assert session.connection.closed
        slow.can_send.set()
        async with asyncio.timeout(DEADLINE):
            while (event := await slow.hear())["type"] == "websocket.send":
                pass
        assert event["code"] % 1000 == Close.SLOW_CONSUMER % 1000
        for socket in (slow, sender):
            socket.leave()
            await socket.ended()


async def test_a_client_that_sends_while_it_waits_is_read_from_no_more_until_it_is_done() -> None:
    answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    async with running(decide=lambda _: answer) as node:
        socket = await Connected.websocket(served(node)).open()
        socket.say(CHALLENGE, LOGIN, *([PING] * 10))
        assert await socket.message() == ACCEPT
        (session,) = node.sessions()
        for _ in range(50):
            await asyncio.sleep(0)
        assert session.waiting is not None
        assert socket.received == 4  # connect, challenge, login, and the ping that came too early
        answer.set_result(None)
        assert (await socket.message()).action == AuthAction.AUTH_UNSUCCESSFUL
        assert [await socket.message() for _ in range(10)] == [PONG] * 10
        socket.leave()
        await socket.ended()


async def test_sending_to_a_client_that_is_gone_is_no_mistake(caplog: pytest.LogCaptureFixture) -> None:
    async with running() as node:
        socket = await logged_in(node)
        socket.send_error = OSError("gone")
        socket.say(PING, PING)
        async with asyncio.timeout(DEADLINE):
            await socket.send_failed.wait()
        socket.leave()
        await socket.ended()
        await asyncio.sleep(0)
        assert node.endpoints["/deepstream"].sessions == {}
    gc.collect()  # asyncio complains of an unheeded exception when its task goes
    assert [entry for entry in caplog.records if entry.levelno >= logging.WARNING] == []


@pytest.mark.parametrize(
    ("wanted", "seen"), [((), None), (("cookie", "x-user"), {"cookie": "c=1", "x-user": "ü"})]
)
async def test_login_strategies_see_the_address_and_the_headers_that_are_wanted(
    wanted: tuple[str, ...], seen: dict[str, str] | None
) -> None:
    strategy = Strategy(lambda _: None)
    headers = [(b"cookie", b"c=1"), (b"host", b"h"), (b"x-user", "ü".encode("latin-1"))]
    async with running(config(headers=wanted), decide=strategy.login) as node:
        socket = await Connected.websocket(served(node), headers=headers).open()
        socket.say(CHALLENGE, LOGIN)
        for _ in range(2):
            await socket.message()
        (request,) = strategy.asked
        assert (request.address, request.headers) == ("10.0.0.1:5000", seen)
        socket.leave()
        await socket.ended()


async def test_a_server_that_does_not_know_the_clients_address_is_served_too() -> None:
    async with running() as node:
        socket = await Connected.websocket(served(node), client=None).open()
        (session,) = node.sessions()
        assert session.connection.address == ""
        socket.leave()
        await socket.ended()


async def test_the_consumer_can_be_routed_to_as_any_other() -> None:
    async with running() as node:
        router = URLRouter([path("deepstream", served(node))])
        socket = await Connected.websocket(router).open()
        socket.say(CHALLENGE)
        assert await socket.message() == ACCEPT
        socket.leave()
        await socket.ended()


# Our own server


class Server:
    """The extension that our WebSocket class offers: it takes a session and hands it whole reads."""

    def __init__(self) -> None:
        self.transport = Recorder()
        self.session: Session | None = None

    def attach(self, session: Session) -> Recorder:
        self.session = session
        return self.transport


async def attached(node: Node) -> Server:
    server = Server()
    extensions = {"deepstream.frames": {"attach": server.attach}}
    socket = Connected.websocket(served(node), extensions=extensions)
    await socket.open()
    await socket.ended()
    return server


async def test_on_our_own_server_nothing_of_the_consumer_stays() -> None:
    async with running() as node:
        server = await attached(node)
        assert list(node.sessions()) == [server.session]


async def test_on_our_own_server_a_read_of_many_messages_is_answered_with_one_write_of_ready_frames() -> None:
    async with running() as node:
        server = await attached(node)
        assert server.session is not None
        server.session.frames_received([BINARY.frame(message) for message in (CHALLENGE, LOGIN, PING)])
        node.flusher.flush()
        expected = [ACCEPT, Message(Topic.AUTH, AuthAction.AUTH_SUCCESSFUL), PONG]
        assert server.transport.writes == [[binary_frame(BINARY.frame(message)) for message in expected]]


async def test_clients_of_both_kinds_of_server_hear_each_other() -> None:
    async with running() as node:
        server, plain = await attached(node), await logged_in(node)
        assert server.session is not None
        subscribe = Message(Topic.EVENT, EventAction.SUBSCRIBE, names=["e"])
        server.session.frames_received([BINARY.frame(one) for one in (CHALLENGE, LOGIN, subscribe)])
        plain.say(subscribe)
        assert (await plain.message()).is_ack
        server.session.frames_received([BINARY.frame(emit('"attached"'))])
        assert await plain.message() == emit('"attached"')
        plain.say(emit('"plain"'), PING)
        assert await plain.message() == PONG
        node.flusher.flush()
        assert server.transport.frames[-1] == binary_frame(BINARY.frame(emit('"plain"')))
        plain.leave()
        await plain.ended()


async def test_when_our_own_server_loses_the_socket_the_session_is_over() -> None:
    async with running() as node:
        server = await attached(node)
        assert server.session is not None
        server.session.connection_closed(1006, "")
        assert list(node.sessions()) == []
