"""Tests of sessions on the text wire and of the address that all clients share, moved by the test itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from deepstream_project.config import Config
from deepstream_project.config_network import Endpoints, JsonEndpoint, TextEndpoint, WebSocketEndpoint
from deepstream_protocol.message import Message
from deepstream_protocol.topics import ConnectionAction, Topic
from gateway.node import Node
from gateway.session import Session
from gateway.text_session import MESSAGES_A_TURN, PIECE, TextSession
from permissions.verdict import Verdict
from pubsub.connection import Close
from pubsub.user import User
from tests.deepstream_protocol.text_lines import shown, wire
from tests.gateway.node_kit import CHALLENGE, running
from tests.pubsub.kit import BINARY, DEADLINE, Recorder

OWN, COMMON, JSON = "/deepstream-v3", "/deepstream", "/deepstream-json"
SOON = 0.01
"""Seconds of silence at the common address, after which a test's client is taken for an old one."""


def everything(*, patience: float | None = SOON, **options: Any) -> Config:
    """All three endpoints with these options."""
    endpoints = Endpoints(
        binary=WebSocketEndpoint(**options),
        json=JsonEndpoint(**options),
        text=TextEndpoint(legacy_detection=patience, **options),
        http_api=None,
    )
    return replace(Config(), endpoints=endpoints)


class Switching(Recorder):
    """A transport that can be given to another session, as those of sockets can."""

    def __init__(self) -> None:
        super().__init__()
        self.receiver: Session | None = None

    def attach(self, receiver: Session, backlog: list[bytes | str]) -> None:
        self.receiver = receiver


class Old:
    """A client at an endpoint of ``node``, whatever session it is given to."""

    def __init__(self, node: Node, path: str = OWN) -> None:
        endpoint = node.endpoints[path]
        self.transport = Switching()
        session = endpoint.open(framed=False, address="", headers=None)
        session.connection.attach(self.transport)
        self.transport.receiver = session
        endpoint.start(session, self.transport)
        self._flush = node.flusher.flush
        self._heard = 0

    @property
    def session(self) -> Session:
        assert self.transport.receiver is not None
        return self.transport.receiver

    def say(self, *frames: str) -> None:
        self.session.frames_received([wire(frame) for frame in frames])

    def hear(self) -> list[str]:
        """The frames that came since the last time; those in binary as they are."""
        self._flush()
        frames = self.transport.frames[self._heard :]
        self._heard += len(frames)
        return [shown(frame) if isinstance(frame, str) else repr(frame) for frame in frames]

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE):
            while not condition():
                self.transport.changed.clear()
                await self.transport.changed.wait()

    def log_in(self) -> Old:
        self.say("A|REQ|{};")
        assert self.hear()[-1] == "A|A;"
        return self


async def test_the_server_says_that_it_accepts_and_pings() -> None:
    async with running(everything()) as node:
        assert Old(node).hear() == ["C|A;", "C|PI;"]


def greeting(action: ConnectionAction, **fields: str) -> Any:
    return lambda connection, challenge: Message(Topic.CONNECTION, action, **fields)


@pytest.mark.parametrize(
    ("action", "fields", "line"),
    [
        (ConnectionAction.REDIRECT, {"url": "ws://elsewhere"}, "C|RED|ws://elsewhere;"),
        (ConnectionAction.REJECT, {}, "C|REJ;"),
    ],
)
@pytest.mark.parametrize("path", [OWN, COMMON])
async def test_a_server_that_chooses_its_clients_asks_first_and_tells_them(
    action: ConnectionAction, fields: dict[str, str], line: str, path: str
) -> None:
    async with running(everything(), greet=greeting(action, **fields)) as node:
        client = Old(node, path)
        await client.until(lambda: bool(client.transport.frames))
        assert client.hear() == ["C|CH;"]
        client.say("A|REQ|{};C|CHR|ws://here;A|REQ|{};")
        assert client.hear() == ["C|E|INVALID_MESSAGE;", line]
        assert client.transport.closed == (Close.NORMAL, action.name)


async def test_a_server_that_chooses_its_clients_lets_those_in_whom_it_accepts() -> None:
    asked: list[str | None] = []

    def greet(connection: object, challenge: Message) -> Message:
        asked.append(challenge.url)
        return Message(Topic.CONNECTION, ConnectionAction.ACCEPT)

    async with running(everything(), greet=greet) as node:
        client = Old(node)
        client.say("C|CHR|ws://here;A|REQ|{};")
        assert client.hear() == ["C|CH;", "C|A;", "A|A;"]
    assert asked == ["ws://here"]


async def test_while_one_message_waits_those_behind_it_wait_too() -> None:
    gate: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()

    async def later() -> Verdict:
        return await gate

    def check(user: User, message: Message) -> Any:
        return later() if message.name == "slow" else None

    async with running(everything(), check=check) as node:
        client = Old(node).log_in()
        client.say("E|S|a;E|S|slow;E|S|b;E|S|c;", "E|S|d;")
        client.say("E|S|e;")
        assert client.hear() == ["E|A|S|a;"]
        gate.set_result(None)
        await client.until(lambda: len(client.transport.frames) >= 9)
        assert client.hear() == ["E|A|S|slow;", *(f"E|A|S|{name};" for name in "bcde")]


async def test_a_client_that_leaves_while_a_message_waits_is_gone_with_the_others() -> None:
    gate: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()

    async def later() -> Verdict:
        return await gate

    async with running(
        everything(), check=lambda user, message: later() if message.name == "slow" else None
    ) as node:
        client = Old(node).log_in()
        client.say("E|S|slow;E|S|b;")
        client.session.connection_closed(1006, "")
        assert node.endpoints[OWN].sessions == {}
        assert node.events.subscriptions.names() == set()


