"""How log lines look (CONFIG.md, logger): text, coloured on a terminal, or one JSON object a line."""

from __future__ import annotations

import logging
import os
import sys
from datetime import UTC, datetime
from typing import Any, ClassVar

import orjson

from deepstream_protocol.message import Message
from deepstream_protocol.topics import ACTIONS, Topic
from pubsub.connection import Connection


def formatter(kind: str = "default", *, colors: bool = True) -> logging.Formatter:
    """The formatter of ``logger: {type: kind, options: {colors}}``, for lines on standard error."""
    if kind == "json":
        return JsonFormatter()
    is_wanted = colors and not os.environ.get("NO_COLOR")  # https://no-color.org
    return TextFormatter(is_coloured=is_wanted and sys.stderr.isatty())


def name_node(name: str) -> None:
    """Have every structured line say from now on which server it is of."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler.formatter, JsonFormatter):
            handler.formatter.node = name


class TextFormatter(logging.Formatter):
    """Time, level, logger and message."""

    default_msec_format = "%s.%03d"

    _COLOURS: ClassVar[dict[str, str]] = {
        "DEBUG": "\x1b[90m",
        "INFO": "\x1b[32m",
        "WARNING": "\x1b[33m",
        "ERROR": "\x1b[31m",
        "CRITICAL": "\x1b[1;31m",
    }

    def __init__(self, *, is_coloured: bool = False) -> None:
        super().__init__(
            "{asctime}.{msecs:03.0f} {level} {name} {message}",
            style="{",
            datefmt="%Y-%m-%dT%H:%M:%S",
            validate=True,
        )
        self._is_coloured = is_coloured

    def format(self, record: logging.LogRecord) -> str:
        """The line, and under it the traceback if there is one."""
        level = record.levelname
        colour = self._COLOURS.get(level) if self._is_coloured else None
        record.level = f"{colour}{level}\x1b[0m" if colour else level
        return super().format(record)


class JsonFormatter(logging.Formatter):
    """An object a line: time, level, logger, event, message, and what is known of connection, user and fault.

    ``event`` is the same for all lines of a kind: their word for it, else the text before it is filled in.
    ``about`` is the client's message that the line is about, if it was logged with ``extra={"about": …}``:
    nobody describes a message before its line is written.
    """

    def __init__(self) -> None:
        super().__init__()
        self.node: str | None = None

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "event": getattr(record, "event", None) or str(record.msg),
            "message": record.getMessage(),
        }
        if self.node is not None:
            line["node"] = self.node
        if (connection := _connection_of(record)) is not None:
            line["connection"] = connection.id
            line["address"] = connection.address
            line["user"] = connection.user.id
        if isinstance(message := getattr(record, "about", None), Message):
            line["about"] = described(message)
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str).decode()


LONGEST = 1024
"""Characters of a text that a line shows of a message."""

MOST = 20
"""Names that it shows of one."""


def described(message: Message) -> dict[str, Any]:
    """Which message it is: what a client can find it by in its own log, and nothing that it carries."""
    shown: dict[str, Any] = dict(zip(("topic", "action"), _words(message), strict=True))
    if message.name is not None:
        shown["name"] = message.name[:LONGEST]
    if message.names is not None:
        shown["names"] = [name[:LONGEST] for name in message.names[:MOST]]
    if message.correlation_id is not None:
        shown["correlationId"] = message.correlation_id[:LONGEST]
    if message.version is not None:
        shown["version"] = message.version
    return shown


def _words(message: Message) -> tuple[str, str]:
    """Topic and action by their names, as numbers where they have none."""
    try:
        topic = Topic(message.topic)
    except ValueError:
        return str(message.topic), str(message.action)
    try:
        return topic.name, ACTIONS[topic](message.action).name
    except (KeyError, ValueError):
        return topic.name, str(message.action)


def _connection_of(record: logging.LogRecord) -> Connection | None:
    """The connection that a line is about: one of what its text is filled in with."""
    arguments = record.args if isinstance(record.args, tuple) else ()
    return next((one for one in arguments if isinstance(one, Connection)), None)
