"""The ``deepstream.frames`` extension: a receiver in place of ASGI events, ready frames in place of sends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
from websockets.exceptions import ProtocolError

from gateway.sockets import closing, open_socket
from gateway.sockets.frames import FrameTransport, Payload, binary_frame, text_frame
from gateway.sockets.open_socket import OpenSocket
from tests.gateway.sockets.websocket_kit import (
    BINARY,
    CLOSE,
    CONT,
    PING,
    TEXT,
    Attaching,
    FakeTransport,
    Peer,
    Recorder,
    close_payload,
    frame,
    opened,
    serving,
)


@pytest_asyncio.fixture
async def attached() -> AsyncIterator[tuple[Peer, Recorder]]:
    """A client, and the receiver that is attached at the server's end."""
    application = Attaching()
    async with serving(application) as server, opened(server) as peer:
        yield peer, await application.receiver()


@pytest_asyncio.fixture
async def offline() -> AsyncIterator[tuple[OpenSocket, FakeTransport, Recorder]]:
    """An open socket without a network."""
    transport, recorder = FakeTransport(), Recorder()
    socket = OpenSocket(transport, recorder, connections=set(), max_size=1000)  # type: ignore[arg-type]
    yield socket, transport, recorder
    socket.connection_lost(None)


# Receiving


async def test_nothing_of_the_application_runs_once_it_has_returned() -> None:
    application = Attaching()
    async with serving(application) as server, opened(server) as peer:
        receiver = await application.receiver()
        peer.send(frame(PING))
        await peer.pong()
        assert server.server_state.tasks == set()
        peer.send(frame(TEXT, b"still here"))
        assert await receiver.next() == ("frames", ["still here"])


async def test_all_messages_of_one_read_come_in_one_call_in_order(attached: tuple[Peer, Recorder]) -> None:
    peer, receiver = attached
    peer.send(frame(TEXT, b"1"), frame(BINARY, b"2"), frame(PING), frame(TEXT, b"3"), frame(BINARY, b"4"))
    assert await receiver.next() == ("frames", ["1", b"2", "3", b"4"])


async def test_a_read_without_a_whole_message_makes_no_call(attached: tuple[Peer, Recorder]) -> None:
    peer, receiver = attached
    peer.send(frame(PING), frame(TEXT, b"first", fin=False))
    await peer.pong()
    assert receiver.calls == []
    peer.send(frame(CONT, b" and last"))
    assert await receiver.next() == ("frames", ["first and last"])


async def test_messages_that_came_before_attach_are_delivered_first() -> None:
    events: asyncio.Queue[str] = asyncio.Queue()
    proceed = asyncio.Event()
    receiver = Recorder()

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        events.put_nowait((await receive())["text"])
        await proceed.wait()
        receiver.transport = scope["extensions"]["deepstream.frames"]["attach"](receiver)

    begun = frame(TEXT, b"4")
    async with serving(application) as server, opened(server) as peer:
        peer.send(frame(TEXT, b"1"), frame(TEXT, b"2"), frame(BINARY, b"3"), frame(PING), begun[:4])
        await peer.pong()
        assert await events.get() == "1"
        proceed.set()
        assert await receiver.next() == ("frames", ["2", b"3"])
        peer.send(begun[4:])
        assert await receiver.next() == ("frames", ["4"])


async def test_a_socket_that_ended_before_attach_says_so_once() -> None:
    proceed = asyncio.Event()
    receiver = Recorder()

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await proceed.wait()
        receiver.transport = scope["extensions"]["deepstream.frames"]["attach"](receiver)

    async with serving(application) as server, opened(server) as peer:
        peer.send(frame(TEXT, b"last words"), frame(CLOSE, close_payload(4001, "bye")))
        assert await peer.closed() == 4001
        proceed.set()
        assert await receiver.next() == ("frames", ["last words"])
        assert await receiver.next() == ("closed", (4001, "bye"))
    assert receiver.closings == [(4001, "bye")]


@pytest.mark.parametrize("when", ["before accept", "twice"])
async def test_attach_at_the_wrong_time_is_an_error(when: str) -> None:
    errors: asyncio.Queue[RuntimeError] = asyncio.Queue()

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        attach = scope["extensions"]["deepstream.frames"]["attach"]
        if when == "twice":
            await send({"type": "websocket.accept"})
            attach(Recorder())
        try:
            attach(Recorder())
        except RuntimeError as error:
            errors.put_nowait(error)
        if when != "twice":
            await send({"type": "websocket.accept"})

    async with serving(application) as server, opened(server):
        assert "once, and after websocket.accept" in str(await errors.get())


