"""Figures and their summary."""

from __future__ import annotations

import os
import time

import pytest

from benchmarks.figures import Figures, percentile, summary
from benchmarks.process import Span, resident_bytes


def run(**changes: float) -> Figures:
    fields = {"operations": 1000, "seconds": 2.0, "server_cpu": 1.0, "generator_cpu": 0.5, "other_cpu": 0.1}
    return Figures(**fields | changes)  # type: ignore[arg-type]


def test_rate_and_costs_follow_from_what_was_measured() -> None:
    figures = run()
    assert (figures.rate, figures.cpu_each) == (500, 1000)
    assert (figures.server_share, figures.generator_share, figures.other_share) == (0.5, 0.25, 0.05)


@pytest.mark.parametrize(
    ("percent", "expected"), [(1, 1000.0), (50, 50_000.0), (99, 99_000.0), (100, 100_000.0)]
)
def test_a_percentile_is_one_of_the_values_in_milliseconds(percent: int, expected: float) -> None:
    assert percentile([float(second) for second in range(1, 101)], percent) == expected


def test_a_percentile_of_nothing_is_unknown() -> None:
    assert percentile([], 99) is None


def test_a_summary_has_the_median_of_each_figure_and_the_worst_of_what_went_wrong() -> None:
    rounds = [
        run(operations=1000, p99=9.0),
        run(operations=3000, p99=1.0, errors=2),
        run(operations=2000, p99=4.0, undelivered=7),
    ]
    result = summary(rounds)
    assert (result.rate, result.p99, result.p50) == (1000, 4.0, None)
    assert (result.errors, result.undelivered) == (2, 7)


def test_one_round_with_a_busy_generator_marks_the_summary() -> None:
    assert not summary([run(generator_cpu=1.69)] * 3).is_generator_busy
    assert summary([run(), run(generator_cpu=1.71), run()]).is_generator_busy


def test_one_round_on_a_crowded_machine_marks_the_summary() -> None:
    assert not summary([run(other_cpu=0.49)] * 3).is_machine_crowded
    assert summary([run(), run(other_cpu=0.51), run()]).is_machine_crowded


def test_a_span_measures_time_and_the_cpu_of_a_process() -> None:
    span = Span(os.getpid())
    until = time.process_time() + 0.2
    while time.process_time() < until:
        pass
    span.stop()
    assert 0.2 <= span.own_cpu <= span.seconds + 0.01
    assert span.server_cpu == pytest.approx(span.own_cpu, abs=0.005)


def test_memory_is_that_of_the_process() -> None:
    before = resident_bytes(os.getpid())
    block = b"x" * 50_000_000
    assert resident_bytes(os.getpid()) - before > 0.9 * len(block)
