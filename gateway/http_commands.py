"""The commands of the HTTP API: JSON objects in, protocol messages out, replies back (PROTOCOL.md 10)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from deepstream_protocol.message import Message
from deepstream_protocol.topics import EventAction, PresenceAction, RecordAction, RpcAction, Topic
from gateway.caller import Caller

Reply = dict[str, Any]
Command = Mapping[str, Any]


class InvalidCommand(ValueError):
    """A command that cannot be understood; the text is the reason, for the client."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """One row of the table of commands: its properties, and what runs it."""

    required: tuple[str, ...]
    optional: tuple[str, ...]
    run: Callable[[Caller, Command, float], Awaitable[Reply]]


def check(command: Any) -> None:
    """Raise InvalidCommand unless ``command`` is one of the table's, with all and only its properties."""
    if not isinstance(command, dict):
        raise InvalidCommand("a command is an object")
    topic, action = command.get("topic"), command.get("action")
    kind = _KINDS.get((topic, action)) if isinstance(topic, str) and isinstance(action, str) else None
    if kind is None:
        raise InvalidCommand(f"there is no action {action!r} of topic {topic!r}")
    for name in kind.required:
        if name not in command:
            raise InvalidCommand(f"property '{name}' is required for topic '{topic}'")
    for name, value in command.items():
        if name not in ("topic", "action", *kind.required, *kind.optional):
            raise InvalidCommand(f"property '{name}' is unknown for topic '{topic}'")
        _check_value(command, name, value)


def _check_value(command: Command, name: str, value: Any) -> None:
    if name.endswith("Name") or name == "path":
        valid, wanted = isinstance(value, str) and value != "", "a text that is not empty"
    elif name in ("names", "recordNames"):
        valid, wanted = _is_names(value), "a list of texts"
    elif name == "version":
        valid, wanted = type(value) is int and -1 <= value < 2**31, "a whole number from -1 on"
    elif name == "data" and command["topic"] == "list":
        valid, wanted = _is_names(value), "a list of texts"
    elif name == "data" and command["topic"] == "record" and "path" not in command:
        valid, wanted = isinstance(value, dict | list), "an object or an array"
    else:
        return
    if not valid:
        raise InvalidCommand(f"property '{name}' must be {wanted}")


def _is_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


async def run(caller: Caller, command: Command, timeout: float) -> Reply:
    """Do what a checked command says; ``timeout`` in seconds bounds the wait for its answer."""
    kind = _KINDS[command["topic"], command["action"]]
    try:
        return await kind.run(caller, command, timeout)
    except TimeoutError:
        return {
            "success": False,
            "error": f"no answer within {timeout:g} s",
            "errorTopic": "connection",
            "errorEvent": "HTTP_REQUEST_TIMEOUT",
        }


def _text(value: Any) -> str:
    return orjson.dumps(value).decode()


def _failed(topic: str, message: Message, error: str) -> Reply:
    return {"success": False, "error": error, "errorTopic": topic, "errorEvent": int(message.action)}


def _denied(topic: str, message: Message) -> Reply:
    actions = {"record": RecordAction, "rpc": RpcAction, "presence": PresenceAction}[topic]
    action = actions(message.original_action or 0)
    reply = _failed(topic, message, f'Message denied. Action "{action.name}" is not permitted.')
    return reply | {"action": int(action), "errorAction": action.name}


async def _emit(caller: Caller, command: Command, timeout: float) -> Reply:
    message = Message(Topic.EVENT, EventAction.EMIT, name=command["eventName"])
    if "data" in command:
        message.data = _text(command["data"])
    error = await caller.tell(message, timeout=timeout)
    if error is None:
        return {"success": True}
    return {
        "success": False,
        "error": "Message denied. Action 'emit' is not permitted.",
        "errorTopic": "event",
        "errorEvent": EventAction(error.action).name,
        "errorAction": "emit",
    }


async def _make(caller: Caller, command: Command, timeout: float) -> Reply:
    name = command["rpcName"]
    message = Message(Topic.RPC, RpcAction.REQUEST, name=name)
    if "data" in command:
        message.data = _text(command["data"])
    ends = (
        RpcAction.RESPONSE,
        RpcAction.REQUEST_ERROR,
        RpcAction.NO_RPC_PROVIDER,
        RpcAction.ACCEPT_TIMEOUT,
        RpcAction.RESPONSE_TIMEOUT,
    )
    answer = await caller.ask(message, *ends, timeout=timeout)
    if answer.action == RpcAction.RESPONSE:
        return {"success": True, "data": answer.value()}
    if answer.action == RpcAction.REQUEST_ERROR:
        return {"success": False, "error": answer.value(), "errorTopic": "rpc"}
    if answer.action in (RpcAction.MESSAGE_DENIED, RpcAction.MESSAGE_PERMISSION_ERROR):
        return _denied("rpc", answer)
    texts = {
        RpcAction.NO_RPC_PROVIDER: f'No provider was available to handle the RPC "{name}".',
        RpcAction.ACCEPT_TIMEOUT: f'No provider accepted the RPC "{name}" in time.',
        RpcAction.RESPONSE_TIMEOUT: f'The provider did not answer the RPC "{name}" in time.',
    }
    return _failed("rpc", answer, texts.get(RpcAction(answer.action), RpcAction(answer.action).name))


