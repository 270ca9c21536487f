"""Frames and bytes that are nothing, or too much: they cost their sender the connection, others nothing."""

from __future__ import annotations

import asyncio
import random
import struct

import pytest

from deepstream_protocol.message import Message
from deepstream_protocol.topics import ConnectionAction, ParserAction, Topic
from tests.raw_client import CODECS
from tests.robustness.client import BINARY, NO_MASK, PING, TEXT, Client, frame
from tests.robustness.conftest import Report
from tests.robustness.unharmed import unharmed
from tests.robustness.vitals import MIB
from tests.servers import Server

pytestmark = pytest.mark.xdist_group("robustness")

CLIENTS = 100
SEED = 20
TOO_BIG = 2 * MIB
FRAGMENT = 64 * 1024

PARSE_ERROR = (Topic.PARSER, ParserAction.MESSAGE_PARSE_ERROR)
TIMES = 10


def garbage(chance: random.Random) -> bytes:
    """Bytes that are no message: a length that is a lie, and then anything."""
    return bytes([0xFF, 0xFF, 0x7F]) + chance.randbytes(chance.randrange(200))


def mangled(chance: random.Random) -> bytes:
    """A message with some bytes changed, which may be one still."""
    whole = bytearray(CODECS["binary"].encode(Message(Topic.EVENT, 2, name="mangled", data='"text"')))
    for _ in range(chance.randrange(1, 5)):
        whole[chance.randrange(len(whole))] = chance.randrange(256)
    return bytes(whole)


async def last_words(client: Client) -> tuple[list[tuple[int, int]], int]:
    """What the server still said until it closed the connection, and the code."""
    heard: list[tuple[int, int]] = []
    client.on_message = lambda message: heard.append((message.topic, message.action))
    return heard, await client.closed


@pytest.mark.parametrize("logged_in", [False, True], ids=["before login", "after login"])
async def test_frames_of_garbage_are_answered_with_a_parse_error_and_the_end(
    server: Server, report: Report, logged_in: bool
) -> None:
    chance = random.Random(SEED)
    async with unharmed(server, report) as scene:
        for _ in range(CLIENTS):
            client = await (scene.login() if logged_in else scene.open())
            client.send_frame(garbage(chance))
            heard, code = await last_words(client)
            assert heard == [PARSE_ERROR]
            assert code == 1008


async def test_messages_with_changed_bytes_harm_nobody(server: Server, report: Report) -> None:
    chance = random.Random(SEED)
    async with unharmed(server, report) as scene:
        clients = await scene.login_many(CLIENTS)
        for client in clients:
            client.send_frame(mangled(chance))
        pings = await asyncio.gather(*(client.ping() for client in clients), return_exceptions=True)
        report("clients that were closed", sum(isinstance(pong, Exception) for pong in pings))


@pytest.mark.parametrize(
    ("wire", "opcode"), [("binary", TEXT), ("json", BINARY)], ids=["text as binary", "binary as text"]
)
async def test_frames_of_the_wrong_kind_close_the_connection(
    server: Server, report: Report, wire: str, opcode: int
) -> None:
    async with unharmed(server, report) as scene:
        for _ in range(CLIENTS):
            client = await scene.login(wire)
            client.send_frame(b'{"topic":2,"action":2}', opcode)
            heard, code = await last_words(client)
            assert heard == []
            assert code == 1003


NOT_MESSAGES = {
    "not JSON": b"{",
    "a list": b"[]",
    "null": b"null",
    "a number": b"1e400",
    "text for a topic": b'{"topic":"4","action":2}',
    "a topic that is no number": b'{"topic":[],"action":{}}',
    "a topic of 64 bits": b'{"topic":9223372036854775807,"action":2}',
    "names that are none": b'{"topic":4,"action":3,"names":[1,null,{}]}',
    "nested without end": b'{"topic":4,"action":2,"parsedData":' + b"[" * 500_000,
    "nested deep": b'{"topic":4,"action":2,"parsedData":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "half a surrogate pair": b'{"topic":4,"action":2,"name":"\\ud800"}',
}


