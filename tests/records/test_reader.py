"""Tests of reading: from memory, else from the store, and always what is current when it is handed over."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest

from records.cache import RecordCache
from records.reader import MAX_NAMES, RecordReader, RetrievalTimeout
from records.state import ABSENT, RecordState
from records.storage import StoreError
from tests.pubsub.kit import DEADLINE
from tests.records.kit import StoreDouble

RECORDS = {"a": (1, '"A"'), "b": (2, '"B"')}


def a_reader(store: StoreDouble, *, timeout: float = DEADLINE) -> RecordReader:
    return RecordReader(store, RecordCache(1 << 20), timeout=timeout)


@pytest.fixture
async def store() -> StoreDouble:
    return StoreDouble(RECORDS)


@pytest.fixture
async def reader(store: StoreDouble) -> RecordReader:
    return a_reader(store)


def started(reader: RecordReader, names: Iterable[str]) -> asyncio.Task[dict[str, RecordState | StoreError]]:
    return asyncio.create_task(reader.load_all(names))


async def finished(task: asyncio.Task[dict[str, RecordState | StoreError]]) -> dict[str, tuple[int, str]]:
    async with asyncio.timeout(DEADLINE):
        return {name: seen(state) for name, state in (await task).items()}


def seen(state: RecordState | StoreError | None) -> tuple[int, str]:
    assert isinstance(state, RecordState)
    return state.version, state.text


async def test_a_record_is_read_from_the_store_once_and_then_from_memory(
    store: StoreDouble, reader: RecordReader
) -> None:
    assert reader.peek("a") is None
    state = await reader.load("a")
    assert seen(state) == (1, '"A"')
    assert reader.peek("a") is state
    assert await reader.load("a") is state
    assert store.loads == [["a"]]


async def test_what_does_not_exist_is_absent_and_looked_for_each_time(
    store: StoreDouble, reader: RecordReader
) -> None:
    assert await reader.load("x") is ABSENT
    assert reader.peek("x") is None
    store.write_elsewhere("x", 0, "{}")
    assert seen(await reader.load("x")) == (0, "{}")


async def test_any_number_of_names_is_one_query(store: StoreDouble, reader: RecordReader) -> None:
    await reader.load("b")
    names = ["a", "b", "a", *map(str, range(50))]
    found = await finished(started(reader, names))
    assert found == {**RECORDS, **{str(number): (-1, "{}") for number in range(50)}}
    assert [len(names) for names in store.loads] == [1, 51]


async def test_a_query_has_a_bound(store: StoreDouble, reader: RecordReader) -> None:
    for number in range(MAX_NAMES * 2 + 1):
        store.write_elsewhere(str(number), number, "{}")
    found = await reader.load_all(map(str, range(MAX_NAMES * 2 + 1)))
    assert [len(names) for names in store.loads] == [MAX_NAMES, MAX_NAMES, 1]
    assert [seen(state)[0] for state in found.values()] == list(range(MAX_NAMES * 2 + 1))


async def test_all_who_want_a_record_at_the_same_time_share_one_query(
    store: StoreDouble, reader: RecordReader
) -> None:
    store.load_gate.close()
    first = started(reader, ["a"])
    await store.load_gate.arrived()
    others = [started(reader, ["a", "b"]) for _ in range(10)]
    await asyncio.sleep(0)
    store.load_gate.open()
    assert await finished(first) == {"a": RECORDS["a"]}
    for other in others:
        assert await finished(other) == RECORDS
    assert store.loads == [["a"], ["b"]]


async def test_a_change_that_is_stored_during_a_query_is_what_all_get(
    store: StoreDouble, reader: RecordReader
) -> None:
    store.load_gate.close()
    reading = started(reader, ["a", "b"])
    await store.load_gate.arrived()
    reader.stored("a", RecordState(5, text='"new"'))
    store.load_gate.open()
    assert await finished(reading) == {"a": (5, '"new"'), "b": RECORDS["b"]}
    assert seen(reader.peek("a")) == (5, '"new"')


async def test_a_change_that_is_stored_after_the_query_but_before_the_return_is_in_it(
    store: StoreDouble, reader: RecordReader
) -> None:
    store.load_gate.close()
    reading = started(reader, ["b", "a"])
    await store.load_gate.arrived()
    reader.stored("b", RecordState(3, text='"first"'))
    await asyncio.sleep(0)
    reader.stored("b", RecordState(4, text='"second"'))
    store.load_gate.open()
    assert await finished(reading) == {"b": (4, '"second"'), "a": RECORDS["a"]}


async def test_a_deletion_that_is_stored_during_a_query_is_what_all_get(
    store: StoreDouble, reader: RecordReader
) -> None:
    store.load_gate.close()
    reading = started(reader, ["a"])
    await store.load_gate.arrived()
    reader.stored("a", ABSENT)
    store.load_gate.open()
    assert await finished(reading) == {"a": (-1, "{}")}
    assert reader.peek("a") is None


async def test_a_store_that_fails_says_so_for_each_name_and_is_asked_again_next_time(
    store: StoreDouble, reader: RecordReader
) -> None:
    await reader.load("b")
    store.load_errors.append(StoreError("down"))
    found = await reader.load_all(["a", "b"])
    assert isinstance(found["a"], StoreError)
    assert seen(found["b"]) == RECORDS["b"]
    assert seen(await reader.load("a")) == RECORDS["a"]


async def test_a_load_of_one_name_raises_what_went_wrong(store: StoreDouble, reader: RecordReader) -> None:
    store.load_errors.append(StoreError("down"))
    with pytest.raises(StoreError, match="down"):
        await reader.load("a")


async def test_a_fault_of_the_store_lets_nobody_wait_for_ever(
    store: StoreDouble, reader: RecordReader
) -> None:
    store.load_errors.append(RuntimeError("a mistake"))
    with pytest.raises(StoreError, match="a mistake"):
        await asyncio.wait_for(reader.load("a"), DEADLINE)
    assert seen(await reader.load("a")) == RECORDS["a"]


async def test_a_store_that_does_not_answer_in_time_is_a_retrieval_timeout(store: StoreDouble) -> None:
    reader = a_reader(store, timeout=0.01)
    store.load_gate.close()
    with pytest.raises(RetrievalTimeout):
        await reader.load("a")
    store.load_gate.open()
    assert seen(await reader.load("a")) == RECORDS["a"]


async def test_a_failed_query_does_not_matter_to_who_got_the_change_that_was_stored_meanwhile(
    store: StoreDouble, reader: RecordReader
) -> None:
    store.load_errors.append(StoreError("down"))
    store.load_gate.close()
    reading = started(reader, ["a"])
    await store.load_gate.arrived()
    reader.stored("a", RecordState(5, text="{}"))
    store.load_gate.open()
    assert await finished(reading) == {"a": (5, "{}")}


async def test_a_reader_that_gives_up_leaves_the_others_waiting_for_the_same(
    store: StoreDouble, reader: RecordReader
) -> None:
    store.load_gate.close()
    gives_up, stays = started(reader, ["a"]), started(reader, ["a"])
    await store.load_gate.arrived()
    gives_up.cancel()
    store.load_gate.open()
    assert await finished(stays) == {"a": RECORDS["a"]}
    assert gives_up.cancelled()


@pytest.mark.parametrize("queued", [True, False], ids=["while queued", "while asked for"])
async def test_a_record_nobody_waits_for_any_more_can_be_asked_for_anew(
    store: StoreDouble, reader: RecordReader, queued: bool
) -> None:
    store.load_gate.close()
    first = started(reader, ["b"] if queued else ["a"])
    await store.load_gate.arrived()
    gives_up = started(reader, ["a"])
    await asyncio.sleep(0)
    gives_up.cancel()
    if not queued:
        first.cancel()
    await asyncio.wait([gives_up])
    again = started(reader, ["a"])
    await asyncio.sleep(0)
    store.load_gate.open()
    assert await finished(again) == {"a": RECORDS["a"]}


async def test_what_is_forgotten_is_read_again(store: StoreDouble, reader: RecordReader) -> None:
    await reader.load("a")
    store.write_elsewhere("a", 9, '"changed"')
    assert seen(await reader.load("a")) == RECORDS["a"]
    reader.forget("a")
    assert reader.peek("a") is None
    assert seen(await reader.load("a")) == (9, '"changed"')


async def test_a_reload_asks_the_store_whatever_memory_says(store: StoreDouble, reader: RecordReader) -> None:
    reader.pin("a", await reader.load("a"))
    store.write_elsewhere("a", 9, '"changed"')
    assert seen(await reader.reload("a")) == (9, '"changed"')


async def test_what_is_forgotten_during_a_query_is_asked_for_once_more() -> None:
    class Early(StoreDouble):
        """Reads at once, and hands it over late."""

        async def load(self, names: Iterable[str]) -> dict[str, tuple[int, str, int]]:
            found = dict(await self._truth.load(list(names)))
            await super().load(list(names))
            return found

    store = Early(RECORDS)
    reader = a_reader(store)
    store.load_gate.close()
    reading = started(reader, ["a"])
    await store.load_gate.arrived()
    store.write_elsewhere("a", 9, '"changed"')
    reader.forget("a")
    store.load_gate.open()
    assert await finished(reading) == {"a": (9, '"changed"')}
    assert seen(reader.peek("a")) == (9, '"changed"')


@pytest.mark.parametrize("times", [1, 2, 3])
async def test_what_is_forgotten_before_its_query_began_is_asked_for_once(
    store: StoreDouble, reader: RecordReader, times: int
) -> None:
    store.load_gate.close()
    first = started(reader, ["b"])
    await store.load_gate.arrived()
    reading = started(reader, ["a"])
    await asyncio.sleep(0)
    for _ in range(times):
        reader.forget("a")
    store.load_gate.open()
    assert await finished(reading) == {"a": RECORDS["a"]}
    assert await finished(first) == {"b": RECORDS["b"]}
    assert store.loads == [["b"], ["a"]]


async def test_a_pinned_state_is_shown_whatever_the_cache_holds(
    store: StoreDouble, reader: RecordReader
) -> None:
    pinned = RecordState(7, text="{}")
    reader.pin("a", pinned)
    assert reader.peek("a") is pinned
    assert await reader.load("a") is pinned
    reader.stored("a", newer := RecordState(8, text="{}"))
    assert reader.peek("a") is newer
    reader.unpin("a")
    reader.unpin("a")
    assert reader.peek("a") is newer
    assert store.loads == []


async def test_a_pinned_absence_is_known_without_asking(store: StoreDouble, reader: RecordReader) -> None:
    reader.pin("x", ABSENT)
    assert reader.peek("x") is ABSENT
    assert await reader.load("x") is ABSENT
    assert store.loads == []


async def test_loading_nothing_asks_nobody(store: StoreDouble, reader: RecordReader) -> None:
    assert await reader.load_all([]) == {}
    assert store.loads == []
