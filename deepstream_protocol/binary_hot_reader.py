"""Reading the binary wire format for the messages of the load: events, record writes, calls, logins.

It gives way, by None, to ``binary_fields`` for any frame that it does not know. The functions are long and
have few calls, because each of those would cost as much as a field does.
"""

from __future__ import annotations

from typing import Final

from .memo import Memo
from .message import Message, new_message
from .topics import EventAction, RecordAction, RpcAction, Topic
from .varint import read_varint, to_int

_SHORT_HEAD: Final = 9
_LONG_HEAD: Final = 12
"""Bytes that a frame begins with, up to the length of its data; its own length has one byte, or two."""

_TOPIC_TAG: Final = 2 << 3
_MESSAGE_TAG: Final = 3 << 3 | 2
_ACTION_TAG: Final = 1 << 3
_DATA_TAG: Final = 2 << 3 | 2
_CALL_TAG: Final = 3 << 3 | 2
_NAME_TAG: Final = 6 << 3 | 2
_PATH_TAG: Final = 12 << 3 | 2
_VERSION_TAG: Final = 13 << 3
_NAME_OF_CALL_TAG: Final = 7 << 3 | 2
_AUTH: Final = int(Topic.AUTH)
_EVENT: Final = int(Topic.EVENT)
_RECORD: Final = int(Topic.RECORD)
_RPC: Final = int(Topic.RPC)
_LONGEST_CACHED: Final = 256

_TOPICS = frozenset({_AUTH, _EVENT, _RECORD, _RPC})
"""Those that have such messages; but for the name of a call, their fields have the same numbers.

A login has its data and nothing behind it, and all others have something."""

_DATA: Final = 1 << 16
_PATH: Final = 1 << 17
_VERSION: Final = 1 << 18
_CALL: Final = 1 << 19
_OTHER: Final = 1 << 20
_BITS = {"name": 0, "data": _DATA, "path": _PATH, "version": _VERSION, "correlation_id": _CALL}

_PASSED_ON: frozenset[tuple[int, int, frozenset[str]]] = frozenset(
    {
        (Topic.EVENT, EventAction.EMIT, frozenset({"name"})),
        (Topic.EVENT, EventAction.EMIT, frozenset({"name", "data"})),
        (Topic.RECORD, RecordAction.UPDATE, frozenset({"name", "data", "version"})),
        (Topic.RECORD, RecordAction.PATCH, frozenset({"name", "data", "path", "version"})),
        (Topic.RECORD, RecordAction.ERASE, frozenset({"name", "path", "version"})),
        (Topic.RPC, RpcAction.REQUEST, frozenset({"name", "correlation_id"})),
        (Topic.RPC, RpcAction.REQUEST, frozenset({"name", "correlation_id", "data"})),
        (Topic.RPC, RpcAction.ACCEPT, frozenset({"name", "correlation_id"})),
        (Topic.RPC, RpcAction.RESPONSE, frozenset({"name", "correlation_id"})),
        (Topic.RPC, RpcAction.RESPONSE, frozenset({"name", "correlation_id", "data"})),
    }
)
"""The messages that other clients get as they came: topic, action and all other fields."""

_PASSED_ON_ACTIONS = frozenset((topic, action) for topic, action, _ in _PASSED_ON)

_SHAPES: Final = frozenset(
    topic << 8 | action | sum(_BITS[name] for name in names) for topic, action, names in _PASSED_ON
)
"""The same, as the numbers that reading adds up."""

_Head = tuple[int, int, int, int, int, int]

_NO_HEAD = (-1, 0, 0, 0, 0, 0)
"""Of a frame that begins otherwise: none ends there."""


def is_passed_on(message: Message) -> bool:
    """Whether other clients get ``message`` as it is, given that it is written as the codec would."""
    topic, action = message.topic, message.action
    if (topic, action) not in _PASSED_ON_ACTIONS:
        return False
    names = frozenset(message.fields().keys() - {"topic", "action"})
    return (topic, action, names) in _PASSED_ON and (message.version is None or message.version >= 0)


def read_hot(payload: bytes) -> Message | None:
    """The message of a frame such as all writers make for the messages that matter; None for any other.

    That is: nothing but a topic and its message, below 16 KiB, of the few fields that most messages have,
    each once, in the order of their numbers, every length in as few bytes as possible. Such a frame is
    what other clients must get, so a message that is passed on has it as its ``binary``.

    A length of two bytes is ``low + ((high - 1) << 7)``: what comes out lies between 128 and 16383 if, and
    only if, the length has two bytes and needs both.
    """
    head = payload[:_SHORT_HEAD] if payload[0] < 128 else payload[:_LONG_HEAD]
    end, topic, action, shape, start, at = _HEADS[head]
    if end != len(payload):
        return None
    message = new_message(Message)
    message.topic = topic
    message.action = action
    if start:
        message.data = payload[start:at].decode()
        if at == end:  # as in a login
            return message
    if topic == _RPC:
        if payload[at] != _CALL_TAG or (size := payload[at + 1]) > 127:
            return None
        start = at + 2
        at = start + size
        if end - at > _LONGEST_CACHED or (name := _NAMES_OF_CALLS[payload[at:]]) is None:
            return None
        message.correlation_id = payload[start:at].decode()
        message.name = name
        if shape & _CALL:
            message.binary = payload
        return message
    tag = payload[at]
    at += 1
    if tag == _CALL_TAG:
        size = payload[at]
        start = at + 1
        at = start + size
        if at >= end or size > 127:
            return None
        message.correlation_id = payload[start:at].decode()
        shape |= _CALL
        tag = payload[at]
        at += 1
    if tag != _NAME_TAG:
        return None
    version = None
    if topic == _RECORD:
        low, high = payload[end - 2], payload[end - 1]
        if high < 128:
            if low == _VERSION_TAG:
                version = high
                end -= 1
            elif low > 127 and payload[end - 3] == _VERSION_TAG and high:
                version = low & 127 | high << 7
                end -= 2
            elif low > 127:
                version, end = _split_version(payload, end)
    tail = payload[at:end]
    rest = _TAILS[tail] if end - at <= _LONGEST_CACHED else _read_tail(tail)
    if rest is None and version is not None:  # a name that happens to end like a version
        version = None
        rest = _read_tail(payload[at:])
    if rest is None:
        return None
    message.name, is_write_ack, path, bits = rest
    if bits:
        if topic == _EVENT or (version is None) != (not bits & _VERSION):
            return None
        if is_write_ack is not None:
            message.is_write_ack = is_write_ack
        if path is not None:
            message.path = path
    elif version is not None:
        return None
    if version is not None:
        if version > 0x7FFFFFFF:
            bits |= _OTHER
            version = to_int(version)
        message.version = version
    if (shape | bits) in _SHAPES:
        message.binary = payload
    return message


