"""Rules as somebody wrote them, YAML or JSON: read with the lines, so that problems can name them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from deepstream_project.config_document import ConfigError, Document, Steps, parse_document
from permissions.document import InvalidRules, Problem, load

_PLACE = re.compile(r"rules\.(?:json|yml)(?::(?P<line>\d+))?: (?P<text>.*)", re.DOTALL)
"""How the parser says where a problem is."""


def read_rules(source: str) -> Document:
    """The rules in ``source`` and the lines they are on; raises ``InvalidRules`` unless they can be used."""
    document = _parsed(source)
    try:
        load(document.values)
    except InvalidRules as error:
        lines = document.lines
        raise InvalidRules(
            [replace(one, source_line=line_of(one, lines)) for one in error.problems]
        ) from None
    return document


def problems_of(source: str) -> list[Problem]:
    """All that is wrong with the rules in ``source``."""
    try:
        read_rules(source)
    except InvalidRules as error:
        return error.problems
    return []


def line_of(problem: Problem, lines: Mapping[Steps, int]) -> int | None:
    """The line of the nearest thing around a problem whose line is known."""
    parts = (problem.section, problem.path, problem.rule_type)
    steps: Steps = tuple(part for part in parts if part is not None)
    above = (steps[:length] for length in range(len(steps), -1, -1))
    return next((lines[one] for one in above if one in lines), None)


def located(problem: Problem) -> str:
    """A problem with the line that it is on in front, for people."""
    return str(problem) if problem.source_line is None else f"line {problem.source_line}: {problem}"


def _parsed(source: str) -> Document:
    try:
        return parse_document(Path("rules.json" if _is_json(source) else "rules.yml"), source)
    except ConfigError as error:
        raise InvalidRules([_unreadable(text) for text in error.problems]) from None
    except RecursionError:
        raise InvalidRules([Problem("the rules are nested too deeply")]) from None


def _is_json(source: str) -> bool:
    """Nearly all JSON is YAML too; what is not (tabs, for one) must not be refused as bad YAML."""
    try:
        json.loads(source)
    except ValueError:
        return False
    return True


def _unreadable(text: str) -> Problem:
    match = _PLACE.fullmatch(text)
    assert match is not None, text
    line = match["line"]
    return Problem(match["text"], source_line=None if line is None else int(line))
