"""The thread that makes the store's calls."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from records.store_thread import StoreThread
from tests.pubsub.kit import DEADLINE


@pytest.fixture
def ended() -> list[str]:
    return []


@pytest.fixture
def thread(ended: list[str]) -> Iterator[StoreThread]:
    thread = StoreThread("caller", lambda: ended.append(threading.current_thread().name))
    yield thread
    thread.close()


async def test_calls_are_made_in_order_in_one_thread_of_that_name(thread: StoreThread) -> None:
    made: list[tuple[int, str]] = []

    def call(number: int) -> int:
        made.append((number, threading.current_thread().name))
        return -number

    answers = await asyncio.gather(*(thread.call(call, number) for number in range(50)))
    assert answers == [-number for number in range(50)]
    assert made == [(number, "caller") for number in range(50)]


async def test_what_a_call_raises_is_its_callers_and_the_next_call_works(thread: StoreThread) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        await thread.call(int, "x")
    assert await thread.call(int, "1") == 1


async def test_a_call_that_is_cancelled_before_its_turn_is_not_made(thread: StoreThread) -> None:
    entered, gate = threading.Event(), threading.Event()
    made: list[int] = []

    def hold(_: None) -> None:
        entered.set()
        gate.wait(DEADLINE)

    first = asyncio.create_task(thread.call(hold, None))
    second = asyncio.create_task(thread.call(made.append, 2))
    third = asyncio.create_task(thread.call(made.append, 3))
    await asyncio.to_thread(entered.wait, DEADLINE)
    second.cancel()
    await asyncio.wait([second])
    gate.set()
    await asyncio.gather(first, third)
    assert made == [3]


async def test_closing_waits_for_the_calls_that_were_made_and_takes_no_more(
    thread: StoreThread, ended: list[str]
) -> None:
    made: list[int] = []
    calls = [asyncio.create_task(thread.call(made.append, number)) for number in range(20)]
    await asyncio.sleep(0)
    thread.close()
    assert made == list(range(20))
    assert ended == ["caller"]
    await asyncio.gather(*calls)
    with pytest.raises(RuntimeError, match="caller has ended"):
        await thread.call(made.append, 20)


def test_a_thread_that_was_never_called_is_never_started(ended: list[str]) -> None:
    StoreThread("caller", lambda: ended.append("ended")).close()
    assert ended == []


def test_an_answer_that_comes_when_its_loop_is_closed_harms_nobody(
    thread: StoreThread, ended: list[str]
) -> None:
    gate = threading.Event()

    async def ask() -> None:
        call = asyncio.ensure_future(thread.call(gate.wait, DEADLINE))
        await asyncio.sleep(0)
        call.cancel()
        await asyncio.wait([call])

    asyncio.run(ask())
    gate.set()
    assert asyncio.run(thread.call(int, "1")) == 1
