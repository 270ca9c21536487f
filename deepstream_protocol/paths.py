"""Paths into a record's data, read exactly as the official client reads them (PROTOCOL.md section 5).

The server's state must equal every client's, so what counts is not what a path should mean but what
``setValue`` in the official client's ``json-path`` does, seen through ``JSON.stringify``: an index on an
object is a key like any other; on an array, text that is an index in its plainest form is that index,
``length`` is its length, and any other key leaves no trace; a gap that opens in an array is filled with
nulls, an entry taken out of one leaves a null, and even taking out makes the containers on the way.

Refused is what the client itself cannot do and what would harm a server or a browser: the three keys
that reach into JavaScript's prototypes, an index that is none, an empty path, more than 256 steps, and
more than 100,000 nulls to fill gaps with.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Final

from .memo import Memo

Token = str | int
Tokens = tuple[Token, ...]

MOST_TOKENS = 256
"""Steps a path may have."""

LONGEST_PATH = 16 * 1024
"""Characters a path may have."""

MOST_NULLS = 100_000
"""Nulls that one write may fill gaps with, in all arrays on its path together."""

_LAST_INDEX = 2**32 - 2
_LONGEST_CACHED: Final = 256
_LENGTH = "length"
_FORBIDDEN = frozenset({"__proto__", "constructor", "prototype"})
_BRACKETS = re.compile(r"[\[\]]")
_INDEX = re.compile(r"0|[1-9][0-9]{0,9}")
_DECIMAL = re.compile(r"[+-]?[0-9]{1,32}(?:[eE][+-]?[0-9]{1,8})?")
_OTHER_BASE = re.compile(r"0(?:[xX][0-9a-fA-F]{1,32}|[oO][0-7]{1,32}|[bB][01]{1,32})")
_SPACES = "".join(map(chr, (*range(9, 14), 32, 160, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F)))
_SPACES += "\u205f\u3000\ufeff"
"""What JavaScript's ``trim`` takes away, which is not what ``str.strip`` does."""

_ERASED: Any = object()


class PathError(ValueError):
    """A path that is refused, or a write that it cannot mean; the text says why."""


def tokenize(path: str) -> Tokens:
    """The steps of ``path``, text for keys and numbers for indices: ``a.b[0]`` is ``("a", "b", 0)``."""
    return _TOKENS[path] if len(path) <= _LONGEST_CACHED else _tokenize(path)


class Room:
    """How many nulls a write may still fill gaps with; one for all the paths of a batch."""

    taken = 0

    def take(self, nulls: int) -> None:
        """Use ``nulls`` of it; raises PathError where there are not so many left."""
        self.taken += nulls
        if self.taken > MOST_NULLS:
            raise PathError(f"gaps of more than {MOST_NULLS} nulls")


def set_path(root: Any, path: str, value: Any, room: Room | None = None) -> Any:
    """``root`` with ``value`` at ``path``; the old root stays as it was and shares what did not change."""
    tokens = tokenize(path)
    if len(tokens) == 1 and type(root) is dict:  # as most patches are
        return {**root, str(tokens[0]): value}
    return _write(root, tokens, value, room or Room())


def erase_path(root: Any, path: str, room: Room | None = None) -> Any:
    """``root`` without what is at ``path``; the old root stays as it was and shares what did not change."""
    return _write(root, tokenize(path), _ERASED, room or Room())


def _tokenize(path: str) -> Tokens:
    if len(path) > LONGEST_PATH:
        raise PathError(f"a path of more than {LONGEST_PATH} characters")
    tokens: list[Token] = []
    for token in _steps(path):
        tokens.append(token)
        if len(tokens) > MOST_TOKENS:
            raise PathError(f"a path of more than {MOST_TOKENS} steps")
    if not tokens:
        raise PathError("an empty path")
    return tuple(tokens)


_TOKENS: Final = Memo(_tokenize, 4096)


def _steps(path: str) -> Iterator[Token]:
    for part in path.split("."):
        if trimmed := part.strip(_SPACES):
            key, *indices = _BRACKETS.split(trimmed)
            if key in _FORBIDDEN:
                raise PathError(f"the key {key}")
            yield key
            for text in filter(None, indices):
                yield _index(text)


def _index(text: str) -> int:
    """The number that JavaScript's ``Number`` makes of ``text``, provided that an array can have it."""
    trimmed = text.strip(_SPACES)
    if not trimmed:
        return 0
    if _DECIMAL.fullmatch(trimmed):
        number = float(trimmed)
    elif _OTHER_BASE.fullmatch(trimmed):
        number = float(int(trimmed, 0))
    else:
        raise PathError(f"{trimmed[:40]!r} is no index")
    if not (0 <= number <= _LAST_INDEX and number.is_integer()):
        raise PathError(f"{trimmed[:40]!r} is no index")
    return int(number)


def _write(root: Any, tokens: Tokens, value: Any, room: Room) -> Any:
    if not isinstance(root, dict | list):
        raise PathError("a path into what is neither an object nor an array")
    new_root = node = root.copy()
    for token, following in pairwise(tokens):
        child = _get(node, token)
        if isinstance(child, dict | list):
            child = child.copy()
        elif isinstance(following, int):
            room.take(following)
            child = [None] * following
        else:
            child = {}
        _set(node, token, child, room)
        node = child
    if value is _ERASED:
        _erase(node, tokens[-1])
    else:
        _set(node, tokens[-1], value, room)
    return new_root


def _position(token: Token) -> int | None:
    """Which entry of an array ``token`` names; None for a key that an array cannot hold."""
    if isinstance(token, int):
        return token
    if _INDEX.fullmatch(token) and int(token) <= _LAST_INDEX:
        return int(token)
    return None


def _get(node: Any, token: Token) -> Any:
    if isinstance(node, dict):
        return node.get(str(token))
    position = _position(token)
    return node[position] if position is not None and position < len(node) else None


def _set(node: Any, token: Token, value: Any, room: Room) -> None:
    """Put ``value`` at ``token`` in ``node`` itself."""
    if isinstance(node, dict):
        node[str(token)] = value
    elif token == _LENGTH:
        _set_length(node, value, room)
    elif (position := _position(token)) is not None:
        if position < len(node):
            node[position] = value
        else:
            _fill(node, position, room)
            node.append(value)


def _set_length(array: list[Any], value: Any, room: Room) -> None:
    if type(value) not in (int, float) or not 0 <= value <= _LAST_INDEX or value != int(value):
        raise PathError("a length that is none")
    _fill(array, int(value), room)
    del array[int(value) :]


def _fill(array: list[Any], length: int, room: Room) -> None:
    """Make ``array`` at least ``length`` long."""
    if length > len(array):
        room.take(length - len(array))
        array.extend([None] * (length - len(array)))


def _erase(node: Any, token: Token) -> None:
    if isinstance(node, dict):
        node.pop(str(token), None)
    elif token == _LENGTH:
        raise PathError("the length of an array cannot be taken away")
    elif (position := _position(token)) is not None and position < len(node):
        node[position] = None
