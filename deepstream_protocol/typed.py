"""Typed values of the text wire format: JSON behind a letter for its kind (PROTOCOL.md section 9).

``S`` text, ``N`` number, ``O`` JSON, ``T`` true, ``F`` false, ``L`` null, ``U`` undefined. In a ``Message``
undefined is absent data and null is the text ``null``: the two are kept apart both ways.
"""

from __future__ import annotations

import re

import orjson

from .errors import ProtocolError

SEPARATORS = re.compile("[\x1e\x1f]")
"""The characters that end a message and a part of one, which no part can have within it."""

_CONSTANTS: dict[str, str | None] = {"T": "true", "F": "false", "L": "null", "U": None}
_LETTERS = {"true": "T", "false": "F", "null": "L"}
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_NO_NUMBERS = frozenset(("NaN", "Infinity", "-Infinity"))


def read_typed(text: str) -> str | None:
    """The JSON text of a typed value; None for undefined.

    What stands behind ``O`` comes back as it is, unread. Raises ProtocolError for anything that is no typed
    value.
    """
    kind, rest = text[:1], text[1:]
    if kind == "S":
        return to_json(rest)
    if kind == "O":
        return rest
    if kind == "N":
        return _read_number(rest)
    if rest or kind not in _CONSTANTS:
        raise ProtocolError(f"no typed value: {text[:40]!r}")
    return _CONSTANTS[kind]


def _read_number(text: str) -> str:
    if _NUMBER.fullmatch(text):
        return text
    if text in _NO_NUMBERS:
        return "null"  # what JSON.stringify makes of them
    raise ProtocolError(f"no number: {text[:40]!r}")


def to_json(text: str) -> str:
    """``text`` as a JSON string; raises ProtocolError for a lone surrogate."""
    try:
        return orjson.dumps(text).decode()
    except TypeError:
        raise ProtocolError("text with a lone surrogate") from None


def from_json(data: str) -> str | None:
    """The text that is a JSON string, or None if ``data`` is another JSON value; raises ProtocolError."""
    if not data.startswith('"'):
        return None
    try:
        value = orjson.loads(data)
    except ValueError as error:
        raise ProtocolError(f"data is no JSON: {error}") from None
    return str(value)


def write_typed(data: str | None) -> str:
    """JSON text as a typed value, None as undefined; a text that has separators goes as ``O``, escaped.

    Raises ProtocolError for what cannot be JSON.
    """
    if data is None:
        return "U"
    data = data.strip()
    if data[:1] in ("{", "["):
        return "O" + data
    if (text := from_json(data)) is not None:
        return "O" + data if SEPARATORS.search(text) else "S" + text
    if data in _LETTERS:
        return _LETTERS[data]
    if _NUMBER.fullmatch(data):
        return "N" + data
    raise ProtocolError(f"data is no JSON: {data[:40]!r}")
