"""The history of records: what is kept of each write, and what can be told from it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import orjson
import pytest
import pytest_asyncio
from django.db import connections
from django.utils import timezone

from deepstream_project.config_history import HistoryConfig
from deepstream_protocol.topics import RecordAction
from records.history import STRIDE, History, history_of
from records.models import Record, RecordVersion
from records.past import NotKept, Past, as_of, state_after, versions
from tests.records.history_kit import Keeping, in_thread, postgresql_with_history, using

__all__ = ["postgresql_with_history", "using"]

MakeNode = Callable[..., Keeping]


@pytest_asyncio.fixture
async def make(using: str) -> AsyncIterator[MakeNode]:
    """Return a function that makes a node on the database; options are those of ``record.history``."""
    made: list[Keeping] = []

    def node(name: str = "one", **history: Any) -> Keeping:
        made.append(Keeping(using, name, **history))
        return made[-1]

    yield node
    for one in made:
        await one.close()


async def told(using: str, name: str) -> list[tuple[int, str, Any]]:
    """Version, author and state of each entry of a record, the first one first."""

    def read() -> list[tuple[int, str, Any]]:
        entries = list(versions(name, using=using))[::-1]
        return [(entry.version, entry.author, state_after(entry, using)) for entry in entries]

    return await in_thread(read)


async def test_each_write_is_kept_with_its_author_node_and_time(make: MakeNode, using: str) -> None:
    node, began = make(), timezone.now()
    await node.do("ann", RecordAction.SUBSCRIBECREATEANDREAD, "a")
    await node.do("bob", RecordAction.UPDATE, "a", version=1, data='{"x":1}')
    await node.do("cid", RecordAction.PATCH, "a", version=2, path="y[1]", data='"2"')
    await node.do("bob", RecordAction.ERASE, "a", version=3, path="x")
    await node.do(
        "ann", RecordAction.PATCH_MULTI, "a", version=4, data='[{"path":"z","data":3},{"path":"y"}]'
    )
    await node.do("eve", RecordAction.DELETE, "a")

    assert await told(using, "a") == [
        (0, "ann", {}),
        (1, "bob", {"x": 1}),
        (2, "cid", {"x": 1, "y": [None, "2"]}),
        (3, "bob", {"y": [None, "2"]}),
        (4, "ann", {"z": 3}),
        (-1, "eve", None),
    ]
    entries = await in_thread(lambda: list(versions("a", using=using)))
    assert {entry.node for entry in entries} == {"one"}
    assert all(began - timedelta(seconds=1) <= entry.at <= timezone.now() for entry in entries)
    assert [(entry.action, entry.path) for entry in entries[2:4]] == [
        (RecordAction.ERASE, "x"),
        (RecordAction.PATCH, "y[1]"),
    ]


async def test_many_patches_in_one_commit_are_many_entries(make: MakeNode, using: str) -> None:
    node = make()
    for number in range(100):
        node.say("ann", RecordAction.CREATEANDPATCH, "a", version=-1, path="n", data=str(number))
    await node.world.settled()
    assert await told(using, "a") == [(number + 1, "ann", {"n": number}) for number in range(100)]


async def test_refused_writes_and_mere_looks_are_not_in_the_history(make: MakeNode, using: str) -> None:
    node = make()
    await node.set("a", "[1]")
    await node.do("bob", RecordAction.UPDATE, "a", version=1, data="[2]")
    await node.do("bob", RecordAction.SUBSCRIBECREATEANDREAD, "a")
    await node.do("bob", RecordAction.DELETE, "none")
    assert await told(using, "a") == [(1, "ann", [1])]
    assert await told(using, "none") == []


async def test_a_large_record_is_made_from_its_last_whole_state_and_the_patches_since(
    make: MakeNode, using: str
) -> None:
    node, dice = make(versions=0), random.Random(7)
    expected: dict[str, Any] = {"bulk": "x" * 5000}
    await node.set("a", orjson.dumps(expected).decode())
    states = [(1, "ann", dict(expected))]
    for version in range(2, 3 * STRIDE):
        key = f"k{dice.randrange(10)}"
        expected[key] = version
        await node.patch("a", key, str(version))
        states.append((version, "ann", dict(expected)))
    assert await told(using, "a") == states
    whole = await in_thread(lambda: versions("a", using=using).filter(state__isnull=False).count())
    assert 3 <= whole <= 5


async def test_what_a_record_was_when_its_history_began_is_in_it(make: MakeNode, using: str) -> None:
    def outside(data: Any, version: int) -> None:
        Record.objects.using(using).update_or_create(name="a", defaults={"data": data, "version": version})

    await in_thread(outside, {"bulk": "x" * 5000}, 7)
    node = make()
    await node.patch("a", "x", "1")
    await node.patch("a", "x", "2")
    await in_thread(outside, {"bulk": "y" * 5000}, 20)
    await node.do("ann", RecordAction.NOTIFY, "a", names=["a"])
    await node.patch("a", "x", "3")
    assert [(version, data["bulk"][0], data.get("x")) for version, _, data in await told(using, "a")] == [
        (7, "x", None),
        (8, "x", 1),
        (9, "x", 2),
        (20, "y", None),
        (21, "y", 3),
    ]


async def test_two_nodes_that_take_turns_make_one_history_without_gaps(make: MakeNode, using: str) -> None:
    nodes = [make("one"), make("two")]
    for number in range(10):
        node = nodes[number % 2]
        await node.do("ann", RecordAction.NOTIFY, "a", names=["a"])
        await node.patch("a", "n", str(number))
    assert await told(using, "a") == [(number + 1, "ann", {"n": number}) for number in range(10)]
    written_by = await in_thread(lambda: [entry.node for entry in versions("a", using=using)[:4]])
    assert written_by == ["two", "one", "two", "one"]


async def test_what_lost_against_another_node_is_in_the_history_as_it_was_stored(
    make: MakeNode, using: str
) -> None:
    one, two = make("one"), make("two")
    await one.set("a", '{"n":0}')
    await two.patch("a", "m", "1")
    for number in range(20):
        one.say("ann", RecordAction.CREATEANDPATCH, "a", version=-1, path="n", data=str(number))
        two.say("bob", RecordAction.CREATEANDPATCH, "a", version=-1, path="m", data=str(number))
    await asyncio.gather(one.world.settled(), two.world.settled())
    entries = await told(using, "a")
    assert [version for version, _, _ in entries] == list(range(1, 43))
    now = await in_thread(lambda: Record.objects.using(using).get(name="a"))
    assert (now.version, now.data) == (42, entries[-1][2]) == (42, {"n": 19, "m": 19})


async def test_names_that_are_excluded_have_no_history(make: MakeNode, using: str) -> None:
    node = make(exclude=("sensors/", "tmp/"))
    await node.set("sensors/1", "[1]")
    await node.set("sensor", "[1]")
    assert await told(using, "sensors/1") == []
    assert await told(using, "sensor") == [(1, "ann", [1])]


async def test_a_surplus_of_entries_goes_and_what_stays_can_be_told(make: MakeNode, using: str) -> None:
    node = make(versions=40)
    await node.set("a", orjson.dumps({"bulk": "x" * 5000}).decode())
    for number in range(2, 200):
        await node.patch("a", "n", str(number))
    entries = await told(using, "a")
    assert 40 <= len(entries) <= 40 + 2 * STRIDE
    assert [(version, data["n"]) for version, _, data in entries] == [
        (version, version) for version in range(200 - len(entries), 200)
    ]


async def test_entries_of_more_than_the_kept_days_go_but_for_what_the_others_need(
    make: MakeNode, using: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("records.history.BATCH", 5)
    node, now = make(days=30, versions=0), timezone.now()
    bulk = orjson.dumps({"bulk": "x" * 5000}).decode()  # whole at the first version, and then now and then
    for name in ("idle", "busy"):
        await node.set(name, bulk)
    for number in range(40):
        await node.patch("busy", "n", str(number))
        if number < 3:
            await node.patch("idle", "n", str(number))

    def age() -> int:
        entries = RecordVersion.objects.using(using)
        for place, entry in enumerate(entries.order_by("id")):
            entries.filter(id=entry.id).update(at=now - timedelta(days=60 - place))
        return node.store._dialect._history.drop_old(using, now=now)  # type: ignore[attr-defined]

    before = await told(using, "busy")
    dropped = await in_thread(age)
    after = await told(using, "busy")
    assert await told(using, "idle") == []
    assert dropped == 4 + len(before) - len(after)
    assert after == before[-len(after) :]
    kept = await in_thread(lambda: list(versions("busy", using=using))[::-1])
    cutoff = now - timedelta(days=30)
    young = [entry for entry in kept if entry.at >= cutoff]
    assert len(young) == 15
    assert kept[0].state is not None
    assert all(entry.state is None for entry in kept[1:] if entry.at < cutoff)
    assert await in_thread(as_of, "busy", cutoff, using)
    assert (await in_thread(lambda: node.store._dialect._history.drop_old(using, now=now))) == 0  # type: ignore[attr-defined]
    await node.set("idle", '{"n":7}')
    assert (await told(using, "idle"))[-1] == (5, "ann", {"n": 7})


async def test_without_end_nothing_is_too_old(make: MakeNode, using: str) -> None:
    await make(days=0).set("a", "[]")
    later = timezone.now() + timedelta(days=10_000)
    history = make(days=0).store._dialect._history  # type: ignore[attr-defined]
    assert await in_thread(history.drop_old, using, now=later) == 0


async def test_a_record_can_be_told_as_of_any_time(make: MakeNode, using: str) -> None:
    node = make()
    for number in range(3):
        await node.patch("a", "n", str(number))
    await node.do("ann", RecordAction.DELETE, "a")
    before = timezone.now() - timedelta(days=9)

    def past() -> list[Past]:
        times = [before + timedelta(days=1 + number) for number in range(4)]
        for entry, at in zip(list(versions("a", using=using))[::-1], times, strict=True):
            RecordVersion.objects.using(using).filter(id=entry.id).update(at=at)
        return [as_of("a", at, using) for at in (before, *times, times[1] + timedelta(hours=23))]

    assert [(one.version, one.data) for one in await in_thread(past)] == [
        (-1, None),
        (1, {"n": 0}),
        (2, {"n": 1}),
        (3, {"n": 2}),
        (-1, None),
        (2, {"n": 1}),
    ]
    with pytest.raises(NotKept, match="does not go back"):
        await in_thread(as_of, "other", before, using)


async def test_a_user_id_that_no_database_can_keep_harms_nobody(make: MakeNode, using: str) -> None:
    node = make()
    node.say("a\0b", RecordAction.CREATEANDUPDATE, "a", version=-1, data="[1]")
    node.say("\ud800", RecordAction.CREATEANDUPDATE, "b", version=-1, data="[2]")
    node.say("日本", RecordAction.CREATEANDUPDATE, "c", version=-1, data="[3]")
    await node.world.settled()
    assert await told(using, "a") == [(1, "a\ufffdb", [1])]
    assert await told(using, "b") == [(1, "?", [2])]
    assert await told(using, "c") == [(1, "日本", [3])]


async def test_a_record_whose_entries_cannot_be_kept_is_not_stored_either(make: MakeNode, using: str) -> None:
    def rename(table: str, to: str) -> None:
        with connections[using].cursor() as cursor:
            cursor.execute(f"ALTER TABLE {table} RENAME TO {to}")
        connections[using].close()

    node = make()
    await node.set("a", "[1]")
    await asyncio.to_thread(rename, "records_history", "records_elsewhere")
    try:
        await node.set("a", "[2]")
        await node.set("b", "[1]")
    finally:
        await asyncio.to_thread(rename, "records_elsewhere", "records_history")
    stored = await in_thread(lambda: list(Record.objects.using(using).values_list("name", "data")))
    assert stored == [("a", [1])]
    await node.set("a", "[3]")
    assert await told(using, "a") == [(1, "ann", [1]), (2, "ann", [3])]


def test_without_the_setting_there_is_no_history() -> None:
    assert history_of(HistoryConfig(), "one") is None
    assert isinstance(history_of(HistoryConfig(enabled=True), "one"), History)
