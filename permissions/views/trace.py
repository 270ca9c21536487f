"""An explanation of the rules (``permissions.explain``) in the shape in which a page shows it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from permissions.highlight import Part, expression_parts

LONGEST = 4000
"""Characters of a value that are shown."""

NOT_EVALUATED = "not evaluated"
"""The type of a part that was not reached."""

NO_VALUE = "no value"
"""What is said of a part that was begun, and not ended because of an error."""


class Step(NamedTuple):
    """A part of an expression: how deep it stands within others, its text, and what it was."""

    depth: int
    parts: list[Part]
    type: str
    value: str


def shown(explanation: Mapping[str, Any]) -> dict[str, Any]:
    """``explanation`` with each rule's values as text and its trace as a tree."""
    names = [one | {"rules": [_rule(rule) for rule in one["rules"]]} for one in explanation["names"]]
    return {**explanation, "names": names, "is_allowed": explanation["verdict"] == "ALLOWED"}


def as_json(value: Any) -> str:
    """A value for people; long ones are cut."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **rule,
        "others": rule["paths"][1:],
        "variables": [(name, as_json(value)) for name, value in rule.get("variables", {}).items()],
        "values": [(name, _value(rule[name])) for name in ("data", "oldData") if name in rule],
        "parts": expression_parts(rule.get("expression", "")),
        "steps": list(_steps(rule.get("expression", ""), rule.get("trace", ()))),
    }


def _steps(expression: str, trace: Sequence[Mapping[str, Any]]) -> Iterator[Step]:
    """The trace with depths.

    Literals are left out, because they say themselves what they are, and what is within a part of which
    nothing was evaluated.
    """
    places = list(_places(expression, trace))
    around: list[int] = []
    skipped = 0
    for index, (part, (start, end)) in enumerate(zip(trace, places, strict=True)):
        while around and around[-1] <= start:
            around.pop()
        if start >= skipped and not _is_literal(part):
            parts = expression_parts(part["source"])
            has_value = part["type"] != NOT_EVALUATED
            within = [trace[later]["type"] for later in range(index, len(trace)) if places[later][0] < end]
            is_begun = has_value or any(kind != NOT_EVALUATED for kind in within)
            kind = part["type"] if has_value or not is_begun else NO_VALUE
            yield Step(len(around), parts, kind, _value(part))
            skipped = skipped if is_begun else end
        around.append(end)


def _places(expression: str, trace: Sequence[Mapping[str, Any]]) -> Iterator[tuple[int, int]]:
    """Where each part of the expression begins and ends."""
    starts = _line_starts(expression)
    for part in trace:
        start = starts[part["line"] - 1] + part["column"] - 1
        yield start, start + len(part["source"])


def _line_starts(text: str) -> list[int]:
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    return starts


def _is_literal(part: Mapping[str, Any]) -> bool:
    return [one.kind for one in expression_parts(part["source"])] in (["string"], ["number"], ["constant"])


def _value(found: Mapping[str, Any]) -> str:
    if "value" in found:
        return as_json(found["value"])
    if "beginning" in found:
        return f"{found['beginning'][:LONGEST]}…"
    return "" if found["type"] == NOT_EVALUATED else str(found["type"])
