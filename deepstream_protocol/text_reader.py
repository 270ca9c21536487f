"""Reading the text wire format: one line, the parts between two separators, to one message.

A line that is no message is read as the error that answers it, with ``is_error`` set: there may be good ones
before and behind it in the frame. No part of it is taken for anything else.
"""

from __future__ import annotations

import orjson

from .errors import ProtocolError
from .message import Message
from .text_codes import HAS, LETTERS
from .text_parts import EXCERPT, Read, by_name, invalid, listener, named, valued
from .text_writes import patch, update, upsert
from .topics import (
    AuthAction,
    ConnectionAction,
    EventAction,
    ParserAction,
    PresenceAction,
    RecordAction,
    RpcAction,
    Topic,
)
from .typed import to_json


def read_line(line: str) -> Message:
    """The message of ``line``, or the error that answers it."""
    letter, _, rest = line.partition("\x1f")
    actions = _READERS.get(letter)
    if actions is None:
        return _error(ParserAction.UNKNOWN_TOPIC, line)
    code, *parts = rest.split("\x1f")
    read = actions.get(code)
    if read is None:
        return _error(ParserAction.UNKNOWN_ACTION, line)
    try:
        return read(parts)
    except ValueError:
        return _error(ParserAction.MESSAGE_PARSE_ERROR, line)


def _error(action: int, line: str) -> Message:
    # To the old client the separators would make parts of their own of it.
    shown = line[:EXCERPT].replace("\x1f", "|")
    return Message(Topic.PARSER, action, data=shown, is_error=True)


# Connection, login, events


def _challenge(parts: list[str]) -> Message:
    url = parts[0] if parts else None
    return Message(Topic.CONNECTION, ConnectionAction.CHALLENGE, url=url)


def _bare(topic: int, action: int) -> Read:
    return lambda parts: Message(topic, action)


def _login(parts: list[str]) -> Message:
    data = parts[0] if len(parts) == 1 else ""
    return Message(Topic.AUTH, AuthAction.REQUEST, data=data)


def _emit(parts: list[str]) -> Message:
    name, typed = parts if len(parts) > 1 else (*parts, "U")
    return valued(named(Topic.EVENT, EventAction.EMIT, name), typed)


# Records


def _has(parts: list[str]) -> Message:
    (name,) = parts
    message = named(Topic.RECORD, RecordAction.HEAD, name)
    message.correlation_id = HAS
    return message


# RPC


def _call(action: int) -> Read:
    """Of a call's name and id, and the value that may be behind them."""

    def read(parts: list[str]) -> Message:
        name, id, typed = parts if len(parts) > 2 else (*parts, "U")
        message = named(Topic.RPC, action, name)
        message.correlation_id = id
        return valued(message, typed)

    return read


def _reject(parts: list[str]) -> Message:
    name, id = parts
    message = named(Topic.RPC, RpcAction.REJECT, name)
    message.correlation_id = id
    return message


def _accept(parts: list[str]) -> Message:
    asked, name, id = parts
    if asked != "REQ":
        raise ProtocolError("only requests are accepted")
    message = named(Topic.RPC, RpcAction.ACCEPT, name)
    message.correlation_id = id
    return message


def _call_failed(parts: list[str]) -> Message:
    text, name, id = parts
    message = named(Topic.RPC, RpcAction.REQUEST_ERROR, name)
    message.correlation_id, message.data = id, to_json(text)
    return message


# Presence


def _users(everybody: int, some: int, *words: str) -> Read:
    """Of everybody, when one of ``words`` is all there is; else of an id and a list of users."""

    def read(parts: list[str]) -> Message:
        if len(parts) == 1 and parts[0] in words:
            return Message(Topic.PRESENCE, everybody)
        id, text = parts
        message = Message(Topic.PRESENCE, some, correlation_id=id)
        try:
            names = orjson.loads(text)
        except ValueError:
            return invalid(message, text)
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            return invalid(message, text)
        message.names = names
        return message

    return read


def _listening(topic: int, actions: type[EventAction] | type[RecordAction]) -> dict[str, Read]:
    return {
        "L": by_name(topic, actions.LISTEN),
        "UL": by_name(topic, actions.UNLISTEN),
        "LA": listener(topic, actions.LISTEN_ACCEPT),
        "LR": listener(topic, actions.LISTEN_REJECT),
    }


_BY_TOPIC: dict[int, dict[str, Read]] = {
    Topic.CONNECTION: {
        "CHR": _challenge,
        "PO": _bare(Topic.CONNECTION, ConnectionAction.PONG),
        "PI": _bare(Topic.CONNECTION, ConnectionAction.PING),
    },
    Topic.AUTH: {"REQ": _login},
    Topic.EVENT: {
        "EVT": _emit,
        "S": by_name(Topic.EVENT, EventAction.SUBSCRIBE),
        "US": by_name(Topic.EVENT, EventAction.UNSUBSCRIBE),
        **_listening(Topic.EVENT, EventAction),
    },
    Topic.RECORD: {
        "CR": by_name(Topic.RECORD, RecordAction.SUBSCRIBECREATEANDREAD),
        "SN": by_name(Topic.RECORD, RecordAction.READ),
        "HD": by_name(Topic.RECORD, RecordAction.HEAD),
        HAS: _has,
        "U": update,
        "P": patch,
        "CU": upsert,
        "D": by_name(Topic.RECORD, RecordAction.DELETE),
        "US": by_name(Topic.RECORD, RecordAction.UNSUBSCRIBE),
        **_listening(Topic.RECORD, RecordAction),
    },
    Topic.RPC: {
        "S": by_name(Topic.RPC, RpcAction.PROVIDE),
        "US": by_name(Topic.RPC, RpcAction.UNPROVIDE),
        "REQ": _call(RpcAction.REQUEST),
        "RES": _call(RpcAction.RESPONSE),
        "REJ": _reject,
        "A": _accept,
        "E": _call_failed,
    },
    Topic.PRESENCE: {
        "Q": _users(PresenceAction.QUERY_ALL, PresenceAction.QUERY, "Q"),
        "S": _users(PresenceAction.SUBSCRIBE_ALL, PresenceAction.SUBSCRIBE, "S", "U"),
        "US": _users(PresenceAction.UNSUBSCRIBE_ALL, PresenceAction.UNSUBSCRIBE, "US", "U"),
    },
}
_READERS = {LETTERS[topic]: actions for topic, actions in _BY_TOPIC.items()}
