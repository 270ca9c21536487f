"""Tests of group commit: one commit carries all that came while the last one ran."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from deepstream_protocol.topics import RecordAction
from pubsub.connection import Connection
from records import commit
from records.cache import RecordCache
from records.commit import MAX_ROWS, TOLD_AT_ONCE, GroupCommit
from records.reader import RecordReader
from records.state import RecordState
from records.storage import Committed, Entry, Refusal, Row, StoreError
from tests.pubsub.kit import DEADLINE
from tests.records.kit import StoreDouble, World, acknowledged, actions, patched, read, updated


def existing(count: int) -> dict[str, tuple[int, str]]:
    return {f"r{number}": (0, "{}") for number in range(count)}


async def warm(count: int) -> tuple[World, Any]:
    """A world with ``count`` records in memory, and a client."""
    world = World(existing(count))
    client = world.client()
    for number in range(count):
        world.say(client, RecordAction.READ, name=f"r{number}")
    await world.settled()
    client.take()
    return world, client


def names(rows: list[Row]) -> list[str]:
    return [row.name for row in rows]


# Groups


async def test_writes_of_one_turn_are_one_commit_of_one_row_for_each_record() -> None:
    world, client = await warm(3)
    for version in range(1, 101):
        for number in range(3):
            world.write(client, f"r{number}", version, f"[{version}]", f"{number}.{version}")
    await world.settled()
    assert world.store.commits == [[Row(f"r{number}", 0, 100, "[100]") for number in range(3)]]
    assert len(client.take()) == 300


async def test_what_comes_during_a_commit_is_the_next_commit() -> None:
    world, client = await warm(50)
    world.store.commit_gate.close()
    world.write(client, "r0", 1, "[1]")
    await world.store.commit_gate.arrived()
    for version in range(2, 12):
        world.write(client, "r0", version, f"[{version}]")
    for number in range(1, 50):
        world.write(client, f"r{number}", 1, "[1]")
    world.store.commit_gate.open()
    await world.settled()
    assert world.store.commits[0] == [Row("r0", 0, 1, "[1]")]
    assert len(world.store.commits) == 2
    assert sorted(names(world.store.commits[1])) == sorted(f"r{number}" for number in range(50))
    assert Row("r0", 1, 11, "[11]") in world.store.commits[1]


@pytest.fixture
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every commit is worth waiting for company, for longer than any test may take."""
    monkeypatch.setattr(commit, "WORTH_GATHERING", -1.0)
    monkeypatch.setattr(commit, "GATHERING", 10 * DEADLINE)


@pytest.mark.usefixtures("_patient")
async def test_writers_who_wait_for_their_answers_are_stored_together_each_time() -> None:
    world, onlooker = await warm(3)
    writers = [world.client() for _ in range(3)]
    for number, writer in enumerate(writers):
        world.write(writer, f"r{number}", 1, "[1]", "first")
    for writer in writers:
        await writer.until(RecordAction.WRITE_ACKNOWLEDGEMENT)
    for number, writer in enumerate(writers):
        assert len(world.store.commits) == 1
        world.write(writer, f"r{number}", 2, "[2]", "second")
        # A read of the store takes turns of the loop, in which a write by itself would get there as well.
        world.store.write_elsewhere(f"cold-{number}", 0, "{}")
        world.say(onlooker, RecordAction.READ, name=f"cold-{number}")
        await onlooker.until(RecordAction.READ_RESPONSE)
    for writer in writers:
        await writer.until(RecordAction.WRITE_ACKNOWLEDGEMENT)
    assert [sorted(names(rows)) for rows in world.store.commits] == [["r0", "r1", "r2"]] * 2


@pytest.mark.usefixtures("_patient")
async def test_a_writer_by_itself_never_waits_for_company() -> None:
    world, client = await warm(1)
    for version in range(1, 6):
        world.write(client, "r0", version, f"[{version}]", str(version))
        await client.until(RecordAction.WRITE_ACKNOWLEDGEMENT)
    assert len(world.store.commits) == 5


