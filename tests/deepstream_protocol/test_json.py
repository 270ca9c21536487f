"""The JSON wire format: what the official client sends in its JSON mode, and text of bad will."""

from __future__ import annotations

import json
from contextlib import suppress

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepstream_protocol.errors import ProtocolError
from deepstream_protocol.json import JsonCodec
from deepstream_protocol.message import Message
from deepstream_protocol.topics import EventAction, RecordAction, RpcAction, Topic
from tests.deepstream_protocol.strategies import MESSAGE

CODEC = JsonCodec()

JSON_VALUE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def decode(payload: str) -> Message:
    (message,) = CODEC.decode(payload)
    return message


def test_numbers_name_the_topic_and_the_action_and_camel_case_the_fields() -> None:
    message = Message(
        Topic.RECORD,
        RecordAction.PATCH,
        name="cars/a",
        path="speed",
        data='{"a":1}',
        version=3,
        correlation_id="7",
        is_write_ack=True,
        original_action=RecordAction.UPDATE,
    )
    assert json.loads(CODEC.encode(message)) == {
        "topic": 5,
        "action": 19,
        "name": "cars/a",
        "path": "speed",
        "data": '{"a":1}',
        "version": 3,
        "correlationId": "7",
        "isWriteAck": True,
        "originalAction": 18,
    }


def test_the_official_clients_emit_has_its_data_as_text() -> None:
    """A truthy value comes twice, as text in ``data`` and as the value in ``parsedData``."""
    sent = '{"topic":4,"action":2,"name":"news","parsedData":{"b":1},"data":"{\\"b\\": 1}","isAck":false}'
    assert decode(sent) == Message(Topic.EVENT, EventAction.EMIT, name="news", data='{"b": 1}', is_ack=False)


@pytest.mark.parametrize("text", ["0", "false", '""', "null"])
def test_the_official_clients_falsy_value_comes_as_parsed_data_alone(text: str) -> None:
    assert decode(f'{{"topic":4,"action":2,"name":"a","parsedData":{text}}}').data == text


def test_parsed_data_becomes_compact_text() -> None:
    assert (
        decode('{"topic":6,"action":2,"parsedData": {"a": [1, 2.5, "é", null]}}').data
        == '{"a":[1,2.5,"é",null]}'
    )


def test_parsed_data_counts_when_data_is_null() -> None:
    assert decode('{"topic":4,"action":2,"data":null,"parsedData":[1]}').data == "[1]"


def test_a_message_with_neither_has_no_data() -> None:
    assert decode('{"topic":4,"action":2,"data":null}') == Message(Topic.EVENT, EventAction.EMIT)


@settings(deadline=None)
@given(value=JSON_VALUE)
def test_any_parsed_data_keeps_its_value(value: object) -> None:
    frame = orjson.dumps({"topic": 6, "action": RpcAction.RESPONSE, "parsedData": value}).decode()
    data = decode(frame).data
    assert data is not None
    assert orjson.loads(data) == value


def test_keys_that_are_no_fields_are_ignored() -> None:
    assert decode('{"topic":4,"action":3,"raw":[1],"binary":"x","__proto__":{}}') == Message(4, 3)


def test_python_names_of_fields_are_no_fields() -> None:
    assert decode('{"topic":4,"action":3,"correlation_id":"1","fields":1,"is_ack":true}') == Message(4, 3)


def test_a_field_that_is_null_is_absent() -> None:
    assert decode('{"topic":4,"action":3,"name":null,"names":null,"version":null,"isAck":null}') == Message(
        4, 3
    )


