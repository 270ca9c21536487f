"""The client's framing, against that of the websockets library."""

from __future__ import annotations

import pytest
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

from benchmarks.wire import StrangeFrame, frame, frame_size, message_in, read_frames
from benchmarks.writes import patches
from deepstream_protocol.message import Message
from deepstream_protocol.topics import EventAction, RecordAction, Topic

SIZES = (0, 1, 125, 126, 127, 65_535, 65_536)


def server_frame(payload: bytes, opcode: Opcode = Opcode.BINARY) -> bytes:
    return Frame(opcode, payload).serialize(mask=False)


@pytest.mark.parametrize("size", [0, 10, 100, 1000, 10_000, 100_000])
def test_what_is_sent_is_a_masked_frame_with_the_message(size: int) -> None:
    message = Message(Topic.EVENT, EventAction.EMIT, name="a", data=f'"{"x" * size}"')
    assert message_in(unmasked(frame(message))) == message


def unmasked(sent: bytes) -> bytes:
    """The payload of a client's frame, as websockets reads it."""
    server = ServerProtocol()
    server.state = State.OPEN
    server.reader.feed_data(sent)
    parsing = Frame.parse(server.reader.read_exact, mask=True)
    with pytest.raises(StopIteration) as parsed:
        next(parsing)
    assert parsed.value.value.opcode is Opcode.BINARY
    return bytes(parsed.value.value.data)


@pytest.mark.parametrize("size", SIZES)
def test_frames_of_every_size_are_read_and_measured(size: int) -> None:
    payload = b"x" * size
    payloads: list[bytes] = []
    data = server_frame(payload) * 2
    assert read_frames(data, payloads) == len(data)
    assert payloads == [payload, payload]
    assert frame_size(payload) * 2 == len(data)


@pytest.mark.parametrize("size", SIZES)
def test_an_unfinished_frame_is_left_for_later_wherever_it_is_cut(size: int) -> None:
    first, second = server_frame(b"first"), server_frame(b"x" * size)
    for cut in {*range(min(len(second), 12)), len(second) - 1}:
        payloads: list[bytes] = []
        assert read_frames(first + second[:cut], payloads) == len(first)
        assert payloads == [b"first"]


@pytest.mark.parametrize("opcode", [Opcode.TEXT, Opcode.CLOSE, Opcode.PING])
def test_any_other_frame_is_refused(opcode: Opcode) -> None:
    with pytest.raises(StrangeFrame):
        read_frames(server_frame(b"ok") + server_frame(b"\x03\xe8", opcode), [])


@pytest.mark.parametrize("number", [1, 127, 128, 16_383, 16_384, 2**21 - 1, 2**21, 2**28])
def test_a_patch_that_is_cut_from_a_stencil_is_a_whole_one(number: int) -> None:
    cut = patches("bench/writer")(number)
    patch = message_in(unmasked(cut.frame))
    assert (patch.topic, patch.action) == (Topic.RECORD, RecordAction.PATCH)
    assert patch.version == number
    assert patch.correlation_id == cut.mark.decode()
    assert frame(patch) == cut.frame
