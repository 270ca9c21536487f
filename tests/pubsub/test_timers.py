"""Tests of timers: many deadlines on one timer, and what comes back at an interval."""

from __future__ import annotations

import asyncio

from pubsub.timers import Deadlines, Every
from tests.pubsub.kit import DEADLINE, Clock


def deadlines(clock: Clock, duration: float = 1.0) -> tuple[Deadlines[str], list[str]]:
    expired: list[str] = []
    return Deadlines(clock, duration, expired.append), expired


def test_a_key_expires_once_when_its_time_is_over() -> None:
    clock = Clock()
    waiting, expired = deadlines(clock)
    waiting.start("a")
    clock.advance(0.999)
    assert expired == []
    assert "a" in waiting
    clock.advance(0.001)
    assert expired == ["a"]
    assert "a" not in waiting
    clock.advance(10)
    assert expired == ["a"]


def test_a_stopped_key_does_not_expire() -> None:
    clock = Clock()
    waiting, expired = deadlines(clock)
    waiting.start("a")
    assert waiting.stop("a")
    assert not waiting.stop("a")
    clock.advance(10)
    assert expired == []


def test_each_key_has_the_whole_duration_from_its_own_start() -> None:
    clock = Clock()
    waiting, expired = deadlines(clock)
    waiting.start("a")
    clock.advance(0.4)
    waiting.start("b")
    clock.advance(0.6)
    assert expired == ["a"]
    clock.advance(0.4)
    assert expired == ["a", "b"]


def test_a_key_started_again_begins_anew_behind_the_others() -> None:
    clock = Clock()
    waiting, expired = deadlines(clock)
    waiting.start("a")
    waiting.start("b")
    clock.advance(0.5)
    waiting.start("a")
    assert len(waiting) == 2
    clock.advance(0.5)
    assert expired == ["b"]
    clock.advance(0.5)
    assert expired == ["b", "a"]


def test_any_number_of_keys_wait_on_one_timer() -> None:
    clock = Clock()
    waiting, expired = deadlines(clock)
    for number in range(1000):
        waiting.start(str(number))
    assert clock.pending == 1
    clock.advance(1)
    assert expired == [str(number) for number in range(1000)]
    assert clock.pending == 0


def test_a_callback_may_stop_a_key_that_expires_at_the_same_time() -> None:
    clock = Clock()
    expired: list[str] = []

    def on_expired(key: str) -> None:
        expired.append(key)
        waiting.stop("b")

    waiting: Deadlines[str] = Deadlines(clock, 1.0, on_expired)
    waiting.start("a")
    waiting.start("b")
    clock.advance(2)
    assert expired == ["a"]


def test_a_callback_may_start_its_own_key_and_others_again() -> None:
    clock = Clock()
    expired: list[tuple[float, str]] = []
    begin = clock.time()

    def on_expired(key: str) -> None:
        expired.append((clock.time() - begin, key))
        waiting.start(key)
        waiting.start("b")

    waiting: Deadlines[str] = Deadlines(clock, 1.0, on_expired)
    waiting.start("a")
    waiting.start("b")
    clock.advance(1)
    assert expired == [(1.0, "a")]
    clock.advance(1)
    assert expired == [(1.0, "a"), (2.0, "a")]


def test_closed_deadlines_leave_no_timer_and_call_nobody() -> None:
    clock = Clock()
    waiting, expired = deadlines(clock)
    waiting.start("a")
    waiting.close()
    assert clock.pending == 0
    assert len(waiting) == 0
    clock.advance(10)
    assert expired == []


def test_a_callback_may_close_the_deadlines() -> None:
    clock = Clock()
    expired: list[str] = []

    def on_expired(key: str) -> None:
        expired.append(key)
        waiting.close()

    waiting: Deadlines[str] = Deadlines(clock, 1.0, on_expired)
    waiting.start("a")
    waiting.start("b")
    clock.advance(5)
    assert expired == ["a"]
    assert clock.pending == 0


def test_every_interval_calls_until_closed() -> None:
    clock = Clock()
    times: list[float] = []
    begin = clock.time()
    every = Every(clock, 2.0, lambda: times.append(clock.time() - begin))
    clock.advance(1.9)
    assert times == []
    clock.advance(4.1)
    assert times == [2.0, 4.0, 6.0]
    every.close()
    clock.advance(10)
    assert times == [2.0, 4.0, 6.0]
    assert clock.pending == 0


def test_an_interval_may_be_closed_by_its_own_callback() -> None:
    clock = Clock()
    calls: list[None] = []

    def callback() -> None:
        calls.append(None)
        every.close()

    every = Every(clock, 1.0, callback)
    clock.advance(10)
    assert calls == [None]


async def test_timers_run_on_a_real_event_loop_in_the_order_of_their_start() -> None:
    loop = asyncio.get_running_loop()
    expired: list[str] = []
    all_expired, ticked = asyncio.Event(), asyncio.Event()

    def on_expired(key: str) -> None:
        expired.append(key)
        if len(expired) == 3:
            all_expired.set()

    waiting: Deadlines[str] = Deadlines(loop, 0.01, on_expired)
    every = Every(loop, 0.01, ticked.set)
    for key in "abc":
        waiting.start(key)
    async with asyncio.timeout(DEADLINE):
        await all_expired.wait()
        await ticked.wait()
        ticked.clear()
        await ticked.wait()
    every.close()
    waiting.close()
    assert expired == ["a", "b", "c"]
