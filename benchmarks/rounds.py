"""Rounds: every load on every server, one fresh process after the other."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TypeVar

from benchmarks.figures import Figures
from benchmarks.load import Load, Pace
from benchmarks.measure import measure
from benchmarks.target import Target, Template

AnyTarget = TypeVar("AnyTarget")

Rounds = dict[tuple[str, str], list[Figures]]
"""Load and target, by name, and what each round measured."""


class Progress:
    """Says on stderr what is being measured, and about how long all of it will take."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._start = perf_counter()

    def __call__(self, load: Load, target: Target, round_: int) -> None:
        """A round begins."""
        spent = perf_counter() - self._start
        left = spent / self._done * (self._total - self._done) / 60 if self._done else None
        shown = "" if left is None else f", about {left:.0f} min left"
        self._done += 1
        text = f"[{self._done}/{self._total}] {load.name} on {target.name}, round {round_ + 1}{shown}"
        print(text, file=sys.stderr, flush=True)


def rotated(targets: Sequence[AnyTarget], round_: int) -> list[AnyTarget]:
    """``targets`` in the order of a round: each comes first as often as any other."""
    first = round_ % len(targets)
    return [*targets[first:], *targets[:first]]


def measured(
    loads: Sequence[Load],
    targets: Sequence[Target],
    pace: Pace,
    count: int,
    on_load: Callable[[Load, Rounds], None],
) -> Rounds:
    """Run everything, load by load, the targets in turns; ``on_load`` is told when a load is done."""
    rounds: Rounds = {}
    progress = Progress(count * sum(target.takes(load) for load in loads for target in targets))
    with TemporaryDirectory(prefix="benchmark-template-") as folder:
        template = Template(Path(folder))
        for load in loads:
            for target, round_ in _turns(load, targets, count):
                progress(load, target, round_)
                rounds.setdefault((load.name, target.name), []).append(measure(target, load, pace, template))
            on_load(load, rounds)
    return rounds


def _turns(load: Load, targets: Sequence[Target], count: int) -> Iterator[tuple[Target, int]]:
    able = [target for target in targets if target.takes(load)]
    for round_ in range(count if able else 0):
        for target in rotated(able, round_):
            yield target, round_