def _read_head(head: bytes) -> _Head:
    """How a frame begins; messages of the same kind and sizes begin alike.

    Its end, topic, action, these and whether it has data as a shape, where its data starts, 0 if there is
    none, and where the next tag is. The shape says of a call that it is passed on if it has nothing else
    than an id.
    """
    if len(head) == _SHORT_HEAD:
        size, topic_tag, topic, message_tag, inner, action_tag, action, tag, data_size = head
        start = _SHORT_HEAD
        end = size + 1
        if inner != end - 5:
            return _NO_HEAD
    elif len(head) == _LONG_HEAD:
        low, high, topic_tag, topic, message_tag, inner, more, action_tag, action, tag, data_size, above = (
            head
        )
        start = _LONG_HEAD - 1
        end = 2 + low + ((high - 1) << 7)
        if inner < 128 or inner + ((more - 1) << 7) != end - 7 or not 134 < end < 16386:
            return _NO_HEAD
        if data_size > 127:
            data_size += (above - 1) << 7
            start += 1
            if not 127 < data_size < 16384:
                return _NO_HEAD
    else:
        return _NO_HEAD
    tags = topic_tag, message_tag, action_tag
    if tags != (_TOPIC_TAG, _MESSAGE_TAG, _ACTION_TAG) or action > 127 or topic not in _TOPICS:
        return _NO_HEAD
    shape = topic << 8 | action
    if tag != _DATA_TAG:
        if topic == _AUTH:
            return _NO_HEAD
        start, at = 0, _SHORT_HEAD - 2 if len(head) == _SHORT_HEAD else _LONG_HEAD - 3
    else:
        shape, at = shape | _DATA, start + data_size
        is_cut_off = at > end or (data_size > 127 and len(head) == _SHORT_HEAD)
        if is_cut_off or (at == end) != (topic == _AUTH):
            return _NO_HEAD
    return end, topic, action, shape | _CALL if shape | _CALL in _SHAPES else shape, start, at


def _split_version(payload: bytes, end: int) -> tuple[int | None, int]:
    """A version of three bytes or more that the message of a record ends with, and where it begins."""
    for start in range(end - 4, end - 12, -1):
        if payload[start] == _VERSION_TAG:
            version, at = read_varint(payload, start + 1)
            if at == end and payload[end - 1]:
                return version, start + 1
    return None, end


def _read_tail(tail: bytes) -> tuple[str, bool | None, str | None, int] | None:
    """What a message ends with, behind the tag of its name and up to its version.

    That is the name and, if it is about a record, isWriteAck, path and the version's tag; last what of these
    there is, as bits. None: something else, or something is cut off.
    """
    end = len(tail)
    size, at = tail[0], 1
    if size > 127:
        size += (tail[1] - 1) << 7
        at = 2
        if not 127 < size < 16384:
            return None
    start, at = at, at + size
    if at > end:
        return None
    name = tail[start:at].decode()
    is_write_ack = path = None
    bits = 0
    if at < end and tail[at] == 11 << 3:
        if at + 1 == end or tail[at + 1] > 1:
            return None
        is_write_ack = tail[at + 1] == 1
        at += 2
        bits = _OTHER
    if at < end and tail[at] == _PATH_TAG:
        if at + 2 >= end:
            return None
        size = tail[at + 1]
        at += 2
        if size > 127:
            size += (tail[at] - 1) << 7
            at += 1
            if not 127 < size < 16384:
                return None
        start, at = at, at + size
        if at >= end:
            return None
        path = tail[start:at].decode()
        bits |= _PATH
    if at < end and tail[at] == _VERSION_TAG:
        at += 1
        bits |= _VERSION
    return (name, is_write_ack, path, bits) if at == end else None


def _read_call_name(tail: bytes) -> str | None:
    """The name that a message of a call ends with; None if there is anything else."""
    if len(tail) < 2 or tail[0] != _NAME_OF_CALL_TAG or tail[1] > 127 or tail[1] != len(tail) - 2:
        return None
    return tail[2:].decode()


_HEADS: Final = Memo(_read_head, 4096)
_TAILS: Final = Memo(_read_tail, 4096)
_NAMES_OF_CALLS: Final = Memo(_read_call_name, 4096)
"""A client's messages mostly begin and end alike: the same sizes, a name that it knows, and a path."""