@pytest.mark.parametrize("call", ["receive", "send"])
async def test_an_application_that_has_attached_has_no_events_left(call: str) -> None:
    errors: asyncio.Queue[str] = asyncio.Queue()

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})
        scope["extensions"]["deepstream.frames"]["attach"](Recorder())
        try:
            await (receive() if call == "receive" else send({"type": "websocket.send", "text": "no"}))
        except RuntimeError as error:
            errors.put_nowait(str(error))

    async with serving(application) as server, opened(server):
        async with asyncio.timeout(5):
            assert await errors.get()


async def test_an_application_that_fails_after_attach_closes_the_socket(
    caplog: pytest.LogCaptureFixture,
) -> None:
    receiver = Recorder()

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})
        receiver.transport = scope["extensions"]["deepstream.frames"]["attach"](receiver)
        raise LookupError("lost my way")

    async with serving(application) as server, opened(server) as peer:
        assert await peer.close_frame() == (1011, "")
    assert "lost my way" in caplog.text


async def test_reading_pauses_until_the_receiver_wants_more(attached: tuple[Peer, Recorder]) -> None:
    peer, receiver = attached
    receiver.transport.pause_reading()
    receiver.transport.write([text_frame("paused")])
    assert await peer.message() == "paused"
    peer.send(frame(TEXT, b"1"))
    receiver.transport.write([text_frame("still paused")])
    assert await peer.message() == "still paused"
    assert receiver.calls == []
    receiver.transport.resume_reading()
    assert await receiver.next() == ("frames", ["1"])


async def test_a_receiver_that_fails_costs_its_own_socket_alone(caplog: pytest.LogCaptureFixture) -> None:
    class Fragile(Recorder):
        def frames_received(self, payloads: list[Payload]) -> None:
            if payloads == ["break"]:
                raise ValueError("broken")
            self.transport.write([text_frame("fine")])

    application = Attaching(Fragile)
    async with serving(application) as server, opened(server) as one, opened(server) as other:
        one.send(frame(TEXT, b"break"))
        assert await one.close_frame() == (1011, "")
        other.send(frame(TEXT, b"hello"))
        assert await other.message() == "fine"
    assert "broken" in caplog.text


# Writing


async def test_frames_are_one_write_and_the_list_is_the_callers_again(
    offline: tuple[OpenSocket, FakeTransport, Recorder],
) -> None:
    socket, transport, _ = offline
    frames = [text_frame("one"), binary_frame(b"two"), text_frame("three")]
    expected = b"".join(frames)
    socket.write(frames)
    frames.clear()
    assert transport.written == [expected]
    assert socket.buffered == len(expected)


async def test_writes_keep_their_order(attached: tuple[Peer, Recorder]) -> None:
    peer, receiver = attached
    for number in range(0, 300, 3):
        receiver.transport.write([text_frame(str(number + offset)) for offset in range(3)])
    assert [await peer.message() for _ in range(300)] == [str(number) for number in range(300)]


async def test_the_receiver_hears_of_a_peer_that_reads_too_slowly(attached: tuple[Peer, Recorder]) -> None:
    peer, receiver = attached
    size, count = 1_000_000, 32
    for _ in range(count):
        receiver.transport.write([binary_frame(bytes(size))])
    assert await receiver.next() == ("paused", None)
    assert receiver.transport.buffered > open_socket.WRITE_BUFFER_LIMIT
    for _ in range(count):
        assert len(await peer.message()) == size
    assert await receiver.next() == ("resumed", None)
    assert receiver.transport.buffered <= open_socket.WRITE_BUFFER_LIMIT


async def test_a_peer_that_pings_and_does_not_read_gets_only_the_latest_pong(
    offline: tuple[OpenSocket, FakeTransport, Recorder],
) -> None:
    socket, transport, _ = offline
    socket.pause_writing()
    for number in range(100):
        socket.data_received(frame(PING, b"%d" % number))
    assert transport.written == []
    socket.resume_writing()
    assert transport.written == [b"\x8a\x0299"]
    socket.data_received(frame(PING, b"now"))
    assert transport.written[1:] == [b"\x8a\x03now"]


