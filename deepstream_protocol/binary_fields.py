"""The binary wire format by the table of fields: every message, and every way to write one.

Readers here raise IndexError where the payload ends too early, and UnicodeDecodeError; the codec
translates. A slice that is cut short does not raise, but leaves its reader behind the end of what it
reads, and each of them looks at that when it is through.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from .errors import ProtocolError, UnknownTopic
from .message import Message, new_message
from .schema import SCHEMA, Kind
from .varint import VARINTS, read_varint, to_int, write_int, write_size

_TOPIC_TAG, _MESSAGE_TAG = 2 << 3, 3 << 3 | 2
_TAGS = bytes((_TOPIC_TAG, _MESSAGE_TAG))
_KEY_TAG, _VALUE_TAG = 1 << 3 | 2, 2 << 3

_INT, _BOOL, _STRING, _STRINGS = Kind.INT, Kind.BOOL, Kind.STRING, Kind.STRINGS

_BY_TAG = {
    topic: {field.tag: (field.kind, field.attribute) for field in fields} for topic, fields in SCHEMA.items()
}
_NUMBERS = {topic: {field.number for field in fields} for topic, fields in SCHEMA.items()}
_WRITTEN = {
    topic: [(VARINTS[field.tag], field.kind, field.attribute) for field in fields]
    for topic, fields in SCHEMA.items()
}


def read_frame(payload: bytes) -> Message:
    """The message at the start of ``payload``, whatever is in it."""
    topic, start, stop = _read_envelope(payload)
    if topic not in SCHEMA:
        raise UnknownTopic(topic)
    fields: dict[str, Any] = {"topic": topic, "action": 0}
    _read_fields(payload, start, stop, topic, fields)
    message = new_message(Message)
    message.set(fields)
    return message


def _read_envelope(payload: bytes) -> tuple[int, int, int]:
    """The topic, 0 when there is none, and where its message starts and stops."""
    length = len(payload)
    if 5 < length < 129 and payload[1:5:2] == _TAGS:
        size, _, topic, _, inner = payload[:5]
        if size + 1 == length == inner + 5 and topic < 128:
            return topic, 5, length  # one short message, as all writers make it
    size, at = read_varint(payload, 0)
    end = at + size
    if end > length:
        raise ProtocolError("a message that is cut off")
    topic = start = stop = 0
    while at < end:
        tag, at = read_varint(payload, at)
        if tag == _TOPIC_TAG:
            value, at = read_varint(payload, at)
            topic = to_int(value)
        elif tag == _MESSAGE_TAG:
            size, start = read_varint(payload, at)
            at = stop = start + size
        else:
            at = _skip(payload, at, tag, (2, 3))
    _check_end(at, end)
    return topic, start, stop


def _read_fields(payload: bytes, at: int, end: int, topic: int, fields: dict[str, Any]) -> None:
    known = _BY_TAG[topic]
    while at < end:
        tag = payload[at]
        at += 1
        if tag > 127:
            tag, at = read_varint(payload, at - 1)
        if (field := known.get(tag)) is None:
            at = _skip(payload, at, tag, _NUMBERS[topic])
            continue
        kind, attribute = field
        value = payload[at]
        at += 1
        if value > 127:
            value, at = read_varint(payload, at - 1)
        if kind is _INT:
            fields[attribute] = value if value < 128 else to_int(value)
        elif kind is _BOOL:
            fields[attribute] = value != 0
        else:
            start, at = at, at + value
            if kind is _STRING:
                fields[attribute] = payload[start:at].decode()
            elif kind is _STRINGS:
                texts = fields.setdefault(attribute, [])
                texts.append(payload[start:at].decode())
                while at < end and payload[at] == tag and (value := payload[at + 1]) < 128:  # mostly many
                    start = at + 2
                    at = start + value
                    texts.append(payload[start:at].decode())
            else:
                key, count = _read_entry(payload, start, at)
                fields.setdefault(attribute, {})[key] = count
    _check_end(at, end)


def _read_entry(payload: bytes, at: int, end: int) -> tuple[str, int]:
    """One entry of a map: a message of a key and a value, each of which may be left out."""
    key, count = "", 0
    while at < end:
        tag, at = read_varint(payload, at)
        if tag == _KEY_TAG:
            size, start = read_varint(payload, at)
            at = start + size
            key = payload[start:at].decode()
        elif tag == _VALUE_TAG:
            value, at = read_varint(payload, at)
            count = to_int(value)
        else:
            at = _skip(payload, at, tag, (1, 2))
    _check_end(at, end)
    return key, count


def _skip(payload: bytes, at: int, tag: int, known: Collection[int]) -> int:
    """Where the unknown field behind ``tag`` ends; a known one comes here with a wrong wire type."""
    number, wire_type = tag >> 3, tag & 7
    if number in known or not 0 < number < 1 << 29:
        raise ProtocolError(f"field {number} with wire type {wire_type}")
    if wire_type == 0:
        return read_varint(payload, at)[1]
    if wire_type == 1:
        return at + 8
    if wire_type == 2:
        size, at = read_varint(payload, at)
        return at + size
    if wire_type == 5:
        return at + 4
    raise ProtocolError(f"field {number} with wire type {wire_type}")


def _check_end(at: int, end: int) -> None:
    if at != end:
        raise ProtocolError("a field that reaches beyond its message")


def write_frame(message: Message) -> bytes:
    """``message`` as a frame of its own; fields that its topic does not have are left out."""
    topic = message.topic
    if topic not in SCHEMA:
        raise UnknownTopic(topic)
    get = message.present().get
    parts = [
        _WRITERS[kind](tag, value)
        for tag, kind, attribute in _WRITTEN[topic]
        if (value := get(attribute)) is not None
    ]
    body = b"".join(parts)
    length = write_size(len(body))
    return b"%b\x10%c\x1a%b%b" % (write_size(len(body) + 3 + len(length)), topic, length, body)


def _write_string(tag: bytes, value: str) -> bytes:
    raw = value.encode()
    return tag + write_size(len(raw)) + raw


def _write_counts(tag: bytes, counts: dict[str, int]) -> bytes:
    entries = [_write_string(b"\x0a", key) + b"\x10" + write_int(count) for key, count in counts.items()]
    return b"".join([tag + write_size(len(entry)) + entry for entry in entries])


_WRITERS: dict[Kind, Callable[[bytes, Any], bytes]] = {
    Kind.INT: lambda tag, value: tag + write_int(value),
    Kind.BOOL: lambda tag, value: tag + (b"\x01" if value else b"\x00"),
    Kind.STRING: _write_string,
    Kind.STRINGS: lambda tag, values: b"".join([_write_string(tag, value) for value in values]),
    Kind.COUNTS: _write_counts,
}
