"""Summaries and results as tables: for a terminal, and in Markdown.

An exclamation mark says that the generator may have been the bottleneck, or that something else on the
machine took CPUs.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.figures import Summary
from benchmarks.goals import FIGURES, Result
from benchmarks.load import Load

HEADING = (
    "load", "target", "per second", "of", "CPU µs", "server", "p50 ms", "p99 ms", "KB", "peak MB", "errors",
    "lost", "generator", "others",
)  # fmt: skip
RESULT_HEADING = ("load", "figure", "of", "against", "value", "at least", "aim", "reached", "in CPU")

_COLUMNS = "{:<20} {:<14} {:>11} {:<9} {:>9} {:>7} {:>9} {:>9} {:>7} {:>8} {:>6} {:>7} {:>9} {:>6}"
_RESULT_COLUMNS = "{:<20} {:<15} {:<8} {:<22} {:>9} {:>9} {:>7} {:<8} {:>7}"


def heading() -> str:
    """The names of the columns."""
    return _COLUMNS.format(*HEADING)


def row(load: Load, target: str, figures: Summary) -> str:
    """One load on one target."""
    return _COLUMNS.format(*cells(load, target, figures))


def cells(load: Load, target: str, figures: Summary) -> list[str]:
    """What is in a row."""
    return [
        load.name,
        target,
        f"{figures.rate:,.0f}",
        load.operation,
        f"{figures.cpu_each:,.2f}",
        f"{figures.server_share:.2f}",
        _or_dash(figures.p50, ",.2f"),
        _or_dash(figures.p99, ",.2f"),
        _or_dash(figures.kilobytes, ".1f"),
        f"{figures.growth:,.1f}",
        f"{figures.errors}",
        f"{figures.undelivered}",
        f"{figures.generator_share:.2f}" + ("!" if figures.is_generator_busy else ""),
        f"{figures.other_share:.2f}" + ("!" if figures.is_machine_crowded else ""),
    ]


def result_table(found: Sequence[Result]) -> str:
    """What was to be reached, and what was."""
    return "\n".join(_RESULT_COLUMNS.format(*cells) for cells in (RESULT_HEADING, *map(result_cells, found)))


def result_cells(result: Result) -> list[str]:
    """What is in the row of a result."""
    goal = result.goal
    sign = "×" if goal.against else ""
    other = goal.against or ""
    return [
        goal.load,
        FIGURES[goal.figure],
        goal.target,
        f"{other}, {goal.base}" if goal.base else other,
        _or_dash(result.value, ".2f") + sign + ("!" if result.is_doubtful else ""),
        _or_dash(goal.least, "g") + (sign if goal.least is not None else ""),
        _or_dash(goal.aim, "g") + (sign if goal.aim is not None else ""),
        result.verdict,
        _or_dash(result.cpu, ".2f") + (sign if result.cpu is not None else ""),
    ]


def markdown(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; its first column is on the left, the others too unless they hold numbers."""
    numeric = [all(_is_number(cells[column]) for cells in rows) for column in range(len(heading))]
    rule = ["--:" if right else "---" for right in numeric]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (heading, rule, *rows))


def _is_number(text: str) -> bool:
    return text == "–" or text.strip("×!").replace(",", "").replace(".", "").isdigit()


def _or_dash(value: float | None, style: str) -> str:
    return "–" if value is None else format(value, style)
