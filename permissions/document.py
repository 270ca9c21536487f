"""A rules document, permissions.yml as a parser gave it: checked as a whole, then compiled (VALVE.md)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from permissions.matching import PathError, PathPattern, PathTable
from permissions.rule import Rule
from permissions.surroundings import RULE_TYPES
from permissions.syntax import ExpressionError, place

Tables: TypeAlias = dict[tuple[str, str], PathTable]
"""A table of rules for every section and rule type."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a document, and where; ``line`` and ``column`` count within the rule, from 1.

    ``source_line`` is the line of the text that the document was parsed from, where that is known.
    """

    text: str
    section: str | None = None
    path: str | None = None
    rule_type: str | None = None
    line: int | None = None
    column: int | None = None
    source_line: int | None = None

    def __str__(self) -> str:
        where = [part for part in (self.section, self.path, self.rule_type) if part is not None]
        if self.line is not None:
            where.append(f"line {self.line}, column {self.column}")
        return f"{', '.join(where)}: {self.text}" if where else self.text


class InvalidRules(ValueError):
    """A document that cannot be used, with everything that is wrong with it."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


def load(document: object) -> Tables:
    """The tables of a document; raises ``InvalidRules`` with all its problems."""
    reader = _DocumentReader()
    entries = list(reader.entries(document))
    if reader.problems:
        raise InvalidRules(reader.problems)
    grouped: dict[tuple[str, str], list[tuple[PathPattern, Rule]]] = {
        (section, rule_type): [] for section, rule_types in RULE_TYPES.items() for rule_type in rule_types
    }
    for section, rule_type, pattern, rule in entries:
        grouped[section, rule_type].append((pattern, rule))
    return {key: PathTable(rules) for key, rules in grouped.items()}


def open_document() -> dict[str, dict[str, dict[str, bool]]]:
    """A document that allows everything: what ``permission: none`` means."""
    return {section: {"*": dict.fromkeys(rule_types, True)} for section, rule_types in RULE_TYPES.items()}


def read_rule(section: str, path: str, rule_type: str, rule: object) -> Rule:
    """One rule, as of a form; raises ``InvalidRules``."""
    reader = _DocumentReader()
    for _, _, _, found in reader.path(section, path, {rule_type: rule}):
        return found
    raise InvalidRules(reader.problems)


Entry: TypeAlias = tuple[str, str, PathPattern, Rule]


class _DocumentReader:
    """Walks over a document, giving its rules and collecting its problems."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self._compiled: dict[tuple[str, str, str, tuple[str, ...]], Rule] = {}

    def entries(self, document: object) -> Iterator[Entry]:
        if not isinstance(document, Mapping):
            self._problem("the rules must be an object with the sections " + ", ".join(RULE_TYPES))
            return
        for section in document:
            if section not in RULE_TYPES:
                self._problem(f"there is no section '{section}', only {', '.join(RULE_TYPES)}")
        for section in RULE_TYPES:
            yield from self._section(section, document.get(section))

    def _section(self, section: str, paths: object) -> Iterator[Entry]:
        if not isinstance(paths, Mapping) or not paths:
            self._problem("the section is missing or not an object with paths", section)
            return
        if "*" not in paths:
            self._problem("the section has no root path '*'", section)
        for path, rules in paths.items():
            yield from self.path(section, path, rules)

    def path(self, section: str, path: object, rules: object) -> Iterator[Entry]:
        """The rules under one path."""
        if not isinstance(path, str):
            self._problem("a path must be text", section, str(path))
            return
        try:
            pattern = PathPattern(path)
        except PathError as error:
            self._problem(str(error), section, path)
            return
        if not isinstance(rules, Mapping):
            self._problem("a path's rules must be an object", section, path)
            return
        for rule_type, rule in rules.items():
            compiled = self._rule(section, pattern, str(rule_type), rule)
            if compiled is not None:
                yield section, rule_type, pattern, compiled

    def _rule(self, section: str, pattern: PathPattern, rule_type: str, rule: Any) -> Rule | None:
        where = (section, pattern.text, rule_type)
        names = RULE_TYPES.get(section, {}).get(rule_type)
        if names is None:
            known = ", ".join(RULE_TYPES.get(section, ()))
            self._problem(f"there is no such rule type, only {known}", *where)
            return None
        if isinstance(rule, bool):
            rule = "true" if rule else "false"
        if not isinstance(rule, str) or not rule:
            self._problem("a rule must be true, false or an expression", *where)
            return None
        return self._compile(rule, names, pattern, where)

    def _compile(
        self, rule: str, names: frozenset[str], pattern: PathPattern, where: tuple[str, str, str]
    ) -> Rule | None:
        section, _, rule_type = where
        key = (section, rule_type, rule, pattern.variables)
        try:
            if key not in self._compiled:
                self._compiled[key] = Rule(rule, names=names, variables=pattern.variables)
        except ExpressionError as error:
            self._problem(str(error), *where, at=place(rule, error.offset))
            return None
        return self._compiled[key]

    def _problem(
        self,
        text: str,
        section: str | None = None,
        path: str | None = None,
        rule_type: str | None = None,
        *,
        at: tuple[int | None, int | None] = (None, None),
    ) -> None:
        self.problems.append(Problem(text, section, path, rule_type, *at))
