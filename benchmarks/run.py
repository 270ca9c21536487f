"""``python -m benchmarks.run``: put loads on servers and print what they cost (docs/benchmarks.md)."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.catalogue import LOADS
from benchmarks.environment import environment
from benchmarks.figures import Figures, summary
from benchmarks.load import Load, Pace
from benchmarks.measure import measure
from benchmarks.table import heading, row
from benchmarks.target import TARGETS, Target, Template

Rounds = dict[tuple[str, str], list[Figures]]
"""Load and target, and what each round measured."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what the command line asks for."""
    options = _parser().parse_args(arguments)
    loads = [LOADS[name] for name in options.load or LOADS]
    targets = [TARGETS[name] for name in options.target or ["fast"]]
    pace = Pace(options.warm_up, options.seconds)
    surroundings = environment()
    print("\n".join(f"{key}: {value}" for key, value in surroundings.items()), end="\n\n")
    print(heading())
    rounds = measured(loads, targets, pace, options.rounds)
    if options.json is not None:
        report = {"environment": surroundings, "seconds": pace.seconds, "rounds": _as_json(rounds)}
        options.json.write_text(json.dumps(report, indent=2) + "\n")


def measured(loads: Sequence[Load], targets: Sequence[Target], pace: Pace, count: int) -> Rounds:
    """Run everything, a load's targets in turns within each round, and print each load when it is done."""
    rounds: Rounds = {}
    with TemporaryDirectory(prefix="benchmark-template-") as folder:
        template = Template(Path(folder))
        for load in loads:
            for _, target in product(range(count), targets):
                rounds.setdefault((load.name, target.name), []).append(measure(target, load, pace, template))
            for target in targets:
                print(row(load, target.name, summary(rounds[load.name, target.name])), flush=True)
    return rounds


def _as_json(rounds: Rounds) -> list[dict[str, object]]:
    return [
        {
            "load": load,
            "target": target,
            "summary": asdict(summary(figures)),
            "rounds": [each.as_json() for each in figures],
        }
        for (load, target), figures in rounds.items()
    ]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("--target", nargs="+", choices=TARGETS, metavar="NAME", help=", ".join(TARGETS))
    parser.add_argument("--load", nargs="+", choices=LOADS, metavar="NAME", help=", ".join(LOADS))
    parser.add_argument(
        "--rounds", type=int, default=3, help="fresh servers per load [3]; the median is printed"
    )
    parser.add_argument("--seconds", type=float, default=Pace().seconds, help="length of the measured part")
    parser.add_argument("--warm-up", type=float, default=Pace().warm_up, help="length of the part before it")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every round's figures there")
    return parser


if __name__ == "__main__":
    main()
