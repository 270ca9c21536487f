"""Rules tried on decisions that were recorded: what would they have said?"""

from __future__ import annotations

import asyncio
import inspect
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from gateway.rules.decisions import Decision
from permissions.asking import GivenRecords
from permissions.reader import Known, RecordReader
from permissions.ruleset import RuleSet
from permissions.surroundings import action_name
from permissions.verdict import AllowEverything, Denial, Permissions, Verdict
from pubsub.replies import names_of
from records.state import ABSENT

BREATH = 100
"""Decisions that are asked about before clients get their turn in the event loop."""

PATIENCE = 8.0
"""Seconds that a trial may take; what was not asked by then is left out, and the report says so."""

MAX_EXAMPLES = 50
"""Changed decisions that are named in the report."""

SHOWN_NAMES = 5
"""Names of one message that are named; of the others their number is said."""


async def trial(
    decisions: Iterable[Decision], *, draft: Permissions, in_force: Permissions, records: RecordReader
) -> dict[str, Any]:
    """What ``draft`` would change about ``decisions``, the latest first, as JSON values.

    Each message is asked about the record it names as that was, at that time; cross references see what is
    there now. ``asked`` of the ``recorded`` decisions were asked again, and ``changed`` would be other ones:
    ``kinds`` says how many of which kind, ``examples`` names some. ``unclear`` are those of which nothing can
    be told: the record was not in memory then, or the rules in force would not say today what was said then
    either, because other records or the rules themselves have changed.
    """
    latest_first = list(decisions)[::-1]
    again, before = _Again(draft, records), _Again(in_force, records)
    report: dict[str, Any] = {"recorded": len(latest_first), "asked": 0, "changed": 0, "unclear": 0}
    kinds: Counter[str] = Counter()
    examples: list[dict[str, Any]] = []
    deadline = asyncio.get_running_loop().time() + PATIENCE
    for position, one in enumerate(latest_first, 1):
        verdict = await again.verdict(one)
        report["asked"] += 1
        if (verdict or None) != (one.verdict or None):
            if again.has_guessed or (await before.verdict(one) or None) != (one.verdict or None):
                report["unclear"] += 1
            else:
                report["changed"] += 1
                kind = _kind(one.verdict, verdict)
                kinds[kind] += 1
                if len(examples) < MAX_EXAMPLES:
                    examples.append(_change(one, verdict, kind))
        if position % BREATH == 0:
            await asyncio.sleep(0)
            if asyncio.get_running_loop().time() > deadline:
                break
    return report | {"kinds": dict(kinds), "examples": examples}


def states_of(one: Decision) -> dict[str, Known]:
    """The records that the message names, as they were when it was decided about, if that is known."""
    return {
        name: None if state is ABSENT else (state.version, state.value) for name, state in one.states.items()
    }


def summary(one: Decision) -> dict[str, Any]:
    """A decision for a list of them: everything but what the message carried."""
    names = names_of(one.message) or [""]
    return {
        "number": one.number,
        "at": one.at,
        "firstAt": one.first_at,
        "count": one.count,
        "user": one.user.id,
        "topic": one.message.topic,
        "action": action_name(one.message),
        "names": [name[:1024] for name in names[:SHOWN_NAMES]],
        "moreNames": max(0, len(names) - SHOWN_NAMES),
        "verdict": verdict_text(one.verdict),
        "refused": len(one.verdict or ()),
        "refusedNames": [name[:1024] for name in list(one.verdict or ())[:SHOWN_NAMES]],
    }


def verdict_text(verdict: Verdict) -> str:
    """``ALLOWED``, or the error that the client gets for the first name that is refused."""
    return next(iter(verdict.values())).value if verdict else "ALLOWED"


class _Then(GivenRecords):
    """The records as they were at one decision; ``has_guessed`` once it had to say how one is now instead."""

    def __init__(self, beneath: RecordReader) -> None:
        super().__init__({}, beneath)
        self._unknown: frozenset[str] = frozenset()
        self.has_guessed = False

    def go_to(self, one: Decision) -> None:
        self.given = states_of(one)
        self._unknown = frozenset(names_of(one.message)) - self.given.keys()
        self.has_guessed = False

    def peek(self, name: str) -> Known:
        self.has_guessed = self.has_guessed or name in self._unknown
        return super().peek(name)


class _Again:
    """Rules that are asked about one past decision after the other."""

    def __init__(self, rules: Permissions, records: RecordReader) -> None:
        self._at = 0
        self._records = _Then(records)
        self._rules: Permissions = AllowEverything()
        if isinstance(rules, RuleSet):
            self._rules = rules.among(self._records, now=lambda: self._at)

    @property
    def has_guessed(self) -> bool:
        """Whether the last verdict is about a record as it is now, because nobody knows how it was."""
        return self._records.has_guessed

    async def verdict(self, one: Decision) -> Verdict:
        """What the rules would have said."""
        self._at = one.at
        self._records.go_to(one)
        verdict = self._rules.check(one.user, one.message)
        return await verdict if inspect.isawaitable(verdict) else verdict


def _change(one: Decision, verdict: Verdict, kind: str) -> dict[str, Any]:
    return summary(one) | {"after": verdict_text(verdict), "kind": kind}


def _kind(before: Mapping[str, Denial] | None, after: Mapping[str, Denial] | None) -> str:
    refused, allowed = set(after or ()) - set(before or ()), set(before or ()) - set(after or ())
    if refused and allowed:
        return "partly now refused, partly now allowed"
    if refused:
        return "now refused"
    return "now allowed" if allowed else "refused with another error"
