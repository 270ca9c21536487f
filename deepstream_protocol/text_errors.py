"""Writing errors in the text wire format (PROTOCOL.md section 9).

An error's line tells of it. The old clients' callbacks for reads and acknowledged writes hear of it only on a
line of the request's own, which follows.
"""

from __future__ import annotations

from collections.abc import Iterable

from .message import Message
from .text_codes import CODES, HAS, LETTERS
from .topics import ACTIONS, RecordAction, Topic

Line = tuple[str, ...]

FIRST_ERROR = 100
"""The actions from this number on are errors, in every topic but that of the parser."""

_SILENT = frozenset(("LISTEN_RESPONSE_TIMEOUT", "LISTEN_UNSUCCESSFUL"))
"""Of no use to old clients, which would take them for faults: the search went on to the next provider."""

_OTHERWISE = {"MULTIPLE_PROVIDERS": "MULTIPLE_SUBSCRIPTIONS", "NOT_PROVIDED": "NOT_SUBSCRIBED"}
_OF_RULES = ("MESSAGE_DENIED", "MESSAGE_PERMISSION_ERROR")
_READS = (RecordAction.READ, RecordAction.HEAD)


def write_error(message: Message) -> Iterable[Line]:
    """The lines that tell of an error; none if ``message`` is no error that this wire knows."""
    topic, action = message.topic, message.action
    try:
        error = ACTIONS[Topic(topic)](action).name
    except ValueError:
        return ()
    if error in _SILENT or (action < FIRST_ERROR and topic != Topic.PARSER):
        return ()
    line = (LETTERS[topic], "E", _OTHERWISE.get(error, error), *_details(message, error))
    return (line, *_for_the_callback(message, error))


def _details(message: Message, error: str) -> Iterable[str]:
    """What stands behind the error's name."""
    name, data = message.name, message.data
    if error in _OF_RULES:
        return _refused(message)
    if error == "INVALID_MESSAGE_DATA" and message.topic != Topic.RPC and data is not None:
        return (data,)
    if error == "INVALID_VERSION":
        return _present(name, data if message.version is None else str(message.version))
    if message.topic == Topic.RPC:
        return _present(name, message.correlation_id)
    return _present(data if name is None else name)


def _refused(message: Message) -> Iterable[str]:
    id, code = message.correlation_id, _code(message)
    return _present(message.name, code, None if id == HAS else id)


def _present(*parts: str | None) -> Iterable[str]:
    return [part for part in parts if part is not None]


def _code(message: Message) -> str:
    """What the client called its request."""
    if message.correlation_id == HAS:
        return HAS
    return CODES.get(message.topic, {}).get(message.original_action or 0, "")


def _for_the_callback(message: Message, error: str) -> Iterable[Line]:
    if message.topic != Topic.RECORD:
        return ()
    name, id = message.name or "", message.correlation_id
    if message.is_write_ack and id is not None:
        return (("R", "WA", name, f"[{id}]", "S" + error),)
    if message.original_action in _READS:
        return (("R", "E", _code(message), name, error),)
    return ()
