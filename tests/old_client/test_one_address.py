"""One address for every client: the first frame decides, and silence is met with the text dialogue."""

from __future__ import annotations

from typing import Any

import pytest
import websockets

from deepstream_protocol.binary import BinaryCodec
from deepstream_protocol.message import Message
from deepstream_protocol.topics import AuthAction, ConnectionAction, EventAction, Topic
from tests.old_client.text_client import COMMON_PATH, TextClient
from tests.raw_client import OPENING, RawClient
from tests.servers import Server, configuration

PATIENCE = 150
"""Milliseconds of silence, after which a client is taken for an old one."""

BINARY = BinaryCodec()
CHALLENGE = Message(Topic.CONNECTION, ConnectionAction.CHALLENGE, url="ws://test")
JSON_CHALLENGE = '{"topic":2,"action":5,"url":"ws://test"}'


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    whole = configuration(endpoint={"unauthenticatedClientTimeout": 2000})
    text = next(one for one in whole["connectionEndpoints"] if one["type"] == "ws-text")
    text["options"]["legacyDetection"] = PATIENCE
    return whole


async def test_a_silent_client_is_asked_where_it_wants_to_go_and_let_in(server: Server) -> None:
    async with TextClient.connect(server.url, COMMON_PATH) as client:
        await client.expect("C|CH")
        await client.ask("C|CHR|ws://test", "C|A")
        await client.ask("A|REQ|{}", "A|A")
        await client.ask("E|S|news", "E|A|S|news")
        await client.quiet()


async def test_a_client_that_speaks_text_at_once_is_not_waited_for(server: Server) -> None:
    async with TextClient.connect(server.url, COMMON_PATH) as client:
        await client.say("A|REQ|{};E|S|news;")
        await client.expect("A|A", "E|A|S|news")
        await client.quiet()


async def test_a_client_that_speaks_binary_at_once_hears_no_text(server: Server) -> None:
    async with websockets.connect(server.url + COMMON_PATH) as socket:
        await socket.send(BINARY.encode(CHALLENGE))
        frames = [await socket.recv(), await socket.recv()]
    actions = [BINARY.decode(frame)[0].action for frame in frames]  # type: ignore[arg-type]
    assert actions == [ConnectionAction.ACCEPT, ConnectionAction.AUTHENTICATION_TIMEOUT]


async def test_a_slow_client_still_gets_in_with_binary_frames(server: Server) -> None:
    async with websockets.connect(server.url + COMMON_PATH) as socket:
        assert await socket.recv() == OPENING
        await socket.send(BINARY.encode(CHALLENGE))
        (accept,) = BINARY.decode(await socket.recv())  # type: ignore[arg-type]
        await socket.send(BINARY.encode(Message(Topic.AUTH, AuthAction.REQUEST, data="{}")))
        (success,) = BINARY.decode(await socket.recv())  # type: ignore[arg-type]
    assert (accept.action, success.action) == (ConnectionAction.ACCEPT, AuthAction.AUTH_SUCCESSFUL)


@pytest.mark.parametrize("opening", [JSON_CHALLENGE, "\n " + JSON_CHALLENGE])
async def test_a_client_whose_first_frame_is_a_json_object_speaks_json(server: Server, opening: str) -> None:
    async with websockets.connect(server.url + COMMON_PATH) as socket:
        await socket.send(opening)
        assert await socket.recv() == '{"topic":2,"action":4}'
        await socket.send('{"topic":3,"action":2,"data":"{}"}')
        assert await socket.recv() == '{"topic":3,"action":3}'


async def test_a_slow_client_still_gets_in_with_json(server: Server) -> None:
    async with websockets.connect(server.url + COMMON_PATH) as socket:
        assert await socket.recv() == OPENING
        await socket.send(JSON_CHALLENGE)
        assert await socket.recv() == '{"topic":2,"action":4}'


@pytest.mark.parametrize("text", ["hello", "", "[1]", "null", "Z\x1fS\x1fa\x1e", " C\x1fCHR\x1e"])
async def test_a_first_frame_of_any_other_text_ends_the_connection(
    server: Server, wrong_kind: int, text: str
) -> None:
    async with TextClient.connect(server.url, COMMON_PATH) as client:
        await client.say_raw(text)
        assert await client.closed() == wrong_kind


async def test_only_the_first_frame_decides(server: Server, wrong_kind: int) -> None:
    async with RawClient.connect(server.url) as client:
        await client.send(Message(Topic.CONNECTION, ConnectionAction.PING))
        await client.expect(action=ConnectionAction.PONG)
        await client.send_bytes("C\x1fCHR\x1fws://test\x1e")
        assert await client.closed() == wrong_kind


async def test_what_was_decided_for_text_stays_text(server: Server, wrong_kind: int) -> None:
    async with TextClient.login(server.url, COMMON_PATH) as client:
        await client.say_raw(BINARY.encode(CHALLENGE))
        assert await client.closed() == wrong_kind


async def test_an_old_client_that_does_not_log_in_is_told_in_its_own_words(
    server: Server, policy: int
) -> None:
    async with TextClient.connect(server.url, COMMON_PATH) as client:
        await client.expect("C|CH")
        await client.ask("C|CHR|ws://test", "C|A", "C|E|CONNECTION_AUTHENTICATION_TIMEOUT")
        assert await client.closed() == policy


async def test_clients_of_all_three_kinds_meet_on_it(server: Server) -> None:
    async with (
        TextClient.login(server.url, COMMON_PATH) as old,
        RawClient.connect(server.url) as binary,
        RawClient.connect(server.url + COMMON_PATH, "json") as json,
    ):
        for client in (binary, json):
            await client.login()
            await client.send(Message(Topic.EVENT, EventAction.SUBSCRIBE, names=["all"]))
            await client.expect(is_ack=True)
        await old.ask("E|S|all", "E|A|S|all")
        await old.say("E|EVT|all|Sold;E|EVT|all|U;")
        for client in (binary, json):
            await client.expect(name="all", data='"old"')
            await client.expect(name="all", data=None)
        await json.send(Message(Topic.EVENT, EventAction.EMIT, name="all", data='{"from":"json"}'))
        await old.expect('E|EVT|all|O{"from":"json"}')
        await binary.expect(name="all", data='{"from":"json"}')


async def test_a_silent_client_that_leaves_is_forgotten(server: Server) -> None:
    for _ in range(20):
        async with websockets.connect(server.url + COMMON_PATH):
            pass
    async with TextClient.connect(server.url, COMMON_PATH) as client:
        await client.expect("C|CH")
    assert "Traceback" not in server.log.read_text()
