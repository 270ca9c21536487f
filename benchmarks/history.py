"""What it costs to keep the history of records: ``python -m benchmarks.history``.

The loads that write, on this server without and with ``record.history``, in turns; then by how much that
changes the CPU time of an operation.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.catalogue import LOADS
from benchmarks.environment import environment
from benchmarks.figures import Figures, summary
from benchmarks.load import Pace
from benchmarks.measure import measure
from benchmarks.table import heading, row
from benchmarks.target import TARGETS, Template

WRITING = ("writes-acknowledged", "writes-pipelined", "record-1-to-100")

WAYS: dict[str, dict[str, Any]] = {
    "without": {},
    "history": {"record": {"history": {"enabled": True}}},
}
"""The servers that are compared: what is in their configuration."""


def main() -> None:
    """Measure, and print what the history adds."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.history", description=__doc__)
    parser.add_argument("--load", nargs="*", choices=WRITING, default=WRITING)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0)
    options = parser.parse_args()
    print("\n".join(f"{key}: {value}" for key, value in environment().items()), end="\n\n")
    print(heading())
    with TemporaryDirectory(prefix="benchmark-template-") as folder:
        template = Template(Path(folder))
        for name in options.load:
            compare(name, Pace(0.5, options.seconds), options.rounds, template)


def compare(name: str, pace: Pace, rounds: int, template: Template) -> None:
    """Put one load on both servers ``rounds`` times, and print the medians and what they say."""
    load = LOADS[name]
    found: dict[str, list[Figures]] = {way: [] for way in WAYS}
    for _ in range(rounds):
        for way, sections in WAYS.items():
            found[way].append(measure(TARGETS["fast"], load, pace, template, **sections))
    medians = {way: summary(figures) for way, figures in found.items()}
    for way, median in medians.items():
        print(row(load, way, median))
    more = medians["history"].cpu_each / medians["without"].cpu_each - 1
    print(f"history: {more:+.0%} CPU time for {name}", flush=True)


if __name__ == "__main__":
    main()
