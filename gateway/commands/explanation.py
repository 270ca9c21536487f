"""An explanation of the rules (``permissions.explain``) as lines of a tree."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Tree = tuple[str, Sequence["Tree"]]
"""A line and those under it."""

LONGEST = 100
"""Characters of a value in a line."""


def lines_of(explanation: Mapping[str, Any]) -> Iterator[str]:
    """The explanation, one line for each fact."""
    verdict, action, user = (explanation[key] for key in ("verdict", "action", "user"))
    yield f"{verdict}  {explanation['topic']} {action} by {user or 'nobody'}"
    branches = [_name(one) for one in explanation["names"]]
    if reason := explanation.get("reason"):
        branches.append((reason, ()))
    if loaded := explanation["loaded"]:
        branches.append((f"records that had to be read: {', '.join(loaded)}", ()))
    yield from _drawn(branches, "")


def _name(found: Mapping[str, Any]) -> Tree:
    return f"{found['name']}: {found['verdict']}", [_rule(rule) for rule in found["rules"]]


def _rule(rule: Mapping[str, Any]) -> Tree:
    if rule["path"] is None:
        return f"{rule['type']}: {rule['why']}: DENIED", ()
    parts: list[Tree] = [(f'path "{rule["path"]}", {rule["why"]}', _others(rule))]
    parts += [(f"{name} = {_text(value)}", ()) for name, value in rule["variables"].items()]
    parts += [(f"{name} = {_value(rule[name])}", ()) for name in ("data", "oldData") if name in rule]
    parts.append((f"rule {rule['expression']}", _trace(rule)))
    if "error" in rule:
        parts.append((f"error: {rule['error']}", ()))
    return f"{rule['type']}: {rule['verdict']}", parts


def _others(rule: Mapping[str, Any]) -> Sequence[Tree]:
    return [(f'also matches: "{path}"', ()) for path in rule["paths"][1:]]


def _trace(rule: Mapping[str, Any]) -> list[Tree]:
    """The parts of the expression, each once; literals say themselves what they are."""
    seen: dict[str, str] = {}
    for part in rule.get("trace", ()):
        value = _value(part)
        source = part["source"]
        if source not in seen and source != value and source[1:-1] != part.get("value"):
            seen[source] = value
    return [(f"{source} is {value}", ()) for source, value in seen.items()]


def _value(found: Mapping[str, Any]) -> str:
    if "value" in found:
        return _text(found["value"])
    return f"{found['beginning'][:LONGEST]}…" if "beginning" in found else str(found["type"])


def _text(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _drawn(branches: Sequence[Tree], indent: str) -> Iterator[str]:
    for position, (line, below) in enumerate(branches, 1):
        is_last = position == len(branches)
        yield f"{indent}{'└─' if is_last else '├─'} {line}"
        yield from _drawn(below, indent + ("   " if is_last else "│  "))