def test_a_message_read_from_json_has_no_bytes_to_pass_on() -> None:
    assert decode('{"topic":4,"action":2,"name":"a"}').binary is None


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param("", id="nothing"),
        pytest.param("{", id="half an object"),
        pytest.param("[]", id="an array"),
        pytest.param('"a"', id="text"),
        pytest.param("5", id="a number"),
        pytest.param("null", id="null"),
        pytest.param('{"topic":4,"action":2}{"topic":4,"action":2}', id="two objects"),
        pytest.param('{"topic":4,"action":NaN}', id="what only JavaScript's cousins write"),
        pytest.param('{"topic":4,"action":2,"name":"\\ud800"}', id="half a surrogate pair, escaped"),
        pytest.param('{"topic":4,"action":2,"name":"\ud800"}', id="half a surrogate pair"),
        pytest.param('{"topic":4,"action":2,"parsedData":"\\ud800"}', id="half a surrogate pair in a value"),
        pytest.param('{"a":' * 100_000, id="a deep nest without an end"),
        pytest.param('{"topic":4,"action":2,"parsedData":' + "[" * 1000 + "]" * 1000 + "}", id="a deep nest"),
        pytest.param("[" * 1_000_000 + "]" * 1_000_000, id="a nest of a million"),
        pytest.param('{"topic":"4","action":2}', id="a topic that is text"),
        pytest.param('{"topic":4.0,"action":2}', id="a topic with a fraction"),
        pytest.param('{"topic":true,"action":2}', id="a topic that is true"),
        pytest.param('{"topic":null,"action":2}', id="a topic that is null"),
        pytest.param('{"topic":[4],"action":2}', id="a topic that is an array"),
        pytest.param('{"topic":1e400,"action":2}', id="a topic beyond all numbers"),
        pytest.param('{"topic":4,"action":"2"}', id="an action that is text"),
        pytest.param('{"topic":4,"action":null}', id="an action that is null"),
        pytest.param('{"topic":4,"action":2147483648}', id="an action of more than 32 bits"),
        pytest.param('{"topic":4,"action":2,"data":5}', id="data that is no text"),
        pytest.param('{"topic":4,"action":2,"data":{"a":1}}', id="data that is an object"),
    ],
)
def test_text_that_is_no_message_is_refused(payload: str) -> None:
    with pytest.raises(ProtocolError):
        CODEC.decode(payload)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("name", "5"),
        ("name", "{}"),
        ("correlationId", "5"),
        ("names", '"a"'),
        ("names", '{"0":"a"}'),
        ("names", '["a",1]'),
        ("names", '["a",null]'),
        ("isAck", "1"),
        ("isWriteAck", '"true"'),
        ("version", '"5"'),
        ("version", "1.5"),
        ("version", "1.0"),
        ("version", "true"),
        ("version", "2147483648"),
        ("version", "-2147483649"),
        ("version", "123456789012345678901234567890"),
        ("versions", "[1]"),
        ("versions", '{"a":"1"}'),
        ("versions", '{"a":4294967296}'),
        ("versions", '{"a":null}'),
        ("path", "0"),
        ("requestorData", '{"a":1}'),
    ],
)
def test_a_field_of_the_wrong_type_is_refused(key: str, value: str) -> None:
    with pytest.raises(ProtocolError, match=key):
        CODEC.decode(f'{{"topic":5,"action":2,"{key}":{value}}}')


@settings(deadline=None)
@given(payload=st.text(max_size=40) | JSON_VALUE.map(json.dumps))
def test_random_text_raises_nothing_but_a_protocol_error(payload: str) -> None:
    with suppress(ProtocolError):
        assert isinstance(decode(payload), Message)


@settings(deadline=None)
@given(message=MESSAGE, data=st.data())
def test_text_with_flipped_characters_raises_nothing_but_a_protocol_error(
    message: Message, data: st.DataObject
) -> None:
    payload = CODEC.encode(message)[:400]
    at = data.draw(st.integers(0, len(payload) - 1))
    other = data.draw(st.characters() | st.sampled_from('{}[]",:0\\'))
    with suppress(ProtocolError):
        assert isinstance(decode(payload[:at] + other + payload[at + 1 :]), Message)


@settings(deadline=None)
@given(
    values=st.dictionaries(
        st.sampled_from(["topic", "action", "name", "names", "version", "data"]), JSON_VALUE
    )
)
def test_fields_of_random_values_raise_nothing_but_a_protocol_error(values: dict[str, object]) -> None:
    with suppress(ProtocolError):
        assert isinstance(decode(orjson.dumps({"topic": 4, "action": 2, **values}).decode()), Message)
