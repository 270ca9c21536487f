"""The speed to reach: which figures are set against which others, and what shall come out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from benchmarks.figures import Summary
from benchmarks.target import COMPILED, DAPHNE_COMPILED, FAST_FLOOR, FLOOR, ON_THE_FLOOR

Summaries = Mapping[tuple[str, str], Summary]
"""Load and target, by name."""

LESS_IS_BETTER = {"cpu_each", "p99", "kilobytes", "growth"}

FIGURES = {
    "rate": "rate",
    "cpu_each": "CPU",
    "p99": "p99",
    "kilobytes": "KB each",
    "growth": "MB at the peak",
}
"""What a summary's fields are called in tables."""


MISSED = "MISSED"


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure of ``target`` under ``load``, as a ratio to that of ``against`` where 2 is twice as good.

    Without ``against`` it is the figure itself, a size that must not be exceeded. ``base`` is the load of the
    other side, if that is another one.
    """

    load: str
    figure: str
    against: str | None = None
    least: float | None = None
    aim: float | None = None
    target: str = "fast"
    base: str | None = None

    @property
    def needs(self) -> list[tuple[str, str]]:
        """The loads and targets that must have been measured."""
        other = [] if self.against is None else [(self.base or self.load, self.against)]
        return [(self.load, self.target), *other]

    def value(self, summaries: Summaries) -> float | None:
        """The ratio, or the size; None if a side of it is unknown, or nothing at all."""
        values = [getattr(summaries[key], self.figure) for key in self.needs]
        if self.against is None:
            return values[0] if values[0] is None else float(values[0])
        if not all(values):
            return None
        ours, theirs = values
        return float(theirs / ours if self.figure in LESS_IS_BETTER else ours / theirs)

    def verdict(self, value: float | None) -> str:
        """What ``value`` has reached."""
        if value is None:
            return "unknown"
        if self.aim is not None and self._is_met(value, self.aim):
            return "aim"
        if self.least is None:
            return "not yet"
        return "at least" if self._is_met(value, self.least) else MISSED

    def _is_met(self, value: float, bound: float) -> bool:
        return value <= bound if self.against is None else value >= bound


@dataclass(frozen=True, slots=True)
class Result:
    """A goal, and how near it the measurements came.

    ``cpu`` is the ratio of CPU for an operation, which is hardly changed by what else the machine does;
    ``is_doubtful`` says that something else, or the generator, took so much that the value may be.
    ``limit`` is what the least possible on the same server reaches, where that was measured.
    """

    goal: Goal
    value: float | None
    cpu: float | None
    is_doubtful: bool
    limit: float | None = None

    @property
    def verdict(self) -> str:
        """``aim``, ``at least``, ``not yet`` (no least was set), ``MISSED``, ``unknown``; what the least
        possible misses too is ``out of reach``, be it all or the aim.
        """
        verdict = self.goal.verdict(self.value)
        if self.limit is None or verdict in ("aim", "unknown"):
            return verdict
        limit = self.goal.verdict(self.limit)
        if verdict == limit == MISSED:
            return f"out of reach ({self.limit:.2f}×)"
        if self.goal.aim is not None and limit != "aim":
            return f"{verdict}, aim out of reach ({self.limit:.2f}×)"
        return verdict


def results(goals: Sequence[Goal], summaries: Summaries) -> list[Result]:
    """Each goal whose sides have been measured."""
    known = [goal for goal in goals if all(key in summaries for key in goal.needs)]
    return [_result(goal, summaries) for goal in known]


def _result(goal: Goal, summaries: Summaries) -> Result:
    sides = [summaries[key] for key in goal.needs]
    is_doubtful = any(side.is_machine_crowded or side.is_generator_busy for side in sides)
    cpu = replace(goal, figure="cpu_each").value(summaries) if goal.against else None
    return Result(goal, goal.value(summaries), cpu, is_doubtful, _limit(goal, summaries))


def _limit(goal: Goal, summaries: Summaries) -> float | None:
    floor = FLOORS.get(goal.target)
    if floor is None or goal.against is None or goal.against == floor:
        return None
    least = replace(goal, target=floor)
    return least.value(summaries) if all(key in summaries for key in least.needs) else None


WS, UWS, DAPHNE = "reference-ws", "reference-uws", "daphne"

FLOORS = {DAPHNE: FLOOR, DAPHNE_COMPILED: FLOOR, "fast": FAST_FLOOR, COMPILED: FAST_FLOOR}
"""The least that can be on the same server."""


def _both(load: str, figure: str, ws: tuple[float, float], uws: tuple[float, float]) -> list[Goal]:
    return [Goal(load, figure, WS, *ws), Goal(load, figure, UWS, *uws)]


def _unhurried(load: str) -> list[Goal]:
    """Loads that wait: what counts is CPU, and that nobody waits longer."""
    return [
        *_both(load, "cpu_each", (1.1, 1.4), (0.85, 1.0)),
        Goal(load, "p99", WS, 1.0),
        Goal(load, "p99", UWS, 1.0),
    ]


_BROADCASTS = ("events-1-to-100", "events-1-to-1000", "events-50-to-100")
_RATES = (
    *_BROADCASTS,
    "record-1-to-100",
    "writes-pipelined",
    "writes-acknowledged",
    "rpc-50-to-1",
    "login",
)
_WAITING = ("one-at-a-time", "paced-30000")
_COMPILED_FOR = ("writes-pipelined", "writes-acknowledged", "rpc-50-to-1", "login")
"""Where the interpreter's share is large enough for a compiled build to count."""

OUTBOX_MEGABYTES = 16 * 1024 * 1024 / 1e6
"""What may wait for one client by default (``maxOutboxSize``)."""

_FAST: tuple[Goal, ...] = (
    *(goal for load in _BROADCASTS for goal in _both(load, "rate", (10, 25), (5, 15))),
    *_both("record-1-to-100", "rate", (8, 20), (4, 12)),
    *(goal for load in _WAITING for goal in _unhurried(load)),
    Goal("writes-acknowledged", "rate", WS, 1.0, 1.8),
    Goal("writes-pipelined", "rate", WS, 0.9, 1.4),
    Goal("rpc-50-to-1", "rate", UWS, 1.2, 1.8),
    Goal("login", "rate", WS, least=1.2),
    Goal("login", "rate", UWS, aim=1.0),
    Goal("login", "kilobytes", least=17, aim=12),
)

_DAPHNE: tuple[Goal, ...] = (
    *(Goal(load, "rate", WS, 0.5, target=DAPHNE) for load in _RATES),
    *(Goal(load, "cpu_each", WS, 0.5, target=DAPHNE) for load in _WAITING),
    *(Goal(load, "cpu_each", FLOOR, 0.5, target=DAPHNE) for load in sorted(ON_THE_FLOOR)),
)

GOALS: tuple[Goal, ...] = (
    *_FAST,
    *(replace(goal, target=COMPILED) for goal in _FAST),
    *(Goal(load, "cpu_each", "fast", 1.3, target=COMPILED) for load in _COMPILED_FOR),
    *_DAPHNE,
    *(replace(goal, target=DAPHNE_COMPILED) for goal in _DAPHNE),
    Goal("5-slow-readers", "p99", "fast", 0.5, base="no-slow-readers"),
    Goal("5-slow-readers", "growth", least=5 * OUTBOX_MEGABYTES),
)
"""The speed to reach beside the reference server, as it is and with its compiled build; what that brings; on
Daphne also beside the least that an application can do there; and what slow readers may cost the others."""
