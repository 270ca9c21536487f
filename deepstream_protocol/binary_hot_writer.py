"""Writing the binary wire format for the messages that make up the load: events, record writes, calls.

It gives way, by None, to ``binary_fields`` for any message with other fields than those known here. Lengths
are looked up in place, because a call would cost as much as a field does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from .memo import Memo
from .topics import Topic
from .varint import VARINTS, write_int, write_size

_RECORD: Final = int(Topic.RECORD)

_TOPICS: Final[dict[int, bytes]] = {
    topic: bytes((2 << 3, topic, 3 << 3 | 2)) for topic in (Topic.EVENT, Topic.RECORD, Topic.RPC)
}
"""What stands between the two lengths of a frame: tag, topic, tag."""


def write_hot(fields: dict[str, Any]) -> bytes | None:
    """A message as a frame when it has a name and no other ``fields`` than those known here; else None."""
    topic: int = fields["topic"]
    if len(fields) == 5 and topic == _RECORD and fields.get("is_write_ack") and (ack := _write_ack(fields)):
        return ack
    writer = _WRITERS.get(topic)
    body = writer(fields) if writer is not None else None
    if body is None:
        return None
    size = len(body)
    length = VARINTS[size] if size < 2048 else write_size(size)
    return b"".join((write_size(size + 3 + len(length)), _TOPICS[topic], length, body))


def _write_ack(fields: dict[str, Any]) -> bytes | None:
    """A whole frame with the answer to a write, where all of its lengths have one byte."""
    name, correlation_id, action = fields.get("name"), fields.get("correlation_id"), fields["action"]
    if name is None or correlation_id is None or not 0 <= action < 128:
        return None
    call, tail = correlation_id.encode(), _ACK_TAILS[name]
    size = len(call)
    left = size + len(tail) + 4
    if left > 123:
        return None
    return b"%c\x10%c\x1a%c\x08%c\x1a%c%b%b" % (left + 4, _RECORD, left, action, size, call, tail)


def _write_ack_tail(name: str) -> bytes:
    """What the answer to a write ends with: its name, and isWriteAck; the same for all of a record's."""
    raw = name.encode()
    return b"\x32%b%b\x58\x01" % (write_size(len(raw)), raw)


_ACK_TAILS: Final = Memo(_write_ack_tail, 4096)


def _write_event(fields: dict[str, Any]) -> bytes | None:
    """An event, with or without data."""
    name, text, action = fields.get("name"), fields.get("data"), fields["action"]
    if name is None or len(fields) != (3 if text is None else 4) or not 0 <= action < 128:
        return None
    name = name.encode()
    size = len(name)
    name_size = VARINTS[size] if size < 2048 else write_size(size)
    if text is None:
        return b"".join((b"\x08", VARINTS[action], b"\x32", name_size, name))
    data = text.encode()
    size = len(data)
    data_size = VARINTS[size] if size < 2048 else write_size(size)
    return b"".join((b"\x08", VARINTS[action], b"\x12", data_size, data, b"\x32", name_size, name))


def _write_rpc(fields: dict[str, Any]) -> bytes | None:
    """A message of a call, with or without data."""
    name, correlation_id, action = fields.get("name"), fields.get("correlation_id"), fields["action"]
    if name is None or correlation_id is None or not 0 <= action < 128:
        return None
    left = len(fields) - 4
    data = b""
    if (text := fields.get("data")) is not None:
        data = text.encode()
        size = len(data)
        data = b"\x12" + (VARINTS[size] if size < 2048 else write_size(size)) + data
        left -= 1
    if left:
        return None
    name, call = name.encode(), correlation_id.encode()
    name_size, call_size = write_size(len(name)), write_size(len(call))
    return b"".join((b"\x08", VARINTS[action], data, b"\x1a", call_size, call, b"\x3a", name_size, name))


def _write_record(fields: dict[str, Any]) -> bytes | None:
    """A write to a record, its answer, or the whole record; stops looking when all fields are found."""
    get = fields.get
    name, action = get("name"), fields["action"]
    if name is None or not 0 <= action < 128:
        return None
    left = len(fields) - 3
    data = call = flag = path = version = b""
    if (text := get("data")) is not None:
        data = text.encode()
        size = len(data)
        data = b"\x12" + (VARINTS[size] if size < 2048 else write_size(size)) + data
        left -= 1
    if left and (number := get("version")) is not None:
        version = b"\x68" + (VARINTS[number] if 0 <= number < 2048 else write_int(number))
        left -= 1
    if left and (text := get("path")) is not None:
        path = text.encode()
        path = b"\x62" + write_size(len(path)) + path
        left -= 1
    if left and (text := get("correlation_id")) is not None:
        call = text.encode()
        call = b"\x1a" + write_size(len(call)) + call
        left -= 1
    if left and (written := get("is_write_ack")) is not None:
        flag = b"\x58\x01" if written else b"\x58\x00"
        left -= 1
    if left:
        return None
    name = name.encode()
    size = len(name)
    name_size = VARINTS[size] if size < 2048 else write_size(size)
    return b"".join((b"\x08", VARINTS[action], data, call, b"\x32", name_size, name, flag, path, version))


_WRITERS: Final[dict[int, Callable[[dict[str, Any]], bytes | None]]] = {
    Topic.EVENT: _write_event,
    Topic.RECORD: _write_record,
    Topic.RPC: _write_rpc,
}
