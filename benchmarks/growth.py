"""``python -m benchmarks.growth``: how costs grow, as curves and numbers (docs/benchmarks.md)."""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.curves import CURVES, LINEAR, Curve, exponents, steep_steps, store_records
from benchmarks.document import NoPlace, replace_section, surroundings
from benchmarks.environment import environment
from benchmarks.figures import Figures
from benchmarks.load import Pace
from benchmarks.measure import measure
from benchmarks.plot import Panel, short, svg
from benchmarks.process import RESOLUTION
from benchmarks.table import markdown
from benchmarks.target import TARGETS, Template

COMMAND = "python -m benchmarks.growth"


@dataclass(frozen=True, slots=True)
class Grown:
    """A measured curve: the rounds of every point, and the median of their costs in microseconds."""

    curve: Curve
    rounds: list[list[Figures]]

    @property
    def costs(self) -> list[float]:
        """Of each point."""
        return [
            median(map(_microseconds, rounds)) * self.curve.times(x)
            for x, rounds in zip(self.curve.xs, self.rounds, strict=True)
        ]

    @property
    def steep(self) -> list[str]:
        """The steps that are worse than linear."""
        return steep_steps(self.curve, self.costs)

    @property
    def faults(self) -> int:
        """Errors and operations that never happened: with any, this is not a measurement."""
        return sum(each.errors + each.undelivered for rounds in self.rounds for each in rounds)

    def as_json(self) -> dict[str, Any]:
        """Numbers by name."""
        curve = self.curve
        return {
            "name": curve.name,
            "x": curve.x,
            "cost": curve.cost,
            "xs": list(curve.xs),
            "costs": self.costs,
            "exponents": exponents(curve.xs, self.costs),
            "faults": self.faults,
            "rounds": [[each.as_json() for each in rounds] for rounds in self.rounds],
        }

    def panel(self) -> Panel:
        """The curve as it is drawn."""
        curve = self.curve
        steps = enumerate(exponents(curve.xs, self.costs))
        steep = frozenset(step + 1 for step, exponent in steps if exponent > LINEAR)
        return Panel(curve.name, curve.x, curve.cost, curve.xs, self.costs, steep)

    def cells(self) -> list[str]:
        """The curve as a row of a table."""
        points = (f"{short(x)}: {short(cost)}" for x, cost in zip(self.curve.xs, self.costs, strict=True))
        steepest = max(exponents(self.curve.xs, self.costs))
        return [self.curve.name, self.curve.cost, self.curve.x, ", ".join(points), f"x^{steepest:.2f}"]


def _microseconds(figures: Figures) -> float:
    """CPU for an operation, never nothing."""
    return max(figures.server_cpu, RESOLUTION) / max(1, figures.operations) * 1e6


class Points:
    """Measures single points, each on a fresh server whose database has as many records as it should."""

    def __init__(self, target: str, pace: Pace, folder: Path) -> None:
        self._target = TARGETS[target]
        self._pace = pace
        self._folder = folder
        self._template = Template(folder)

    def measure(self, curve: Curve, x: int) -> Figures:
        """One round of one point."""
        records = curve.records(x)
        template = (lambda: self._stored(records)) if records else self._template
        return measure(self._target, curve.load(x), self._pace, template, **curve.sections(x))

    def _stored(self, records: int) -> Path:
        path = self._folder / f"{records}.sqlite3"
        if not path.exists():
            shutil.copyfile(self._template(), path)
            store_records(path, records)
        return path


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what the command line asks for."""
    options = _parser().parse_args(arguments)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # a socket for each connection
    where = environment() | {"rounds": f"{options.rounds} of {options.seconds:g} s"}
    print("\n".join(f"{key}: {value}" for key, value in where.items()), end="\n\n", flush=True)
    curves = [curve for curve in CURVES if options.curve is None or curve.name in options.curve]
    pace = Pace(options.warm_up, options.seconds)
    grown = [_grow(curve, options.target, pace, options.rounds) for curve in curves]
    steep = [step for each in grown for step in each.steep]
    print("\nWorse than linear:", *(steep or ["no step"]), sep="\n")
    if options.json is not None:
        report = {"environment": where, "curves": [each.as_json() for each in grown]}
        options.json.write_text(json.dumps(report, indent=2) + "\n")
    if options.svg is not None:
        options.svg.write_text(svg([each.panel() for each in grown]))
    if options.markdown is not None:
        _write_markdown(options.markdown, where, grown, steep)


def _grow(curve: Curve, target: str, pace: Pace, count: int) -> Grown:
    """Measure ``curve`` round by round, so that what else the machine does falls on all points alike."""
    rounds: list[list[Figures]] = [[] for _ in curve.xs]
    with TemporaryDirectory(prefix="benchmark-growth-") as folder:
        points = Points(target, pace, Path(folder))
        for round_ in range(count):
            for figures, x in zip(rounds, curve.xs, strict=True):
                print(f"{curve.name}: {x:,} {curve.x}, round {round_ + 1}", file=sys.stderr, flush=True)
                figures.append(points.measure(curve, x))
    grown = Grown(curve, rounds)
    print(f"{curve.name}, {curve.cost}", flush=True)
    for x, cost, figures in zip(curve.xs, grown.costs, rounds, strict=True):
        faults = sum(each.errors + each.undelivered for each in figures)
        print(f"{x:12,} {curve.x:24}{cost:14,.2f}" + (f"  {faults} FAULTS" if faults else ""), flush=True)
    return grown


def _write_markdown(path: Path, where: dict[str, str], grown: Sequence[Grown], steep: Sequence[str]) -> None:
    table = markdown(
        ("cost of", "in", "against", "measured", "steepest step"), [each.cells() for each in grown]
    )
    verdict = "Worse than linear: " + ("; ".join(steep) or "no step") + "."
    try:
        replace_section(path, COMMAND, "\n\n".join((surroundings(where), table, verdict)))
    except NoPlace as problem:
        sys.exit(str(problem))


def _parser() -> argparse.ArgumentParser:
    names = [curve.name for curve in CURVES]
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--curve", nargs="+", choices=names, metavar="NAME", help="; ".join(names))
    parser.add_argument("--target", choices=TARGETS, default="fast", help="the server [fast]")
    parser.add_argument("--rounds", type=int, default=3, help="fresh servers per point [3]")
    parser.add_argument("--seconds", type=float, default=2.0, help="length of the measured part [2]")
    parser.add_argument("--warm-up", type=float, default=Pace().warm_up, help="length of the part before it")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all numbers there")
    parser.add_argument("--svg", type=Path, metavar="FILE", help="draw the curves there")
    parser.add_argument(
        "--markdown", type=Path, metavar="FILE", help="renew the table there, between its comments"
    )
    return parser


if __name__ == "__main__":
    main()
