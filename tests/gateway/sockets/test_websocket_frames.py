"""Reading and making frames without a network, against the sans-I/O protocol of websockets as the judge."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.frames import Close, Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

from gateway.sockets.frames import (
    MOST_PONGS,
    Payload,
    binary_frame,
    read_pings,
    read_simple_frames,
    text_frame,
)
from gateway.sockets.open_socket import OpenSocket
from tests.gateway.sockets.websocket_kit import (
    BINARY,
    CLOSE,
    CONT,
    PING,
    TEXT,
    FakeTransport,
    Recorder,
    close_payload,
    frame,
)

LIMIT = 2000
BYTES_PER_SOCKET = 512


@pytest.mark.parametrize("length", [0, 1, 125, 126, 65535, 65536])
def test_server_frames_are_those_of_websockets(length: int) -> None:
    payload = b"x" * length
    assert binary_frame(payload) == Frame(Opcode.BINARY, payload).serialize(mask=False)
    assert text_frame(payload) == Frame(Opcode.TEXT, payload).serialize(mask=False)


def test_a_text_frame_takes_text_too() -> None:
    assert text_frame("déjà") == text_frame("déjà".encode())


@pytest.mark.parametrize(
    "other",
    [
        frame(TEXT, b"not final", fin=False),
        frame(CONT, b"not a beginning"),
        frame(PING),
        frame(CLOSE),
        frame(TEXT, b"reserved", reserved=4),
        frame(BINARY, b"unmasked", key=None),
        frame(TEXT, b"\xff"),
        frame(BINARY, b"x" * (LIMIT + 1)),
    ],
)
def test_the_fast_path_stops_before_a_frame_that_is_not_simple(other: bytes) -> None:
    payloads: list[Payload] = []
    simple = frame(TEXT, b"one") + frame(BINARY, b"two")
    assert read_simple_frames(simple + other + simple, 0, LIMIT, payloads) == len(simple)
    assert payloads == ["one", b"two"]


@pytest.mark.parametrize("length", [0, 10, 126, LIMIT])
def test_the_fast_path_stops_before_a_frame_that_is_not_whole(length: int) -> None:
    simple, other = frame(TEXT, b"one"), frame(BINARY, b"x" * length)
    for available in range(min(len(other), 20)):
        payloads: list[Payload] = []
        assert read_simple_frames(simple + other[:available], 0, LIMIT, payloads) == len(simple)
        assert payloads == ["one"]


def split(data: bytes, cuts: list[int]) -> list[bytes]:
    """``data`` in pieces, cut at these places."""
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[start:stop] for start, stop in pairwise(places)]


def read_by_us(pieces: list[bytes]) -> tuple[list[Payload], list[tuple[int, str]], bytes]:
    """Messages, closings and answers of an OpenSocket."""
    transport, recorder = FakeTransport(), Recorder()
    socket = OpenSocket(transport, recorder, connections=set(), max_size=LIMIT)  # type: ignore[arg-type]
    for piece in pieces:
        socket.data_received(piece)
    if not recorder.closings:
        recorder.connection_closed(0, "still open")
    socket.connection_lost(None)
    return recorder.payloads, recorder.closings[:1], b"".join(transport.written)


def read_by_websockets(data: bytes) -> tuple[list[Payload], list[tuple[int, str]], bytes]:
    """Messages, closings and answers of websockets' own protocol, which is given all at once."""
    protocol = ServerProtocol(state=State.OPEN, max_size=LIMIT)
    protocol.receive_data(data)
    payloads: list[Payload] = []
    parts: list[Any] = []
    for event in protocol.events_received():
        if isinstance(event, Frame) and event.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            parts.append(event)
            if event.fin:
                whole = b"".join(bytes(part.data) for part in parts)
                payloads.append(whole.decode() if parts[0].opcode is Opcode.TEXT else whole)
                parts = []
    first: Close | None = protocol.close_rcvd if protocol.close_rcvd_then_sent else protocol.close_sent
    closings = [(first.code, first.reason) if first else (0, "still open")]
    return payloads, closings, b"".join(protocol.data_to_send())


keys = st.binary(min_size=4, max_size=4)
lengths = st.sampled_from([0, 1, 5, 125, 126, 127, 300, LIMIT])
texts = st.one_of(st.text(max_size=60).map(str.encode), lengths.map(lambda length: b"t" * length))
blobs = st.one_of(st.binary(max_size=60), lengths.map(lambda length: b"\xfe" * length))
whole = st.one_of(
    st.builds(lambda payload, key: frame(TEXT, payload, key=key), texts, keys),
    st.builds(lambda payload, key: frame(BINARY, payload, key=key), blobs, keys),
)
pings = st.builds(lambda payload, key: frame(PING, payload, key=key), st.binary(max_size=125), keys)
unasked_pongs = st.builds(lambda payload: frame(0xA, payload), st.binary(max_size=125))


def in_fragments(opcode: int) -> Callable[[list[bytes], list[bytes]], bytes]:
    """Join fragments to a message, with a control frame after some of them."""

    def make(fragments: list[bytes], between: list[bytes]) -> bytes:
        last = len(fragments) - 1
        frames = [
            frame(CONT if index else opcode, fragment, fin=index == last)
            for index, fragment in enumerate(fragments)
        ]
        for index, control in enumerate(between[:last]):
            frames[index] += control
        return b"".join(frames)

    return make


