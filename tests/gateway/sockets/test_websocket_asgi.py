"""The opening handshake, and the ASGI messages of applications that do not attach."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from gateway.sockets.application_call import ApplicationCall
from gateway.sockets.open_socket import OpenSocket
from gateway.websocket import EARLY_LIMIT, WebSocketProtocol
from tests.gateway.sockets.autobahn.echo import application as echo
from tests.gateway.sockets.websocket_kit import (
    BINARY,
    CLOSE,
    TEXT,
    FakeTransport,
    Peer,
    answer,
    close_payload,
    connected,
    frame,
    opened,
    serving,
)

Scope = dict[str, Any]


class Scripted:
    """An application that does what ``script`` says and keeps what it saw: events, errors and its scope."""

    def __init__(self, script: Callable[[Scripted], Any]) -> None:
        self._script = script
        self.seen: asyncio.Queue[Any] = asyncio.Queue()

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        self.scope, self.receive, self.send = scope, receive, send
        await self._script(self)

    async def accept(self, **options: Any) -> None:
        assert await self.receive() == {"type": "websocket.connect"}
        await self.send({"type": "websocket.accept", **options})

    async def next(self) -> Any:
        async with asyncio.timeout(5):
            return await self.seen.get()


async def body_of(peer: Peer) -> bytes:
    """What follows the head of a refusal, up to the end of the connection."""
    return await peer.rest()


# The handshake


async def test_the_key_is_answered_as_the_rfc_has_it() -> None:
    async with serving(echo) as server, opened(server, "/plain") as peer:
        assert peer.head.startswith("HTTP/1.1 101 Switching Protocols\r\n")
        assert "\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in peer.head
        assert peer.head.lower().count("\r\ndate: ") == 1
        assert "\r\nserver: uvicorn\r\n" in peer.head


async def test_compression_is_not_offered() -> None:
    offer = {"Sec_WebSocket_Extensions": "permessage-deflate"}
    async with serving(echo) as server, opened(server, "/plain", **offer) as peer:
        assert "extensions" not in peer.head.lower()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec_WebSocket_Key": None}, 400),
        ({"Sec_WebSocket_Key": "c2hvcnQ="}, 400),
        ({"Sec_WebSocket_Key": "not base64!"}, 400),
        ({"Sec_WebSocket_Version": None}, 400),
        ({"Sec_WebSocket_Version": "8"}, 400),
        ({"Content_Length": "0", "Transfer_Encoding": None, "Origin": "a\r\nOrigin: b"}, 400),
        ({"Cookie": "x" * 9000}, 431),
        ({f"X_{number}": "1" for number in range(130)}, 431),
    ],
)
async def test_a_wrong_handshake_is_answered_in_http(headers: dict[str, str | None], status: int) -> None:
    called: list[Scope] = []

    async def application(scope: Scope, receive: Any, send: Any) -> None:
        called.append(scope)

    async with serving(application) as server, connected(server, **headers) as peer:
        assert (await answer(peer)).status == status
        assert b"WebSocket" in await body_of(peer)
    assert called == []
    assert server.server_state.connections == set()


async def test_an_endless_request_line_is_refused() -> None:
    async with serving(echo) as server, connected(server, "/" + "x" * 9000) as peer:
        assert (await answer(peer)).status == 414


async def test_a_request_that_is_no_request_is_refused() -> None:
    transport = FakeTransport()
    protocol = new_protocol(echo, transport)
    protocol.data_received(b"GET /plain HTTP/3\r\n\r\n")
    assert transport.written[0].startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert transport.has_ended
    protocol.connection_lost(None)


def new_protocol(
    application: Any, transport: FakeTransport, state: ServerState | None = None
) -> WebSocketProtocol:
    """A protocol as uvicorn makes one, on a transport without a network."""
    config = uvicorn.Config(application, ws=WebSocketProtocol, log_config=None)
    protocol = WebSocketProtocol(config=config, server_state=state or ServerState(), app_state={})
    protocol.connection_made(transport)  # type: ignore[arg-type]
    return protocol


async def test_the_scope_is_that_of_the_asgi_specification() -> None:
    async def script(app: Scripted) -> None:
        await app.accept(subprotocol="second", headers=[(b"X-Mood", b"\xfcber")])
        app.seen.put_nowait(app.scope)

    app = Scripted(script)
    async with serving(app, root_path="/below") as server:
        path = "/caf%C3%A9/a%2Fb?x=%20y"
        async with opened(server, path, Sec_WebSocket_Protocol="first, second", X_Name="\xe9") as peer:
            scope = await app.next()
            assert scope["type"] == "websocket"
            assert scope["asgi"] == {"version": "3.0", "spec_version": "2.4"}
            assert (scope["http_version"], scope["scheme"]) == ("1.1", "ws")
            assert scope["server"] == peer.writer.get_extra_info("peername")
            assert scope["client"] == peer.writer.get_extra_info("sockname")
            assert scope["root_path"] == "/below"
            assert scope["path"] == "/below/café/a/b"
            assert scope["raw_path"] == b"/below/caf%C3%A9/a%2Fb"
            assert scope["query_string"] == b"x=%20y"
            assert scope["subprotocols"] == ["first", "second"]
            assert (b"host", b"example.org") in scope["headers"]
            assert (b"x-name", b"\xe9") in scope["headers"]
            assert set(scope["extensions"]) == {"websocket.http.response", "deepstream.frames"}
            assert "\r\nSec-WebSocket-Protocol: second\r\n" in peer.head
            assert "\r\nX-Mood: über\r\n" in peer.head


async def test_accepted_and_refused_handshakes_are_in_the_access_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def script(app: Scripted) -> None:
        await app.send({"type": "websocket.accept" if app.scope["path"] == "/in" else "websocket.close"})

    caplog.set_level(logging.INFO, "uvicorn.access")
    async with serving(Scripted(script)) as server:
        async with connected(server, "/in?a=b") as peer:
            await answer(peer)
        async with connected(server, "/out") as peer:
            await answer(peer)
    lines = [record.getMessage() for record in caplog.records if record.name == "uvicorn.access"]
    assert [line.split(" - ")[1] for line in lines] == [
        '"GET /in?a=b HTTP/1.1" 101',
        '"GET /out HTTP/1.1" 403',
    ]


async def test_without_an_access_log_there_is_none(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "uvicorn.access")
    async with serving(echo, access_log=False) as server, opened(server, "/plain"):
        pass
    assert [record for record in caplog.records if record.name == "uvicorn.access"] == []


async def test_frames_sent_ahead_of_the_answer_are_messages_after_it() -> None:
    proceed = asyncio.Event()

    async def script(app: Scripted) -> None:
        await proceed.wait()
        await app.accept()
        app.seen.put_nowait((await app.receive())["text"])
        app.seen.put_nowait((await app.receive())["bytes"])
        await app.receive()

    app, transport = Scripted(script), FakeTransport()
    state = ServerState()
    protocol = new_protocol(app, transport, state)
    protocol.data_received(handshake())
    long = frame(BINARY, b"x" * EARLY_LIMIT)
    protocol.data_received(frame(TEXT, b"early") + long[:1000])
    assert transport.is_reading
    protocol.data_received(long[1000:])
    assert not transport.is_reading, "what comes early must be bounded"
    proceed.set()
    assert await app.next() == "early"
    assert await app.next() == b"x" * EARLY_LIMIT
    assert transport.is_reading
    (socket,) = state.connections
    socket.connection_lost(None)


def handshake() -> bytes:
    return (
        b"GET / HTTP/1.1\r\nHost: example.org\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )


# Refusals


async def test_an_application_that_closes_instead_of_accepting_refuses_with_403() -> None:
    async def script(app: Scripted) -> None:
        await app.receive()
        await app.send({"type": "websocket.close"})
        app.seen.put_nowait(await app.receive())

    app = Scripted(script)
    async with serving(app) as server, connected(server) as peer:
        assert (await answer(peer)).status == 403
        assert await body_of(peer) == b""
        assert (await app.next())["type"] == "websocket.disconnect"


async def test_an_application_may_refuse_with_an_answer_of_its_own() -> None:
    async def script(app: Scripted) -> None:
        headers = [(b"content-type", b"text/html"), (b"x-why", b"full")]
        await app.send({"type": "websocket.http.response.start", "status": 503, "headers": headers})
        await app.send({"type": "websocket.http.response.body", "body": b"<p>come ", "more_body": True})
        await app.send({"type": "websocket.http.response.body", "body": b"again</p>"})
        app.seen.put_nowait("sent")

    app = Scripted(script)
    async with serving(app) as server, connected(server) as peer:
        await answer(peer)
        assert peer.head.startswith("HTTP/1.1 503 Service Unavailable\r\n")
        assert "\r\nx-why: full\r\n" in peer.head
        assert "\r\nConnection: close\r\n" in peer.head
        assert await body_of(peer) == b"<p>come again</p>"
        assert await app.next() == "sent"


@pytest.mark.parametrize("sent", [0, 1])
async def test_an_application_that_fails_amid_its_refusal_ends_the_connection(sent: int) -> None:
    async def script(app: Scripted) -> None:
        await app.send({"type": "websocket.http.response.start", "status": 404})
        if sent:
            await app.send({"type": "websocket.http.response.body", "body": b"not", "more_body": True})
        raise LookupError

    async with serving(Scripted(script)) as server, connected(server) as peer:
        assert (await answer(peer)).status == (404 if sent else 500)
        assert await body_of(peer) == (b"not" if sent else b"Internal Server Error\n")


@pytest.mark.parametrize("error", [LookupError("lost"), None])
async def test_an_application_that_ends_without_an_answer_is_a_500(
    error: Exception | None, caplog: pytest.LogCaptureFixture
) -> None:
    async def script(app: Scripted) -> None:
        if error:
            raise error

    async with serving(Scripted(script)) as server, connected(server) as peer:
        assert (await answer(peer)).status == 500
        await body_of(peer)
    assert "without an answer" in caplog.text
    assert ("lost" in caplog.text) == bool(error)


# Messages


async def test_messages_and_their_kinds_go_both_ways() -> None:
    async def script(app: Scripted) -> None:
        await app.accept()
        for _ in range(2):
            app.seen.put_nowait(await app.receive())
        await app.send({"type": "websocket.send", "text": "", "bytes": None})
        await app.send({"type": "websocket.send", "bytes": b"\x00", "text": None})

    app = Scripted(script)
    async with serving(app) as server, opened(server) as peer:
        peer.send(frame(TEXT), frame(BINARY, b"\xff"))
        assert await app.next() == {"type": "websocket.receive", "text": ""}
        assert await app.next() == {"type": "websocket.receive", "bytes": b"\xff"}
        assert [await peer.message(), await peer.message()] == ["", b"\x00"]
        assert await peer.close_frame() == (1000, "")


@pytest.mark.parametrize(
    ("event", "code", "reason"),
    [
        ({}, 1000, ""),
        ({"code": 4001, "reason": "enough"}, 4001, "enough"),
        ({"code": 1000, "reason": None}, 1000, ""),
    ],
)
async def test_the_application_closes_with_a_code_and_a_reason(event: Any, code: int, reason: str) -> None:
    async def script(app: Scripted) -> None:
        await app.accept()
        await app.send({"type": "websocket.close", **event})
        app.seen.put_nowait(await app.receive())

    app = Scripted(script)
    async with serving(app) as server, opened(server) as peer:
        assert await peer.close_frame() == (code, reason)
        peer.send(frame(TEXT, b"unheard"), frame(CLOSE, close_payload(code)))
        await peer.eof()
        assert await app.next() == {"type": "websocket.disconnect", "code": code, "reason": reason}


@pytest.mark.parametrize(
    ("last", "code", "reason"),
    [
        (frame(CLOSE, close_payload(4001, "bye")), 4001, "bye"),
        (frame(CLOSE), 1005, ""),
        (b"", 1006, ""),
    ],
)
async def test_the_application_hears_how_the_client_left(last: bytes, code: int, reason: str) -> None:
    async def script(app: Scripted) -> None:
        await app.accept()
        app.seen.put_nowait(await app.receive())
        try:
            await app.send({"type": "websocket.send", "text": "too late"})
        except OSError:
            app.seen.put_nowait("gone")

    app = Scripted(script)
    async with serving(app) as server, opened(server) as peer:
        peer.send(last)
        peer.writer.close()
        assert await app.next() == {"type": "websocket.disconnect", "code": code, "reason": reason}
        assert await app.next() == "gone"


async def test_a_client_that_leaves_during_the_handshake_is_disconnected_with_1006() -> None:
    async def script(app: Scripted) -> None:
        app.seen.put_nowait(await app.receive())
        app.seen.put_nowait(await app.receive())
        await app.send({"type": "websocket.accept"})

    app = Scripted(script)
    async with serving(app) as server:
        async with connected(server):
            assert await app.next() == {"type": "websocket.connect"}
        assert await app.next() == {"type": "websocket.disconnect", "code": 1006, "reason": ""}


async def test_an_application_that_fails_closes_with_1011(caplog: pytest.LogCaptureFixture) -> None:
    async def script(app: Scripted) -> None:
        await app.accept()
        raise LookupError("lost")

    async with serving(Scripted(script)) as server, opened(server) as peer:
        assert await peer.close_frame() == (1011, "")
    assert "lost" in caplog.text


@pytest.mark.parametrize(
    ("accepted", "kind"),
    [
        (False, "websocket.send"),
        (False, "websocket.http.response.body"),
        (True, "websocket.accept"),
        (True, "websocket.http.response.start"),
        (True, "no such thing"),
    ],
)
async def test_a_message_at_the_wrong_time_is_an_error(accepted: bool, kind: str) -> None:
    async def script(app: Scripted) -> None:
        if accepted:
            await app.accept()
        try:
            await app.send({"type": kind, "text": "", "status": 200})
        except RuntimeError as error:
            app.seen.put_nowait(str(error))

    app = Scripted(script)
    async with serving(app) as server, connected(server):
        assert kind in await app.next()


# Backpressure


class Accepting:
    """A handshake for an ApplicationCall that opens a socket on a transport without a network."""

    def __init__(self, transport: FakeTransport) -> None:
        self._transport = transport

    def accept(self, receiver: ApplicationCall, subprotocol: str | None, headers: Any) -> OpenSocket:
        self.socket = OpenSocket(self._transport, receiver, connections=set(), max_size=100)  # type: ignore[arg-type]
        return self.socket


async def test_a_client_that_is_faster_than_the_application_has_to_wait() -> None:
    transport = FakeTransport()
    shake = Accepting(transport)
    call = ApplicationCall(shake, max_queue=3)  # type: ignore[arg-type]
    await call.receive()
    await call.send({"type": "websocket.accept"})
    shake.socket.data_received(frame(TEXT, b"1") + frame(TEXT, b"2"))
    assert transport.is_reading
    shake.socket.data_received(frame(TEXT, b"3"))
    assert not transport.is_reading
    assert [(await call.receive())["text"] for _ in range(2)] == ["1", "2"]
    assert not transport.is_reading
    assert (await call.receive())["text"] == "3"
    assert transport.is_reading


async def test_the_application_waits_in_send_for_a_client_that_reads_too_slowly() -> None:
    transport = FakeTransport()
    shake = Accepting(transport)
    call = ApplicationCall(shake, max_queue=3)  # type: ignore[arg-type]
    await call.send({"type": "websocket.accept"})
    shake.socket.pause_writing()
    sending = asyncio.ensure_future(call.send({"type": "websocket.send", "text": "hi"}))
    await turn_of_the_loop()
    assert not sending.done()
    assert transport.written == []
    shake.socket.resume_writing()
    await sending
    assert transport.written == [b"\x81\x02hi"]


async def test_the_application_stops_waiting_in_send_when_the_client_is_gone() -> None:
    transport = FakeTransport()
    shake = Accepting(transport)
    call = ApplicationCall(shake, max_queue=3)  # type: ignore[arg-type]
    await call.send({"type": "websocket.accept"})
    shake.socket.pause_writing()
    sending = asyncio.ensure_future(call.send({"type": "websocket.send", "text": "hi"}))
    await turn_of_the_loop()
    shake.socket.connection_lost(None)
    with pytest.raises(OSError):  # noqa: PT011  the ASGI specification asks for no more than OSError
        await sending


async def turn_of_the_loop() -> None:
    """Let everything run that is ready now."""
    turned = asyncio.Event()
    asyncio.get_running_loop().call_soon(turned.set)
    await turned.wait()


# The end of the server


async def test_a_server_that_stops_closes_plain_sockets_with_1001() -> None:
    async def script(app: Scripted) -> None:
        await app.accept()
        app.seen.put_nowait(await app.receive())

    app = Scripted(script)
    async with serving(app) as server, opened(server) as peer:
        stopping = asyncio.ensure_future(server.shutdown())
        assert (await peer.close_frame())[0] == 1001
        peer.send(frame(CLOSE, close_payload(1001)))
        await peer.eof()
        assert (await app.next())["code"] == 1001
        peer.writer.close()
        await stopping


async def test_a_server_that_stops_refuses_handshakes_under_way() -> None:
    async def script(app: Scripted) -> None:
        app.seen.put_nowait(await app.receive())
        app.seen.put_nowait(await app.receive())

    app = Scripted(script)
    async with serving(app) as server, connected(server) as peer:
        assert await app.next() == {"type": "websocket.connect"}
        stopping = asyncio.ensure_future(server.shutdown())
        assert (await answer(peer)).status == 503
        await body_of(peer)
        assert (await app.next())["type"] == "websocket.disconnect"
        peer.writer.close()
        await stopping


async def test_a_server_that_stops_leaves_a_refusal_alone_that_is_on_its_way() -> None:
    async def script(app: Scripted) -> None:
        await app.send({"type": "websocket.http.response.start", "status": 418})
        await app.send({"type": "websocket.http.response.body", "body": b"short ", "more_body": True})
        app.seen.put_nowait("begun")
        await app.receive()
        await app.receive()

    app = Scripted(script)
    async with serving(app) as server, connected(server) as peer:
        await app.next()
        stopping = asyncio.ensure_future(server.shutdown())
        assert (await answer(peer)).status == 418
        assert await body_of(peer) == b"short "
        peer.writer.close()
        await stopping
