"""Which messages can be writes at all, whatever the record they are for."""

from __future__ import annotations

from typing import Any, Final

from deepstream_protocol.errors import ProtocolError
from deepstream_protocol.message import Message
from deepstream_protocol.paths import PathError, tokenize
from deepstream_protocol.topics import RecordAction

MAX_DEPTH: Final = 200
"""Arrays and objects within one another in a record; JSON writers give up somewhat above 250."""


MAX_PATCHES = 1000
"""Entries of one PATCH_MULTI; each copies what is on its way."""


_WHOLE: Final = frozenset(map(int, (RecordAction.UPDATE, RecordAction.CREATEANDUPDATE)))
_PATCH_MULTI: Final = int(RecordAction.PATCH_MULTI)


def is_writable(message: Message) -> bool:
    """Whether ``message`` can be a write at all, whatever the record: its data and path are such."""
    try:
        value, action = message.value(), message.action
    except ProtocolError:
        return False
    if action in _WHOLE:
        return isinstance(value, dict | list) and _fits(message.data, value, 0)
    if action == _PATCH_MULTI:
        return isinstance(value, list) and 0 < len(value) <= MAX_PATCHES and all(map(_is_patch, value))
    return message.path is not None and _fits(message.data, value, _depth_of(message.path))


def _is_patch(entry: Any) -> bool:
    if not isinstance(entry, dict) or not isinstance(entry.get("path"), str):
        return False
    return _is_shallow(entry.get("data"), _depth_of(entry["path"]))


def _depth_of(path: str) -> int:
    try:
        return len(tokenize(path))
    except PathError:
        return MAX_DEPTH + 1


def _fits(text: str | None, value: Any, depth: int) -> bool:
    """Whether ``value``, written as ``text`` and put ``depth`` steps down, keeps the record shallow enough.

    A short text has no room for more, and counting brackets is enough for all but unusual values.
    """
    if text is None or depth + len(text) <= MAX_DEPTH:
        return depth <= MAX_DEPTH
    if depth + text.count("{") + text.count("[") <= MAX_DEPTH:
        return True
    return _is_shallow(value, depth)


def _is_shallow(value: Any, depth: int) -> bool:
    level = [value] if isinstance(value, dict | list) else []
    while level and depth <= MAX_DEPTH:
        depth += 1
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
    return depth <= MAX_DEPTH