@pytest.mark.parametrize("payload", NOT_MESSAGES.values(), ids=NOT_MESSAGES)
async def test_json_that_is_no_message_is_answered_with_a_parse_error_and_the_end(
    server: Server, report: Report, payload: bytes
) -> None:
    async with unharmed(server, report) as scene:
        for _ in range(TIMES):
            client = await scene.login("json")
            client.send_frame(payload, TEXT)
            heard, code = await last_words(client)
            assert heard == [PARSE_ERROR]
            assert code == 1008


def fragments(size: int) -> list[bytes]:
    """One message of ``size`` bytes in many frames, of which none is too big."""
    count = size // FRAGMENT
    opcodes = [BINARY] + [0] * (count - 1)
    return [frame(bytes(FRAGMENT), opcode, is_final=i == count - 1) for i, opcode in enumerate(opcodes)]


TOO_MUCH = {
    "in one frame": [frame(bytes(TOO_BIG))],
    "in fragments": fragments(TOO_BIG),
    "announced, and nothing more": [struct.pack(">BBQ", 0x82, 0xFF, 2**63 - 1) + NO_MASK],
}


@pytest.mark.parametrize("frames", TOO_MUCH.values(), ids=TOO_MUCH)
async def test_messages_above_the_limit_close_the_connection(
    server: Server, report: Report, frames: list[bytes]
) -> None:
    async with unharmed(server, report) as scene:
        for _ in range(TIMES):
            clients = await scene.login_many(TIMES)
            for data in frames:
                for client in clients:
                    client.send_raw(data)
            assert {await client.closed for client in clients} == {1009}


async def test_many_unfinished_messages_at_the_limit_cost_no_more_than_their_size(
    server: Server, report: Report
) -> None:
    async with unharmed(server, report, growth=(CLIENTS + 64) * MIB) as scene:
        unfinished = b"".join(fragments(MIB)[:-1])
        for client in await scene.login_many(CLIENTS):
            client.send_raw(unfinished)
            await scene.pulse.beats(1)


NOT_FRAMES = {
    "a reserved opcode": (b"\x83\x80" + NO_MASK, 1002),
    "a reserved bit": (b"\xc2\x80" + NO_MASK, 1002),
    "no mask": (b"\x82\x01x", 1002),
    "a ping of 126 bytes": (b"\x89\xfe\x00\x7e" + NO_MASK + bytes(126), 1002),
    "a ping in fragments": (b"\x09\x80" + NO_MASK, 1002),
    "a continuation of nothing": (b"\x80\x80" + NO_MASK, 1002),
    "a close code that is none": (frame(struct.pack(">H", 5), 8), 1002),
    "a length with its highest bit": (b"\x82\xff" + b"\xff" * 8 + NO_MASK, 1009),
}


@pytest.mark.parametrize(("data", "code"), NOT_FRAMES.values(), ids=NOT_FRAMES)
async def test_bytes_that_are_no_frame_close_the_connection(
    server: Server, report: Report, data: bytes, code: int
) -> None:
    async with unharmed(server, report) as scene:
        for _ in range(TIMES):
            client = await scene.login()
            client.send_raw(data)
            heard, closed = await last_words(client)
            assert heard == []
            assert closed == code


async def test_a_flood_of_websocket_pings_is_answered_and_delays_nobody(
    server: Server, report: Report
) -> None:
    async with unharmed(server, report) as scene:
        clients = await scene.login_many(TIMES)
        for client in clients:
            client.send_raw(frame(b"ping", PING) * 10_000)
        await asyncio.gather(*(client.ping() for client in clients))


async def test_messages_out_of_turn_before_login_are_refused_and_the_login_still_works(
    server: Server, report: Report
) -> None:
    async with unharmed(server, report) as scene:
        client = await scene.open()
        refused = client.next(lambda message: message.action == ConnectionAction.INVALID_MESSAGE)
        client.send(Message(Topic.EVENT, 2, name="early", data="1"))
        await refused
        accepted = client.next(lambda message: message.action == ConnectionAction.ACCEPT)
        client.send(Message(Topic.CONNECTION, ConnectionAction.CHALLENGE, url="ws://test"))
        await accepted
