"""The JSON wire format of ``/deepstream-json``: one object a frame (PROTOCOL.md section 1).

An official client with ``jsonTransportMode`` sends its message with ``parsedData``, the value, and
``data``, its JSON text, the latter only where the value is truthy; and it always sends ``isAck``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeGuard

import orjson

from .errors import ProtocolError, UnknownTopic
from .message import FIELDS, Message
from .schema import SCHEMA, Kind, kind_of

_WIRE_NAMES = {"topic": "topic", "action": "action", **FIELDS}
_KEYS = {key: (attribute, kind_of(attribute)) for attribute, key in FIELDS.items() if attribute != "data"}


def _fits(number: int) -> bool:
    return -0x80000000 <= number <= 0x7FFFFFFF


def _is_int(value: object) -> TypeGuard[int]:
    return type(value) is int and _fits(value)


def _is_strings(value: object) -> bool:
    return type(value) is list and all(type(item) is str for item in value)


def _is_counts(value: object) -> bool:
    return type(value) is dict and all(map(_is_int, value.values()))


_CHECKS: dict[Kind, Callable[[Any], bool]] = {
    Kind.INT: _is_int,
    Kind.BOOL: lambda value: type(value) is bool,
    Kind.STRING: lambda value: type(value) is str,
    Kind.STRINGS: _is_strings,
    Kind.COUNTS: _is_counts,
}


class JsonCodec:
    """Text frames with one JSON object each, in and out."""

    name = "json"
    binary = False

    def decode(self, payload: str) -> list[Message]:
        """The one message in ``payload``; keys that are none of its fields are ignored, null is absent.

        Raises ProtocolError for anything else, UnknownTopic for a topic that has no messages.
        """
        try:
            found = orjson.loads(payload)
        except ValueError as error:
            raise ProtocolError(f"no JSON: {error}") from None
        if type(found) is not dict:
            raise ProtocolError("a message is a JSON object")
        return [_read(found)]

    def encode(self, message: Message) -> str:
        """``message`` as JSON text, with all its fields under their names on the wire.

        Raises ProtocolError for text with a lone surrogate and for a number of more than 32 bits,
        UnknownTopic for a topic that clients have no messages about.
        """
        if message.topic not in SCHEMA:
            raise UnknownTopic(message.topic)
        fields = {_WIRE_NAMES[attribute]: value for attribute, value in message.fields().items()}
        if not all(map(_fits, _numbers(message))):
            raise ProtocolError("a number of more than 32 bits")
        try:
            return orjson.dumps(fields).decode()
        except TypeError as error:
            raise ProtocolError(f"no message can be made: {error}") from None


def _numbers(message: Message) -> Iterable[int]:
    found = (message.version, message.original_action, message.original_topic)
    present = [number for number in found if number is not None]
    return [*present, *message.versions.values()] if message.versions else present


def _read(found: dict[str, Any]) -> Message:
    topic, action = found.get("topic", 0), found.get("action", 0)
    if not _is_int(topic) or not _is_int(action):
        raise ProtocolError("topic and action are numbers")
    if topic not in SCHEMA:
        raise UnknownTopic(topic)
    fields: dict[str, Any] = {"topic": topic, "action": action}
    for key, value in found.items():
        if value is not None and (known := _KEYS.get(key)) is not None:
            attribute, kind = known
            if not _CHECKS[kind](value):
                raise ProtocolError(f"{key} has the wrong type")
            fields[attribute] = value
    if (data := _data(found)) is not None:
        fields["data"] = data
    return Message(**fields)


def _data(found: dict[str, Any]) -> str | None:
    """The JSON text: ``data`` where it is text, else what ``parsedData``, which may be null, makes."""
    data = found.get("data")
    if type(data) is str:
        return data
    if "parsedData" in found:
        try:
            return orjson.dumps(found["parsedData"]).decode()
        except TypeError as error:
            raise ProtocolError(f"parsedData cannot be written: {error}") from None
    if data is None:
        return None
    raise ProtocolError("data is JSON text")
