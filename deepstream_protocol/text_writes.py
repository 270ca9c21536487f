"""Reading writes to records: versions, paths, values, and whether they are to be acknowledged."""

from __future__ import annotations

import re

import orjson

from .errors import ProtocolError
from .message import Message
from .text_parts import EXCERPT, invalid, named, valued
from .topics import RecordAction, Topic

_VERSION = re.compile("-?[0-9]{1,15}")


def update(parts: list[str]) -> Message:
    name, version, text, *config = parts
    return _whole(RecordAction.UPDATE, name, version, text, config)


def patch(parts: list[str]) -> Message:
    name, version, path, typed, *config = parts
    return _part(RecordAction.PATCH, name, version, path, typed, config)


def upsert(parts: list[str]) -> Message:
    """With or without a path, with or without a configuration, which unlike a typed value is an object."""
    name, version, *rest = parts
    config = [rest.pop()] if len(rest) > 1 and rest[-1].startswith("{") else []
    if len(rest) == 1:
        return _whole(RecordAction.CREATEANDUPDATE, name, version, rest[0], config)
    path, typed = rest
    return _part(RecordAction.CREATEANDPATCH, name, version, path, typed, config)


def _whole(action: int, name: str, version: str, text: str, config: list[str]) -> Message:
    message = _write(action, name, version, config)
    if message.is_error:
        return message
    message.data = text
    try:
        is_container = isinstance(message.value(), dict | list)
    except ProtocolError:
        is_container = False
    return message if is_container else invalid(message, text)


def _part(action: int, name: str, version: str, path: str, typed: str, config: list[str]) -> Message:
    message = _write(action, name, version, config)
    if message.is_error:
        return message
    message.path = path
    if typed == "U" and action == RecordAction.PATCH:
        message.action = RecordAction.ERASE
    return valued(message, typed)


def _write(action: int, name: str, version: str, config: list[str]) -> Message:
    """A write without its data; one to be acknowledged has its version as correlation id."""
    if len(config) > 1:
        raise ProtocolError("too many parts")
    message = named(Topic.RECORD, action, name)
    if not _VERSION.fullmatch(version):
        reply = Message(Topic.RECORD, RecordAction.INVALID_VERSION, is_error=True)
        reply.name, reply.data, reply.original_action = name, version[:EXCERPT], action
        return reply
    message.version = int(version)
    if config:
        try:
            found = orjson.loads(config[0])
        except ValueError:
            found = None
        if not isinstance(found, dict):
            return invalid(message, config[0])
        if found.get("writeSuccess") is True:
            message.is_write_ack, message.correlation_id = True, str(message.version)
    return message
