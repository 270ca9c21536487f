"""How costs grow: for each curve, what is varied, and what an operation costs at each point."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.crowd import Crowd
from benchmarks.fanout import EventScene, FanOut
from benchmarks.figures import Figures
from benchmarks.load import Load, Pace
from benchmarks.logins import Logins
from benchmarks.lookups import questions, reads, rules_document, stored_name, writes
from benchmarks.timing import OneAtATime

LINEAR = 1.15
"""The exponent above which a step counts as worse than linear: what is measured is not exact."""


@dataclass(frozen=True, slots=True)
class Curve:
    """``load(x)`` is measured for every x; the server's CPU for an operation times ``times(x)`` is the cost.

    ``sections`` are those of the server's configuration, ``records`` how many are stored before it starts.
    """

    name: str
    x: str
    cost: str
    xs: Sequence[int]
    load: Callable[[int], Load]
    times: Callable[[int], int] = field(default=lambda x: 1)
    sections: Callable[[int], dict[str, Any]] = field(default=lambda x: {})
    records: Callable[[int], int] = field(default=lambda x: 0)


class Beside:
    """A load on a server that has many idle clients with five subscriptions as well."""

    def __init__(self, load: FanOut, idle: int) -> None:
        self.name = load.name
        self.about = load.about
        self.operation = load.operation
        self._load = load
        self._idle = idle

    async def run(self, url: str, pid: int, pace: Pace) -> Figures:
        """See ``Load``."""
        async with Crowd(url) as crowd:
            await Logins("idle", "", clients=0, ahead=0, at_once=20).arrive(crowd, range(self._idle))
            figures = await self._load.run(url, pid, pace)
            return replace(figures, errors=figures.errors + crowd.lost)


def exponents(xs: Sequence[int], costs: Sequence[float]) -> list[float]:
    """For each step from one point to the next, n where the cost grew like x to the power of n."""
    points = list(zip(xs, costs, strict=True))
    return [
        math.log(cost / before) / math.log(x / earlier) for (earlier, before), (x, cost) in pairwise(points)
    ]


def steep_steps(curve: Curve, costs: Sequence[float]) -> list[str]:
    """The steps that grow worse than linear, in words."""
    return [
        f"{curve.name}: from {curve.xs[step]:,} to {curve.xs[step + 1]:,} {curve.x} like x^{exponent:.2f}"
        for step, exponent in enumerate(exponents(curve.xs, costs))
        if exponent > LINEAR
    ]


def store_records(database: Path, count: int) -> None:
    """Put ``count`` records into a migrated database."""
    rows = ((stored_name(number), 1, '{"value":"as it was stored"}') for number in range(count))
    with sqlite3.connect(database) as connection:
        connection.executemany("INSERT INTO records_record (name, version, data) VALUES (?, ?, ?)", rows)
    connection.close()


def _fan_out(subscribers: int) -> FanOut:
    return FanOut("events", "", "delivery", EventScene, publishers=1, subscribers=subscribers, window=64)


def _rules(count: int) -> dict[str, Any]:
    return {"permission": {"type": "config", "options": {"permissions": rules_document(count)}}}


_DECADES = (10, 100, 1000, 10_000, 100_000, 1_000_000)
_CONNECTIONS = (1, 10, 100, 1000, 10_000)
_RULES = (1, 10, 100, 1000)

CURVES: tuple[Curve, ...] = (
    Curve(
        "an event to its subscribers",
        "subscribers",
        "µs an event",
        (1, 10, 100, 1000, 5000),
        _fan_out,
        times=lambda subscribers: subscribers,
    ),
    Curve(
        "an event to 100 subscribers, others idle",
        "idle connections",
        "µs an event",
        _CONNECTIONS,
        lambda idle: Beside(_fan_out(100), idle),
        times=lambda _: 100,
    ),
    Curve(
        "a login",
        "connections before it",
        "µs a login",
        _CONNECTIONS,
        lambda ahead: Logins("logins", "", clients=1000, ahead=ahead, at_once=20),
    ),
    Curve(
        "an event to 10 subscribers",
        "bytes of data",
        "µs an event",
        (10, 100, 1000, 10_000, 65_536, 262_144),
        lambda size: OneAtATime("payload", "", subscribers=10, size=size),
        times=lambda _: 10,
    ),
    Curve("a read", "records", "µs a read", _DECADES, reads, records=lambda count: count),
    Curve("an acknowledged write", "records", "µs a write", _DECADES, writes, records=lambda count: count),
    Curve(
        "a call, its name known",
        "rules",
        "µs a call",
        _RULES,
        lambda rules: questions(rules, fresh=False),
        sections=_rules,
    ),
    Curve(
        "a call, its name new",
        "rules",
        "µs a call",
        _RULES,
        lambda rules: questions(rules, fresh=True),
        sections=_rules,
    ),
)
