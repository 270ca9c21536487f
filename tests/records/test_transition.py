"""Tests of the one queue of a record: applied in order, stored together, then told."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from deepstream_protocol.topics import RecordAction
from records.state import ABSENT, RecordState, created
from records.storage import Entry, Row, StoreError
from records.transition import Refused, Transition, Write

CREATED = created()

Apply = Callable[[RecordState], RecordState]


class Step:
    """A write that notes in ``log`` what became of it."""

    weight = 1

    def __init__(self, log: list[str], name: str, apply: Apply) -> None:
        self._log, self._name, self._apply = log, name, apply

    def apply(self, current: RecordState) -> RecordState:
        return self._apply(current)

    def apply_to_successor(self, current: RecordState) -> RecordState:
        raise Refused(103)

    def entry(self, state: RecordState) -> Entry:
        return Entry(state.version, RecordAction.UPDATE, "", None, None)

    def judge(self) -> bool:
        return True

    def stored(self, state: RecordState) -> None:
        self._log.append(f"{self._name} stored {state.version}")

    def refused(self, action: int, stored: RecordState) -> None:
        self._log.append(f"{self._name} refused {action} at {stored.version}")

    def failed(self, error: StoreError) -> None:
        self._log.append(f"{self._name} failed: {error}")


class World:
    """A transition and what its writes were told."""

    def __init__(self, state: RecordState | None = CREATED) -> None:
        self.transition = Transition("r")
        self.log: list[str] = []
        if state is not None:
            self.transition.load(state)

    def lose_to(self, state: RecordState) -> None:
        """Another writer stored ``state`` first."""
        again = self.transition.restart(state)
        late: list[Write] = []
        late.extend(write for write in again if late or not self.transition.repeat(write))
        self.transition.resume(late)

    def write(self, name: str) -> None:
        """A write that makes the next version."""
        self._add(name, lambda state: RecordState(state.version + 1, text=f'"{name}"', id=state.id))

    def write_version(self, name: str, version: int) -> None:
        """A write that is refused unless it makes ``version``."""

        def apply(state: RecordState) -> RecordState:
            if state.version + 1 != version:
                raise Refused(102)
            return RecordState(version, text=f'"{name}"', id=state.id)

        self._add(name, apply)

    def look(self, name: str) -> None:
        self._add(name, lambda state: state)

    def delete(self, name: str) -> None:
        self._add(name, lambda state: ABSENT)

    def _add(self, name: str, apply: Apply) -> None:
        self.transition.add(Step(self.log, name, apply))

    def told(self) -> list[str]:
        log, self.log[:] = list(self.log), []
        return log


def test_a_write_is_told_only_after_it_was_stored() -> None:
    world = World()
    world.write("a")
    assert world.transition.is_ready()
    assert world.transition.take() == Row("r", 0, 1, '"a"')
    assert not world.transition.is_ready()
    assert world.told() == []
    world.transition.commit()
    assert world.told() == ["a stored 1"]
    assert world.transition.size == 0


def test_writes_of_one_commit_are_one_row_and_each_is_told_its_own_version() -> None:
    world = World()
    for name in "abc":
        world.write(name)
    assert world.transition.take() == Row("r", 0, 3, '"c"')
    world.transition.commit()
    assert world.told() == ["a stored 1", "b stored 2", "c stored 3"]


def test_writes_that_come_during_a_commit_make_the_next_one() -> None:
    world = World()
    world.write("a")
    world.transition.take()
    world.write("b")
    assert not world.transition.is_ready()
    world.transition.commit()
    assert world.told() == ["a stored 1"]
    assert world.transition.is_ready()
    assert world.transition.take() == Row("r", 1, 2, '"b"')
    world.transition.commit()
    assert world.told() == ["b stored 2"]


def test_what_changes_nothing_is_settled_at_once_when_nothing_stands_before_it() -> None:
    world = World()
    world.look("a")
    assert world.told() == ["a stored 0"]
    world.write_version("b", 5)
    assert world.told() == ["b refused 102 at 0"]
    assert world.transition.size == 0
    assert not world.transition.is_ready()


def test_a_look_behind_a_write_waits_for_it_and_sees_it() -> None:
    world = World()
    world.write("a")
    world.look("b")
    world.transition.take()
    world.look("c")
    assert world.told() == []
    world.transition.commit()
    assert world.told() == ["a stored 1", "b stored 1", "c stored 1"]
    assert world.transition.size == 0


def test_a_refusal_waits_for_what_refused_it_and_shows_that() -> None:
    world = World()
    world.write_version("a", 1)
    world.write_version("b", 1)
    world.transition.take()
    world.write_version("c", 1)
    assert world.told() == []
    world.transition.commit()
    assert world.told() == ["a stored 1", "b refused 102 at 1", "c refused 102 at 1"]


def test_a_write_that_lost_is_applied_again_to_what_won() -> None:
    world = World()
    world.write_version("a", 1)
    world.write("b")
    world.transition.take()
    world.write("c")
    world.lose_to(RecordState(7, text='"other"'))
    assert world.told() == ["a refused 102 at 7"]
    assert world.transition.take() == Row("r", 7, 9, '"c"')
    world.transition.commit()
    assert world.told() == ["b stored 8", "c stored 9"]


def test_a_write_that_lost_to_another_record_of_the_name_is_told_so() -> None:
    world = World(RecordState(3, text="{}", id=7))
    world.write("a")
    assert world.transition.take() == Row("r", 3, 4, '"a"', 7)
    (lost,) = world.transition.restart(RecordState(3, text="{}", id=8))
    assert world.transition.repeat(lost, to_successor=True)
    world.transition.resume([])
    assert world.told() == ["a refused 103 at 3"]
    world.write("b")
    assert world.transition.take() == Row("r", 3, 4, '"b"', 8)


def test_what_is_applied_to_a_record_that_is_being_made_has_its_id() -> None:
    world = World(RecordState(3, text="{}", id=7))
    world.delete("a")
    assert world.transition.take() == Row("r", 3, -1, None, 7)
    world.write("b")
    world.transition.commit()
    assert world.transition.take() == Row("r", -1, 0, '"b"', 0)
    world.write("c")
    world.transition.identify(8)
    world.transition.commit()
    assert world.transition.take() == Row("r", 0, 1, '"c"', 8)
    world.transition.commit()
    world.write("d")
    assert world.transition.take() == Row("r", 1, 2, '"d"', 8)
    assert ABSENT.id == 0


def test_when_the_store_fails_all_that_counted_on_it_fails_and_the_state_rolls_back() -> None:
    world = World()
    world.write("a")
    world.transition.take()
    world.write("b")
    world.look("c")
    world.transition.fail(StoreError("down"))
    assert world.told() == ["a failed: down", "b failed: down", "c failed: down"]
    assert world.transition.size == 0
    world.write_version("d", 1)
    assert world.transition.take() == Row("r", 0, 1, '"d"')


def test_nothing_is_decided_before_it_is_known_what_is_stored() -> None:
    world = World(None)
    world.look("a")
    world.write_version("b", 4)
    assert not world.transition.is_loaded
    assert not world.transition.is_ready()
    assert world.told() == []
    world.transition.load(RecordState(3, text="{}"))
    assert world.told() == ["a stored 3"]
    assert world.transition.take() == Row("r", 3, 4, '"b"')


def test_what_waits_for_a_load_that_fails_fails_too() -> None:
    world = World(None)
    world.write("a")
    world.transition.fail(StoreError("down"))
    assert world.told() == ["a failed: down"]
    assert world.transition.size == 0
    assert not world.transition.is_loaded


def test_a_deletion_is_a_row_without_data() -> None:
    world = World(RecordState(3, text="{}"))
    world.delete("a")
    assert world.transition.take() == Row("r", 3, -1, None)
    world.transition.commit()
    assert world.told() == ["a stored -1"]


def test_deleting_what_does_not_exist_needs_no_commit() -> None:
    world = World(ABSENT)
    world.delete("a")
    assert world.told() == ["a stored -1"]
    assert not world.transition.is_ready()


def test_what_comes_behind_a_deletion_waits_until_that_is_stored() -> None:
    world = World(RecordState(3, text="{}"))
    world.delete("b")
    world.write("c")
    world.look("d")
    assert world.transition.take() == Row("r", 3, -1, None)
    world.write("e")
    world.transition.commit()
    assert world.told() == ["b stored -1"]
    assert world.transition.take() == Row("r", -1, 1, '"e"')
    world.transition.commit()
    assert world.told() == ["c stored 0", "d stored 0", "e stored 1"]


def test_a_deletion_waits_for_the_writes_before_it_and_saves_none_that_lost() -> None:
    world = World(RecordState(3, text="{}"))
    world.write_version("a", 4)
    world.delete("b")
    world.write("c")
    assert world.transition.take() == Row("r", 3, 4, '"a"')
    world.lose_to(RecordState(4, text="[]"))
    assert world.told() == ["a refused 102 at 4"]
    assert world.transition.take() == Row("r", 4, -1, None)
    world.transition.commit()
    assert world.told() == ["b stored -1"]
    assert world.transition.take() == Row("r", -1, 0, '"c"')
    world.transition.commit()
    assert world.told() == ["c stored 0"]


def test_a_deletion_does_not_wait_for_what_changes_nothing() -> None:
    world = World(RecordState(3, text="{}"))
    world.write("a")
    world.transition.take()
    world.look("b")
    world.delete("c")
    world.transition.commit()
    assert world.told() == ["a stored 4", "b stored 4"]
    assert world.transition.take() == Row("r", 4, -1, None)


def test_a_deletion_that_is_repeated_behind_a_write_waits_for_it_and_so_does_what_follows() -> None:
    world = World(RecordState(3, text="{}"))
    world.write("a")
    world.delete("b")
    world.write("c")
    world.transition.take()
    world.lose_to(RecordState(7, text="[]"))
    assert world.transition.take() == Row("r", 7, 8, '"a"')
    world.transition.commit()
    assert world.transition.take() == Row("r", 8, -1, None)
    world.transition.commit()
    assert world.transition.take() == Row("r", -1, 0, '"c"')
    world.transition.commit()
    assert world.told() == ["a stored 8", "b stored -1", "c stored 0"]
    assert world.transition.size == 0


def test_what_comes_behind_a_deletion_that_fails_fails_with_it() -> None:
    world = World(RecordState(3, text="{}"))
    world.delete("a")
    world.transition.take()
    world.write("b")
    world.transition.fail(StoreError("down"))
    assert world.told() == ["a failed: down", "b failed: down"]
    world.write_version("c", 4)
    assert world.transition.is_ready()


def test_a_creation_and_a_deletion_behind_a_deletion_are_stored_before_they_are_told() -> None:
    world = World(RecordState(3, text="{}"))
    world.delete("a")
    world.transition.take()
    for name in "bc":
        world.write(name)
    world.delete("d")
    world.write("e")
    world.transition.commit()
    assert world.told() == ["a stored -1"]
    assert world.transition.take() == Row("r", -1, 1, '"c"')
    world.transition.commit()
    assert world.told() == ["b stored 0", "c stored 1"]
    assert world.transition.take() == Row("r", 1, -1, None)
    world.transition.commit()
    assert world.told() == ["d stored -1"]
    assert world.transition.take() == Row("r", -1, 0, '"e"')
    world.transition.commit()
    assert world.told() == ["e stored 0"]
    assert world.transition.size == 0


def test_every_write_that_is_not_settled_counts() -> None:
    world = World(RecordState(3, text="{}"))
    sizes = [world.transition.size]
    world.write("a")
    sizes.append(world.transition.size)
    world.transition.take()
    world.write("b")
    sizes.append(world.transition.size)
    world.delete("c")
    world.write("d")
    sizes.append(world.transition.size)
    world.transition.commit()
    sizes.append(world.transition.size)
    assert sizes == [0, 1, 2, 4, 3]


@pytest.mark.parametrize("broken", ["stored", "refused", "failed"])
def test_a_fault_in_telling_one_author_keeps_no_other_from_being_told(broken: str) -> None:
    class Broken(Step):
        def _break(self, *_: object) -> None:
            raise RuntimeError("a mistake")

        stored = refused = failed = _break

    world = World()
    world.write("a")
    apply: Apply = lambda state: RecordState(state.version + 1, text="2")  # noqa: E731
    if broken == "refused":

        def apply(state: RecordState) -> RecordState:
            raise Refused(102)

    world.transition.add(Broken(world.log, "b", apply))
    world.write("c")
    world.transition.take()
    world.look("d")
    if broken == "failed":
        world.transition.fail(StoreError("down"))
        assert world.told() == ["a failed: down", "c failed: down", "d failed: down"]
    else:
        world.transition.commit()
        told = world.told()
        assert [line.split()[0] for line in told] == ["a", "c", "d"]
    assert world.transition.size == 0
