"""What a rule sees as ``data``: for a write to a record, what the record would be after it (VALVE.md)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from deepstream_protocol.errors import ProtocolError
from deepstream_protocol.message import Message
from deepstream_protocol.paths import PathError, erase_path, set_path
from deepstream_protocol.topics import RecordAction
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
        return _WRITES[message.action](message, current)
    except (ProtocolError, PathError) as error:
        raise RuleError(str(error)) from error


def _replaced(message: Message, _: Any) -> Any:
    if message.data is None:
        raise RuleError("a write without data")
    return message.value()


def _patched(message: Message, current: Any) -> Any:
    if message.data is None:  # a path that is set to nothing is taken away
        return erase_path(current, message.path or "")
    return set_path(current, message.path or "", message.value())


def _patched_often(message: Message, current: Any) -> Any:
    patches = message.value()
    if not isinstance(patches, list):
        raise RuleError("the data of PATCH_MULTI is no array")
    for patch in patches:
        if not isinstance(patch, dict) or not isinstance(patch.get("path"), str):
            raise RuleError("an entry of PATCH_MULTI has no path")
        if "data" in patch:
            current = set_path(current, patch["path"], patch["data"])
        else:
            current = erase_path(current, patch["path"])
    return current


_WRITES: dict[int, Callable[[Message, Any], Any]] = {
    RecordAction.UPDATE: _replaced,
    RecordAction.CREATEANDUPDATE: _replaced,
    RecordAction.PATCH: _patched,
    RecordAction.CREATEANDPATCH: _patched,
    RecordAction.PATCH_MULTI: _patched_often,
}
