"""Names that are live somewhere, added up over the nodes: events, procedures, users."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from rest.nodes import Answers

DEFAULT = 100
MOST = 1000


class LiveQuery(serializers.Serializer):
    """What can be asked of a list of live names."""

    search = serializers.CharField(
        required=False,
        default="",
        allow_blank=True,
        trim_whitespace=False,
        help_text="A part of the names; case does not count.",
    )
    limit = serializers.IntegerField(
        required=False, default=DEFAULT, min_value=1, max_value=MOST, help_text="Rows of the answer."
    )


def added_up(answers: Answers, count: str, limit: int) -> tuple[list[dict[str, Any]], bool]:
    """The rows of all nodes, those with the most first, and whether they are all that there is.

    A name that several nodes have is one row with the sum of ``count``, and in ``nodes`` what each has of it.
    """
    found: dict[str, dict[str, Any]] = {}
    complete = not answers.unanswered
    for node, said in answers.said.items():
        complete = complete and said["complete"] and said["total"] <= len(said["names"])
        for row in said["names"]:
            _add(
                found.setdefault(row["name"], {"name": row["name"], count: 0, "nodes": {}}), row, count, node
            )
    ordered = sorted(found.values(), key=lambda row: (-row[count], row["name"]))
    return ordered[:limit], complete and len(ordered) <= limit


def _add(total: dict[str, Any], row: Mapping[str, Any], count: str, node: str) -> None:
    total[count] += row[count]
    total["nodes"][node] = row[count]
    if "provided" in row:
        total["provided"] = total.get("provided", False) or row["provided"]