def _record_error(answer: Message, verb: str, name: str) -> Reply:
    """What went wrong with a record; a conflict shows what is there."""
    action = RecordAction(answer.action)
    if action in (RecordAction.MESSAGE_DENIED, RecordAction.MESSAGE_PERMISSION_ERROR):
        return _denied("record", answer)
    if action == RecordAction.RECORD_NOT_FOUND:
        return _failed("record", answer, f'Record {verb} failed. Record "{name}" could not be found.')
    if action not in (RecordAction.VERSION_EXISTS, RecordAction.INVALID_VERSION):
        return _failed("record", answer, f'Record {verb} failed. {action.name} for record "{name}".')
    what = "exists" if action == RecordAction.VERSION_EXISTS else "is not valid"
    error = f'Record update failed. Version {answer.version} {what} for record "{name}".'
    reply = _failed("record", answer, error)
    return reply | {"currentVersion": answer.version, "currentData": answer.value()}


async def _read(caller: Caller, command: Command, timeout: float) -> Reply:
    name = _record_name(command)
    message = Message(Topic.RECORD, RecordAction.READ, name=name)
    answer = await caller.ask(message, RecordAction.READ_RESPONSE, timeout=timeout)
    if answer.action != RecordAction.READ_RESPONSE:
        return _record_error(answer, "read", name)
    return {"success": True, "version": answer.version, "data": answer.value()}


async def _head(caller: Caller, command: Command, timeout: float) -> Reply:
    name = _record_name(command)
    message = Message(Topic.RECORD, RecordAction.HEAD, name=name)
    answer = await caller.ask(message, RecordAction.HEAD_RESPONSE, timeout=timeout)
    if answer.action != RecordAction.HEAD_RESPONSE:
        return _record_error(answer, "head", name)
    return {"success": True, "version": answer.version}


async def _write(caller: Caller, command: Command, timeout: float) -> Reply:
    name = _record_name(command)
    action = RecordAction.CREATEANDPATCH if "path" in command else RecordAction.CREATEANDUPDATE
    message = Message(Topic.RECORD, action, name=name, is_write_ack=True)
    message.version = command.get("version", -1)
    message.data = _text(command["data"])
    if "path" in command:
        message.path = command["path"]
    answer = await caller.ask(message, RecordAction.WRITE_ACKNOWLEDGEMENT, timeout=timeout)
    if answer.action != RecordAction.WRITE_ACKNOWLEDGEMENT:
        return _record_error(answer, "update", name)
    return {"success": True}


async def _delete(caller: Caller, command: Command, timeout: float) -> Reply:
    name = _record_name(command)
    message = Message(Topic.RECORD, RecordAction.DELETE, name=name)
    answer = await caller.ask(message, RecordAction.DELETE_SUCCESS, timeout=timeout)
    if answer.action != RecordAction.DELETE_SUCCESS:
        return _record_error(answer, "delete", name)
    return {"success": True}


async def _notify(caller: Caller, command: Command, timeout: float) -> Reply:
    message = Message(Topic.RECORD, RecordAction.NOTIFY, names=command["recordNames"])
    answer = await caller.ask(message, RecordAction.NOTIFY, timeout=timeout)
    if answer.action != RecordAction.NOTIFY:
        return _record_error(answer, "notify", answer.name or "")
    return {"success": True}


async def _query(caller: Caller, command: Command, timeout: float) -> Reply:
    if "names" not in command:
        message = Message(Topic.PRESENCE, PresenceAction.QUERY_ALL)
        answer = await caller.ask(message, PresenceAction.QUERY_ALL_RESPONSE, timeout=timeout)
        users: Any = answer.names or []
    else:
        message = Message(Topic.PRESENCE, PresenceAction.QUERY, names=command["names"])
        answer = await caller.ask(message, PresenceAction.QUERY_RESPONSE, timeout=timeout)
        users = answer.value()
    if answer.original_action is not None:
        return _denied("presence", answer)
    return {"success": True, "users": users}


def _record_name(command: Command) -> str:
    return str(command["listName"] if command["topic"] == "list" else command["recordName"])


_KINDS: dict[tuple[str, str], _Kind] = {
    ("event", "emit"): _Kind(("eventName",), ("data",), _emit),
    ("rpc", "make"): _Kind(("rpcName",), ("data",), _make),
    ("record", "read"): _Kind(("recordName",), (), _read),
    ("record", "head"): _Kind(("recordName",), (), _head),
    ("record", "write"): _Kind(("recordName", "data"), ("version", "path"), _write),
    ("record", "delete"): _Kind(("recordName",), (), _delete),
    ("record", "notify"): _Kind(("recordNames",), (), _notify),
    ("list", "read"): _Kind(("listName",), (), _read),
    ("list", "write"): _Kind(("listName", "data"), ("version",), _write),
    ("list", "delete"): _Kind(("listName",), (), _delete),
    ("presence", "query"): _Kind((), ("names",), _query),
}
