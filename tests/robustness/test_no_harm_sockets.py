"""Sockets that do nothing, too little, or do not read: the server lets go of them, nobody else notices."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from deepstream_protocol.message import Message
from deepstream_protocol.topics import ConnectionAction, EventAction, RecordAction, Topic
from tests.raw_client import CODECS
from tests.robustness.client import Client, Lost, frame, handshake
from tests.robustness.conftest import Report
from tests.robustness.crowd import Crowd, logged_in
from tests.robustness.unharmed import GROWTH, unharmed
from tests.robustness.vitals import MIB
from tests.servers import Server, configuration

pytestmark = pytest.mark.xdist_group("robustness")

LOGIN_TIMEOUT = 3000
OUTBOX = MIB
HALF_OPEN = 200
STRANGERS = 1000
EVENTS, EVENT_SIZE = 10_000, 1024
BURST = 100
SLOW_READERS = 20
ANSWERED = 5.0
RECEIVE_BUFFER = 256 * 1024


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    """Little patience, so that a test can see it end."""
    endpoint = {"unauthenticatedClientTimeout": LOGIN_TIMEOUT, "maxOutboxSize": OUTBOX}
    return configuration(endpoint=endpoint)


BEGINNINGS = {
    "nothing": b"",
    "half a request line": b"GET /deepst",
    "headers without an end": handshake("/deepstream")[:-4],
    "a body that does not come": b"POST /api HTTP/1.1\r\nHost: test\r\nContent-Length: 100000\r\n\r\n{",
}


@pytest.mark.parametrize("beginning", BEGINNINGS.values(), ids=BEGINNINGS)
async def test_sockets_that_stop_before_the_handshake_is_done_disturb_nobody(
    server: Server, report: Report, beginning: bytes
) -> None:
    async with unharmed(server, report) as scene:
        opened = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(HALF_OPEN)]
        for _, writer in opened:
            writer.write(beginning)
        await scene.pulse.beats(50)
        for _, writer in opened:
            writer.transport.abort()


REQUESTS = {
    "not HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100) + b"\r\n\r\n",
    "an endless header": b"GET /deepstream HTTP/1.1\r\nX: " + b"x" * MIB,
    "a path that is none": handshake("/nowhere"),
    "no key": b"GET /deepstream HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
}


@pytest.mark.parametrize("request_bytes", REQUESTS.values(), ids=REQUESTS)
async def test_requests_that_are_no_handshake_are_refused_and_closed(
    server: Server, report: Report, request_bytes: bytes
) -> None:
    async with unharmed(server, report):
        for _ in range(20):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(request_bytes)
            try:
                async with asyncio.timeout(ANSWERED):
                    answer = await read_to_the_end(reader)
            finally:
                writer.transport.abort()
            assert not answer or answer.startswith(b"HTTP/1.1 4"), answer[:200]


async def read_to_the_end(reader: asyncio.StreamReader) -> bytes:
    """All that comes until the server closes or resets the connection."""
    answer = b""
    try:
        while chunk := await reader.read(65536):
            answer += chunk
    except ConnectionError:
        pass
    return answer


async def test_a_thousand_clients_that_never_log_in_are_told_and_closed_in_time(
    server: Server, report: Report
) -> None:
    loop = asyncio.get_running_loop()
    async with unharmed(server, report) as scene:
        started = loop.time()
        told = []
        strangers = []
        while len(strangers) < STRANGERS:
            some = await scene.open_many(BURST)
            told += [stranger.next(is_timeout) for stranger in some]
            for stranger in some[::2]:
                stranger.send(Message(Topic.CONNECTION, ConnectionAction.CHALLENGE, url="ws://test"))
            strangers += some
        opened = loop.time() - started
        assert {await stranger.closed for stranger in strangers} == {1008}
        took = loop.time() - started
    assert all(one.done() and one.exception() is None for one in told)
    report("seconds to open", f"{opened:.2f}")
    report("seconds until all were closed", f"{took:.2f}")
    assert LOGIN_TIMEOUT / 1000 <= took < opened + LOGIN_TIMEOUT / 1000 + 1


def is_timeout(message: Message) -> bool:
    """Whether the server says that a client took too long to log in."""
    return (message.topic, message.action) == (Topic.CONNECTION, ConnectionAction.AUTHENTICATION_TIMEOUT)


async def subscribe(client: Client, name: str) -> list[int]:
    """Subscribe to an event; the list that what comes is put into."""
    seen: list[int] = []

    def hear(message: Message) -> None:
        if message.action == EventAction.EMIT and message.name == name:
            seen.append(int((message.data or "").strip('"')))

    client.on_message = hear
    await client.ask(Message(Topic.EVENT, EventAction.SUBSCRIBE, names=[name]))
    return seen


def stop_reading(client: Client) -> None:
    """Leave what comes to the operating system, which soon has no more room for it."""
    sock: socket.socket = client.transport.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    client.transport.pause_reading()


async def emit(publisher: Client, reader: Client, name: str) -> None:
    """Emit ten thousand events of 1 KB, in bursts, each once the reader got the one before."""
    for number in range(EVENTS):
        data = f'"{number:0{EVENT_SIZE - 2}}"'
        publisher.send(Message(Topic.EVENT, EventAction.EMIT, name=name, data=data))
        if number % BURST == BURST - 1:
            await publisher.ping()
            await reader.ping()


async def test_clients_that_do_not_read_are_dropped_and_readers_get_every_event(
    server: Server, report: Report
) -> None:
    expected = list(range(EVENTS))
    async with Crowd(server.port) as deaf:
        async with unharmed(server, report, growth=GROWTH + SLOW_READERS * OUTBOX) as scene:
            publisher, reader = await scene.login_many(2)
            slow = await deaf.login_many(SLOW_READERS)
            got, *partly = [await subscribe(client, "flood") for client in (reader, *slow)]
            for client in slow:
                stop_reading(client)
            await emit(publisher, reader, "flood")
            assert got == expected
        # Leaving the block proved that the server holds none of them any more, while they hold their sockets.
        assert not any(client.closed.done() for client in slow)
        for client in slow:
            client.transport.resume_reading()
        codes = {await client.closed for client in slow}
    report("events that reached clients that did not read", sorted({len(seen) for seen in partly}))
    report("how they were closed", codes)
    assert all(seen == expected[: len(seen)] for seen in partly)
    assert max(map(len, partly)) < EVENTS
    assert codes <= {1013, 1006}


async def test_a_client_that_asks_without_reading_the_answers_is_not_answered_without_bound(
    server: Server, report: Report
) -> None:
    text = '{"text":"' + "x" * 50_000 + '"}'
    async with unharmed(server, report, growth=GROWTH + OUTBOX) as scene:
        greedy = await scene.login()
        made = Message(Topic.RECORD, RecordAction.CREATEANDUPDATE, name="big", version=-1, data=text)
        await greedy.write(made)
        stop_reading(greedy)
        read = CODECS["binary"].encode(Message(Topic.RECORD, RecordAction.READ, name="big"))
        greedy.send_raw(frame(read) * 20_000)
        pong = greedy.ping()
        await scene.pulse.beats(100)
        greedy.transport.resume_reading()
        with pytest.raises(Lost):
            await pong
        assert await greedy.closed in (1013, 1006)


async def test_a_thousand_clients_that_come_and_go_leave_nothing_behind(
    server: Server, report: Report
) -> None:
    async with unharmed(server, report, p99=0.5):  # fifty handshakes at once, twenty times
        for _ in range(20):
            async with logged_in(server.port, 50) as clients:
                for client in clients:
                    client.ask(Message(Topic.EVENT, EventAction.SUBSCRIBE, names=["fleeting"]))
                    client.ask(Message(Topic.RECORD, RecordAction.SUBSCRIBECREATEANDREAD, names=["fleeting"]))
                await asyncio.gather(*(client.ping() for client in clients))
