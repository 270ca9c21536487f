"""What one run of a load measured, and the median of several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from statistics import median
from typing import Any

from benchmarks.process import Span

BUSY = 0.85
"""The generator's share of one CPU above which it may have been what limited the rate."""


@dataclass(frozen=True, slots=True)
class Figures:
    """One run. Times are seconds, latencies milliseconds, ``kilobytes`` is memory per operation."""

    operations: float
    seconds: float
    server_cpu: float
    generator_cpu: float
    other_cpu: float = 0.0
    p50: float | None = None
    p99: float | None = None
    errors: float = 0
    undelivered: float = 0
    kilobytes: float | None = None

    @property
    def rate(self) -> float:
        """Operations a second."""
        return self.operations / self.seconds

    @property
    def cpu_each(self) -> float:
        """Microseconds of the server's CPU for one operation."""
        return self.server_cpu / self.operations * 1e6 if self.operations else 0.0

    @property
    def server_share(self) -> float:
        """CPUs that the server kept busy."""
        return self.server_cpu / self.seconds

    @property
    def generator_share(self) -> float:
        """CPUs that the generator kept busy; it has one thread, so at most 1."""
        return self.generator_cpu / self.seconds

    @property
    def other_share(self) -> float:
        """CPUs that everything else on the machine kept busy, network interrupts included."""
        return self.other_cpu / self.seconds

    @property
    def is_generator_busy(self) -> bool:
        """Whether the generator may have been the bottleneck."""
        return self.generator_share > BUSY

    def as_json(self) -> dict[str, Any]:
        """Measured and derived numbers by name."""
        measured = {field.name: getattr(self, field.name) for field in fields(self)}
        derived = ("rate", "cpu_each", "server_share", "generator_share", "other_share", "is_generator_busy")
        return measured | {name: getattr(self, name) for name in derived}


def figures(
    span: Span,
    *,
    operations: int,
    latencies: Sequence[float] = (),
    errors: int = 0,
    undelivered: int = 0,
    kilobytes: float | None = None,
) -> Figures:
    """The figures of a stopped ``span``; ``latencies`` are seconds."""
    in_order = sorted(latencies)
    return Figures(
        operations=operations,
        seconds=span.seconds,
        server_cpu=span.server_cpu,
        generator_cpu=span.own_cpu,
        other_cpu=span.other_cpu,
        p50=percentile(in_order, 50),
        p99=percentile(in_order, 99),
        errors=errors,
        undelivered=undelivered,
        kilobytes=kilobytes,
    )


def percentile(in_order: Sequence[float], percent: int) -> float | None:
    """The smallest of the sorted seconds that ``percent`` of them do not exceed, in milliseconds."""
    if not in_order:
        return None
    return in_order[-(-len(in_order) * percent // 100) - 1] * 1000


def middle(rounds: Sequence[Figures]) -> Figures:
    """The round with the median rate, with the median of each latency and of memory, and the worst of what went wrong.

    CPU, operations and seconds stay together, from one round, so that the derived figures fit each other.
    """
    by_cost = sorted(rounds, key=lambda figures: figures.cpu_each)
    typical = by_cost[(len(by_cost) - 1) // 2]
    return replace(
        typical,
        p50=_median([figures.p50 for figures in rounds]),
        p99=_median([figures.p99 for figures in rounds]),
        kilobytes=_median([figures.kilobytes for figures in rounds]),
        errors=max(figures.errors for figures in rounds),
        undelivered=max(figures.undelivered for figures in rounds),
    )


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None
