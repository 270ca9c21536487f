"""Writing the text wire format: what a server tells, as lines of parts (PROTOCOL.md section 9).

What this wire has no word for, old clients need not know: it makes no line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from .message import Message
from .text_codes import CODES, HAS, LETTERS, WRITE_SUCCESS
from .text_errors import write_error
from .topics import (
    AuthAction,
    ConnectionAction,
    EventAction,
    PresenceAction,
    RecordAction,
    RpcAction,
    Topic,
)
from .typed import SEPARATORS, from_json, write_typed

Line = tuple[str, ...]
Write = Callable[[Message], Iterable[Line]]


def write_lines(message: Message) -> Iterable[Line]:
    """The lines that tell ``message``; raises ProtocolError if its data is no JSON."""
    if message.is_ack:
        return _write_ack(message)
    write = _WRITERS.get((message.topic, message.action))
    return write_error(message) if write is None else write(message)


def _write_ack(message: Message) -> Iterable[Line]:
    topic, action = message.topic, message.action
    if (topic, action) == (Topic.RECORD, RecordAction.SUBSCRIBECREATEANDREAD):
        action = RecordAction.SUBSCRIBE
    letter, code = LETTERS[topic], CODES.get(topic, {}).get(action)
    if code is None:
        return ()
    if topic == Topic.PRESENCE:
        return ((letter, "A", code, message.correlation_id or code),)
    names = message.names or ([message.name] if message.name is not None else [])
    return [(letter, "A", code, name) for name in names]


def _words(*line: str) -> Write:
    lines = (line,)
    return lambda message: lines


def _of_name(*words: str, behind: Line = ()) -> Write:
    return lambda message: ((*words, message.name or "", *behind),)


def _offer(*words: str) -> Write:
    return lambda message: ((*words, message.name or "", message.subscription or ""),)


# Connection, login, events


def _redirect(message: Message) -> Iterable[Line]:
    return (("C", "RED", message.url or ""),)


def _welcome(message: Message) -> Iterable[Line]:
    return (("A", "A"),) if message.data is None else (("A", "A", write_typed(message.data)),)


def _refuse_login(message: Message) -> Iterable[Line]:
    return (("A", "E", "INVALID_AUTH_DATA", write_typed(message.data)),)


def _emit(message: Message) -> Iterable[Line]:
    return (("E", "EVT", message.name or "", write_typed(message.data)),)


# Records


def _whole(code: str) -> Write:
    def write(message: Message) -> Iterable[Line]:
        return (("R", code, message.name or "", str(message.version), message.data or "{}"),)

    return write


def _patch(message: Message) -> Iterable[Line]:
    data = None if message.action == RecordAction.ERASE else message.data
    return (("R", "P", message.name or "", str(message.version), message.path or "", write_typed(data)),)


def _head(message: Message) -> Iterable[Line]:
    if message.correlation_id == HAS:
        return (("R", HAS, message.name or "", "F" if message.version == -1 else "T"),)
    return (("R", "HD", message.name or "", str(message.version), "null"),)


def _heads(message: Message) -> Iterable[Line]:
    return [("R", "HD", name, str(version), "null") for name, version in (message.versions or {}).items()]


def _write_success(message: Message) -> Iterable[Line]:
    return (("R", "WA", message.name or "", f"[{message.correlation_id or ''}]", "L"),)


def _conflict(message: Message) -> Iterable[Line]:
    line = ("R", "E", "VERSION_EXISTS", message.name or "", str(message.version), message.data or "{}")
    return ((*line, WRITE_SUCCESS) if message.is_write_ack else line,)


# RPC


def _call(code: str) -> Write:
    def write(message: Message) -> Iterable[Line]:
        return (("P", code, message.name or "", message.correlation_id or "", write_typed(message.data)),)

    return write


def _of_call(*words: str) -> Write:
    return lambda message: ((*words, message.name or "", message.correlation_id or ""),)


def _call_failed(message: Message) -> Iterable[Line]:
    """The provider's error, which here is bare text; an empty one the client would take for success."""
    data = message.data or ""
    text = from_json(data)
    shown = SEPARATORS.sub(" ", data if text is None else text) or "REQUEST_ERROR"
    return (("P", "E", shown, message.name or "", message.correlation_id or ""),)


# Presence


def _online(message: Message) -> Iterable[Line]:
    names = [name for name in message.names or () if not SEPARATORS.search(name)]
    return (("U", "Q", *names),)


