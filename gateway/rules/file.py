"""The rules of a configuration, read from where they are written and compiled."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from deepstream_project.config import Config, ConfigError, load_config
from deepstream_project.config_document import Steps, read_document, read_text
from deepstream_project.config_file import LoadedFile
from permissions.document import InvalidRules, Problem, load
from permissions.reader import NOT_LOADED, Known, RecordLoadError, RecordReader
from permissions.rule_text import line_of
from permissions.ruleset import RuleSet
from permissions.verdict import AllowEverything, Permissions


class _NoRecords:
    """What rules are compiled with that are never asked."""

    def peek(self, name: str) -> Known:
        return NOT_LOADED

    async def load(self, names: Collection[str]) -> None:
        raise RecordLoadError("there are no records here")


def source_of(config: Config) -> Path | None:
    """The file that the rules are in, None if there are no rules or no file."""
    return None if config.permission.rules is None else config.permission.path or config.path


def compiled(config: Config, records: RecordReader) -> Permissions:
    """The permissions of a configuration as it was read; raises ``ConfigError`` with all problems."""
    rules = config.permission.rules
    if rules is None:
        return AllowEverything()
    path = source_of(config)
    try:
        return _rule_set(config, rules, records)
    except InvalidRules as error:
        raise ConfigError(*described(error, path, _lines(config, path))) from None


def check_rules(config: Config) -> None:
    """Raise ``ConfigError`` with all problems if the rules of a configuration cannot be used.

    With type ``database`` those are the first version's, whether or not it is the first.
    """
    compiled(config, _NoRecords())
    first = config.permission.permissions
    if config.permission.type == "database" and first and (problems := described_problems(first)):
        raise ConfigError(*problems)


def written(config: Config) -> str | None:
    """The text of the rules that the configuration has now, None if it has none; raises ``ConfigError``.

    Rules that are in ``config.yml`` itself, among all else, are written again by themselves.
    """
    loaded = config.permission.permissions
    if loaded is not None and loaded.path is not None:
        return read_text(loaded.path)
    now = load_config(config.path).permission if config.path else config.permission
    return None if now.permissions is None or now.type == "none" else as_text(now.permissions.content)


def as_text(rules: Any) -> str:
    """Rules that have no text of their own."""
    return json.dumps(rules, indent=2, ensure_ascii=False)


def read_again(config: Config, records: RecordReader) -> Permissions:
    """The permissions that are in the configuration's file now; raises ``ConfigError``."""
    path = config.permission.path
    if path is None:
        now = load_config(config.path).permission.rules
        return AllowEverything() if now is None else _checked(config, now, records, config.path, {})
    document = read_document(path)
    return _checked(config, document.values, records, path, document.lines)


def _checked(
    config: Config, rules: Any, records: RecordReader, path: Path | None, lines: Mapping[Steps, int]
) -> Permissions:
    try:
        return _rule_set(config, rules, records)
    except InvalidRules as error:
        raise ConfigError(*described(error, path, lines)) from None


def _rule_set(config: Config, rules: Any, records: RecordReader) -> RuleSet:
    return RuleSet(rules, records=records, max_rule_iterations=config.permission.max_rule_iterations)


def _lines(config: Config, path: Path | None) -> Mapping[Steps, int]:
    return read_document(path).lines if path is not None and path == config.permission.path else {}


def described_problems(loaded: LoadedFile) -> list[str]:
    """All that is wrong with rules that belong to no configuration yet."""
    try:
        load(loaded.content)
    except InvalidRules as error:
        return described(error, loaded.path, read_document(loaded.path).lines if loaded.path else {})
    return []


def described(error: InvalidRules, path: Path | None, lines: Mapping[Steps, int]) -> list[str]:
    """Each problem with the file and the line that it is in."""
    return [f"{_place(problem, path, lines)}: {problem}" for problem in error.problems]


def _place(problem: Problem, path: Path | None, lines: Mapping[Steps, int]) -> str:
    line = line_of(problem, lines)
    name = "the rules" if path is None else str(path)
    return name if line is None else f"{name}:{line}"
