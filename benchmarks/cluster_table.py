"""What was measured on clusters, as tables."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.cluster_loads import ClusterLoad
from benchmarks.figures import summary
from benchmarks.meter import BusCost, Measured, shares

HEADING = (
    "load", "nodes", "per second", "of", "CPU µs", "servers", "Redis", "database", "p50 ms", "p99 ms",
    "batches/s", "errors", "lost", "generator", "others",
)  # fmt: skip
COST_HEADING = (
    "load", "nodes", "CPU µs more", "an operation", "items a batch", "CPU µs a batch", "Redis µs a batch",
)  # fmt: skip


def cells(load: ClusterLoad, nodes: int, rounds: Sequence[Measured]) -> list[str]:
    """One load on this many nodes; a fault of the bus counts as an error."""
    figures, share = summary([each.figures for each in rounds]), shares(rounds)
    faults = max(each.faults for each in rounds)
    return [
        load.name,
        f"{nodes}",
        f"{figures.rate:,.0f}",
        load.operation,
        f"{figures.cpu_each:,.2f}",
        f"{figures.server_share:.2f}",
        f"{share['redis']:.2f}",
        f"{share['database']:.2f}",
        _or_dash(figures.p50, ",.2f"),
        _or_dash(figures.p99, ",.2f"),
        f"{share['batches']:,.0f}",
        f"{figures.errors + faults}",
        f"{figures.undelivered}",
        f"{figures.generator_share:.2f}" + ("!" if figures.is_generator_busy else ""),
        f"{figures.other_share:.2f}" + ("!" if figures.is_machine_crowded else ""),
    ]


def cost_cells(load: ClusterLoad, nodes: int, cost: BusCost) -> list[str]:
    """What the nodes spend on being several."""
    return [
        load.name,
        f"{nodes}",
        f"{cost.per_operation:,.2f}",
        f"a {load.operation}",
        _or_dash(cost.items_per_batch, ",.1f"),
        _or_dash(cost.per_batch, ",.0f"),
        _or_dash(cost.redis, ",.0f"),
    ]


def in_columns(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table for a terminal: words on the left of their column, numbers on the right."""
    widths = [max(map(len, column)) for column in zip(heading, *rows, strict=True)]
    lines = []
    for line in (heading, *rows):
        padded = zip(line, widths, rows[0] if rows else heading, strict=True)
        lines.append(
            "  ".join(
                cell.ljust(width) if first[:1].isalpha() else cell.rjust(width)
                for cell, width, first in padded
            ).rstrip()
        )
    return "\n".join(lines)


def _or_dash(value: float | None, style: str) -> str:
    return "–" if value is None else format(value, style)
