"""The rules of RFC 6455, on real sockets, for an application on plain ASGI and for one that is attached."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
import uvicorn

from tests.gateway.sockets.autobahn.echo import application
from tests.gateway.sockets.websocket_kit import (
    BINARY,
    CLOSE,
    CONT,
    PING,
    TEXT,
    Peer,
    close_payload,
    frame,
    header,
    opened,
    serving,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

LIMIT = 100_000
CONTROL = (CLOSE, PING, 0xA)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def server() -> AsyncIterator[uvicorn.Server]:
    async with serving(application, ws_max_size=LIMIT) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module", params=["/plain", "/attached"])
async def peer(server: uvicorn.Server, request: pytest.FixtureRequest) -> AsyncIterator[Peer]:
    async with opened(server, request.param) as peer:
        yield peer


# Section 5.2: framing


@pytest.mark.parametrize("length", [0, 1, 125, 126, 127, 128, 65535, 65536, LIMIT])
async def test_messages_of_every_length_form_come_back(peer: Peer, length: int) -> None:
    peer.send(frame(TEXT, b"t" * length), frame(BINARY, b"\xff" * length))
    assert await peer.message() == "t" * length
    assert await peer.message() == b"\xff" * length


async def test_a_length_may_be_told_in_a_longer_form_than_it_needs(peer: Peer) -> None:
    peer.send(b"\x81\xfe\x00\x02\x00\x00\x00\x00hi", b"\x82\xff" + bytes(7) + b"\x02\x00\x00\x00\x00ho")
    assert await peer.message() == "hi"
    assert await peer.message() == b"ho"


async def test_a_mask_of_zeros_is_a_mask(peer: Peer) -> None:
    peer.send(frame(TEXT, b"plain to see", key=bytes(4)))
    assert await peer.message() == "plain to see"


async def test_many_messages_in_one_write_come_back_in_order(peer: Peer) -> None:
    peer.send(*(frame(TEXT, b"%d" % number) for number in range(1000)))
    assert [await peer.message() for _ in range(1000)] == [str(number) for number in range(1000)]


@pytest.mark.parametrize("opcode", [TEXT, BINARY, CONT, CLOSE, PING])
async def test_an_unmasked_frame_fails_the_connection(peer: Peer, opcode: int) -> None:
    peer.send(frame(opcode, close_payload(1000), key=None))
    assert await peer.closed() == 1002


@pytest.mark.parametrize("reserved", [1, 2, 3, 4, 5, 6, 7])
async def test_a_reserved_bit_fails_the_connection(peer: Peer, reserved: int) -> None:
    peer.send(frame(TEXT, b"hello", reserved=reserved))
    assert await peer.closed() == 1002


@pytest.mark.parametrize("opcode", [3, 4, 5, 6, 7, 0xB, 0xC, 0xD, 0xE, 0xF])
async def test_an_unknown_opcode_fails_the_connection(peer: Peer, opcode: int) -> None:
    peer.send(frame(opcode, b"hello"))
    assert await peer.closed() == 1002


# Section 5.4: fragments


async def test_a_fragmented_message_comes_back_as_one(peer: Peer) -> None:
    peer.send(frame(TEXT, b"one ", fin=False), frame(CONT, b"two ", fin=False), frame(CONT, b"three"))
    assert await peer.message() == "one two three"


async def test_a_character_may_be_split_over_fragments(peer: Peer) -> None:
    euro = "€".encode()
    peer.send(frame(TEXT, euro[:1], fin=False), frame(CONT, euro[1:2], fin=False), frame(CONT, euro[2:]))
    assert await peer.message() == "€"


async def test_empty_fragments_make_an_empty_message(peer: Peer) -> None:
    peer.send(frame(BINARY, fin=False), frame(CONT, fin=False), frame(CONT))
    assert await peer.message() == b""


async def test_a_ping_amid_fragments_is_answered_before_the_message_ends(peer: Peer) -> None:
    peer.send(frame(TEXT, b"first ", fin=False), frame(PING, b"amid"))
    assert await peer.pong() == b"amid"
    peer.send(frame(CONT, b"last"))
    assert await peer.message() == "first last"


async def test_whole_and_fragmented_messages_keep_their_order(peer: Peer) -> None:
    peer.send(
        frame(TEXT, b"1"),
        frame(TEXT, b"2", fin=False),
        frame(CONT, b"2"),
        frame(BINARY, b"3"),
        frame(PING),
        frame(TEXT, b"4"),
        frame(BINARY, b"5", fin=False),
        frame(CONT, b"5"),
        frame(TEXT, b"6"),
    )
    received = []
    while len(received) < 6:
        first, payload = await peer.frame()
        if first != 0x8A:
            received.append(payload)
    assert received == [b"1", b"22", b"3", b"4", b"55", b"6"]


async def test_a_continuation_of_nothing_fails_the_connection(peer: Peer) -> None:
    peer.send(frame(CONT, b"hello"))
    assert await peer.closed() == 1002


async def test_a_new_message_amid_fragments_fails_the_connection(peer: Peer) -> None:
    peer.send(frame(TEXT, b"first", fin=False), frame(TEXT, b"second"))
    assert await peer.closed() == 1002


# Section 5.5: control frames


@pytest.mark.parametrize("payload", [b"", b"hello", b"\x00\xff", b"x" * 125])
async def test_a_ping_is_answered_with_its_payload(peer: Peer, payload: bytes) -> None:
    peer.send(frame(PING, payload))
    assert await peer.pong() == payload


async def test_an_unasked_pong_is_ignored(peer: Peer) -> None:
    peer.send(frame(0xA, b"nobody asked"), frame(TEXT, b"next"))
    assert await peer.message() == "next"


@pytest.mark.parametrize("opcode", CONTROL)
async def test_a_control_frame_over_125_bytes_fails_the_connection(peer: Peer, opcode: int) -> None:
    peer.send(frame(opcode, close_payload(1000, "x" * 124)))
    assert await peer.closed() == 1002


@pytest.mark.parametrize("opcode", CONTROL)
async def test_a_fragmented_control_frame_fails_the_connection(peer: Peer, opcode: int) -> None:
    peer.send(frame(opcode, close_payload(1000), fin=False))
    assert await peer.closed() == 1002


# Sections 5.5.1 and 7: closing


@pytest.mark.parametrize(
    "code", [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999]
)
async def test_a_close_is_echoed(peer: Peer, code: int) -> None:
    peer.send(frame(CLOSE, close_payload(code, "ça suffit")))
    assert await peer.close_frame() == (code, "ça suffit")
    await peer.eof()


async def test_a_close_without_a_code_is_echoed_without_one(peer: Peer) -> None:
    peer.send(frame(CLOSE))
    assert await peer.closed() == 1005


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535])
async def test_a_close_code_that_must_not_be_sent_fails_the_connection(peer: Peer, code: int) -> None:
    peer.send(frame(CLOSE, close_payload(code)))
    assert await peer.closed() == 1002


async def test_a_close_payload_of_one_byte_fails_the_connection(peer: Peer) -> None:
    peer.send(frame(CLOSE, b"\x03"))
    assert await peer.closed() == 1002


async def test_a_close_reason_that_is_not_utf8_fails_the_connection(peer: Peer) -> None:
    peer.send(frame(CLOSE, b"\x03\xe8\xff"))
    assert await peer.closed() == 1007


async def test_a_close_amid_a_fragmented_message_is_a_close(peer: Peer) -> None:
    peer.send(frame(TEXT, b"first", fin=False), frame(CLOSE, close_payload(1000)))
    assert await peer.closed() == 1000


async def test_what_follows_a_close_is_ignored(peer: Peer) -> None:
    peer.send(frame(CLOSE, close_payload(1000)), frame(PING, b"late"), frame(TEXT, b"late"), b"\xff" * 100)
    assert await peer.closed() == 1000


# Section 8.1: UTF-8


@pytest.mark.parametrize(
    "bad", [b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", "€".encode()[:2]]
)
async def test_text_that_is_not_utf8_fails_the_connection(peer: Peer, bad: bytes) -> None:
    peer.send(frame(TEXT, b"good"), frame(TEXT, b"hello " + bad))
    first, payload = await peer.frame()
    if (first, payload) == (0x81, b"good"):  # plain ASGI may see the end before it has answered
        first, payload = await peer.frame()
    assert (first, payload[:2]) == (0x88, close_payload(1007))
    await peer.eof()


async def test_text_that_ends_amid_a_character_fails_the_connection(peer: Peer) -> None:
    peer.send(frame(TEXT, "€".encode()[:1], fin=False), frame(CONT, "€".encode()[1:2]))
    assert await peer.closed() == 1007


async def test_a_fragment_that_cannot_become_utf8_fails_before_the_message_ends(peer: Peer) -> None:
    peer.send(frame(TEXT, b"\xce\xba\xf4", fin=False), frame(CONT, b"\x90", fin=False))
    assert await peer.closed() == 1007


async def test_binary_messages_may_hold_anything(peer: Peer) -> None:
    peer.send(frame(BINARY, bytes(range(256))))
    assert await peer.message() == bytes(range(256))


# Section 10.4: limits


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
@pytest.mark.parametrize("length", [LIMIT + 1, 2**31, 2**63, 2**64 - 1])
async def test_a_message_over_the_limit_is_refused_from_its_header(
    peer: Peer, opcode: int, length: int
) -> None:
    peer.send(header(0x80 | opcode, length))
    assert await peer.closed() == 1009


async def test_fragments_over_the_limit_are_refused_from_the_header_that_exceeds_it(peer: Peer) -> None:
    peer.send(frame(BINARY, b"x" * 60_000, fin=False), header(CONT, 40_001))
    assert await peer.closed() == 1009


async def test_fragments_that_reach_the_limit_exactly_are_a_message(peer: Peer) -> None:
    peer.send(frame(BINARY, b"x" * 60_000, fin=False), frame(CONT, b"y" * 40_000))
    assert await peer.message() == b"x" * 60_000 + b"y" * 40_000


async def test_a_client_that_still_sends_after_it_was_refused_can_read_why(peer: Peer) -> None:
    peer.send(frame(BINARY, b"x" * (LIMIT + 1)), b"y" * 2_000_000)
    assert await peer.closed() == 1009
