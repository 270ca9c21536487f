"""Questions that people put to the rules: "may Jane write this?", as the message that a client would send."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

import orjson

from deepstream_protocol.message import Message
from deepstream_protocol.topics import EventAction, PresenceAction, RecordAction, RpcAction, Topic
from permissions.reader import Known, RecordReader

ACTIONS: Mapping[str, tuple[Topic, int]] = {
    "record.create": (Topic.RECORD, RecordAction.SUBSCRIBECREATEANDREAD),
    "record.read": (Topic.RECORD, RecordAction.READ),
    "record.write": (Topic.RECORD, RecordAction.UPDATE),
    "record.patch": (Topic.RECORD, RecordAction.PATCH),
    "record.delete": (Topic.RECORD, RecordAction.DELETE),
    "record.listen": (Topic.RECORD, RecordAction.LISTEN),
    "record.notify": (Topic.RECORD, RecordAction.NOTIFY),
    "event.publish": (Topic.EVENT, EventAction.EMIT),
    "event.subscribe": (Topic.EVENT, EventAction.SUBSCRIBE),
    "event.listen": (Topic.EVENT, EventAction.LISTEN),
    "rpc.provide": (Topic.RPC, RpcAction.PROVIDE),
    "rpc.request": (Topic.RPC, RpcAction.REQUEST),
    "presence.allow": (Topic.PRESENCE, PresenceAction.SUBSCRIBE),
}
"""What can be asked about: a rule type of each section, as a client's message that needs it."""

ABSENT: Final[Any] = object()
"""Stands for a value that was not given, which is not the same as ``null``."""


class InvalidQuestion(ValueError):
    """What was asked is not something that a client could send; the text says what is missing."""


def message_for(action: str, name: str, *, data: Any = ABSENT, path: str | None = None) -> Message:
    """The message of a client that does ``action``, one of ``ACTIONS``; raises ``InvalidQuestion``.

    ``data`` is what is written, published or requested; ``path`` says where in the record a patch goes.
    """
    if action not in ACTIONS:
        raise InvalidQuestion(f"There is no action {action!r}: choose one of {', '.join(ACTIONS)}.")
    message = Message(*ACTIONS[action], name=name)
    if action in ("record.write", "record.patch"):
        message.version = -1
    if action == "record.patch" and (path is None or data is ABSENT):
        raise InvalidQuestion("record.patch needs a path and data.")
    if data is not ABSENT:
        message.data = _json(data)
    elif action == "record.write":
        message.data = "{}"
    if path is not None:
        message.path = path
    return message


def _json(data: Any) -> str:
    try:
        return orjson.dumps(data).decode()
    except TypeError as error:
        raise InvalidQuestion(f"The data cannot be sent as JSON: {error}.") from None


class GivenRecords:
    """Records that are ``given`` in the place of what ``beneath`` knows; a given None is a missing record."""

    def __init__(self, given: Mapping[str, Known], beneath: RecordReader) -> None:
        self.given = given
        self._beneath = beneath

    def peek(self, name: str) -> Known:
        """See ``RecordReader.peek``."""
        return self.given[name] if name in self.given else self._beneath.peek(name)

    async def load(self, names: Collection[str]) -> None:
        """See ``RecordReader.load``."""
        await self._beneath.load([name for name in names if name not in self.given])
