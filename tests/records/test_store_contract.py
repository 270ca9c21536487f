"""Tests that every store passes: in memory, in Redis, and Django's databases with each way to write."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import orjson
import pytest
from django.db import connections

from records.names import MAX_NAME_BYTES, MAX_NAME_LENGTH
from records.storage import RecordStore, Refusal, Row, StoreError
from records.store import DatabaseStore
from tests.records.store_kit import (
    DATABASES,
    MakeStore,
    a_postgresql_database,
    make_store,
    postgresql,
    redis_stores,
)

__all__ = ["a_postgresql_database", "make_store", "postgresql", "redis_stores"]


@pytest.fixture
def store(make_store: MakeStore) -> RecordStore:
    return make_store()


async def loaded(store: RecordStore, *names: str) -> dict[str, tuple[int, Any]]:
    """Version and parsed data of those of ``names`` that exist: the portable way writes JSON its own way."""
    found = await store.load(list(names))
    return {name: (version, orjson.loads(text)) for name, (version, text, _) in found.items()}


async def commit(store: RecordStore, *rows: Row) -> Mapping[str, Refusal]:
    """Commit ``rows`` as a node does that knows which records there are now; why some were refused."""
    found = await store.load([row.name for row in rows])
    ids = {name: id for name, (_, _, id) in found.items()}
    rows = tuple(row._replace(id=ids.get(row.name, 0) if row.base >= 0 else 0) for row in rows)
    return (await store.commit(rows)).refused


def made(name: str, data: str = "{}", version: int = 0) -> Row:
    return Row(name, -1, version, data)


async def test_what_was_committed_is_there(store: RecordStore) -> None:
    assert await commit(store, made("a", '{"x":[1,null,"ü"]}'), made("b", "[]", 7)) == {}
    assert await loaded(store, "a", "b") == {"a": (0, {"x": [1, None, "ü"]}), "b": (7, [])}


async def test_what_was_committed_is_there_for_every_other_node(make_store: MakeStore) -> None:
    one, other = make_store(), make_store()
    await commit(one, made("a"))
    assert await loaded(other, "a") == {"a": (0, {})}
    await commit(other, Row("a", 0, 1, "[1]"))
    assert await loaded(one, "a") == {"a": (1, [1])}


async def test_names_that_do_not_exist_are_left_out(store: RecordStore) -> None:
    await commit(store, made("a"))
    assert await loaded(store, "x", "a", "y") == {"a": (0, {})}
    assert await loaded(store) == {}


async def test_a_row_whose_base_is_current_is_stored(store: RecordStore) -> None:
    await commit(store, made("a"))
    assert await commit(store, Row("a", 0, 5, "[5]")) == {}
    assert await commit(store, Row("a", 5, 6, "[6]")) == {}
    assert await loaded(store, "a") == {"a": (6, [6])}


@pytest.mark.parametrize("base", [-1, 0, 2, 99])
async def test_a_row_whose_base_is_not_current_is_lost_and_changes_nothing(
    store: RecordStore, base: int
) -> None:
    await commit(store, made("a", '["kept"]', 1))
    assert await commit(store, Row("a", base, base + 1, '["lost"]')) == {"a": Refusal.LOST}
    assert await loaded(store, "a") == {"a": (1, ["kept"])}


async def test_a_row_about_what_does_not_exist_is_lost(store: RecordStore) -> None:
    assert await commit(store, Row("a", 0, 1, "{}")) == {"a": Refusal.LOST}
    assert await loaded(store, "a") == {}


async def test_a_deletion_removes_whatever_version_there_is(store: RecordStore) -> None:
    await commit(store, made("a", version=3), made("b"))
    assert await commit(store, Row("a", 1, -1, None), Row("x", -1, -1, None)) == {}
    assert await loaded(store, "a", "b") == {"b": (0, {})}
    assert await commit(store, made("a", "[1]", 1)) == {}
    assert await loaded(store, "a") == {"a": (1, [1])}


async def test_rows_of_all_kinds_are_stored_together(store: RecordStore) -> None:
    await commit(store, made("update"), made("delete"), made("stay"))
    rows = [Row("update", 0, 1, "[1]"), made("insert", "[2]"), Row("delete", 0, -1, None)]
    assert await commit(store, *rows) == {}
    assert await loaded(store, "update", "insert", "delete", "stay") == {
        "update": (1, [1]),
        "insert": (0, [2]),
        "stay": (0, {}),
    }


async def test_only_the_rows_that_lost_are_refused(store: RecordStore) -> None:
    await commit(store, *[made(name) for name in ("a", "b", "c", "d")])
    rows = [
        Row("a", 0, 1, "[1]"),
        Row("b", 7, 8, "[8]"),
        made("c"),
        made("new", "[1]"),
        Row("d", 3, -1, None),
        Row("gone", 1, 2, "[2]"),
    ]
    lost = Refusal.LOST
    assert await commit(store, *rows) == {"b": lost, "c": lost, "gone": lost}
    assert await loaded(store, "a", "b", "c", "d", "new", "gone") == {
        "a": (1, [1]),
        "b": (0, {}),
        "c": (0, {}),
        "new": (0, [1]),
    }


async def test_a_thousand_rows_are_one_commit(store: RecordStore) -> None:
    names = [f"r{number}" for number in range(1000)]
    assert await commit(store, *[made(name, f'{{"name":"{name}"}}') for name in names]) == {}
    rows = [Row(name, 0, 1, "[1]") for name in names[:500]]
    rows += [Row(name, 0, -1, None) for name in names[500:]]
    assert await commit(store, *rows) == {}
    assert await loaded(store, *names) == dict.fromkeys(names[:500], (1, [1]))


@pytest.mark.parametrize("count", [1, 2, 3, 5, 7, 8, 9, 33, 50, 239, 240, 241, 500])
async def test_a_group_of_any_size_is_stored_whole_but_for_the_row_that_lost(
    store: RecordStore, count: int
) -> None:
    names = [f"r{number}" for number in range(count)]
    stored = {name: (1, [name]) for name in names}
    assert await commit(store, *[made(name) for name in names]) == {}
    updates = [Row(name, 0, 1, f'["{name}"]') for name in names]
    assert await commit(store, *updates) == {}
    assert await loaded(store, *names) == stored
    for loser in {names[0], names[-1], names[count // 2]}:
        rows = [Row(name, 0 if name == loser else 1, 2, "[2]") for name in names]
        assert await commit(store, *rows) == {loser: Refusal.LOST}
        assert await loaded(store, *names) == dict.fromkeys(names, (2, [2])) | {loser: stored[loser]}
        back = [Row(name, stored[name][0] if name == loser else 2, 1, f'["{name}"]') for name in names]
        assert await commit(store, *back) == {}


@pytest.mark.parametrize("nodes", [2, 4])
async def test_of_nodes_that_store_the_same_version_one_wins(make_store: MakeStore, nodes: int) -> None:
    stores = [make_store() for _ in range(nodes)]
    names = ["a", "b", "c"]
    await stores[0].commit([made(name) for name in names[:2]])
    for version in range(1, 6):
        bases = {name: -1 if name == "c" and version == 1 else version - 1 for name in names}
        outcomes = await asyncio.gather(
            *(
                commit(store, *[Row(name, bases[name], version, f"[{node}]") for name in names])
                for node, store in enumerate(stores)
            )
        )
        found = await loaded(stores[0], *names)
        for name in names:
            winners = [node for node, refused in enumerate(outcomes) if name not in refused]
            assert len(winners) == 1
            assert found[name] == (version, winners)


async def test_nodes_that_store_the_same_rows_in_different_order_do_not_lock_each_other_out(
    make_store: MakeStore,
) -> None:
    one, other = make_store(), make_store()
    names = [f"r{number}" for number in range(50)]
    await commit(one, *[made(name) for name in names])
    for version in range(1, 11):
        rows = [Row(name, version - 1, version, f"[{version}]") for name in names]
        first, second = await asyncio.gather(commit(one, *rows), commit(other, *rows[::-1]))
        assert sorted([*first, *second]) == sorted(names)


@pytest.mark.parametrize(
    "data",
    [
        '{"b":1,"a":2}',
        '[1.5,-3,1e3,12345678901234,true,null,""]',
        '{"":{"":[[],{}]}}',
        '["\\u0000 is for databases to dislike, \\u001f too","\\"\\\\/","%s %% \' ;--","🚗"]',
        '["' + "x" * 300_000 + '"]',
        "[" * 200 + "]" * 200,
    ],
    ids=["object", "scalars", "empty", "characters", "large", "deep"],
)
async def test_data_comes_back_as_it_was_or_is_refused_by_itself(store: RecordStore, data: str) -> None:
    refused = await commit(store, made("before"), made("it", data), made("after"))
    found = await loaded(store, "before", "it", "after")
    if refused:
        assert refused == {"it": Refusal.INVALID}
        assert "\\u0000" in data  # the only thing that a database may dislike: PostgreSQL does
        assert found == {"before": (0, {}), "after": (0, {})}
    else:
        assert found == {"before": (0, {}), "it": (0, orjson.loads(data)), "after": (0, {})}


@pytest.mark.parametrize(
    "name",
    [
        "a",
        " ",
        "a ",
        "A",
        "driver/14",
        "Ünï/日本/🚗",
        "%s",
        "'; DROP TABLE records_record; --",
        '"[]{}',
        "\\",
    ],
)
async def test_any_text_can_be_a_name(store: RecordStore, name: str) -> None:
    await commit(store, made("other"))
    assert await commit(store, made(name, "[1]")) == {}
    assert await commit(store, Row(name, 0, 1, "[2]")) == {}
    assert await loaded(store, name, "other") == {name: (1, [2]), "other": (0, {})}
    assert await commit(store, Row(name, 1, -1, None)) == {}
    assert await loaded(store, name) == {}


@pytest.mark.parametrize("name", ["x" * MAX_NAME_LENGTH, "🚗" * (MAX_NAME_BYTES // 4)])
async def test_the_longest_names_can_be_stored(store: RecordStore, name: str) -> None:
    assert await commit(store, made(name)) == {}
    assert await loaded(store, name) == {name: (0, {})}


@pytest.mark.parametrize("name", ["a\0b", "a\0", "", "x" * 100_000])
async def test_a_name_that_no_record_can_have_is_not_found_and_keeps_no_other_from_being_found(
    store: RecordStore, name: str
) -> None:
    await commit(store, made("a"))
    assert await loaded(store, name, "a") == {"a": (0, {})}


async def test_versions_go_up_to_the_last_of_the_wire(store: RecordStore) -> None:
    last = 2**31 - 1
    await commit(store, made("a", version=last - 1))
    assert await commit(store, Row("a", last - 1, last, "[]")) == {}
    assert await loaded(store, "a") == {"a": (last, [])}


# A name that is deleted and made anew


async def test_a_row_about_the_record_that_was_is_lost_on_the_one_that_is(store: RecordStore) -> None:
    was = (await store.commit([made("a", '["was"]', 1), made("b")])).made["a"]
    await commit(store, Row("a", 1, -1, None))
    now = (await store.commit([made("a", '["is"]', 1)])).made["a"]
    rows = [Row("a", 1, 2, '["was", 2]', was), made("c")]
    assert (await store.commit(rows)).refused == {"a": Refusal.LOST}
    assert await loaded(store, "a", "c") == {"a": (1, ["is"]), "c": (0, {})}
    assert (await store.commit([Row("a", 1, 2, '["is", 2]', now)])) == ({}, {})
    assert await loaded(store, "a") == {"a": (2, ["is", 2])}


async def test_a_row_with_the_id_of_another_name_is_lost(store: RecordStore) -> None:
    ids = (await store.commit([made("a"), made("b")])).made
    for id in (ids["b"], 0, -1, 2**62):
        assert (await store.commit([Row("a", 0, 1, "[1]", id)])).refused == {"a": Refusal.LOST}
    assert await loaded(store, "a", "b") == {"a": (0, {}), "b": (0, {})}


@pytest.mark.parametrize("count", [1, 2, 50, 500])
async def test_whoever_makes_a_record_is_told_the_id_that_others_find(
    make_store: MakeStore, count: int
) -> None:
    store, other = make_store(), make_store()
    known = (await store.commit([made("there"), made("changed"), made("gone")])).made
    names = [f"r{number}" for number in range(count)]
    rows = [Row("changed", 0, 1, "[1]", known["changed"]), Row("gone", 0, -1, None), *map(made, names)]
    ids = (await store.commit(rows)).made
    ids |= (await store.commit([made("there"), made("late")])).made  # one of them is lost
    assert set(ids) == {*names, "late"}
    found = {name: id for name, (_, _, id) in (await other.load([*known, *ids])).items()}
    assert found == {**ids, "there": known["there"], "changed": known["changed"]}
    assert len({*found.values(), known["gone"]}) == count + 4


async def test_no_id_is_given_twice_not_even_the_last_one(make_store: MakeStore) -> None:
    seen: set[int] = {0}
    for _ in range(5):
        store = make_store()
        ids = (await store.commit([made("a"), made("b")])).made
        assert seen.isdisjoint(ids.values())
        seen.update(ids.values())
        await commit(store, Row("a", 0, -1, None), Row("b", 0, -1, None))
    assert len(seen) == 11


# What only databases can do


def run(alias: str, statement: str) -> None:
    """Run ``statement`` in a database, behind the store's back."""
    with connections[alias].cursor() as cursor:
        cursor.execute(statement)
    connections[alias].close()