# Closing


async def test_a_close_by_the_receiver_comes_after_what_it_wrote(attached: tuple[Peer, Recorder]) -> None:
    peer, receiver = attached
    receiver.transport.write([text_frame("last words")])
    receiver.transport.close(4000, "that was it")
    receiver.transport.write([text_frame("too late")])
    receiver.transport.close(4001, "again")
    assert await peer.message() == "last words"
    assert await peer.close_frame() == (4000, "that was it")
    peer.send(frame(TEXT, b"unheard"), frame(CLOSE, close_payload(4000)))
    await peer.eof()
    assert await receiver.next() == ("closed", (4000, "that was it"))
    assert receiver.calls == [("closed", (4000, "that was it"))]


async def test_a_close_amid_an_unfinished_frame_still_hears_the_answer(
    attached: tuple[Peer, Recorder],
) -> None:
    peer, receiver = attached
    unfinished = frame(BINARY, b"x" * 500)
    peer.send(frame(PING), unfinished[:100])
    await peer.pong()
    receiver.transport.close(1000)
    assert await peer.close_frame() == (1000, "")
    peer.send(unfinished[100:], frame(TEXT, b"f", fin=False), frame(CLOSE, close_payload(1000)))
    await peer.eof()
    assert receiver.calls == [("closed", (1000, ""))]


async def test_a_close_wakes_up_a_socket_that_did_not_read(attached: tuple[Peer, Recorder]) -> None:
    peer, receiver = attached
    receiver.transport.pause_reading()
    receiver.transport.close(1000)
    receiver.transport.pause_reading()
    assert await peer.close_frame() == (1000, "")
    peer.send(frame(CLOSE, close_payload(1000)))
    await peer.eof()


async def test_a_reason_too_long_for_a_close_frame_is_cut_between_characters(
    attached: tuple[Peer, Recorder],
) -> None:
    peer, receiver = attached
    receiver.transport.close(1000, "x" + "ü" * 100)
    assert await peer.close_frame() == (1000, "x" + "ü" * 61)


async def test_a_code_that_cannot_be_sent_is_an_error_and_closes_nothing(
    attached: tuple[Peer, Recorder],
) -> None:
    peer, receiver = attached
    with pytest.raises(ProtocolError):
        receiver.transport.close(1006)
    receiver.transport.write([text_frame("open")])
    assert await peer.message() == "open"
    peer.send(frame(TEXT, b"too"))
    assert await receiver.next() == ("frames", ["too"])


async def test_the_end_is_told_once_when_the_peer_closes(attached: tuple[Peer, Recorder]) -> None:
    peer, receiver = attached
    peer.send(frame(TEXT, b"hello"), frame(CLOSE, close_payload(1000, "done")))
    await peer.closed()
    peer.writer.close()
    await peer.writer.wait_closed()
    assert receiver.calls == [("frames", ["hello"]), ("closed", (1000, "done"))]


async def test_replies_to_the_last_messages_come_before_the_answer_to_a_close() -> None:
    class Echo(Recorder):
        def frames_received(self, payloads: list[Payload]) -> None:
            self.transport.write([text_frame(str(payload)) for payload in payloads])

    async with serving(Attaching(Echo)) as server, opened(server) as peer:
        peer.send(frame(TEXT, b"one"), frame(PING), frame(TEXT, b"two"), frame(CLOSE))
        assert await peer.pong() == b""
        assert await peer.message() == "one"
        assert await peer.message() == "two"
        assert await peer.closed() == 1005


class Impulsive(Recorder):
    """Does something to its transport with every message."""

    def __init__(self, do: Callable[[FrameTransport], None]) -> None:
        super().__init__()
        self._do = do

    def frames_received(self, payloads: list[Payload]) -> None:
        self._do(self.transport)


def fail(transport: FrameTransport) -> None:
    raise ValueError("broken")


