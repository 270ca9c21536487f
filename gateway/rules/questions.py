"""Who and what a question about the rules is about, as this node knows it, and what of it may be shown."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import orjson

from deepstream_project.config import Config
from deepstream_project.config_login import FileOptions
from deepstream_protocol.topics import Topic
from gateway.node import Node
from gateway.rules.decisions import MAX_MESSAGE, Decision
from gateway.rules.in_force import Rules
from permissions.asking import ABSENT
from permissions.reader import Known, RecordReader
from pubsub.replies import names_of
from pubsub.user import ANONYMOUS, User


class Presentable:
    """The records without those whose names are reserved: a trace shows values, and those are passwords.

    To rules that are asked why, they look as if they were missing.
    """

    def __init__(self, records: RecordReader, rules: Rules) -> None:
        self._records = records
        self._is_reserved = rules.is_reserved

    def peek(self, name: str) -> Known:
        """See ``RecordReader.peek``."""
        return None if self._is_reserved(name) else self._records.peek(name)

    async def load(self, names: Collection[str]) -> None:
        """See ``RecordReader.load``."""
        await self._records.load([name for name in names if not self._is_reserved(name)])


def user_of(node: Node, name: str | None, data: Any) -> User:
    """The user ``name``, None for an open login, with ``data`` for the rules.

    Without data it is the user as connected here, or else as the file of users has it.
    """
    if data is not ABSENT:
        return User(name or "open", is_authenticated=name is not None, server_data=data)
    if name is None:
        return User("open", is_authenticated=False)
    return _connected(node, name) or _from_file(node.config, name) or User(name)


def as_known(value: Any) -> Known:
    """A record's data, None for no record, as a reader knows it."""
    return None if value is None else (1, value)


def question_of(one: Decision, records: RecordReader) -> dict[str, Any]:
    """What a form needs to ask the same again with something changed; large records are left out."""
    message, user = one.message, one.user
    name = next(iter(one.verdict or ()), None) or next(iter(names_of(message)), "")
    question: dict[str, Any] = {
        "topic": Topic(message.topic).name.lower(),
        "name": name,
        "user": user.id if user.is_authenticated else None,
        "userData": user.server_data,
        "data": message.data,
        "path": message.path,
    }
    known = records.peek(name) if message.topic == Topic.RECORD else None
    if isinstance(known, tuple) and len(orjson.dumps(known[1])) <= MAX_MESSAGE:
        question["oldData"] = known[1]
    return question


def _connected(node: Node, name: str) -> User | None:
    users = (session.connection.user for session in node.sessions())
    return next((user for user in users if user.id == name and user is not ANONYMOUS), None)


def _from_file(config: Config, name: str) -> User | None:
    for strategy in config.auth:
        if isinstance(strategy.options, FileOptions) and name in strategy.options.users.content:
            user = strategy.options.users.content[name]
            return User(name, client_data=user.get("clientData"), server_data=user.get("serverData"))
    return None
