"""``python -m benchmarks.compare``: loads on servers in turns, set side by side (docs/benchmarks.md)."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.build import NotCompilable, make_build
from benchmarks.catalogue import LOADS
from benchmarks.document import NoPlace, replace_section, surroundings
from benchmarks.environment import environment
from benchmarks.figures import Summary, summary
from benchmarks.goals import GOALS, Result, results
from benchmarks.load import Load, Pace
from benchmarks.reference import NotInstallable, install_reference
from benchmarks.rounds import Rounds, measured
from benchmarks.table import (
    HEADING,
    RESULT_HEADING,
    cells,
    heading,
    markdown,
    result_cells,
    result_table,
    row,
)
from benchmarks.target import TARGETS, Target

COMMAND = "python -m benchmarks.compare"


class Report:
    """What was measured, in each of the forms that the command offers."""

    def __init__(self, environment: dict[str, str], pace: Pace, count: int, rounds: Rounds) -> None:
        self._environment = environment | {"rounds": f"{count} of {pace.seconds:g} s"}
        self._rounds = rounds
        self.summaries: dict[tuple[str, str], Summary] = {
            key: summary(figures) for key, figures in rounds.items()
        }
        self.results: list[Result] = results(GOALS, self.summaries)

    def as_json(self) -> dict[str, Any]:
        """Every round, the summaries and the results."""
        return {
            "environment": self._environment,
            "rounds": [
                {
                    "load": load,
                    "target": target,
                    "summary": asdict(self.summaries[load, target]),
                    "rounds": [each.as_json() for each in figures],
                }
                for (load, target), figures in self._rounds.items()
            ],
            "results": [asdict(result) | {"verdict": result.verdict} for result in self.results],
        }

    def as_markdown(self) -> str:
        """Both tables and where they come from."""
        rows = [cells(LOADS[load], target, each) for (load, target), each in self.summaries.items()]
        found = [result_cells(result) for result in self.results]
        parts = [surroundings(self._environment)]
        parts += [markdown(RESULT_HEADING, found)] if found else []
        return "\n\n".join([*parts, markdown(HEADING, rows)])


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what the command line asks for."""
    options = _parser().parse_args(arguments)
    loads = [LOADS[name] for name in options.load or LOADS]
    targets = [TARGETS[name] for name in options.target or TARGETS]
    try:
        if any(target.is_reference for target in targets):
            install_reference()
        if any(target.is_compiled for target in targets):
            make_build()
        report = _measure(loads, targets, Pace(options.warm_up, options.seconds), options.rounds)
        if options.json is not None:
            options.json.write_text(json.dumps(report.as_json(), indent=2) + "\n")
        if options.markdown is not None:
            replace_section(options.markdown, COMMAND, report.as_markdown())
    except (NotInstallable, NotCompilable, NoPlace) as problem:
        sys.exit(str(problem))


def _measure(loads: Sequence[Load], targets: Sequence[Target], pace: Pace, count: int) -> Report:
    """Measure, and print each load when it is done, the results in the end."""
    where = environment()
    print("\n".join(f"{key}: {value}" for key, value in where.items()), end="\n\n")
    print(heading(), flush=True)

    def show(load: Load, rounds: Rounds) -> None:
        for target in targets:
            if (figures := rounds.get((load.name, target.name))) is not None:
                print(row(load, target.name, summary(figures)), flush=True)

    report = Report(where, pace, count, measured(loads, targets, pace, count, show))
    if report.results:
        print(f"\n{result_table(report.results)}")
    return report


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--target", nargs="+", choices=TARGETS, metavar="NAME", help=", ".join(TARGETS))
    parser.add_argument("--load", nargs="+", choices=LOADS, metavar="NAME", help=", ".join(LOADS))
    parser.add_argument(
        "--rounds", type=_positive, default=5, help="fresh servers per load [5]; medians count"
    )
    parser.add_argument("--seconds", type=float, default=Pace().seconds, help="length of the measured part")
    parser.add_argument("--warm-up", type=float, default=Pace().warm_up, help="length of the part before it")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every round's figures there")
    parser.add_argument(
        "--markdown",
        type=Path,
        metavar="FILE",
        help="renew the tables there, between the comments with this name",
    )
    return parser


def _positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError("at least one")
    return number


if __name__ == "__main__":
    main()
