"""``python -m benchmarks.cluster``: loads on several processes that are one server (docs/benchmarks.md)."""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
import uvloop

from benchmarks.cluster_catalogue import CLUSTER_LOADS
from benchmarks.cluster_loads import ClusterLoad
from benchmarks.cluster_table import COST_HEADING, HEADING, cells, cost_cells, in_columns
from benchmarks.document import NoPlace, replace_section, surroundings
from benchmarks.environment import environment
from benchmarks.figures import summary
from benchmarks.load import Pace
from benchmarks.meter import BusCost, Measured, bus_cost
from benchmarks.nodes import LAYERS, STORAGES, Ground, Nodes
from benchmarks.onlooker import Onlooker
from benchmarks.rounds import rotated
from benchmarks.spread import Site
from benchmarks.table import markdown

COMMAND = "python -m benchmarks.cluster"

Rounds = dict[tuple[str, int], list[Measured]]
"""The load by name and the number of nodes, and what each round measured."""


class Report:
    """What was measured, in each of the forms that the command offers."""

    def __init__(self, environment: Mapping[str, str], rounds: Rounds) -> None:
        self._environment = environment
        self._rounds = rounds

    @property
    def rows(self) -> list[list[str]]:
        """The cells of the first table."""
        return [cells(CLUSTER_LOADS[load], nodes, each) for (load, nodes), each in self._rounds.items()]

    @property
    def cost_rows(self) -> list[list[str]]:
        """The cells of the table that says what the bus costs, of loads that were put on one process too."""
        return [
            cost_cells(CLUSTER_LOADS[load], nodes, cost)
            for load, nodes in self._rounds
            if (cost := self._cost(load, nodes)) is not None
        ]

    def _cost(self, load: str, nodes: int) -> BusCost | None:
        """What the bus costs, if the load was put on one process too."""
        alone = self._rounds.get((load, 1))
        if nodes == 1 or alone is None:
            return None
        return bus_cost(alone, self._rounds[load, nodes], crosses=CLUSTER_LOADS[load].crosses)

    def as_text(self) -> str:
        """Both tables, for a terminal."""
        tables = [in_columns(HEADING, self.rows)]
        if self.cost_rows:
            tables.append(in_columns(COST_HEADING, self.cost_rows))
        return "\n\n".join(tables)

    def as_markdown(self) -> str:
        """Both tables and where they come from."""
        tables = [markdown(HEADING, self.rows)]
        if self.cost_rows:
            tables.append(markdown(COST_HEADING, self.cost_rows))
        return "\n\n".join((surroundings(self._environment), *tables))

    def as_json(self) -> dict[str, Any]:
        """Every round, and the summaries."""
        return {
            "environment": self._environment,
            "rounds": [
                {
                    "load": load,
                    "nodes": nodes,
                    "summary": asdict(summary([each.figures for each in rounds])),
                    "bus": asdict(cost) if (cost := self._cost(load, nodes)) is not None else None,
                    "rounds": [each.as_json() for each in rounds],
                }
                for (load, nodes), rounds in self._rounds.items()
            ],
        }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what the command line asks for."""
    options = _parser().parse_args(arguments)
    loads = [CLUSTER_LOADS[name] for name in options.load or CLUSTER_LOADS]
    libraries = ", ".join(f"{name} {version(name)}" for name in ("channels-redis", "redis"))
    where = environment() | {
        "cluster": f"{options.layer} layer, {options.storage}; {libraries}",
        "rounds": f"{options.rounds} of {options.seconds:g} s",
    }
    print("\n".join(f"{key}: {value}" for key, value in where.items()), end="\n\n", flush=True)
    pace = Pace(options.warm_up, options.seconds)
    try:
        with Ground(layer=options.layer, storage=options.storage) as ground:
            rounds = _measured(ground, loads, options.nodes, pace, options.rounds)
        report = Report(where, rounds)
        print(report.as_text())
        if options.json is not None:
            options.json.write_text(json.dumps(report.as_json(), indent=2) + "\n")
        if options.markdown is not None:
            replace_section(options.markdown, COMMAND, report.as_markdown())
    except (NoPlace, pytest.skip.Exception) as problem:  # the latter: no Redis, no PostgreSQL here
        sys.exit(str(problem))


def turns(
    loads: Sequence[ClusterLoad], sizes: Sequence[int], count: int
) -> Iterator[tuple[ClusterLoad, int, int]]:
    """Load, nodes and round of each measurement: the sizes in turns, if they are enough for the load."""
    for load in loads:
        for round_ in range(count):
            for nodes in rotated(sizes, round_):
                if nodes >= load.least:
                    yield load, nodes, round_


def _measured(
    ground: Ground, loads: Sequence[ClusterLoad], sizes: Sequence[int], pace: Pace, count: int
) -> Rounds:
    """Run everything, each time on fresh processes."""
    all_turns, start = list(turns(loads, sizes, count)), perf_counter()
    rounds: Rounds = {(load.name, nodes): [] for load in loads for nodes in sizes if nodes >= load.least}
    for done, (load, nodes, round_) in enumerate(all_turns):
        left = (perf_counter() - start) / done * (len(all_turns) - done) / 60 if done else None
        shown = "" if left is None else f", about {left:.0f} min left"
        where = f"{nodes} node{'' if nodes == 1 else 's'}, round {round_ + 1}"
        print(f"[{done + 1}/{len(all_turns)}] {load.name} on {where}{shown}", file=sys.stderr, flush=True)
        with ground.nodes(nodes) as cluster:
            rounds[load.name, nodes].append(measure(cluster, load, pace))
    return rounds


def measure(nodes: Nodes, load: ClusterLoad, pace: Pace) -> Measured:
    """Put ``load`` on the nodes."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        gc.collect()
        gc.disable()  # nothing here makes cycles by the message, and a collection would show up as latency
        try:
            return runner.run(_run(nodes, load, pace))
        finally:
            gc.enable()


async def _run(nodes: Nodes, load: ClusterLoad, pace: Pace) -> Measured:
    async with Onlooker(nodes) as onlooker:
        await onlooker.statuses()
        return await load.run(Site(nodes, onlooker), pace)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument(
        "--load", nargs="+", choices=CLUSTER_LOADS, metavar="NAME", help=", ".join(CLUSTER_LOADS)
    )
    parser.add_argument(
        "--nodes",
        nargs="+",
        type=_positive,
        default=[1, 2, 3],
        metavar="N",
        help="how many processes [1 2 3]",
    )
    parser.add_argument("--layer", choices=LAYERS, default="pubsub", help="the channel layer [pubsub]")
    parser.add_argument("--storage", choices=STORAGES, default="postgres", help="the database [postgres]")
    parser.add_argument(
        "--rounds", type=_positive, default=3, help="fresh clusters per load and size [3]; medians count"
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
