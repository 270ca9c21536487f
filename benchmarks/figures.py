"""What one run of a load measured, and the summary of several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from statistics import median
from typing import Any

from benchmarks.process import Span


@dataclass(frozen=True, slots=True)
class Figures:
    """One run. Times are seconds, latencies milliseconds, ``kilobytes`` is memory per operation.

    ``growth`` is the megabytes that the server's memory had grown by at its peak, ``dropped`` the number of
    clients that it closed because they did not read.
    """

    operations: int
    seconds: float
    server_cpu: float
    generator_cpu: float
    other_cpu: float = 0.0
    p50: float | None = None
    p99: float | None = None
    errors: int = 0
    undelivered: int = 0
    kilobytes: float | None = None
    growth: float = 0.0
    dropped: int = 0

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

    def as_json(self) -> dict[str, Any]:
        """Measured and derived numbers by name."""
        measured = {field.name: getattr(self, field.name) for field in fields(self)}
        derived = ("rate", "cpu_each", "server_share", "generator_share", "other_share")
        return measured | {name: getattr(self, name) for name in derived}


def figures(
    span: Span,
    *,
    operations: int,
    latencies: Sequence[float] = (),
    errors: int = 0,
    undelivered: int = 0,
    kilobytes: float | None = None,
    dropped: int = 0,
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
        growth=span.growth / 1e6,
        dropped=dropped,
    )


def percentile(in_order: Sequence[float], percent: int) -> float | None:
    """The smallest of the sorted seconds that ``percent`` of them do not exceed, in milliseconds."""
    if not in_order:
        return None
    return in_order[-(-len(in_order) * percent // 100) - 1] * 1000


BUSY = 0.85
"""The generator's share of one CPU above which it may have been what limited the rate."""

CROWDED = 0.25
"""The share of one CPU for everything else above which rates and latencies say little."""


@dataclass(frozen=True, slots=True)
class Summary:
    """Several rounds of a load on one server: the median of each figure, and the worst of what has a bound.

    These are ``growth``, ``errors`` and ``undelivered``.
    """

    rate: float
    cpu_each: float
    server_share: float
    generator_share: float
    other_share: float
    p50: float | None
    p99: float | None
    kilobytes: float | None
    growth: float
    errors: int
    undelivered: int
    is_generator_busy: bool
    is_machine_crowded: bool


def summary(rounds: Sequence[Figures]) -> Summary:
    """The summary of at least one round."""
    return Summary(
        rate=median(each.rate for each in rounds),
        cpu_each=median(each.cpu_each for each in rounds),
        server_share=median(each.server_share for each in rounds),
        generator_share=median(each.generator_share for each in rounds),
        other_share=median(each.other_share for each in rounds),
        p50=_median([each.p50 for each in rounds]),
        p99=_median([each.p99 for each in rounds]),
        kilobytes=_median([each.kilobytes for each in rounds]),
        growth=max(each.growth for each in rounds),
        errors=max(each.errors for each in rounds),
        undelivered=max(each.undelivered for each in rounds),
        is_generator_busy=any(each.generator_share > BUSY for each in rounds),
        is_machine_crowded=any(each.other_share > CROWDED for each in rounds),
    )


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None