async def test_company_that_does_not_come_is_not_waited_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commit, "WORTH_GATHERING", -1.0)
    world, client = await warm(2)
    other = world.client()
    world.write(client, "r0", 1, "[1]", "first")
    world.write(other, "r1", 1, "[1]", "first")
    await client.until(RecordAction.WRITE_ACKNOWLEDGEMENT)
    world.write(client, "r0", 2, "[2]", "second")
    await client.until(RecordAction.WRITE_ACKNOWLEDGEMENT)
    assert names(world.store.commits[1]) == ["r0"]


async def test_one_commit_runs_at_a_time_and_a_record_is_in_it_once() -> None:
    class Watched(StoreDouble):
        running = most = 0

        async def commit(self, rows: Any) -> Any:
            self.running += 1
            self.most = max(self.most, self.running)
            assert len(set(names(rows))) == len(rows)
            await asyncio.sleep(0)
            try:
                return await super().commit(rows)
            finally:
                self.running -= 1

    store = Watched(existing(20))
    world = World(store=store)
    client = world.client()
    for round_ in range(30):
        for number in range(20):
            world.write(client, f"r{number}", -1, f"[{round_}]")
        await asyncio.sleep(0)
    await world.settled()
    assert store.most == 1
    assert 1 < len(store.commits) <= 40
    assert all(store.stored(f"r{number}") == (30, "[29]") for number in range(20))


async def test_a_commit_has_a_bound() -> None:
    world, client = await warm(MAX_ROWS + 10)
    for number in range(MAX_ROWS + 10):
        world.write(client, f"r{number}", 1, "[1]", str(number))
    await world.settled()
    assert [len(rows) for rows in world.store.commits] == [MAX_ROWS, 10]
    assert len(client.take()) == MAX_ROWS + 10


async def test_a_write_does_not_wait_for_all_that_another_client_wrote_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("records.commit.MAX_ROWS", 4)
    world, client = await warm(20)
    world.store.commits.clear()
    world.store.commit_gate.close()
    for number in range(19):
        world.write(client, f"r{number}", 1, "[1]", str(number))
    await world.store.commit_gate.arrived()
    world.write(client, "r19", 1, "[1]", "19")
    world.store.commit_gate.open()
    await world.settled()
    groups = [[row.name for row in rows] for rows in world.store.commits]
    assert "r19" in groups[1]
    assert "r2" in groups[1]  # and who waits longest is not forgotten for those who come
    assert sorted(name for group in groups for name in group) == sorted(f"r{number}" for number in range(20))
    assert len(client.take()) == 20


async def test_a_record_that_changes_all_the_time_does_not_hold_up_another() -> None:
    world, client = await warm(2)
    world.store.commit_gate.close()
    world.write(client, "r0", 1, "[1]")
    await world.store.commit_gate.arrived()
    world.write(client, "r1", 1, "[1]", "other")
    world.write(client, "r0", 2, "[2]")
    world.store.commit_gate.open()
    await client.next()
    assert "r1" in names(world.store.commits[1])
    await world.settled()


# Nothing is told before it is stored


async def test_nobody_hears_of_a_write_or_a_refusal_or_a_deletion_before_the_commit() -> None:
    world, client = await warm(2)
    subscriber = await world.subscriber("r0", "r1")
    world.store.commit_gate.close()
    world.write(client, "r0", 1, "[1]", "1")
    await world.store.commit_gate.arrived()
    world.write(client, "r0", 1, "[2]", "2")
    world.write(client, "r0", 2, "[2]", "3")
    world.say(client, RecordAction.DELETE, name="r1")
    await asyncio.sleep(0)
    assert (client.take(), subscriber.take()) == ([], [])
    assert world.handler.pipelines.of("r0").reader.peek("r0").version == 0
    world.store.commit_gate.open()
    await world.settled()
    assert sorted(actions(client.take())) == [
        RecordAction.DELETE_SUCCESS,
        RecordAction.WRITE_ACKNOWLEDGEMENT,
        RecordAction.WRITE_ACKNOWLEDGEMENT,
        RecordAction.VERSION_EXISTS,
    ]
    assert sorted(actions(subscriber.take())) == [
        RecordAction.DELETED,
        RecordAction.UPDATE,
        RecordAction.UPDATE,
    ]