def _who_is_online(message: Message) -> Iterable[Line]:
    return (("U", "Q", message.correlation_id or "", message.data or "{}"),)


_WRITERS: dict[tuple[int, int], Write] = {
    (Topic.CONNECTION, ConnectionAction.PING): _words("C", "PI"),
    (Topic.CONNECTION, ConnectionAction.PONG): _words("C", "PO"),
    (Topic.CONNECTION, ConnectionAction.ACCEPT): _words("C", "A"),
    (Topic.CONNECTION, ConnectionAction.CHALLENGE): _words("C", "CH"),
    (Topic.CONNECTION, ConnectionAction.REJECT): _words("C", "REJ"),
    (Topic.CONNECTION, ConnectionAction.REDIRECT): _redirect,
    (Topic.CONNECTION, ConnectionAction.AUTHENTICATION_TIMEOUT): _words(
        "C", "E", "CONNECTION_AUTHENTICATION_TIMEOUT"
    ),
    (Topic.AUTH, AuthAction.AUTH_SUCCESSFUL): _welcome,
    (Topic.AUTH, AuthAction.AUTH_UNSUCCESSFUL): _refuse_login,
    (Topic.AUTH, AuthAction.INVALID_MESSAGE_DATA): _words(
        "A", "E", "INVALID_AUTH_MSG", "invalid authentication message"
    ),
    (Topic.EVENT, EventAction.EMIT): _emit,
    (Topic.EVENT, EventAction.SUBSCRIPTION_FOR_PATTERN_FOUND): _offer("E", "SP"),
    (Topic.EVENT, EventAction.SUBSCRIPTION_FOR_PATTERN_REMOVED): _offer("E", "SR"),
    (Topic.RECORD, RecordAction.READ_RESPONSE): _whole("R"),
    (Topic.RECORD, RecordAction.UPDATE): _whole("U"),
    (Topic.RECORD, RecordAction.PATCH): _patch,
    (Topic.RECORD, RecordAction.ERASE): _patch,
    (Topic.RECORD, RecordAction.HEAD_RESPONSE): _head,
    (Topic.RECORD, RecordAction.HEAD_RESPONSE_BULK): _heads,
    (Topic.RECORD, RecordAction.DELETE_SUCCESS): _of_name("R", "A", "D"),
    (Topic.RECORD, RecordAction.DELETED): _of_name("R", "A", "D"),
    (Topic.RECORD, RecordAction.WRITE_ACKNOWLEDGEMENT): _write_success,
    (Topic.RECORD, RecordAction.VERSION_EXISTS): _conflict,
    (Topic.RECORD, RecordAction.SUBSCRIPTION_HAS_PROVIDER): _of_name("R", "SH", behind=("T",)),
    (Topic.RECORD, RecordAction.SUBSCRIPTION_HAS_NO_PROVIDER): _of_name("R", "SH", behind=("F",)),
    (Topic.RECORD, RecordAction.SUBSCRIPTION_FOR_PATTERN_FOUND): _offer("R", "SP"),
    (Topic.RECORD, RecordAction.SUBSCRIPTION_FOR_PATTERN_REMOVED): _offer("R", "SR"),
    (Topic.RPC, RpcAction.REQUEST): _call("REQ"),
    (Topic.RPC, RpcAction.RESPONSE): _call("RES"),
    (Topic.RPC, RpcAction.ACCEPT): _of_call("P", "A", "REQ"),
    (Topic.RPC, RpcAction.REJECT): _of_call("P", "REJ"),
    (Topic.RPC, RpcAction.REQUEST_ERROR): _call_failed,
    (Topic.PRESENCE, PresenceAction.PRESENCE_JOIN): _of_name("U", "PNJ"),
    (Topic.PRESENCE, PresenceAction.PRESENCE_JOIN_ALL): _of_name("U", "PNJ"),
    (Topic.PRESENCE, PresenceAction.PRESENCE_LEAVE): _of_name("U", "PNL"),
    (Topic.PRESENCE, PresenceAction.PRESENCE_LEAVE_ALL): _of_name("U", "PNL"),
    (Topic.PRESENCE, PresenceAction.QUERY_ALL_RESPONSE): _online,
    (Topic.PRESENCE, PresenceAction.QUERY_RESPONSE): _who_is_online,
}
