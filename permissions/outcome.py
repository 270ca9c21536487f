"""What a rule sees as ``data``: for a write to a record, what the record would be after it (VALVE.md)."""

from __future__ import annotations

from typing import Any

from deepstream_protocol.errors import ProtocolError
from deepstream_protocol.message import Message
from deepstream_protocol.paths import PathError
from deepstream_protocol.writes import written
from permissions.javascript import RuleError, undefined


def payload(message: Message) -> Any:
    """An event's or RPC's data; undefined where there is none, ``RuleError`` where it is no JSON."""
    if message.data is None:
        return undefined
    try:
        return message.value()
    except ProtocolError as error:
        raise RuleError(str(error)) from error


def after_write(message: Message, current: Any) -> Any:
    """The data that a record with ``current`` has once ``message`` is applied; ``current`` stays as it was.

    ``RuleError`` where the write cannot be applied.
    """
    try:
        return written(message, current)
    except (ProtocolError, PathError) as error:
        raise RuleError(str(error)) from error
