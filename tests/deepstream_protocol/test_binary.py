"""The binary wire format, measured against Google's protobuf and against bytes of bad will."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from deepstream_protocol.binary import BinaryCodec, frame_size
from deepstream_protocol.binary_fields import read_frame, write_frame
from deepstream_protocol.binary_hot_reader import read_hot
from deepstream_protocol.binary_hot_writer import write_hot
from deepstream_protocol.errors import ProtocolError
from deepstream_protocol.message import FIELDS, Message
from deepstream_protocol.schema import SCHEMA
from deepstream_protocol.topics import (
    ACTIONS,
    AuthAction,
    ConnectionAction,
    EventAction,
    RecordAction,
    RpcAction,
    Topic,
)
from tests.deepstream_protocol.google_wire import GoogleWire
from tests.deepstream_protocol.strategies import ANY_MESSAGE, HOT_MESSAGE, MESSAGE

CODEC = BinaryCodec()
SUBSCRIBE = b"\x0c\x10\x04\x1a\x08\x08\x03\x1a\x011:\x01a"


def event(*body: int | bytes) -> bytes:
    """A frame about an event with this body, given as bytes and pieces of bytes."""
    joined = b"".join(bytes((part,)) if isinstance(part, int) else part for part in body)
    assert len(joined) < 124
    return bytes((len(joined) + 4, 0x10, Topic.EVENT, 0x1A, len(joined))) + joined


def decode(payload: bytes) -> Message:
    (message,) = CODEC.decode(payload)
    return message


# Against Google's protobuf


def test_the_tables_have_the_fields_of_the_schema_file_and_no_others(google: GoogleWire) -> None:
    for topic, fields in SCHEMA.items():
        described = google.type_of(topic).DESCRIPTOR.fields
        ours = {(field.number, FIELDS.get(field.attribute, field.attribute)) for field in fields}
        assert ours == {(field.number, field.name) for field in described}


def test_every_topic_with_a_message_in_the_schema_file_has_a_table(google: GoogleWire) -> None:
    described = set(google.module.DESCRIPTOR.message_types_by_name) - {"Message"}
    assert {f"{Topic(topic).name.capitalize()}Message" for topic in SCHEMA} == described


@settings(deadline=None, max_examples=300)
@given(message=MESSAGE)
def test_google_reads_what_is_written(google: GoogleWire, message: Message) -> None:
    assert google.read(CODEC.encode(message)) == message


@settings(deadline=None, max_examples=300)
@given(message=MESSAGE)
def test_what_google_writes_is_read(google: GoogleWire, message: Message) -> None:
    assert decode(google.write(message)) == message


@settings(deadline=None, max_examples=300)
@given(message=MESSAGE)
def test_what_is_written_is_what_google_writes_byte_for_byte(google: GoogleWire, message: Message) -> None:
    if message.versions is not None:  # whose entries have no order in protobuf
        message.versions = dict([message.versions.popitem()])
    assert CODEC.encode(message) == google.write(message)


@settings(deadline=None, max_examples=200)
@given(first=ANY_MESSAGE, second=ANY_MESSAGE)
def test_of_a_field_that_comes_twice_the_last_counts(
    google: GoogleWire, first: Message, second: Message
) -> None:
    second.topic = first.topic
    payload = google.frame(first.topic, google.body(first) + google.body(second))
    assert decode(payload) == google.read(payload)
    assert decode(payload).binary is None


# The way for hot messages and the way for all


@settings(deadline=None, max_examples=300)
@given(message=HOT_MESSAGE)
def test_both_ways_of_writing_write_the_same(message: Message) -> None:
    assert write_hot(message.present()) == write_frame(message)


@settings(deadline=None)
@given(message=ANY_MESSAGE)
def test_the_way_for_hot_messages_writes_a_message_right_or_not_at_all(message: Message) -> None:
    assert write_hot(message.present()) in (None, write_frame(message))


@settings(deadline=None, max_examples=300)
@given(message=MESSAGE)
def test_the_way_for_hot_messages_reads_a_message_right_or_not_at_all(message: Message) -> None:
    assert read_hot(write_frame(message)) in (None, message)


@settings(deadline=None, max_examples=1000)
@given(message=HOT_MESSAGE, place=st.integers(min_value=0), byte=st.integers(0, 255), cut=st.integers(0, 3))
def test_the_way_for_hot_messages_reads_a_damaged_frame_right_or_not_at_all(
    message: Message, place: int, byte: int, cut: int
) -> None:
    check_damaged(message, place, byte, cut)


def check_damaged(message: Message, place: int, byte: int, cut: int) -> None:
    frame = bytearray(write_frame(message))
    frame[place % min(len(frame), 40)] = byte
    payload = bytes(frame[: len(frame) - cut])
    try:
        read = read_hot(payload)
    except (IndexError, UnicodeDecodeError):
        with pytest.raises((ProtocolError, IndexError, UnicodeDecodeError)):
            read_frame(payload)
    else:
        assert read is None or read == read_frame(payload)


def test_lengths_of_one_and_of_two_bytes_are_read_alike() -> None:
    passed_over = []
    for size in range(1, 300):
        message = Message(Topic.RECORD, RecordAction.PATCH, name="n", path="p", version=1, data="x" * size)
        frame = write_frame(message)
        assert read_frame(frame) == message
        read = read_hot(frame)
        assert read in (None, message)
        if read is None:
            passed_over.append(len(frame))
    assert passed_over == [130, 131, 132, 133]  # the outer length has two bytes there, the inner one


@pytest.mark.parametrize(
    "message",
    [
        Message(Topic.EVENT, EventAction.EMIT, name="a"),
        Message(Topic.EVENT, EventAction.EMIT, name="a", data="x" * 16_000),
        Message(
            Topic.RECORD, RecordAction.PATCH, name="é" * 100, data="1", path="p" * 128, version=2**31 - 1
        ),
        Message(
            Topic.RECORD,
            RecordAction.PATCH,
            correlation_id="1",
            name="a",
            is_write_ack=True,
            path="",
            version=-1,
        ),
        Message(Topic.RECORD, RecordAction.READ_RESPONSE, name="a", version=0, data="{}"),
        Message(
            Topic.RECORD, RecordAction.WRITE_ACKNOWLEDGEMENT, correlation_id="1", name="a", is_write_ack=True
        ),
        Message(Topic.RPC, RpcAction.REQUEST, correlation_id="1", name="a", data="[]"),
        Message(Topic.RPC, RpcAction.ACCEPT, correlation_id="1", name="a"),
    ],
    ids=lambda message: f"{Topic(message.topic).name} {ACTIONS[message.topic](message.action).name}",
)
def test_a_hot_message_goes_the_way_for_hot_messages(message: Message) -> None:
    frame = write_hot(message.present())
    assert frame is not None
    assert read_hot(frame) == message


LOGIN = Message(Topic.AUTH, AuthAction.REQUEST, data='{"username":"ada","password":"lovelace"}')


@pytest.mark.parametrize("size", [2, 20, 110, 127, 128, 5000, 16_000])
def test_a_login_is_read_the_way_for_hot_messages(size: int) -> None:
    message = Message(Topic.AUTH, AuthAction.REQUEST, data="x" * size)
    assert read_hot(write_frame(message)) == message


@settings(deadline=None, max_examples=500)
@given(place=st.integers(min_value=0), byte=st.integers(0, 255), cut=st.integers(0, 3))
def test_a_damaged_login_is_read_right_or_not_at_all(place: int, byte: int, cut: int) -> None:
    check_damaged(LOGIN, place, byte, cut)


def test_a_login_with_something_behind_its_data_is_left_to_the_way_for_all() -> None:
    frame = write_frame(Message(Topic.AUTH, AuthAction.REQUEST, data="{}", is_ack=True))
    assert read_hot(frame) is None
    assert decode(frame).is_ack is True


def test_what_a_message_has_is_named_whether_or_not_it_has_a_dictionary() -> None:
    flags, numbers = ("is_ack", "is_error", "is_write_ack"), ("version", "original_topic", "original_action")
    fields: dict[str, object] = {name: name for name in FIELDS}
    fields |= dict.fromkeys(flags, False) | dict.fromkeys(numbers, 0)
    fields |= {"names": ["a"], "versions": {"a": 1}, "binary": b"b", "_value": [1]}
    assert Message(1, 2, **fields)._collect() == {"topic": 1, "action": 2, **fields}
    assert Message(1, 2, name="")._collect() == {"topic": 1, "action": 2, "name": ""}


# Frames of bad will


def read_or_refuse(payload: bytes) -> Message | None:
    try:
        return decode(payload)
    except ProtocolError:
        return None


@settings(deadline=None, max_examples=400)
@given(message=MESSAGE, data=st.data())
def test_a_frame_with_flipped_bytes_is_refused_or_read_as_google_reads_it(
    google: GoogleWire, message: Message, data: st.DataObject
) -> None:
    payload = bytearray(CODEC.encode(message)[:400])
    places = st.lists(st.tuples(st.integers(0, len(payload) - 1), st.integers(0, 255)), max_size=4)
    for place, byte in data.draw(places):
        payload[place] = byte
    check_against_google(google, bytes(payload))


@settings(deadline=None, max_examples=400)
@given(body=st.binary(max_size=60), topic=st.sampled_from(list(SCHEMA)))
def test_a_message_of_random_bytes_is_refused_or_read_as_google_reads_it(
    google: GoogleWire, body: bytes, topic: int
) -> None:
    check_against_google(google, bytes((len(body) + 4, 0x10, topic, 0x1A, len(body))) + body)


def check_against_google(google: GoogleWire, payload: bytes) -> None:
    read = read_or_refuse(payload)
    if read is None:
        return
    expected = google.read(payload)
    if read.original_topic is not None and expected.original_topic is None:
        assert read.original_topic not in list(Topic)  # Google keeps enum numbers that it does not know apart
        expected.original_topic = read.original_topic
    assert read == expected
    if read.binary is not None:
        assert payload == google.write(read)


@settings(deadline=None)
@given(payload=st.binary(max_size=40))
def test_random_bytes_raise_nothing_but_a_protocol_error(payload: bytes) -> None:
    read_or_refuse(payload)


@settings(deadline=None, max_examples=60)
@given(message=MESSAGE)
def test_a_frame_that_is_cut_off_anywhere_is_refused(message: Message) -> None:
    frame = CODEC.encode(message)
    for size in range(min(len(frame), 300)):
        with pytest.raises(ProtocolError):
            CODEC.decode(frame[:size])


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x80", id="half a length"),
        pytest.param(b"\xff" * 11, id="a length that does not end"),
        pytest.param(b"\xff" * 9 + b"\x02", id="a length of 65 bits"),
        pytest.param(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", id="a length of 16 exabytes"),
        pytest.param(b"\x7f" + SUBSCRIBE[1:], id="a length beyond the frame"),
        pytest.param(b"\x03" + SUBSCRIBE[1:], id="a length that cuts a field"),
        pytest.param(b"\x06\x10\x04\x1a\x30\x08\x02", id="a message beyond the frame"),
        pytest.param(b"\x06\x10\x04\x1a\x06\x08\x022\x00\x08\x02", id="a message beyond its envelope"),
        pytest.param(b"\x05\x12\x01\x04\x1a\x00", id="a topic that is text"),
        pytest.param(b"\x04\x10\x04\x18\x00", id="a message that is a number"),
        pytest.param(event(8, 2, 50, 5, b"a"), id="a name beyond the message"),
        pytest.param(event(8, 2, 50, 0x81), id="a name with half a length"),
        pytest.param(event(8, 2, 50), id="a name without a length"),
        pytest.param(event(8, 2, 50, 1, 0xFF), id="a name that is not UTF-8"),
        pytest.param(event(8, 2, 50, 3, b"\xed\xa0\x80"), id="a name with half a surrogate pair"),
        pytest.param(event(8, 2, 50, 2, b"\xc0\x80"), id="a name with a zero in two bytes"),
        pytest.param(event(8, 3, 58, 1, 0xFF), id="a list of names that is not UTF-8"),
        pytest.param(event(8, 2, 48, 5), id="a name that is a number"),
        pytest.param(event(10, 1, b"a"), id="an action that is text"),
        pytest.param(event(8), id="an action without a number"),
        pytest.param(event(8, b"\xff" * 10, 1), id="an action of eleven bytes"),
        pytest.param(event(8, b"\xff" * 9, 2), id="an action of 65 bits"),
        pytest.param(event(8, 0x82, b"\x80" * 9, 0), id="a small action in eleven bytes"),
        pytest.param(event(0, 1), id="field 0"),
        pytest.param(event(8, 2, 0xA3, 6, 0xA4, 6), id="an unknown group"),
        pytest.param(event(8, 2, 0xA6, 6), id="wire type 6"),
        pytest.param(event(8, 2, 0xA7, 6), id="wire type 7"),
        pytest.param(event(8, 2, 0xA2, 6, 5, b"a"), id="an unknown field beyond the message"),
        pytest.param(event(8, 2, 0xA1, 6, b"\0" * 7), id="an unknown field of seven of eight bytes"),
        pytest.param(event(8, 2, 0xFA, 0xFF, 0xFF, 0xFF, 0x7F, 0), id="a field number of 30 bits and more"),
        pytest.param(b"\x0b\x10\x05\x1a\x07\x08\x08r\x03\x0a\x05a", id="a key of a map beyond its entry"),
        pytest.param(b"\x0a\x10\x05\x1a\x06\x08\x08r\x02\x12\x00", id="a value of a map that is text"),
    ],
)
def test_bytes_that_are_no_message_are_refused(payload: bytes) -> None:
    with pytest.raises(ProtocolError):
        CODEC.decode(payload)


@pytest.mark.parametrize(
    "unknown",
    [
        pytest.param(b"\xa0\x06\x96\x01", id="a number"),
        pytest.param(b"\xa1\x06" + b"\xff" * 8, id="eight bytes"),
        pytest.param(b"\xa5\x06" + b"\xff" * 4, id="four bytes"),
        pytest.param(b"\xa2\x06\x03abc", id="text"),
        pytest.param(b"\x60\x01", id="a small field number"),
    ],
)
def test_fields_that_are_not_known_are_skipped(unknown: bytes) -> None:
    expected = Message(Topic.EVENT, EventAction.EMIT, data="1", name="a")
    for payload in (
        event(8, 2, 18, 1, b"1", unknown, 50, 1, b"a"),
        event(8, 2, 18, 1, b"1", 50, 1, b"a", unknown),
    ):
        assert decode(payload) == expected
        assert decode(payload).binary is None


def test_an_envelope_may_have_its_fields_in_any_order_and_others() -> None:
    assert decode(b"\x0b\x1a\x05\x08\x022\x01a\x20\x01\x10\x04") == Message(
        Topic.EVENT, EventAction.EMIT, name="a"
    )


def test_an_entry_of_a_map_may_lack_its_key_or_its_value() -> None:
    payload = b"\x0f\x10\x05\x1a\x0b\x08\x08r\x03\x0a\x01ar\x02\x10\x07"
    assert decode(payload).versions == {"a": 0, "": 7}


def test_what_follows_the_first_message_of_a_frame_is_ignored() -> None:
    """As the reference server does: neither a second message nor rubbish has any effect."""
    for rest in (SUBSCRIBE, b"\xff\xff\xff", b"\0"):
        assert CODEC.decode(SUBSCRIBE + rest) == CODEC.decode(SUBSCRIBE)


@pytest.mark.parametrize("size", [0, 100, 200, 20_000])
def test_where_a_frame_ends_is_known_whatever_is_behind_it(size: int) -> None:
    frame = CODEC.encode(Message(Topic.EVENT, EventAction.EMIT, name="a", data="1" * size))
    for rest in (b"", b"\0", b"12345678"):
        assert frame_size(frame + rest) == len(frame)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b":\x00" * 500_000, id="half a million empty names"),
        pytest.param(b"\x08\x01" * 500_000, id="the same number half a million times"),
        pytest.param(b"\x12\x00" * 500_000, id="the same text half a million times"),
        pytest.param(b"\xa0\x06\x00" * 330_000, id="unknown fields only"),
    ],
)
def test_a_frame_of_the_largest_size_is_read_in_one_pass(google: GoogleWire, body: bytes) -> None:
    assert decode(google.frame(Topic.EVENT, body)).action in (0, 1)


# What may be passed on


PASSED_ON = [
    Message(Topic.EVENT, EventAction.EMIT, name="a"),
    Message(Topic.EVENT, EventAction.EMIT, name="a", data="x" * 100),
    Message(Topic.EVENT, EventAction.EMIT, name="a", data="x" * 20_000),
    Message(Topic.RECORD, RecordAction.UPDATE, name="a", version=1, data="{}"),
    Message(Topic.RECORD, RecordAction.PATCH, name="a", version=300, path="b", data="x" * 300),
    Message(Topic.RECORD, RecordAction.PATCH, name="a", version=2**31 - 1, path="", data="x" * 2_000_000),
    Message(Topic.RECORD, RecordAction.ERASE, name="a", version=0, path="b"),
    Message(Topic.RPC, RpcAction.REQUEST, name="a", correlation_id="1"),
    Message(Topic.RPC, RpcAction.REQUEST, name="a", correlation_id="1", data="1"),
    Message(Topic.RPC, RpcAction.ACCEPT, name="a", correlation_id="1"),
    Message(Topic.RPC, RpcAction.RESPONSE, name="a", correlation_id="1"),
    Message(Topic.RPC, RpcAction.RESPONSE, name="a", correlation_id="1", data="x" * 300),
]
NOT_PASSED_ON = [
    Message(Topic.EVENT, EventAction.SUBSCRIBE, name="a"),
    Message(Topic.EVENT, EventAction.EMIT, data="1"),
    Message(Topic.EVENT, EventAction.EMIT, name="a", correlation_id="1"),
    Message(Topic.EVENT, EventAction.EMIT, name="a", is_ack=False),
    Message(Topic.EVENT, EventAction.EMIT, name="a", names=["b"]),
    Message(Topic.RPC, RpcAction.REQUEST, name="a", data="1"),
    Message(Topic.RPC, RpcAction.ACCEPT, name="a", correlation_id="1", data="1"),
    Message(Topic.RPC, RpcAction.RESPONSE, name="a", data="1"),
    Message(Topic.RECORD, RecordAction.UPDATE, name="a", data="{}"),
    Message(Topic.RECORD, RecordAction.UPDATE, name="a", version=1),
    Message(Topic.RECORD, RecordAction.UPDATE, name="a", version=-1, data="{}"),
    Message(Topic.RECORD, RecordAction.UPDATE, name="a", version=-1, data="x" * 20_000),
    Message(Topic.RECORD, RecordAction.UPDATE, name="a", version=1, data="{}", path="b"),
    Message(Topic.RECORD, RecordAction.PATCH, name="a", version=1, data="1"),
    Message(Topic.RECORD, RecordAction.PATCH, name="a", version=1, path="b"),
    Message(Topic.RECORD, RecordAction.PATCH, name="a", version=1, path="b", data="1", is_write_ack=False),
    Message(Topic.RECORD, RecordAction.PATCH, name="a", version=1, path="b", data="1", correlation_id="1"),
    Message(Topic.RECORD, RecordAction.ERASE, name="a", version=1, path="b", data="1"),
    Message(Topic.RECORD, RecordAction.CREATEANDUPDATE, name="a", version=1, data="{}"),
    Message(Topic.RECORD, RecordAction.READ_RESPONSE, name="a", version=1, data="{}"),
]


def described(message: Message) -> str:
    return str(message).removeprefix("Message").replace("<", "").replace(">", "")[:100]


@pytest.mark.parametrize("message", PASSED_ON, ids=described)
def test_a_message_that_others_get_as_it_is_keeps_its_bytes(message: Message) -> None:
    frame = CODEC.encode(message)
    read = decode(frame)
    assert read == message
    assert read.binary == frame


@pytest.mark.parametrize("message", PASSED_ON[:6], ids=described)
def test_a_message_with_something_behind_it_is_not_passed_on(message: Message) -> None:
    assert decode(CODEC.encode(message) + b"\0").binary is None


@pytest.mark.parametrize("message", NOT_PASSED_ON, ids=described)
def test_a_message_that_others_get_otherwise_or_not_at_all_keeps_no_bytes(message: Message) -> None:
    assert decode(CODEC.encode(message)).binary is None


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(event(8, 2, 50, 1, b"a", 18, 1, b"1"), id="fields in another order"),
        pytest.param(event(8, 2, 18, 1, b"1", 18, 1, b"1", 50, 1, b"a"), id="data twice"),
        pytest.param(event(8, 2, 8, 2, 18, 1, b"1", 50, 1, b"a"), id="the action twice"),
        pytest.param(event(8, 0x82, 0, 18, 1, b"1", 50, 1, b"a"), id="the action in two bytes"),
        pytest.param(event(8, 2, 18, 0x81, 0, b"1", 50, 1, b"a"), id="the length of data in two bytes"),
        pytest.param(event(8, 2, 18, 1, b"1", 50, 0x81, 0, b"a"), id="the length of the name in two bytes"),
        pytest.param(event(0x88, 0, 2, 18, 1, b"1", 50, 1, b"a"), id="a tag in two bytes"),
        pytest.param(
            b"\x8c\0\x10\x04\x1a\x08\x08\x02\x12\x0112\x01a", id="the length of the frame in two bytes"
        ),
        pytest.param(
            b"\x0d\x10\x04\x1a\x88\0\x08\x02\x12\x0112\x01a", id="the length of the message in two bytes"
        ),
        pytest.param(b"\x0d\x10\x84\0\x1a\x08\x08\x02\x12\x0112\x01a", id="the topic in two bytes"),
        pytest.param(b"\x0c\x1a\x08\x08\x02\x12\x0112\x01a\x10\x04", id="the topic behind the message"),
        pytest.param(
            b"\x0e\x10\x04\x1a\x08\x08\x02\x12\x0112\x01a\x10\x04", id="the topic again behind the message"
        ),
        pytest.param(b"\x0e\x10\x04\x10\x04\x1a\x08\x08\x02\x12\x0112\x01a", id="the topic twice"),
    ],
)
def test_a_message_that_could_be_written_plainer_is_read_but_not_passed_on(payload: bytes) -> None:
    read = decode(payload)
    assert read == Message(Topic.EVENT, EventAction.EMIT, name="a", data="1")
    assert read.binary is None


@pytest.mark.parametrize(
    "version", [b"\x81\x80\x80\x80\x10", b"\x81\x00"], ids=["33 bits", "two bytes for one"]
)
def test_a_version_in_more_bytes_than_it_needs_is_read_but_not_passed_on(version: bytes) -> None:
    body = b"\x08\x12\x12\x02{}2\x01ah" + version
    read = decode(bytes((len(body) + 4, 0x10, Topic.RECORD, 0x1A, len(body))) + body)
    assert read == Message(Topic.RECORD, RecordAction.UPDATE, name="a", data="{}", version=1)
    assert read.binary is None


@pytest.mark.parametrize(
    ("number", "flag"), [(b"\x00", False), (b"\x01", True), (b"\x02", True), (b"\x80\x01", True)]
)
def test_a_flag_is_set_by_any_number_but_zero(number: bytes, flag: bool) -> None:
    body = b"\x08\x122\x01aX" + number
    read = decode(bytes((len(body) + 4, 0x10, Topic.RECORD, 0x1A, len(body))) + body)
    assert read == Message(Topic.RECORD, RecordAction.UPDATE, name="a", is_write_ack=flag)


@pytest.mark.parametrize(
    "size", [0, 1, 100, 117, 118, 119, 127, 128, 2047, 2048, 16_300, 16_383, 16_384, 2**21]
)
@pytest.mark.parametrize("field", ["name", "data", "path"])
def test_text_of_any_length_goes_there_and_back(google: GoogleWire, field: str, size: int) -> None:
    fields = {"name": "a", "data": "1", "path": "b", field: "x" * size}
    message = Message(Topic.RECORD, RecordAction.PATCH, version=size, **fields)
    frame = CODEC.encode(message)
    assert frame == google.write(message)
    assert decode(frame) == message
    assert decode(frame).binary == frame


@settings(deadline=None, max_examples=300)
@given(message=MESSAGE)
@example(message=PASSED_ON[0])
def test_bytes_that_are_kept_are_those_that_would_be_written(message: Message) -> None:
    frame = CODEC.encode(message)
    assert decode(frame).binary in (None, frame)


def test_bytes_that_were_kept_are_what_is_written() -> None:
    message = Message(Topic.EVENT, EventAction.EMIT, name="a", binary=b"kept")
    assert CODEC.encode(message) == b"kept"
    assert message == Message(Topic.EVENT, EventAction.EMIT, name="a")


def test_a_field_that_the_topic_does_not_have_is_left_out() -> None:
    expected = Message(Topic.AUTH, 102)
    assert decode(CODEC.encode(Message(Topic.AUTH, 102, original_action=2, path="a"))) == expected


@pytest.mark.parametrize("name", ["h\x05", "oh\x7f", "h", "hh", "hhh", "h\x05h\x05", "é", "h€", "h\x7fh"])
@pytest.mark.parametrize("version", [None, 0, 5, 104, 127, 128, 300, 16383, 16384, 2**21, 2**31 - 1, -1])
@pytest.mark.parametrize("path", [None, "", "h", "ah\x01"])
def test_a_name_or_path_that_ends_like_a_version_is_not_taken_for_one(
    name: str, version: int | None, path: str | None
) -> None:
    fields = {"name": name, "version": version, "path": path}
    given = {key: value for key, value in fields.items() if value is not None}
    for action in (RecordAction.PATCH, RecordAction.HEAD):
        message = Message(Topic.RECORD, action, **given)
        for _ in range(2):  # the second time, what it ends with is known
            assert CODEC.decode(CODEC.encode(message)) == [message]


# What is remembered


@pytest.mark.parametrize("topic", SCHEMA)
@pytest.mark.parametrize("call", ["1", "x", "x" * 120, "x" * 129, "é" * 64])
def test_an_acknowledgement_is_written_as_any_other_message(topic: int, call: str) -> None:
    message = Message(topic, 3, is_ack=True, correlation_id=call)
    assert CODEC.encode(message) == write_frame(message)
    assert CODEC.encode(message) == write_frame(message)


def test_a_greeting_that_is_read_again_is_a_message_of_its_own() -> None:
    payload = CODEC.encode(Message(Topic.CONNECTION, ConnectionAction.CHALLENGE, url="ws://here"))
    first = decode(payload)
    first.url = "ws://there"
    assert decode(payload).url == "ws://here"


def test_a_frame_that_begins_like_a_greeting_is_about_its_last_topic() -> None:
    inner = SUBSCRIBE[3:]
    payload = bytes((len(inner) + 4, 0x10, Topic.CONNECTION, 0x10, Topic.EVENT)) + inner
    first = decode(payload)
    assert first.topic == Topic.EVENT
    assert first.names is not None
    first.names.clear()
    assert decode(payload).names == ["a"]
