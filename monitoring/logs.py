"""How log lines look (CONFIG.md, logger): text, coloured on a terminal, or one JSON object a line."""

from __future__ import annotations

import logging
import os
import sys
from datetime import UTC, datetime
from typing import Any, ClassVar

import orjson

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
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str).decode()


def _connection_of(record: logging.LogRecord) -> Connection | None:
    """The connection that a line is about: one of what its text is filled in with."""
    arguments = record.args if isinstance(record.args, tuple) else ()
    return next((one for one in arguments if isinstance(one, Connection)), None)