async def test_after_a_turn_of_messages_it_is_the_turn_of_others() -> None:
    async with running(everything()) as node:
        client = Old(node).log_in()
        client.say("C|PI;" * (MESSAGES_A_TURN + 10))
        assert len(client.hear()) < MESSAGES_A_TURN
        assert not client.transport.is_reading or client.session.waiting is not None
        await client.until(lambda: client.session.waiting is None)
        client.say("E|S|last;")
        assert client.hear()[-1] == "E|A|S|last;"


async def test_others_have_their_turn_also_where_what_each_message_waits_for_is_done_at_once() -> None:
    asked: list[Message] = []
    asked_by_turn: list[int] = []
    loop, is_done = asyncio.get_running_loop(), asyncio.Event()
    count = 4 * MESSAGES_A_TURN

    async def allow(message: Message) -> Verdict:
        asked.append(message)
        return None

    def look() -> None:
        asked_by_turn.append(len(asked))
        if len(asked) < count:
            loop.call_soon(look)
        else:
            is_done.set()

    async with running(everything(), check=lambda _, message: allow(message)) as node:
        Old(node).log_in().say("E|EVT|a;" * count)
        look()
        async with asyncio.timeout(DEADLINE):
            await is_done.wait()
    assert max(after - before for before, after in pairwise(asked_by_turn)) <= MESSAGES_A_TURN


async def test_a_frame_longer_than_a_piece_is_done_whole_and_in_order() -> None:
    async with running(everything()) as node:
        client, other = Old(node).log_in(), Old(node).log_in()
        other.say("E|S|a;")
        numbers = range(PIECE // 8)
        client.say("".join(f"E|EVT|a|N{number};" for number in numbers) + "E|EVT|a|S" + "x" * 2 * PIECE)
        expected = [
            "E|A|S|a;",
            *(f"E|EVT|a|N{number};" for number in numbers),
            f"E|EVT|a|S{'x' * 2 * PIECE};",
        ]
        await other.until(lambda: sum(map(len, other.transport.writes)) >= len(expected) + 3)
        assert other.hear() == expected


async def test_a_silent_client_is_asked_and_is_nobodys_until_it_answers() -> None:
    async with running(everything()) as node:
        client = Old(node, COMMON)
        await client.until(lambda: bool(client.transport.frames))
        assert client.hear() == ["C|CH;"]
        assert [len(node.endpoints[path].sessions) for path in (COMMON, OWN)] == [1, 0]
        client.say("C|CHR|ws://here;")
        assert client.hear() == ["C|A;", "C|PI;"]
        assert [len(node.endpoints[path].sessions) for path in (COMMON, OWN)] == [0, 1]
        assert isinstance(client.session, TextSession)


async def test_a_binary_frame_decides_before_and_after_the_question() -> None:
    async with running(everything()) as node:
        quick, slow = Old(node, COMMON), Old(node, COMMON)
        first = quick.session
        quick.session.frames_received([BINARY.frame(CHALLENGE)])
        await slow.until(lambda: bool(slow.transport.frames))
        slow.session.frames_received([BINARY.frame(CHALLENGE)])
        assert [len(quick.hear()), len(slow.hear())] == [1, 2]
        assert quick.session is first
        quick.say("C|CHR|ws://here;")
        assert quick.transport.closed is not None
        assert quick.transport.closed[0] == Close.WRONG_FRAME_KIND


async def test_a_json_object_goes_to_the_json_endpoint() -> None:
    async with running(everything(patience=None)) as node:
        client = Old(node, COMMON)
        client.session.frames_received(['{"topic":2,"action":5}', '{"topic":3,"action":2,"data":"{}"}'])
        assert client.hear() == ['{"topic":2,"action":4}', '{"topic":3,"action":3}']
        assert [len(node.endpoints[path].sessions) for path in (COMMON, JSON)] == [0, 1]


async def test_a_client_that_was_handed_over_leaves_from_where_it_went() -> None:
    async with running(everything()) as node:
        client = Old(node, COMMON)
        client.say("A|REQ|{};E|S|a;")
        client.session.connection_closed(1000, "")
        assert [len(node.endpoints[path].sessions) for path in (COMMON, OWN)] == [0, 0]
        assert node.events.subscriptions.names() == set()


async def test_nobody_is_asked_who_left_or_when_the_server_stopped() -> None:
    async with running(everything()) as node:
        gone, stopped, last = Old(node, COMMON), Old(node, COMMON), Old(node, COMMON)
        gone.session.connection_closed(1006, "")
        await last.until(lambda: bool(last.transport.frames))
        assert gone.transport.frames == []
        assert stopped.hear() == ["C|CH;"]
        late = Old(node, COMMON)
    assert late.transport.closed == (Close.GOING_AWAY, "the server stops")
    assert late.transport.frames == []


async def test_a_client_that_does_not_log_in_is_timed_out_where_it_went() -> None:
    settings = everything(unauthenticated_client_timeout=0.05)
    async with running(settings) as node:
        client = Old(node, COMMON)
        client.say("C|CHR|ws://here;")
        await client.until(lambda: client.transport.closed is not None)
        assert client.hear()[-1] == "C|E|CONNECTION_AUTHENTICATION_TIMEOUT;"


async def test_every_client_is_pinged_and_one_that_never_answers_is_closed() -> None:
    async with running(everything(heartbeat_interval=0.02)) as node:
        silent = Old(node).log_in()
        await silent.until(lambda: silent.transport.closed is not None)
        assert silent.hear().count("C|PI;") == 2