fragmented = st.one_of(
    st.builds(
        in_fragments(BINARY), st.lists(st.binary(max_size=40), min_size=2, max_size=5), st.lists(pings)
    ),
    st.builds(
        in_fragments(TEXT), st.lists(st.text().map(str.encode), min_size=2, max_size=5), st.lists(pings)
    ),
)
wrong = st.sampled_from(
    [
        frame(CONT, b"of nothing"),
        frame(TEXT, b"unmasked", key=None),
        frame(TEXT, b"reserved", reserved=2),
        frame(0x3),
        frame(PING, fin=False),
        frame(PING, b"x" * 126),
        frame(BINARY, b"x" * (LIMIT + 1)),
        frame(BINARY, b"x" * LIMIT, fin=False) + frame(CONT, b"y"),
        frame(TEXT, b"first", fin=False) + frame(TEXT, b"second"),
        frame(CLOSE),
        frame(CLOSE, b"\x03"),
        frame(CLOSE, close_payload(1000, "bye")),
        frame(CLOSE, close_payload(1005)),
        frame(CLOSE, b"\x03\xe8\xff"),
    ]
)
good_streams = st.lists(st.one_of(whole, whole, pings, unasked_pongs, fragmented), max_size=12).map(b"".join)
all_streams = st.tuples(good_streams, st.one_of(st.just(b""), wrong), good_streams).map(b"".join)
cuts = st.lists(st.integers(0, 5000), max_size=12)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(all_streams, cuts)
async def test_however_it_is_cut_a_stream_is_read_as_websockets_reads_it(
    data: bytes, cuts: list[int]
) -> None:
    assert read_by_us(split(data, cuts)) == read_by_websockets(data)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.one_of(whole, pings, fragmented), max_size=4).map(b"".join))
async def test_a_stream_that_comes_byte_by_byte_is_read_as_if_it_came_at_once(data: bytes) -> None:
    assert read_by_us([data[index : index + 1] for index in range(len(data))]) == read_by_us([data])


async def test_a_large_message_in_small_pieces_takes_time_in_proportion(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    size, piece = 4_000_000, 1000
    recorder = Recorder()
    socket = OpenSocket(FakeTransport(), recorder, connections=set(), max_size=size)  # type: ignore[arg-type]
    data = frame(BINARY, bytes(size), key=bytes(4))
    reads: list[int] = []

    def counting(data: bytes, position: int, limit: int, payloads: list[Payload]) -> int:
        reads.append(len(data))
        return read_simple_frames(data, position, limit, payloads)

    monkeypatch.setattr("gateway.sockets.open_socket.read_simple_frames", counting)
    for start in range(0, len(data), piece):
        socket.data_received(data[start : start + piece])
    assert recorder.payloads == [bytes(size)]
    assert len(reads) <= 4, "the parser must not look at the message again with every piece"


async def test_an_idle_socket_costs_little_memory_even_after_pings_and_fragments() -> None:
    transport, receiver = FakeTransport(), Recorder()
    connections: set[Any] = set()
    busy = frame(PING) + frame(TEXT, b"a", fin=False) + frame(CONT, b"b") + frame(BINARY, b"c")
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        sockets = [
            OpenSocket(transport, receiver, connections=connections, max_size=LIMIT)  # type: ignore[arg-type]
            for _ in range(1000)
        ]
        for socket in sockets:
            socket.data_received(busy)
        receiver.calls.clear()
        while not receiver.news.empty():
            receiver.news.get_nowait()
        transport.written.clear()
        used = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert used < 1000 * BYTES_PER_SOCKET


# Pings


PONG = 0xA


def pong(payload: bytes) -> bytes:
    return Frame(Opcode.PONG, payload).serialize(mask=False)


def test_each_whole_ping_is_answered_with_its_payload_and_pongs_are_passed_over() -> None:
    data = frame(PING, b"one") + frame(PONG, b"unasked") + frame(PING) + frame(PING, b"x" * 125)
    pongs: list[bytes] = []
    assert read_pings(data, 0, pongs) == len(data)
    assert pongs == [pong(b"one"), pong(b""), pong(b"x" * 125)]


@pytest.mark.parametrize(
    "other",
    [
        frame(TEXT, b"text"),
        frame(CLOSE, close_payload(1000)),
        frame(PING, b"not final", fin=False),
        frame(PING, b"reserved", reserved=1),
        frame(PING, b"not masked", key=None),
        frame(PING, b"too long for a control frame" * 5),
        frame(PING, b"partial")[:-1],
        frame(PING, b"partial")[:5],
        b"\x89",
    ],
)
def test_what_is_no_whole_valid_ping_is_left_to_others(other: bytes) -> None:
    first = frame(PING, b"first")
    pongs: list[bytes] = []
    assert read_pings(first + other, 0, pongs) == len(first)
    assert pongs == [pong(b"first")]


def test_of_a_flood_of_pings_the_first_and_the_last_are_answered() -> None:
    sent = [b"%d" % number for number in range(10 * MOST_PONGS)]
    pongs: list[bytes] = []
    read_pings(b"".join(frame(PING, payload) for payload in sent), 0, pongs)
    assert pongs == [pong(payload) for payload in [*sent[: MOST_PONGS - 1], sent[-1]]]


def test_a_flood_of_pings_and_messages_is_answered_in_one_write_and_no_message_is_lost() -> None:
    transport, receiver = FakeTransport(), Recorder()
    socket = OpenSocket(transport, receiver, connections=set(), max_size=LIMIT)  # type: ignore[arg-type]
    count = 10 * MOST_PONGS
    socket.data_received((frame(PING, b"p") + frame(TEXT, b"m")) * count)
    assert transport.written == [pong(b"p") * MOST_PONGS]
    assert receiver.payloads == ["m"] * count
