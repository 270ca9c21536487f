"""No message may get more expensive unseen: counts beside a committed baseline, on any machine the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial

import pytest

from tests.conftest import require
from tests.guards.baseline import Counts, baseline, excesses, python
from tests.guards.counting import Count, Meter
from tests.servers import ROOT

RENEW = "if that is meant: python -m tests.guards --renew, and commit tests/guards/baseline.json"
DEADLINE = 200


def count_in_a_process(seed: int) -> Counts:
    """The counts of a fresh process whose sets are in the order that ``seed`` gives them."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.guards", "--json"],
        cwd=ROOT,
        env=os.environ | {"PYTHONHASHSEED": str(seed)},
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    counts: Counts = json.loads(done.stdout)
    return counts


@pytest.mark.slow
@pytest.mark.timeout(DEADLINE + 10)
@pytest.mark.parametrize("seed", [1, 2])
def test_messages_cost_what_the_baseline_says_whatever_the_order_of_sets(seed: int) -> None:
    interpreter, allowed = baseline()
    require(interpreter == python(), f"{interpreter}: others compile to other bytecodes")
    counts = count_in_a_process(seed)
    assert counts.keys() == allowed.keys(), RENEW
    assert list(excesses(counts, allowed)) == [], RENEW


def test_subscribers_who_do_not_read_cost_the_others_nothing() -> None:
    _, allowed = baseline()
    all_read, some_slow = (allowed[f"event to 100 subscribers{end}"] for end in ("", ", 5 of them slow"))
    assert some_slow["bytecodes"] == pytest.approx(all_read["bytecodes"], rel=0.1)


ALLOWED: Counts = {"a path": {"bytecodes": 1000.0, "c_calls": 50.0}}


@pytest.mark.parametrize(
    ("found", "number"),
    [
        ({"bytecodes": 1000.0, "c_calls": 50.0}, 0),
        ({"bytecodes": 1099.0, "c_calls": 46.0}, 0),
        ({"bytecodes": 1101.0, "c_calls": 50.0}, 1),
        ({"bytecodes": 899.0, "c_calls": 50.0}, 1),
        ({"bytecodes": 1200.0, "c_calls": 56.0}, 2),
    ],
)
def test_a_tenth_more_or_less_is_not_let_pass(found: dict[str, float], number: int) -> None:
    assert len(list(excesses({"a path": found}, ALLOWED))) == number


# Functions to be counted must not be in this folder, whose own work is not; so they are made of text.


def made(source: str) -> Callable[..., None]:
    """The function ``f`` of ``source``."""
    names: dict[str, Callable[..., None]] = {}
    exec(compile(source, "somewhere_else.py", "exec"), names)
    return names["f"]


LOOP = made("def f(times):\n    for number in range(times):\n        abs(number)\n")


def count(work: Callable[[], None]) -> Count:
    meter = Meter()
    with meter.installed():
        meter.start()
        work()
        return meter.stop()


def test_bytecodes_and_calls_are_counted_exactly() -> None:
    none, ten, twenty = (count(partial(LOOP, times)) for times in (0, 10, 20))
    assert (ten.c_calls - none.c_calls, twenty.c_calls - none.c_calls) == (10, 20)
    assert twenty.bytecodes - ten.bytecodes == ten.bytecodes - none.bytecodes > 10


def test_what_has_run_often_counts_as_before_it_was_specialised() -> None:
    work = made("def f(times):\n    for number in range(times):\n        abs(number)\n")
    before = count(partial(work, 5))
    work(10_000)
    assert count(partial(work, 5)) == before


def test_another_thread_counts_as_well() -> None:
    def in_a_thread(times: int) -> None:
        thread = threading.Thread(target=LOOP, args=(times,))
        thread.start()
        thread.join()

    def cost(work: Callable[[int], None]) -> tuple[int, int]:
        """What 10 rounds cost more than none: starting a thread has its price as well."""
        more, less = count(partial(work, 10)), count(partial(work, 0))
        return more.bytecodes - less.bytecodes, more.c_calls - less.c_calls

    assert cost(in_a_thread) == cost(LOOP)


def test_what_is_done_aside_does_not_count() -> None:
    meter = Meter()
    with meter.installed():
        meter.start()
        with meter:
            LOOP(10)
        assert meter.stop() == (0, 0)