@pytest.mark.parametrize(
    "do", [lambda transport: transport.close(4000), fail, lambda transport: transport.pause_reading()]
)
async def test_a_close_is_answered_whatever_the_receiver_does_with_the_message_before_it(
    do: Callable[[FrameTransport], None],
) -> None:
    transport, receiver = FakeTransport(), Impulsive(do)
    socket = OpenSocket(transport, receiver, connections=set(), max_size=1000)  # type: ignore[arg-type]
    receiver.transport = socket
    socket.data_received(frame(TEXT, b"hello") + frame(CLOSE, close_payload(4001)))
    assert transport.written == [b"\x88\x02" + close_payload(4001)]
    assert transport.has_ended
    assert transport.is_reading, "who does not read never sees the peer hang up"
    assert receiver.closings == [(4001, "")]
    socket.connection_lost(None)


async def test_a_message_before_a_close_may_abort_the_connection() -> None:
    transport, receiver = FakeTransport(), Impulsive(lambda transport: transport.abort())
    socket = OpenSocket(transport, receiver, connections=set(), max_size=1000)  # type: ignore[arg-type]
    receiver.transport = socket
    socket.data_received(frame(TEXT, b"hello") + frame(CLOSE, close_payload(4001)))
    socket.connection_lost(None)
    assert transport.written == []
    assert len(receiver.closings) == 1


@pytest.mark.parametrize("way", ["fin", "reset", "abort"])
async def test_a_connection_that_ends_without_a_close_frame_is_1006(
    attached: tuple[Peer, Recorder], way: str
) -> None:
    peer, receiver = attached
    if way == "abort":
        receiver.transport.abort()
    elif way == "reset":
        peer.writer.transport.abort()
    else:
        peer.writer.close()
    assert await receiver.next() == ("closed", (1006, ""))
    receiver.transport.write([text_frame("into the void")])
    receiver.transport.close()
    receiver.transport.pause_reading()
    receiver.transport.resume_reading()
    assert len(receiver.calls) == 1


async def test_a_protocol_error_is_told_with_its_code(attached: tuple[Peer, Recorder]) -> None:
    peer, receiver = attached
    peer.send(frame(TEXT, b"good"), frame(TEXT, b"bad", key=None))
    assert await peer.closed() == 1002
    assert await receiver.next() == ("frames", ["good"])
    name, (code, _) = await receiver.next()
    assert (name, code) == ("closed", 1002)


async def test_a_peer_that_does_not_answer_a_close_is_dropped(
    monkeypatch: pytest.MonkeyPatch, offline: tuple[OpenSocket, FakeTransport, Recorder]
) -> None:
    monkeypatch.setattr(open_socket, "CLOSE_TIMEOUT", 0.01)
    socket, transport, _ = offline
    socket.close(1000)
    async with asyncio.timeout(5):
        await transport.aborted.wait()


async def test_a_peer_that_does_not_hang_up_after_its_close_is_dropped(
    monkeypatch: pytest.MonkeyPatch, offline: tuple[OpenSocket, FakeTransport, Recorder]
) -> None:
    monkeypatch.setattr(closing, "CLOSE_TIMEOUT", 0.01)
    socket, transport, recorder = offline
    socket.data_received(frame(CLOSE, close_payload(1000)))
    assert transport.has_ended
    socket.data_received(frame(TEXT, b"anyone there?") * 100)
    async with asyncio.timeout(5):
        await transport.aborted.wait()
    assert recorder.calls == [("closed", (1000, ""))]


async def test_the_timer_of_a_closing_is_gone_with_the_connection(
    monkeypatch: pytest.MonkeyPatch, offline: tuple[OpenSocket, FakeTransport, Recorder]
) -> None:
    monkeypatch.setattr(open_socket, "CLOSE_TIMEOUT", 0.01)
    socket, transport, recorder = offline
    socket.close(1000)
    socket.connection_lost(None)
    later = asyncio.Event()
    asyncio.get_running_loop().call_later(0.02, later.set)
    await later.wait()
    assert not transport.is_aborted
    assert recorder.calls == [("closed", (1000, ""))]


async def test_a_server_that_stops_says_goodbye() -> None:
    application = Attaching()
    async with serving(application) as server, opened(server) as peer:
        receiver = await application.receiver()
        (connection,) = server.server_state.connections
        connection.shutdown()
        code, reason = await peer.close_frame()
        assert (code, reason) == (1001, "server is shutting down")
        peer.send(frame(CLOSE, close_payload(1001)))
        await peer.eof()
        assert await receiver.next() == ("closed", (1001, "server is shutting down"))
    assert server.server_state.connections == set()
