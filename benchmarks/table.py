"""Summaries as lines of a table for people."""

from __future__ import annotations

from benchmarks.figures import Summary
from benchmarks.load import Load

_COLUMNS = "{:<20} {:<14} {:>11} {:<9} {:>9} {:>7} {:>9} {:>9} {:>7} {:>6} {:>7} {:>9} {:>6}"


def heading() -> str:
    """The names of the columns."""
    return _COLUMNS.format(
        "load", "target", "per second", "of", "CPU µs", "server", "p50 ms", "p99 ms", "KB", "errors", "lost",
        "generator", "others",
    )  # fmt: skip


def row(load: Load, target: str, figures: Summary) -> str:
    """One load on one target.

    An exclamation mark says that the generator may have been the bottleneck, or that something else on the
    machine took CPUs.
    """
    return _COLUMNS.format(
        load.name,
        target,
        f"{figures.rate:,.0f}",
        load.operation,
        f"{figures.cpu_each:,.2f}",
        f"{figures.server_share:.2f}",
        _or_dash(figures.p50, ",.2f"),
        _or_dash(figures.p99, ",.2f"),
        _or_dash(figures.kilobytes, ".1f"),
        f"{figures.errors}",
        f"{figures.undelivered}",
        f"{figures.generator_share:.2f}" + ("!" if figures.is_generator_busy else ""),
        f"{figures.other_share:.2f}" + ("!" if figures.is_machine_crowded else ""),
    )


def _or_dash(value: float | None, style: str) -> str:
    return "–" if value is None else format(value, style)