async def test_rules_see_what_the_next_write_will_find() -> None:
    world, client = await warm(1)
    pipelines = world.handler.pipelines
    assert (pipelines.peek("r0").version, pipelines.peek("unknown")) == (0, None)
    world.store.commit_gate.close()
    world.store.commit_errors.append(StoreError("down"))
    world.write(client, "r0", 1, "[1]")
    await world.store.commit_gate.arrived()
    world.write(client, "r0", 2, "[2]")
    assert (pipelines.peek("r0").version, pipelines.peek("r0").text) == (2, "[2]")
    world.store.commit_gate.open()
    await world.settled()
    assert pipelines.peek("r0").version == 0


async def test_writes_that_are_pipelined_keep_their_order() -> None:
    world, client = await warm(1)
    subscriber = await world.subscriber("r0")
    for version in range(1, 200):
        world.write(client, "r0", version, f"[{version}]", str(version))
        if version % 7 == 0:
            await asyncio.sleep(0)
    await world.settled()
    assert [message.correlation_id for message in client.take()] == [str(v) for v in range(1, 200)]
    assert subscriber.take() == [updated("r0", version, f"[{version}]") for version in range(1, 200)]


async def test_of_two_writers_of_one_version_the_first_wins_and_the_other_gets_its_state() -> None:
    world, client = await warm(1)
    other = world.client()
    world.write(client, "r0", 1, '["first"]', "1")
    world.write(other, "r0", 1, '["second"]', "2")
    await world.settled()
    assert client.take() == [acknowledged("r0", "1")]
    (reply,) = other.take()
    assert (reply.action, reply.version, reply.data) == (
        RecordAction.VERSION_EXISTS,
        1,
        '["first"]',
    )


async def test_writes_to_a_record_that_is_not_in_memory_wait_for_one_read_of_it() -> None:
    world = World(existing(1))
    client = world.client()
    world.store.load_gate.close()
    for version in range(1, 20):
        world.write(client, "r0", version, f"[{version}]", str(version))
    await world.store.load_gate.arrived()
    assert world.store.commits == []
    world.store.load_gate.open()
    await world.settled()
    assert world.store.loads == [["r0"]]
    assert world.store.commits == [[Row("r0", 0, 19, "[19]")]]
    assert len(client.take()) == 19


async def test_after_everything_is_settled_nothing_is_held() -> None:
    world, client = await warm(5)
    for number in range(5):
        world.write(client, f"r{number}", 1, "[1]")
        world.write(client, f"r{number}", 1, "[1]")
        world.say(client, RecordAction.READ, name=f"missing{number}")
    world.store.commit_errors.append(StoreError("down"))
    await world.settled()
    commit = world.handler.pipelines.of("r0")
    assert commit.pending == 0
    assert not any(commit.is_busy(f"{name}{number}") for name in ("r", "missing") for number in range(5))


async def test_a_failed_commit_fails_what_was_decided_upon_it_and_nothing_else() -> None:
    world, client = await warm(2)
    subscriber = await world.subscriber("r0", "r1")
    world.store.commit_gate.close()
    world.store.commit_errors.extend([StoreError("down"), None])
    world.write(client, "r0", 1, "[1]", "1")
    await world.store.commit_gate.arrived()
    world.write(client, "r0", 2, "[2]", "2")
    world.write(client, "r1", 1, "[1]", "3")
    world.store.commit_gate.open()
    await world.settled()
    assert {message.correlation_id: message.action for message in client.take()} == {
        "1": RecordAction.RECORD_UPDATE_ERROR,
        "2": RecordAction.RECORD_UPDATE_ERROR,
        "3": RecordAction.WRITE_ACKNOWLEDGEMENT,
    }
    assert subscriber.take() == [updated("r1", 1, "[1]")]


