"""Which rule a name falls under: the paths of a rules document (VALVE.md, "Paths")."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

import re2

from permissions.rule import Rule

CACHED_NAMES = 4096
"""How many names a table remembers, the latest used."""

CACHED_LENGTH = 256
"""Longer names are looked up anew each time, so that what is remembered stays small."""

_PIECE = re.compile(r"(?P<variable>\$[A-Za-z0-9]+)|(?P<any>\*)|(?P<bad>\$)|(?P<text>[^$*]+)")
_SET_MEMORY = 64 * 1024 * 1024


class PathError(ValueError):
    """A path that VALVE.md does not allow."""


class PathPattern:
    """A path of the document: ``variables`` with their ``$``, in order, and ``regex`` for re2."""

    __slots__ = ("regex", "text", "variables")

    def __init__(self, text: str) -> None:
        """Read ``text``; raises ``PathError``."""
        if not text or text.startswith("/"):
            raise PathError("a path must not start with '/'" if text else "a path must not be empty")
        pieces = list(_PIECE.finditer(text))
        if any(piece["bad"] for piece in pieces):
            raise PathError("a '$' in a path is followed by the letters and digits of a variable's name")
        self.text = text
        self.variables = tuple(piece["variable"] for piece in pieces if piece["variable"])
        if len(set(self.variables)) < len(self.variables):
            raise PathError("a variable may stand only once in a path")
        self.regex = "".join(map(_regex, pieces))


def _regex(piece: re.Match[str]) -> str:
    if piece["variable"]:
        return "([^/]+)"
    return "(?s:.*)" if piece["any"] else re2.escape(piece["text"])


class Match(NamedTuple):
    """A rule, the path it stands under, and what the path's variables are for the name asked about."""

    rule: Rule
    pattern: PathPattern
    variables: tuple[str, ...]


class PathTable:
    """All rules of one section and type: finds the one that counts for a name, in time linear in the name.

    The longest path text wins, the later one on a tie. All paths are tried at once by re2, which knows no
    exponential time, and the outcome is remembered.
    """

    def __init__(self, entries: Iterable[tuple[PathPattern, Rule]]) -> None:
        """``entries`` in the order of the document."""
        ordered = list(enumerate(entries))
        ordered.sort(key=lambda item: (len(item[1][0].text), item[0]), reverse=True)
        self._entries = [entry for _, entry in ordered]
        self._patterns = [re2.compile(pattern.regex) for pattern, _ in self._entries]
        self._plain = [Match(rule, pattern, ()) for pattern, rule in self._entries]
        self._together = _together([pattern.regex for pattern, _ in self._entries])
        self._remembered = lru_cache(maxsize=CACHED_NAMES)(self._search)
        self.open_names: set[str] = set()
        """Some of the names whose rule is ``true``: asked most, so known without looking anything up."""

    @property
    def is_open(self) -> bool:
        """Whether every name is allowed: all rules are ``true``, and one of them stands under ``*``."""
        return all(rule.constant is True for _, rule in self._entries) and any(
            pattern.text == "*" for pattern, _ in self._entries
        )

    def find(self, name: str) -> Match | None:
        """The rule for ``name``, or None when no path that has one matches."""
        return self._remembered(name) if len(name) <= CACHED_LENGTH else self._search(name)

    def remember_open(self, name: str) -> None:
        """The rule of ``name`` is ``true``."""
        if len(name) <= CACHED_LENGTH:
            if len(self.open_names) >= CACHED_NAMES:
                self.open_names.clear()
            self.open_names.add(name)

    def matches(self, name: str) -> list[Match]:
        """Every rule whose path matches, the one that counts first."""
        try:
            return [self._match(index, name) for index in sorted(self._matching(name))]
        except UnicodeEncodeError:  # half a surrogate pair: no name that a client can send
            return []

    def _search(self, name: str) -> Match | None:
        try:
            found = min(self._matching(name), default=None)
        except UnicodeEncodeError:
            return None
        return None if found is None else self._match(found, name)

    def _matching(self, name: str) -> list[int]:
        if self._together is not None and (found := self._together.Match(name)):
            return [index for index in found if index < len(self._patterns)]
        return [index for index, pattern in enumerate(self._patterns) if pattern.fullmatch(name)]

    def _match(self, index: int, name: str) -> Match:
        plain = self._plain[index]
        if not plain.pattern.variables:
            return plain
        return plain._replace(variables=self._patterns[index].fullmatch(name).groups())


def _together(regexes: list[str]) -> re2.Set | None:
    """All patterns as one automaton, or None if that would be too large.

    A last pattern that matches everything tells "none of them" from the automaton giving up.
    """
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _SET_MEMORY
    together = re2.Set.FullMatchSet(options)
    try:
        for regex in (*regexes, "(?s:.*)"):
            together.Add(regex)
        together.Compile()
    except re2.error:
        return None
    return together
