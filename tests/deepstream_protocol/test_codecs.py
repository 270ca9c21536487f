"""What every wire format promises: one suite over all of them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from deepstream_protocol.binary import BinaryCodec
from deepstream_protocol.errors import ProtocolError, UnknownTopic
from deepstream_protocol.json import JsonCodec
from deepstream_protocol.message import Message
from deepstream_protocol.topics import ConnectionAction, EventAction, RecordAction, Topic
from tests.deepstream_protocol.strategies import MESSAGE

Codec = BinaryCodec | JsonCodec

every_codec = pytest.mark.parametrize("codec", [BinaryCodec(), JsonCodec()], ids=lambda codec: codec.name)


@every_codec
@settings(deadline=None)
@given(message=MESSAGE)
def test_what_is_written_reads_back_the_same(codec: Codec, message: Message) -> None:
    assert codec.decode(codec.encode(message)) == [message]  # type: ignore[arg-type]


@every_codec
def test_a_codec_says_its_name_and_whether_its_frames_are_binary(codec: Codec) -> None:
    frame = codec.encode(Message(Topic.CONNECTION, ConnectionAction.PING))
    assert codec.name in {"binary", "json"}
    assert codec.binary is isinstance(frame, bytes)


@every_codec
@pytest.mark.parametrize(
    "fields", [{"version": 0}, {"is_ack": False}, {"data": ""}, {"name": ""}, {"path": ""}]
)
def test_a_field_that_is_empty_is_present_all_the_same(codec: Codec, fields: dict[str, object]) -> None:
    (read,) = codec.decode(codec.encode(Message(Topic.RECORD, RecordAction.PATCH, **fields)))  # type: ignore[arg-type]
    assert read.fields() == {"topic": Topic.RECORD, "action": RecordAction.PATCH, **fields}


@every_codec
def test_a_field_that_is_none_is_absent(codec: Codec) -> None:
    message = Message(Topic.EVENT, EventAction.EMIT, name="news", data=None, correlation_id=None)
    assert codec.encode(message) == codec.encode(Message(Topic.EVENT, EventAction.EMIT, name="news"))


@every_codec
def test_an_action_that_does_not_exist_is_not_the_codecs_business(codec: Codec) -> None:
    assert codec.decode(codec.encode(Message(Topic.EVENT, 77)))[0].action == 77  # type: ignore[arg-type]


@every_codec
@pytest.mark.parametrize("text", ["\ud800", "a\udfffb"])
@pytest.mark.parametrize("field", ["name", "data", "correlation_id", "subscription"])
def test_half_a_surrogate_pair_cannot_be_written(codec: Codec, text: str, field: str) -> None:
    fields = {"name": "a", field: text}
    with pytest.raises(ProtocolError):
        codec.encode(Message(Topic.EVENT, EventAction.EMIT, **fields))


@every_codec
def test_a_list_of_names_with_half_a_surrogate_pair_cannot_be_written(codec: Codec) -> None:
    with pytest.raises(ProtocolError):
        codec.encode(Message(Topic.EVENT, EventAction.SUBSCRIBE, names=["a", "\ud800"]))


@every_codec
@pytest.mark.parametrize("number", [2**31, -(2**31) - 1, 2**70])
@pytest.mark.parametrize("field", ["version", "original_action"])
def test_a_number_beyond_32_bits_cannot_be_written(codec: Codec, number: int, field: str) -> None:
    with pytest.raises(ProtocolError):
        codec.encode(Message(Topic.RECORD, RecordAction.UPDATE, **{"name": "a", field: number}))


@every_codec
@pytest.mark.parametrize("topic", [Topic.UNKNOWN, Topic.MONITORING, Topic.CLUSTER, Topic.ERROR, 99])
def test_a_topic_without_messages_can_be_neither_written_nor_read(codec: Codec, topic: int) -> None:
    frame = bytes((4, 16, topic, 26, 0)) if codec.binary else f'{{"topic": {int(topic)}, "action": 1}}'
    with pytest.raises(UnknownTopic) as reading:
        codec.decode(frame)  # type: ignore[arg-type]
    with pytest.raises(UnknownTopic) as writing:
        codec.encode(Message(topic, 1))
    assert reading.value.topic == writing.value.topic == topic


@every_codec
def test_a_message_without_a_topic_is_one_with_topic_0(codec: Codec) -> None:
    with pytest.raises(UnknownTopic) as caught:
        codec.decode(b"\x02\x1a\x00" if codec.binary else '{"action": 1}')  # type: ignore[arg-type]
    assert caught.value.topic == 0


@every_codec
def test_a_message_without_an_action_is_one_with_action_0(codec: Codec) -> None:
    (read,) = codec.decode(b"\x07\x10\x04\x1a\x032\x01a" if codec.binary else '{"topic": 4, "name": "a"}')  # type: ignore[arg-type]
    assert read == Message(Topic.EVENT, 0, name="a")