async def test_a_version_of_the_record_that_was_is_refused_and_all_else_goes_to_the_one_that_is() -> None:
    world = World({"r": (1, '["was"]')})
    client, subscriber = world.client(), await world.subscriber("r")
    subscriber.take()
    world.store.remove_elsewhere("r")
    world.store.write_elsewhere("r", 1, '["is"]')
    world.store.commit_gate.close()
    world.write(client, "r", 2, '["was",2]', "1")
    world.write(client, "r", -1, "2", "2", path="[1]")
    await world.store.commit_gate.arrived()
    world.say(client, RecordAction.DELETE, name="r")
    world.write(client, "r", 1, '["new"]', "3", action=RecordAction.CREATEANDUPDATE)
    world.store.commit_gate.open()
    await world.settled()
    refused, second, deleted, third = client.take()
    assert (refused.action, refused.version, refused.data) == (RecordAction.VERSION_EXISTS, 1, '["is"]')
    assert (second, third) == (acknowledged("r", "2"), acknowledged("r", "3"))
    assert deleted.action == RecordAction.DELETE_SUCCESS
    assert world.store.stored("r") == (1, '["new"]')
    assert subscriber.take()[:2] == [updated("r", 1, '["is"]'), patched("r", 2, "[1]", "2")]


class Liar(StoreDouble):
    """A store whose first commit is stored, and fails."""

    async def commit(self, rows: Any) -> Any:
        refused = await super().commit(rows)
        if len(self.commits) == 1:
            raise StoreError("the connection broke after the commit")
        return refused


async def test_a_commit_that_was_stored_though_it_failed_is_found_out_by_the_next_write() -> None:
    world = World(store=Liar(existing(1)))
    client = world.client()
    world.write(client, "r0", 1, "[1]", "1")
    await world.settled()
    assert actions(client.take()) == [RecordAction.RECORD_UPDATE_ERROR]
    world.write(client, "r0", 1, "[2]", "2")
    await world.settled()
    (reply,) = client.take()
    assert (reply.action, reply.version, reply.data) == (RecordAction.VERSION_EXISTS, 1, "[1]")


async def test_subscribers_learn_of_it_without_a_write_when_the_store_answers_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("records.unconfirmed.RETRY", 0.001)
    world = World(store=Liar(existing(2)))
    client, subscriber = world.client(), await world.subscriber("r0", "r1")
    world.store.load_errors.extend([StoreError("down")] * 3)
    world.write(client, "r0", 1, "[1]", "1")
    await world.settled()
    client.take()
    assert await world.ask(client, RecordAction.READ, name="r0") == [read("r0", 0)]  # from memory until then
    assert await subscriber.next() == updated("r0", 1, "[1]")
    client.take()
    assert await world.ask(client, RecordAction.READ, name="r0") == [read("r0", 1, "[1]")]
    world.store.commit_errors.append(StoreError("down"))  # and this time nothing is stored
    gate = world.store.load_gate
    gate.close()
    world.write(client, "r1", 1, "[1]", "2")
    await gate.arrived()  # does the store answer?
    gate.open()
    gate.close()
    await gate.arrived()  # what is stored?
    gate.open()
    await world.settled()
    assert subscriber.take() == []
    assert not world.handler.pipelines.of("r1").is_busy("r1")


async def test_a_value_that_has_no_text_fails_by_itself() -> None:
    """Deeper than JSON writers go, as a record can be that was not written through this server."""
    deep = "[" * 300 + "]" * 300
    world = World({"deep": (0, deep), "r0": (0, "{}")})
    client = world.client()
    for name in ("deep", "r0"):
        world.say(client, RecordAction.READ, name=name)
    await world.settled()
    client.take()
    world.write(client, "deep", 1, "1", "1", path="[1]")
    world.write(client, "r0", 1, "[1]", "2")
    await world.settled()
    assert {message.correlation_id: message.action for message in client.take()} == {
        "1": RecordAction.RECORD_UPDATE_ERROR,
        "2": RecordAction.WRITE_ACKNOWLEDGEMENT,
    }


