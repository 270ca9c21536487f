"""What a write makes of a record's data (PROTOCOL.md section 5): one answer for the store and the rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from .errors import ProtocolError
from .message import Message
from .paths import Room, erase_path, set_path
from .topics import RecordAction

_RECORD: Final = (dict, list)


def written(message: Message, current: Any, room: Room | None = None) -> Any:
    """The data that a record with ``current`` has once ``message`` is applied; ``current`` stays as it was.

    ``room`` tells afterwards how many nulls filled gaps. Raises ProtocolError for data that is none,
    PathError (also a ValueError) for a path that leads nowhere.
    """
    return _WRITES[message.action](message, current, room)


def _replace(message: Message, _: Any, __: Room | None) -> Any:
    value = message.value()
    if not isinstance(value, _RECORD):
        raise ProtocolError("a record is an object or an array")
    return value


def _patch(message: Message, current: Any, room: Room | None) -> Any:
    if message.data is None:  # a path that is set to nothing is taken away
        return _erase(message, current, room)
    return set_path(current, message.path or "", message.value(), room)


def _erase(message: Message, current: Any, room: Room | None) -> Any:
    return erase_path(current, message.path or "", room)


def _patch_multi(message: Message, current: Any, room: Room | None) -> Any:
    room = room or Room()  # one for all of its paths
    patches = message.value()
    if not isinstance(patches, list):
        raise ProtocolError("the data of PATCH_MULTI is an array")
    for patch in patches:
        if not isinstance(patch, dict) or not isinstance(patch.get("path"), str):
            raise ProtocolError("an entry of PATCH_MULTI has a path")
        path = patch["path"]
        if "data" in patch:
            current = set_path(current, path, patch["data"], room)
        else:
            current = erase_path(current, path, room)
    return current


_WRITES: Final[dict[int, Callable[[Message, Any, Room | None], Any]]] = {
    RecordAction.UPDATE: _replace,
    RecordAction.CREATEANDUPDATE: _replace,
    RecordAction.PATCH: _patch,
    RecordAction.CREATEANDPATCH: _patch,
    RecordAction.ERASE: _erase,
    RecordAction.PATCH_MULTI: _patch_multi,
}
