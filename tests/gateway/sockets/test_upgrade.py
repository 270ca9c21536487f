"""The opening handshake, read at once where it is plain: with the same outcome as by websockets."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.http11 import Request
from websockets.server import ServerProtocol

from gateway.sockets.upgrade import _REQUESTS, LONGEST_PLAIN, MOST_HEADERS, plain_upgrade, upgrade_of
from tests.gateway.sockets.websocket_kit import DEADLINE, TEXT, frame
from tests.servers import Server

PLAIN = (
    b"GET /deepstream?a=1 HTTP/1.1\r\nHost: localhost:6020\r\nUpgrade: websocket\r\n"
    b"Connection: keep-alive, Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqtt, deepstream\r\nCookie: a=b; c=d \r\n\r\n"
)


def by_websockets(data: bytes) -> Request:
    handshake = ServerProtocol()
    handshake.receive_data(data)
    [request] = handshake.events_received()
    assert isinstance(request, Request)
    assert handshake.accept(request).status_code == 101
    return request


def test_a_plain_handshake_is_read_as_websockets_reads_it() -> None:
    assert plain_upgrade(PLAIN) == upgrade_of(by_websockets(PLAIN))


ALIKE = (
    PLAIN.replace(b"?a=1", b"")
    .replace(b"Sec-WebSocket-Protocol: mqtt, deepstream\r\n", b"")
    .replace(b"Cookie: a=b; c=d \r\n", b"")
)
"""What all clients of an application send, but for the key."""


def test_a_handshake_like_one_before_has_its_own_key_and_headers() -> None:
    other = ALIKE.replace(b"dGhlIHNh", b"AAAAAAAA")
    _REQUESTS.clear()
    first = plain_upgrade(ALIKE)
    assert first == upgrade_of(by_websockets(ALIKE))
    assert first is not None
    first.headers.clear()
    assert plain_upgrade(other) == upgrade_of(by_websockets(other))
    assert len(_REQUESTS) == 1


PERSONAL = [
    b"Cookie: a=b",
    b"COOKIE: a=b",
    b"authorization: Basic YTpi",
    b"X-Api-Key: a",
    b"My-Token: a",
    b"Sec-WebSocket-Protocol: a",
]


@pytest.mark.parametrize("personal", PERSONAL)
def test_a_handshake_that_tells_who_somebody_is_is_not_kept(personal: bytes) -> None:
    data = ALIKE.replace(b"\r\n\r\n", b"\r\n" + personal + b"\r\n\r\n")
    kept = list(_REQUESTS)
    assert plain_upgrade(data) == upgrade_of(by_websockets(data))
    assert list(_REQUESTS) == kept


def test_the_answer_is_the_one_of_rfc_6455() -> None:
    upgrade = plain_upgrade(PLAIN)
    assert upgrade is not None
    assert upgrade.acceptance([(b"date", b"today")], "deepstream") == (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\ndate: today\r\n"
        b"Sec-WebSocket-Protocol: deepstream\r\n\r\n"
    )


def with_header(line: bytes) -> bytes:
    return PLAIN.replace(b"\r\n\r\n", b"\r\n" + line + b"\r\n\r\n")


NOT_PLAIN = {
    "a part of it": PLAIN[:-1],
    "more behind it": PLAIN + frame(TEXT, b"early"),
    "another request behind it": PLAIN + PLAIN,
    "another method": PLAIN.replace(b"GET", b"POST"),
    "HTTP/1.0": PLAIN.replace(b"HTTP/1.1", b"HTTP/1.0"),
    "a whole URL": PLAIN.replace(b"/deepstream", b"http://localhost/deepstream"),
    "a fragment": PLAIN.replace(b"?a=1", b"#a"),
    "a space in the target": PLAIN.replace(b"?a=1", b"?a 1"),
    "bytes that are not ASCII": with_header("X: é".encode()),
    "a folded line": with_header(b"X: a\r\n b"),
    "a bare line feed": with_header(b"X: a\nY: b"),
    "a space before the colon": with_header(b"X : a"),
    "no upgrade": PLAIN.replace(b"Upgrade: websocket", b"Upgrade: h2c"),
    "no connection upgrade": PLAIN.replace(b"keep-alive, Upgrade", b"keep-alive"),
    "no host": PLAIN.replace(b"Host", b"Guest"),
    "no key": PLAIN.replace(b"-Key", b"-Kex"),
    "a key in the target alone": PLAIN.replace(
        b"/deepstream?a=1", b"/222222222222222dGhlIHNhbXBsZSBub25jZQ=="
    ).replace(b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", b"sec-websocket-key: "),
    "a key and more": PLAIN.replace(b"ZQ==", b"ZQ==a"),
    "a key twice": with_header(b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="),
    "a short key": PLAIN.replace(b"dGhlIHNh", b"dGhlIA=="),
    "another version": PLAIN.replace(b"13", b"8"),
    "a header twice": with_header(b"Host: elsewhere"),
    "a header twice in other letters": with_header(b"hOST: elsewhere"),
    "a body": with_header(b"Content-Length: 5"),
    "a body in chunks": with_header(b"Transfer-Encoding: chunked"),
    "a wish to be asked": with_header(b"Expect: 100-continue"),
    "many headers": with_header(b"\r\n".join(b"X-%d: a" % number for number in range(MOST_HEADERS))),
    "many bytes": with_header(b"X: " + b"a" * LONGEST_PLAIN),
    "nothing": b"",
}


@pytest.mark.parametrize("data", NOT_PLAIN.values(), ids=NOT_PLAIN)
def test_what_is_not_plain_is_left_to_a_whole_parser(data: bytes) -> None:
    assert plain_upgrade(data) is None


WAYS = {
    "at once": [PLAIN],
    "byte by byte": [PLAIN[place : place + 1] for place in range(len(PLAIN))],
    "with a header twice": [with_header(b"Sec-WebSocket-Protocol: more")],
    "with more than is plain": [with_header(b"X: " + b"a" * LONGEST_PLAIN)],
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server("fast", Path(tmp_path_factory.mktemp("upgrade"))) as server:
        yield server


@pytest.mark.parametrize("pieces", WAYS.values(), ids=WAYS)
async def test_a_handshake_is_accepted_however_it_comes(server: Server, pieces: list[bytes]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        async with asyncio.timeout(DEADLINE):
            head = await reader.readuntil(b"\r\n\r\n")
    finally:
        writer.close()
    assert head.startswith(b"HTTP/1.1 101 ")
    assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in head


async def test_a_path_that_is_not_served_is_closed_after_a_plain_handshake_too(server: Server) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(PLAIN.replace(b"/deepstream", b"/nowhere"))
    try:
        async with asyncio.timeout(DEADLINE):
            assert (await reader.read()).startswith(b"HTTP/1.1 403 ")
    finally:
        writer.close()