async def test_a_connection_that_cannot_be_told_keeps_no_other_from_being_told() -> None:
    class Broken:
        name, binary = "broken", False

        def frame(self, message: object) -> str:
            raise RuntimeError("a mistake")

    world, client = await warm(2)
    subscriber = await world.subscriber("r0", "r1")
    broken = Connection(Broken(), subscriber.flusher, limit=1)
    world.handler.subscriptions.add(broken, "r0")
    world.write(client, "r0", 1, "[1]", "1")
    world.write(client, "r0", 2, "[2]", "2")
    world.write(client, "r1", 1, "[1]", "3")
    await world.settled()
    assert updated("r1", 1, "[1]") in subscriber.take()
    assert acknowledged("r1", "3") in client.take()
    assert not world.handler.pipelines.of("r0").is_busy("r0")


# Backpressure


async def test_writers_wait_while_the_store_is_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("records.commit.MAX_PENDING", 10)
    world, client = await warm(1)
    world.store.commit_gate.close()
    version = 0
    room = None
    while room is None:
        version += 1
        assert version <= 10
        world.write(client, "r0", version, "{}")
        room = next(iter(world._waiting), None)
    assert version == 10
    await world.store.commit_gate.arrived()
    assert not room.done()
    world.store.commit_gate.open()
    await asyncio.wait_for(room, DEADLINE)
    await world.settled()
    assert world.handler.pipelines.of("r0").pending == 0
    world.write(client, "r0", version + 1, "{}")
    assert not world._waiting


async def test_a_large_write_counts_for_as_many_as_it_has_kibibytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("records.commit.MAX_PENDING", 10)
    world, client = await warm(3)
    commit = world.handler.pipelines.of("r0")
    world.store.commit_gate.close()
    large = f'["{"x" * 9000}"]'
    assert world.say(client, RecordAction.UPDATE, name="r0", version=1, data=large) is None
    assert commit.pending == 9
    assert world.say(client, RecordAction.UPDATE, name="r0", version=7, data=large) is not None
    world.store.invalid.add("r2")
    assert world.say(client, RecordAction.UPDATE, name="r2", version=1, data=large) is not None
    world.store.commit_gate.open()
    await world.settled()
    assert commit.pending == 0


async def test_readers_behind_too_many_writes_are_answered_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("records.commit.MAX_PENDING", 3)
    world, client = await warm(1)
    for version in range(1, 6):
        world.write(client, "r0", version, "{}")
    world.say(client, RecordAction.READ, name="r0")
    await world.settled()
    assert [message.version for message in client.take()] == [5]


# Ending


async def test_draining_waits_for_commits_loads_and_second_attempts() -> None:
    world, client = await warm(1)
    world.store.commit_gate.close()
    world.write(client, "r0", -1, "[1]", "1")
    world.say(client, RecordAction.CREATEANDUPDATE, name="new", version=-1, data="{}")
    draining = asyncio.create_task(world.handler.drain())
    await world.store.commit_gate.arrived()
    world.store.write_elsewhere("r0", 5, "{}")
    assert not draining.done()
    world.store.commit_gate.open()
    await asyncio.wait_for(draining, DEADLINE)
    assert client.take() == [acknowledged("r0", "1")]
    assert world.store.stored("r0") == (6, "[1]")
    assert world.store.stored("new") == (1, "{}")


async def test_draining_what_is_idle_returns_at_once() -> None:
    store = StoreDouble()
    commit = GroupCommit(store, RecordReader(store, RecordCache(0), timeout=1), lambda name, state: None)
    await commit.drain()


