"""What the HTTP API replies to a command, from the message that answered it (PROTOCOL.md section 10).

The texts are those of the reference server, which existing callers may look for.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from deepstream_protocol.message import Message
from deepstream_protocol.topics import ACTIONS, RecordAction, RpcAction, Topic

Reply = dict[str, Any]

TIMED_OUT: Reply = {
    "success": False,
    "error": "Request exceeded timeout before a response was received.",
    "errorTopic": "connection",
    "errorEvent": "HTTP_REQUEST_TIMEOUT",
}
"""To a command that has no answer when the time of its request is over."""

FAULT: Reply = {
    "success": False,
    "error": "The server made a mistake; its log says which.",
    "errorTopic": "connection",
    "errorEvent": "INTERNAL_ERROR",
}

_SECTIONS = {Topic.EVENT: "event", Topic.RECORD: "record", Topic.RPC: "rpc", Topic.PRESENCE: "presence"}
_DENIED = ("MESSAGE_DENIED", "MESSAGE_PERMISSION_ERROR")
_VERBS = {
    RecordAction.READ: "read",
    RecordAction.HEAD: "head",
    RecordAction.CREATEANDUPDATE: "update",
    RecordAction.CREATEANDPATCH: "update",
    RecordAction.DELETE: "delete",
    RecordAction.NOTIFY: "notify",
}
_REASONS = {
    RecordAction.RECORD_NOT_FOUND: 'Record "{name}" could not be found.',
    RecordAction.VERSION_EXISTS: 'Version {version} exists for record "{name}".',
    RecordAction.INVALID_VERSION: 'Version {version} is not valid for record "{name}".',
    RecordAction.INVALID_MESSAGE_DATA: 'The data or the path is not possible for record "{name}".',
    RecordAction.RECORD_CREATE_ERROR: 'Record "{name}" cannot be created: is the name possible?',
    RecordAction.INVALID_PATCH_ON_HOTPATH: 'Record "{name}" is written as a whole only, without path.',
    RecordAction.RECORD_UPDATE_ERROR: 'The store did not take record "{name}".',
    RecordAction.RECORD_DELETE_ERROR: 'The store did not delete record "{name}".',
    RecordAction.RECORD_LOAD_ERROR: 'The store did not give record "{name}".',
    RecordAction.STORAGE_RETRIEVAL_TIMEOUT: 'The store did not give record "{name}" in time.',
    RecordAction.RECORD_NOTIFY_ERROR: "The store did not give all records.",
}
_CALL_TEXTS = {
    RpcAction.NO_RPC_PROVIDER: 'No provider was available to handle the RPC "{name}".',
    RpcAction.ACCEPT_TIMEOUT: 'No provider accepted the RPC "{name}" in time.',
    RpcAction.RESPONSE_TIMEOUT: 'The provider did not answer the RPC "{name}" in time.',
}
CALL_FAILURES = (RpcAction.REQUEST_ERROR, *_CALL_TEXTS)
"""The ends of a call that are not the provider's response."""


def failure(asked: Message, answer: Message) -> Reply:
    """To a command that failed: ``answer`` is the error that its message ``asked`` got."""
    if answer.topic == Topic.PARSER:
        return _turned_off(asked, answer)
    action = _named(answer.topic, answer.action)
    if action.name in _DENIED:
        return _denied(asked, action)
    if answer.topic == Topic.RPC:
        return _failed_call(asked, answer, action)
    if answer.topic == Topic.RECORD:
        return _failed_record(asked, answer, action)
    return _error(asked, int(action), f"The server answered {action.name}.")


def _error(asked: Message, event: int | str, text: str) -> Reply:
    return {"success": False, "error": text, "errorTopic": _SECTIONS[Topic(asked.topic)], "errorEvent": event}


def _turned_off(asked: Message, answer: Message) -> Reply:
    section = _SECTIONS[Topic(asked.topic)]
    reply = _error(
        asked, answer.action, f'This server does without it: "{section}" is off in enabledFeatures.'
    )
    return reply | {"errorTopic": "parser"}


def _denied(asked: Message, action: IntEnum) -> Reply:
    """By a rule, or because a rule could not be evaluated; a denied emit looks different to clients."""
    is_emit = asked.topic == Topic.EVENT
    asked_for = "emit" if is_emit else _named(asked.topic, asked.action).name
    quoted = "'emit'" if is_emit else f'"{asked_for}"'
    if action.name == "MESSAGE_DENIED":
        text = f"Message denied. Action {quoted} is not permitted."
    else:
        text = f"Message denied. The rule for action {quoted} could not be evaluated."
    reply = _error(asked, action.name if is_emit else int(action), text) | {"errorAction": asked_for}
    return reply if is_emit else reply | {"action": int(asked.action)}


def _failed_call(asked: Message, answer: Message, action: IntEnum) -> Reply:
    if action == RpcAction.REQUEST_ERROR:
        return {"success": False, "error": answer.value(), "errorTopic": "rpc"}
    text = _CALL_TEXTS.get(RpcAction(action), f'The RPC "{{name}}" failed: {action.name}.')
    return _error(asked, int(action), text.format(name=asked.name))


def _failed_record(asked: Message, answer: Message, action: IntEnum) -> Reply:
    """What went wrong with a record; a conflict shows what is there."""
    action = RecordAction(action)
    reason = _REASONS.get(action, f"{action.name}.").format(name=asked.name, version=answer.version)
    reply = _error(asked, int(action), f"Record {_VERBS[RecordAction(asked.action)]} failed. {reason}")
    if action in (RecordAction.VERSION_EXISTS, RecordAction.INVALID_VERSION):
        reply |= {"currentVersion": answer.version, "currentData": answer.value()}
    return reply


def _named(topic: int, action: int) -> Any:
    """The action with its name."""
    return ACTIONS[Topic(topic)](action)


# Success


def done(answer: Message) -> Reply:
    """There is nothing to tell but that it is done."""
    return {"success": True}


def returned(answer: Message) -> Reply:
    """What a provider returned."""
    return {"success": True, "data": answer.value()}


def read(answer: Message) -> Reply:
    """A record."""
    return {"success": True, "version": answer.version, "data": answer.value()}


def headed(answer: Message) -> Reply:
    """A record's version, -1 if it does not exist."""
    return {"success": True, "version": answer.version}


def present(answer: Message) -> Reply:
    """Everybody who is online, or of each user that was asked for whether it is."""
    users = (answer.names or []) if answer.data is None else answer.value()
    return {"success": True, "users": users}


def status_of(reply: Reply) -> int:
    """The HTTP status of a reply that is an answer by itself."""
    if reply["success"]:
        return 200
    statuses: dict[int | str, int] = {
        int(RecordAction.RECORD_NOT_FOUND): 404,
        int(RecordAction.MESSAGE_DENIED): 403,
        int(RecordAction.MESSAGE_PERMISSION_ERROR): 403,
        "HTTP_REQUEST_TIMEOUT": 504,
        "INTERNAL_ERROR": 500,
    }
    return statuses.get(reply["errorEvent"], 503)
