"""What the nodes say about their rules: all of them asked at once, and which of them did not answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from cluster import announce
from permissions.models import RuleSetVersion

TIMEOUT = 10.0
"""Seconds that all nodes together may take to answer."""


@dataclass
class Answers:
    """What each node answered, by its name, and why others did not; ``problem`` if nobody could be asked."""

    values: dict[str, Any] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    problem: str = ""

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        return iter(self.values.items())


def ask_everywhere(operation: str, **arguments: Any) -> Answers:
    """The answers of all nodes to an operation; never raises because of one."""
    try:
        outcomes = announce.perform_everywhere(operation, timeout=TIMEOUT, **arguments)
    except announce.AnnounceError as error:
        return Answers(problem=str(error))
    answers = Answers()
    for node, outcome in sorted(outcomes.items()):
        if outcome.error is None:
            answers.values[node] = outcome.value
        else:
            answers.failed[node] = outcome.error.text
    return answers


def in_force(answers: Answers, active: RuleSetVersion | None) -> list[dict[str, Any]]:
    """For each node what is in force there, in words, and whether that is the active version."""
    return [
        {"name": node, "text": _words(status), "is_behind": _is_behind(status, active)}
        for node, status in answers
    ]


def time_of(milliseconds: int | None) -> datetime | None:
    """A node's time as Django shows times."""
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC)


def _words(status: Mapping[str, Any]) -> str:
    match status["type"]:
        case "none":
            return "no rules: everything is allowed"
        case "config":
            return f"the file {status['file']}" if status["file"] else "the rules in config.yml"
        case _:
            number = status["version"]
            return f"version {number}" if number else "no rules yet: everything is allowed"


def _is_behind(status: Mapping[str, Any], active: RuleSetVersion | None) -> bool:
    return status["type"] == "database" and active is not None and status["version"] != active.number
