"""Which fields each topic's message has on the binary wire: number, kind and attribute.

The facts of ``deepstream.proto`` as the tables that the binary codec runs on; a test holds the two
against each other.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from .topics import Topic


class Kind(Enum):
    """What a field holds: ``(wire type, what it is)``."""

    INT = (0, "int32, a varint; a negative one takes ten bytes")
    BOOL = (0, "bool, a varint")
    STRING = (2, "UTF-8 text behind its length")
    STRINGS = (2, "repeated text, one field for each")
    COUNTS = (2, "map of text to int32, one field for each entry")


class Field(NamedTuple):
    """One field of a topic's message."""

    number: int
    attribute: str
    kind: Kind

    @property
    def tag(self) -> int:
        """The byte that announces the field: all numbers are below 16, so it is a single one."""
        return self.number << 3 | int(self.kind.value[0])


_KINDS = {
    "is_ack": Kind.BOOL,
    "is_error": Kind.BOOL,
    "is_write_ack": Kind.BOOL,
    "action": Kind.INT,
    "version": Kind.INT,
    "original_topic": Kind.INT,
    "original_action": Kind.INT,
    "names": Kind.STRINGS,
    "versions": Kind.COUNTS,
}


def kind_of(attribute: str) -> Kind:
    """What ``attribute`` of a message holds; it is the same in every topic and wire format."""
    return _KINDS.get(attribute, Kind.STRING)


def _fields(**numbers: int) -> tuple[Field, ...]:
    ordered = sorted((number, attribute) for attribute, number in numbers.items())
    return tuple(Field(number, attribute, kind_of(attribute)) for number, attribute in ordered)


SCHEMA: dict[int, tuple[Field, ...]] = {
    Topic.PARSER: _fields(action=1, data=2, original_topic=8, original_action=9),
    Topic.CONNECTION: _fields(
        action=1, data=2, is_error=3, is_ack=4, url=5, protocol_version=6, sdk_version=7, sdk_type=8
    ),
    Topic.AUTH: _fields(action=1, data=2, is_error=3, is_ack=4),
    Topic.EVENT: _fields(
        action=1,
        data=2,
        correlation_id=3,
        is_error=4,
        is_ack=5,
        name=6,
        names=7,
        subscription=8,
        original_topic=10,
        original_action=11,
    ),
    Topic.RECORD: _fields(
        action=1,
        data=2,
        correlation_id=3,
        is_error=4,
        is_ack=5,
        name=6,
        names=7,
        pattern=8,
        subscription=9,
        original_action=10,
        is_write_ack=11,
        path=12,
        version=13,
        versions=14,
    ),
    Topic.RPC: _fields(
        action=1,
        data=2,
        correlation_id=3,
        is_error=4,
        is_ack=5,
        names=6,
        name=7,
        original_action=9,
        requestor_name=10,
        requestor_data=11,
    ),
    Topic.PRESENCE: _fields(
        action=1,
        original_topic=2,
        original_action=3,
        data=4,
        correlation_id=5,
        is_error=6,
        is_ack=7,
        name=8,
        names=9,
    ),
}
"""The fields of each topic that is on the wire, in the order of their numbers."""
