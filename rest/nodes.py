"""Answers of all nodes as one: what each said, and which said nothing."""

from __future__ import annotations

from typing import Any, NamedTuple

from cluster import announce
from rest.problems import Problem

PATIENCE = 5.0
"""Seconds that a node has for its answer; the others' answers wait for it that long."""


class Answers(NamedTuple):
    """What the nodes said, by name, and a line about each that did not."""

    said: dict[str, Any]
    unanswered: list[dict[str, str]]


def ask(operation: str, **arguments: Any) -> Answers:
    """Have every node do ``operation``; raises Problem 503 when none could, 400 when it cannot be done."""
    outcomes = announce.perform_everywhere(operation, timeout=PATIENCE, **arguments)
    failed = {node: outcome.error for node, outcome in outcomes.items() if outcome.error is not None}
    answers = Answers(
        {node: outcome.value for node, outcome in sorted(outcomes.items()) if outcome.error is None},
        [{"node": node, "code": error.code, "detail": error.text} for node, error in sorted(failed.items())],
    )
    if not answers.said:
        status = 400 if failed and all(error.code == "invalid" for error in failed.values()) else 503
        told = "; ".join(f"{one['node']}: {one['detail']}" for one in answers.unanswered)
        raise Problem(status, f"No node answered. {told}".strip(), unanswered=answers.unanswered)
    return answers


UNANSWERED: dict[str, Any] = {
    "type": "array",
    "description": "The nodes that did not answer, and why: what is shown is without theirs.",
    "items": {
        "type": "object",
        "properties": {name: {"type": "string"} for name in ("node", "code", "detail")},
        "required": ["node", "code", "detail"],
    },
}


def described(**properties: Any) -> dict[int, Any]:
    """For ``extend_schema``: the answer of an endpoint that puts together those of the nodes."""
    properties["unanswered"] = UNANSWERED
    return {200: {"type": "object", "properties": properties, "required": list(properties)}}


def rows(**properties: str) -> dict[str, Any]:
    """The schema of a list of objects that have at least these properties, each with its type."""
    each = {name: {"type": kind} for name, kind in properties.items()}
    item = {"type": "object", "properties": each, "required": list(each), "additionalProperties": True}
    return {"type": "array", "items": item}