@pytest.mark.parametrize("make_store", DATABASES, indirect=True)
async def test_a_database_that_fails_is_a_store_error_and_nothing_is_stored(store: DatabaseStore) -> None:
    await commit(store, made("a"))
    alias = store._using
    await asyncio.to_thread(run, alias, "ALTER TABLE records_record RENAME TO records_elsewhere")
    try:
        with pytest.raises(StoreError):
            await store.load(["a"])
        refused = await failing(store, [Row("a", 0, 1, "[1]"), made("b")])
        assert refused in (None, {"a": Refusal.INVALID, "b": Refusal.INVALID})
    finally:
        await asyncio.to_thread(run, alias, "ALTER TABLE records_elsewhere RENAME TO records_record")
    assert await loaded(store, "a", "b") == {"a": (0, {})}
    assert await commit(store, Row("a", 0, 1, "[1]")) == {}


async def failing(store: RecordStore, rows: list[Row]) -> object:
    """What a commit that cannot work returns; None when it says so with a StoreError."""
    try:
        return (await store.commit(rows)).refused
    except StoreError:
        return None


@pytest.mark.parametrize("make_store", DATABASES, indirect=True)
async def test_a_closed_store_has_committed_what_was_under_way(store: DatabaseStore) -> None:
    closing = DatabaseStore(store._using)
    commits = [asyncio.create_task(closing.commit([made(str(number))])) for number in range(20)]
    await asyncio.sleep(0)
    await asyncio.to_thread(closing.close)
    await asyncio.gather(*commits)
    assert len(await loaded(store, *map(str, range(20)))) == 20
