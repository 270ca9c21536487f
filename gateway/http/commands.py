"""The commands of the HTTP API: JSON objects in, messages for the node out (PROTOCOL.md section 10)."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from deepstream_protocol.message import Message
from deepstream_protocol.topics import EventAction, PresenceAction, RecordAction, RpcAction, Topic
from gateway.http.replies import CALL_FAILURES, Reply, done, failure, headed, present, read, returned

Fields = Mapping[str, Any]


class InvalidCommand(ValueError):
    """A command that cannot be understood; the text is the reason, for the client."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """One row of the table of commands: its properties, its message, and what success looks like.

    ``failures`` are the answers that are none, but do not say of which action either.
    """

    required: tuple[str, ...]
    optional: tuple[str, ...]
    message: Callable[[Fields], Message]
    successes: tuple[int, ...]
    success: Callable[[Message], Reply]
    failures: tuple[int, ...] = ()


class Command:
    """A command that was understood: ``message`` asks for it, one of ``answers`` is the end of it."""

    __slots__ = ("_kind", "answers", "message")

    def __init__(self, kind: _Kind, message: Message) -> None:
        self._kind = kind
        self.message = message
        self.answers = kind.successes + kind.failures

    @property
    def lane(self) -> Hashable:
        """Commands of the same lane are carried out in their order: all events, and those of a record."""
        message = self.message
        if message.topic == Topic.EVENT:
            return Topic.EVENT
        return message.name if message.topic == Topic.RECORD and message.name is not None else self

    def reply(self, answer: Message | None) -> Reply:
        """What the client is told; ``answer`` is None if there is none to wait for and no error came."""
        if answer is None:
            return {"success": True}
        if answer.topic == self.message.topic and answer.action in self._kind.successes:
            return self._kind.success(answer)
        return failure(self.message, answer)


def parse(given: Any) -> Command:
    """The command in ``given``; raises InvalidCommand unless it has all and only its properties."""
    if not isinstance(given, dict):
        raise InvalidCommand("a command must be an object")
    kind = _kind_of(given)
    topic = given["topic"]
    for name in kind.required:
        if name not in given:
            raise InvalidCommand(f"property '{name}' is required for topic '{topic}'")
    for name, value in given.items():
        if name not in ("topic", "action", *kind.required, *kind.optional):
            raise InvalidCommand(f"property '{name}' is unknown for topic '{topic}'")
        _check_value(given, name, value)
    return Command(kind, kind.message(given))


def _kind_of(given: Fields) -> _Kind:
    topic, action = given.get("topic"), given.get("action")
    for name, value in (("topic", topic), ("action", action)):
        if not isinstance(value, str):
            raise InvalidCommand(f"property '{name}' is required, and must be a text")
    kind = _KINDS.get((topic, action))  # type: ignore[arg-type]
    if kind is None:
        known = ", ".join(f"{topic} {action}" for topic, action in _KINDS)
        raise InvalidCommand(f"there is no '{topic} {action}', but: {known}")
    return kind


def _check_value(given: Fields, name: str, value: Any) -> None:
    if name.endswith("Name") or name == "path":
        valid, wanted = isinstance(value, str) and value != "", "a text that is not empty"
    elif name in ("names", "recordNames"):
        valid, wanted = _is_names(value), "a list of texts"
    elif name == "version":
        valid, wanted = type(value) is int and -1 <= value < 2**31, "a whole number from -1 on"
    elif name == "data" and given["topic"] == "list":
        valid, wanted = _is_names(value), "a list of texts"
    elif name == "data" and given["topic"] == "record" and "path" not in given:
        valid, wanted = isinstance(value, dict | list), "an object or an array"
    else:
        return
    if not valid:
        raise InvalidCommand(f"property '{name}' must be {wanted}")


def _is_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _with_data(message: Message, given: Fields) -> Message:
    if "data" in given:
        try:
            message.data = orjson.dumps(given["data"]).decode()
        except TypeError:  # it can be read, but not written again
            raise InvalidCommand("property 'data' must be less deeply nested") from None
    return message


def _emit(given: Fields) -> Message:
    return _with_data(Message(Topic.EVENT, EventAction.EMIT, name=given["eventName"]), given)


def _request(given: Fields) -> Message:
    return _with_data(Message(Topic.RPC, RpcAction.REQUEST, name=given["rpcName"]), given)


def _named(action: RecordAction) -> Callable[[Fields], Message]:
    """A message about one record or list, which is a record to the server."""

    def message(given: Fields) -> Message:
        name = given["listName"] if given["topic"] == "list" else given["recordName"]
        return Message(Topic.RECORD, action, name=name)

    return message


def _write(given: Fields) -> Message:
    action = RecordAction.CREATEANDPATCH if "path" in given else RecordAction.CREATEANDUPDATE
    message = _named(action)(given)
    message.is_write_ack = True
    message.version = given.get("version", -1)
    message.path = given.get("path")
    return _with_data(message, given)


def _notify(given: Fields) -> Message:
    return Message(Topic.RECORD, RecordAction.NOTIFY, names=given["recordNames"])


def _query(given: Fields) -> Message:
    if "names" not in given:
        return Message(Topic.PRESENCE, PresenceAction.QUERY_ALL)
    return Message(Topic.PRESENCE, PresenceAction.QUERY, names=given["names"])


_READ = _named(RecordAction.READ)
_HEAD = _named(RecordAction.HEAD)
_DELETE = _named(RecordAction.DELETE)
_WRITTEN = (RecordAction.WRITE_ACKNOWLEDGEMENT,)
_DELETED = (RecordAction.DELETE_SUCCESS,)
_ONLINE = (PresenceAction.QUERY_RESPONSE, PresenceAction.QUERY_ALL_RESPONSE)

_KINDS: dict[tuple[str, str], _Kind] = {
    ("event", "emit"): _Kind(("eventName",), ("data",), _emit, (), done),
    ("rpc", "make"): _Kind(("rpcName",), ("data",), _request, (RpcAction.RESPONSE,), returned, CALL_FAILURES),
    ("record", "read"): _Kind(("recordName",), (), _READ, (RecordAction.READ_RESPONSE,), read),
    ("record", "head"): _Kind(("recordName",), (), _HEAD, (RecordAction.HEAD_RESPONSE,), headed),
    ("record", "write"): _Kind(("recordName", "data"), ("version", "path"), _write, _WRITTEN, done),
    ("record", "delete"): _Kind(("recordName",), (), _DELETE, _DELETED, done),
    ("record", "notify"): _Kind(("recordNames",), (), _notify, (RecordAction.NOTIFY,), done),
    ("list", "read"): _Kind(("listName",), (), _READ, (RecordAction.READ_RESPONSE,), read),
    ("list", "write"): _Kind(("listName", "data"), ("version",), _write, _WRITTEN, done),
    ("list", "delete"): _Kind(("listName",), (), _DELETE, _DELETED, done),
    ("presence", "query"): _Kind((), ("names",), _query, _ONLINE, present),
}
