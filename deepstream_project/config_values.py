"""How a value of a configuration file becomes an attribute: one small reader per kind of value.

A reader takes the value and its ``Place`` and returns what the attribute holds, or raises ``ValueError``
with what is wrong, which whoever called it reports with the place. Nothing here knows any key.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from enum import IntEnum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from deepstream_project.config_file import LoadedFile
from deepstream_project.config_place import MISSING, Place

Reader = Callable[[Any, Place], Any]

_NUMBER = re.compile(r"[-+]?\d+(\.\d+)?")
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_KINDS = {
    type(None): "nothing",
    bool: "true or false",
    int: "a number",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "a section",
    LoadedFile: "a loaded file",
}


class LogLevel(IntEnum):
    """Deepstream's own numbers for how grave a log message must be to be shown (CONFIG.md)."""

    DEBUG = 0
    INFO = 1
    WARN = 2
    ERROR = 3
    FATAL = 4
    OFF = 100

    @property
    def python_level(self) -> int:
        """The same as a level of the standard library's ``logging``; off is above every level."""
        return min(self + 1, 6) * 10


def shown(value: Any) -> str:
    """``value`` as a message may show it: its kind, and itself when it is short and plain."""
    kind = _KINDS.get(type(value), "something else")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"{kind} ({value})"
    return f"{kind} ({value!r})" if isinstance(value, str) and len(value) <= 40 else kind


def text(value: Any, place: Place) -> str:
    """Text that is not empty."""
    if isinstance(value, str) and value:
        return value
    hint = "; put it in quotes" if isinstance(value, int | float) else ""
    raise ValueError(f"must be text, not {shown(value)}{hint}")


def secret(value: Any, place: Place) -> str:
    """Text that no message repeats; of a loaded file its content, without the newline that editors add."""
    content = value.content if isinstance(value, LoadedFile) else value
    if isinstance(content, str) and (content := content.rstrip("\r\n")):
        return content
    raise ValueError("must be text that is not empty; put a number in quotes")


def boolean(value: Any, place: Place) -> bool:
    """True or false; the words as text too, because an environment variable is text."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise ValueError(f"must be true or false, not {shown(value)}")


def _number(value: Any, unit: str) -> float | int:
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = float(value) if "." in value else int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"must be a number{unit}, not {shown(value)}")
    return value


def _within(number: float | int, least: float, most: float | None) -> None:
    if not number >= least or (most is not None and number > most):
        bounds = f"at least {least}" if most is None else f"from {least} to {most}"
        raise ValueError(f"must be {bounds}, not {number}")


def integer(least: int = 0, most: int | None = None) -> Reader:
    """A whole number within bounds, both included."""

    def read(value: Any, place: Place) -> int:
        number = _number(value, "")
        if number != number or number in (float("inf"), float("-inf")) or number != int(number):
            raise ValueError(f"must be a whole number, not {number}")
        _within(number, least, most)
        return int(number)

    return read


MAX_MILLISECONDS = 2**31 - 1
"""What upstream's timers can hold, 24 days; also keeps an infinite number out of a timer here."""


def milliseconds(least: int = 0) -> Reader:
    """A duration that the file gives in milliseconds, as float seconds."""

    def read(value: Any, place: Place) -> float:
        number = _number(value, " of milliseconds")
        _within(number, least, MAX_MILLISECONDS)
        return number / 1000

    return read


def or_false(read: Reader) -> Reader:
    """What ``read`` reads, or ``false``, which is ``None``: never, off."""

    def read_or_false(value: Any, place: Place) -> Any:
        return None if value is False or value == "false" else read(value, place)

    return read_or_false


def each(read: Reader) -> Reader:
    """A list of what ``read`` reads, as a tuple; every wrong entry is reported."""

    def read_list(value: Any, place: Place) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise ValueError(f"must be a list, not {shown(value)}")
        items = [place.at(index).read(read, item) for index, item in enumerate(value) if item is not MISSING]
        return tuple(item for item in items if item is not MISSING)

    return read_list


def one_or_each(read: Reader) -> Reader:
    """The same as ``each``, but a single value need not be written as a list."""
    read_list = each(read)

    def read_either(value: Any, place: Place) -> tuple[Any, ...]:
        if isinstance(value, list):
            return tuple(read_list(value, place))
        return (read(value, place),)

    return read_either


def header(value: Any, place: Place) -> str:
    """The name of an HTTP header (RFC 9110 section 5.1), in lower case as ASGI has it."""
    name = text(value, place)
    if not _HEADER.fullmatch(name):
        raise ValueError(f"must be the name of an HTTP header, not {shown(name)}")
    return name.lower()


def url_path(value: Any, place: Place) -> str:
    """An absolute URL path without a query."""
    path = text(value, place)
    if not path.startswith("/") or "?" in path or "#" in path or " " in path:
        raise ValueError(f"must be a URL path that begins with /, not {shown(path)}")
    return path


def url(*schemes: str) -> Reader:
    """An absolute URL with one of ``schemes`` and a host; it is not repeated: it may hold a password."""

    def read(value: Any, place: Place) -> str:
        parts = urlsplit(value) if isinstance(value, str) else None
        if parts is None or parts.scheme not in schemes or not parts.netloc:
            raise ValueError(
                f"must be a URL that begins with {' or '.join(f'{name}://' for name in schemes)}"
            )
        return str(value)

    return read


def hash_name(value: Any, place: Place) -> str:
    """A digest that PBKDF2 can use here."""
    name = text(value, place)
    try:
        hashlib.pbkdf2_hmac(name, b"", b"", 1)
    except ValueError:
        raise ValueError(f"must be a digest such as md5, sha256 or sha512, not {shown(name)}") from None
    return name


def log_level(value: Any, place: Place) -> LogLevel:
    """A level by number or by name in any case; ``WARNING`` is ``WARN``."""
    name = str(value).upper()
    if name == "WARNING":
        return LogLevel.WARN
    if name in LogLevel.__members__:
        return LogLevel[name]
    if name in {str(level.value) for level in LogLevel} and not isinstance(value, bool):
        return LogLevel(int(name))
    raise ValueError(f"must be DEBUG, INFO, WARN, ERROR, FATAL, OFF or their number, not {shown(value)}")


def existing_file(value: Any, place: Place) -> Path:
    """The path of a file that is there, given as ``file(PATH)`` or as ``fileLoad(PATH)``."""
    if isinstance(value, LoadedFile) and value.path:
        return value.path
    if not isinstance(value, str) or "-----BEGIN" in value:
        raise ValueError("must be a file, written file(PATH) or fileLoad(PATH)")
    path = place.folder / value
    if not path.is_file():
        raise ValueError(f"there is no file {path}")
    return path


def document(value: Any, place: Place) -> LoadedFile:
    """A mapping: the content of a loaded file, or of one that is named, or written in place."""
    if isinstance(value, str):
        value = place.load(value)
    loaded = value if isinstance(value, LoadedFile) else LoadedFile(path=None, content=value)
    if not isinstance(loaded.content, Mapping):
        raise ValueError(f"must hold keys and values, not {shown(loaded.content)}")
    return loaded
