"""The text wire format as a whole: what both ends can say comes back, and text of bad will harms nobody."""

from __future__ import annotations

import time
from contextlib import suppress

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepstream_protocol.binary import BinaryCodec
from deepstream_protocol.errors import ProtocolError
from deepstream_protocol.json import JsonCodec
from deepstream_protocol.message import Message
from deepstream_protocol.text import END, PART, TextCodec
from deepstream_protocol.topics import EventAction, RecordAction, RpcAction, Topic
from tests.deepstream_protocol.strategies import MESSAGE
from tests.deepstream_protocol.test_json import JSON_VALUE
from tests.deepstream_protocol.text_lines import wire

CODEC = TextCodec()

NAME = st.text(
    st.characters(exclude_characters="\x1e\x1f", exclude_categories=["Cs"]), min_size=1, max_size=20
)
DATA = JSON_VALUE.map(lambda value: orjson.dumps(value).decode())
CONTAINER = st.sampled_from(["{}", "[]", '{"a":[1,null]}', '["\\u001e"]'])
VERSION = st.integers(-1, 2**31 - 1)

SAID_BY_BOTH = st.one_of(
    st.builds(Message, st.just(Topic.EVENT), st.just(EventAction.EMIT), name=NAME, data=st.none() | DATA),
    st.builds(
        Message,
        st.just(Topic.RECORD),
        st.just(RecordAction.UPDATE),
        name=NAME,
        version=VERSION,
        data=CONTAINER,
    ),
    st.builds(
        Message,
        st.just(Topic.RECORD),
        st.just(RecordAction.PATCH),
        name=NAME,
        version=VERSION,
        path=NAME,
        data=DATA,
    ),
    st.builds(
        Message, st.just(Topic.RECORD), st.just(RecordAction.ERASE), name=NAME, version=VERSION, path=NAME
    ),
    st.builds(
        Message,
        st.just(Topic.RPC),
        st.sampled_from([RpcAction.REQUEST, RpcAction.RESPONSE]),
        name=NAME,
        correlation_id=NAME,
        data=st.none() | DATA,
    ),
    st.builds(
        Message,
        st.just(Topic.RPC),
        st.sampled_from([RpcAction.ACCEPT, RpcAction.REJECT]),
        name=NAME,
        correlation_id=NAME,
    ),
)
"""What goes from client to client comes from the one as it goes to the other."""


def test_the_codec_says_its_name_and_that_its_frames_are_text() -> None:
    assert (CODEC.name, CODEC.binary) == ("text", False)


def comparable(message: Message) -> dict[str, object]:
    fields = message.fields()
    return fields | {"data": message.value(), "has data": message.data is not None}


@settings(deadline=None)
@given(message=SAID_BY_BOTH)
def test_what_is_passed_on_from_client_to_client_reads_back_the_same(message: Message) -> None:
    (read,) = CODEC.decode(CODEC.encode(message))
    assert comparable(read) == comparable(message)


@settings(deadline=None)
@given(messages=st.lists(SAID_BY_BOTH, max_size=20))
def test_many_messages_in_a_frame_are_read_as_they_are_one_by_one(messages: list[Message]) -> None:
    frames = [CODEC.encode(message) for message in messages]
    assert CODEC.decode("".join(frames)) == [CODEC.decode(frame)[0] for frame in frames]


@settings(deadline=None)
@given(message=SAID_BY_BOTH)
@pytest.mark.parametrize("other", [BinaryCodec(), JsonCodec()], ids=lambda codec: codec.name)
def test_clients_of_other_wires_get_what_an_old_client_said(
    other: BinaryCodec | JsonCodec, message: Message
) -> None:
    (read,) = CODEC.decode(CODEC.encode(message))
    assert other.decode(other.encode(read)) == [read]  # type: ignore[arg-type]


@settings(deadline=None)
@given(message=MESSAGE)
def test_any_message_makes_whole_lines_or_none(message: Message) -> None:
    with suppress(ProtocolError):
        payload = CODEC.encode(message)
        assert payload == "" or payload.endswith(END)
        assert all(PART in line for line in payload.split(END)[:-1])


@settings(deadline=None)
@given(payload=st.text(max_size=60) | st.text('CAERPUXSQOHDLTNFW\x1e\x1f{}[]"0123456789:,-', max_size=60))
def test_random_text_is_read_as_messages_and_errors(payload: str) -> None:
    for message in CODEC.decode(payload):
        assert isinstance(message, Message)


@settings(deadline=None)
@given(message=SAID_BY_BOTH, data=st.data())
def test_flipped_characters_are_read_as_messages_and_errors(message: Message, data: st.DataObject) -> None:
    payload = CODEC.encode(message)
    at = data.draw(st.integers(0, len(payload) - 1))
    other = data.draw(st.characters(exclude_categories=["Cs"]) | st.sampled_from("\x1e\x1f{}[]SNOTFLU"))
    for read in CODEC.decode(payload[:at] + other + payload[at + 1 :]):
        CODEC.encode(read)


@settings(deadline=None)
@given(payload=st.text('CAERPUXSQOHDLTNFW\x1e\x1f{}[]"0123456789:,-', max_size=60))
def test_the_answer_to_a_line_that_is_no_message_is_one_line(payload: str) -> None:
    for message in CODEC.decode(payload):
        if message.is_error:
            assert message.name is None or PART not in message.name
            assert CODEC.encode(message).endswith(END)


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param("E|S|a;" * 100_000, id="subscriptions"),
        pytest.param("C|PO;" * 200_000, id="pongs"),
        pytest.param(";" * 1_000_000, id="ends"),
        pytest.param("E|EVT|a|O" + "[" * 1_000_000, id="a nest"),
        pytest.param("E|EVT|a|N" + "9" * 1_000_000, id="a number"),
        pytest.param("E|EVT|a|N" + "9." * 500_000, id="almost a number"),
        pytest.param("R|U|a|" + "9" * 1_000_000 + "|{}", id="a version"),
        pytest.param("|" * 1_000_000, id="parts"),
        pytest.param("E|EVT|a" + "|" * 1_000_000, id="parts of a message"),
        pytest.param('U|S|1|["' + '","' * 300_000 + '"]', id="users"),
    ],
)
def test_a_large_frame_takes_no_more_time_than_its_size(payload: str) -> None:
    started = time.process_time()
    CODEC.decode(wire(payload))
    assert time.process_time() - started < 5
