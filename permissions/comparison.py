"""What differs between two texts of rules: which rules, and which lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher
from typing import Any, NamedTuple

CONTEXT = 3
"""Equal lines that are shown around those that differ."""

MAX_LINES = 20_000
"""Lines of both texts that are compared one by one; longer ones are shown as replaced."""


class RuleChange(NamedTuple):
    """A rule that one document has otherwise than the other; None: it is not there."""

    section: str
    path: str
    rule_type: str
    before: str | None
    after: str | None


class DiffLine(NamedTuple):
    """A line of the comparison: ``kind`` is ``same``, ``removed``, ``added`` or ``gap`` (lines left out)."""

    kind: str
    before: int | None
    after: int | None
    text: str


def changed_rules(before: Any, after: Any) -> list[RuleChange]:
    """The rules that differ between two documents, by section and path; None stands for no rules at all."""
    old, new = dict(_rules(before)), dict(_rules(after))
    keys = [*old, *(key for key in new if key not in old)]
    return [RuleChange(*key, old.get(key), new.get(key)) for key in keys if old.get(key) != new.get(key)]


def changed_lines(before: str, after: str) -> list[DiffLine]:
    """Both texts as one, with ``CONTEXT`` lines around each difference; empty if they are equal."""
    if before == after:
        return []
    old, new = before.splitlines(), after.splitlines()
    lines: list[DiffLine] = []
    if len(old) + len(new) > MAX_LINES:
        return [*_removed(old, 0, len(old)), *_added(new, 0, len(new))]
    for position, group in enumerate(SequenceMatcher(None, old, new).get_grouped_opcodes(CONTEXT)):
        if position or group[0][1] > 0:
            lines.append(DiffLine("gap", None, None, ""))
        for tag, start, end, new_start, new_end in group:
            if tag == "equal":
                lines += [
                    DiffLine("same", start + step + 1, new_start + step + 1, old[start + step])
                    for step in range(end - start)
                ]
            else:
                lines += [*_removed(old, start, end), *_added(new, new_start, new_end)]
    return lines


def _removed(lines: list[str], start: int, end: int) -> Iterator[DiffLine]:
    return (DiffLine("removed", index + 1, None, lines[index]) for index in range(start, end))


def _added(lines: list[str], start: int, end: int) -> Iterator[DiffLine]:
    return (DiffLine("added", None, index + 1, lines[index]) for index in range(start, end))


def _rules(document: Any) -> Iterator[tuple[tuple[str, str, str], str]]:
    if not isinstance(document, Mapping):
        return
    for section, paths in document.items():
        for path, rules in paths.items():
            for rule_type, rule in rules.items():
                text = str(rule).lower() if isinstance(rule, bool) else str(rule)
                yield (section, path, rule_type), text