class Note:
    """A write that makes the next version and notes what became of it."""

    weight = 1

    def __init__(self) -> None:
        self.outcome: list[object] = []

    def apply(self, current: RecordState) -> RecordState:
        return RecordState(current.version + 1, text="{}", id=current.id)

    apply_to_successor = apply

    def entry(self, state: RecordState) -> Entry:
        return Entry(state.version, RecordAction.UPDATE, "", None, None)

    def judge(self) -> bool:
        return True

    def stored(self, state: RecordState) -> None:
        self.outcome.append(state.version)

    def refused(self, action: int, stored: RecordState) -> None:
        self.outcome.append(action)

    def failed(self, error: StoreError) -> None:
        self.outcome.append(str(error))


async def test_a_write_that_loses_again_and_again_is_tried_until_it_wins() -> None:
    class Losing(StoreDouble):
        async def commit(self, rows: Any) -> Any:
            if len(self.commits) < 5:
                self.commits.append(list(rows))
                self.write_elsewhere("r", len(self.commits) * 10, "{}")
                return Committed({"r": Refusal.LOST}, {})
            return await super().commit(rows)

    store = Losing({"r": (0, "{}")})
    commit = GroupCommit(
        store, RecordReader(store, RecordCache(1 << 20), timeout=1), lambda name, state: None
    )
    note = Note()
    assert commit.submit("r", note) is None
    await commit.drain()
    assert note.outcome == [51]
    assert [rows[0].base for rows in store.commits] == [0, 10, 20, 30, 40, 50]


async def test_a_write_that_is_a_mistake_fails_alone() -> None:
    class Mistake(Note):
        def apply(self, current: RecordState) -> RecordState:
            raise RuntimeError("a mistake")

    store = StoreDouble({"r": (0, "{}")})
    commit = GroupCommit(
        store, RecordReader(store, RecordCache(1 << 20), timeout=1), lambda name, state: None
    )
    notes = [Note(), Mistake(), Note()]
    for note in notes:
        commit.submit("r", note)
    await commit.drain()
    assert [note.outcome for note in notes] == [[1], ["a mistake"], [2]]
    assert commit.pending == 0


async def test_subscribers_see_the_whole_of_what_another_writer_stored_before_the_next_change() -> None:
    world, client = await warm(1)
    subscriber = await world.subscriber("r0")
    world.store.write_elsewhere("r0", 5, '{"by":"another"}')
    world.write(client, "r0", -1, "[1]", "1")
    await world.settled()
    shown = [(message.version, message.data) for message in subscriber.take()]
    assert shown == [(5, '{"by":"another"}'), (6, "[1]")]


async def test_the_writers_of_a_large_commit_are_told_in_several_turns_of_the_loop() -> None:
    world, client = await warm(2 * TOLD_AT_ONCE + 1)
    world.write(client, "r0", 1, id="first")
    await world.settled()
    client.take()
    world.store.commit_gate.close()
    for number in range(1, 2 * TOLD_AT_ONCE + 1):
        world.write(client, f"r{number}", 1, id=str(number))
    await world.store.commit_gate.arrived()
    world.store.commit_gate.open()
    turns = []
    async with asyncio.timeout(DEADLINE):
        while sum(turns) < 2 * TOLD_AT_ONCE:
            await asyncio.sleep(0)
            if told := client.take():
                turns.append(len(told))
    assert turns == [TOLD_AT_ONCE, TOLD_AT_ONCE]


async def test_a_store_that_stays_down_is_not_logged_for_every_write(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World({"r": (0, "{}")})
    client = world.client()
    world.store.commit_errors.extend(StoreError("down") for _ in range(20))
    for number in range(20):
        world.write(client, "r", 1, id=str(number))
        await world.settled()
    assert actions(client.take()) == [RecordAction.RECORD_UPDATE_ERROR] * 20
    assert [line.message for line in caplog.records if line.levelname == "ERROR"] == [
        "1 records were not stored: down"
    ]
