"""What a commit's rows carry for the history."""

from __future__ import annotations

import pytest

from records import chronicle
from records.chronicle import FOUND, TRUST, Chronicle
from records.state import ABSENT, RecordState
from records.storage import Entry, Row


class Written:
    """A write by ann."""

    def entry(self, state: RecordState) -> Entry:
        return Entry(state.version, 19, "ann", "x", state.text)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def entered(subject: Chronicle, name: str, base: int, *versions: int) -> list[tuple[int, int]]:
    """Version and action of the entries of a row from ``base`` on."""
    stored = ABSENT if base < 0 else RecordState(base, text="{}")
    changes = [(Written(), RecordState(version, text="[]")) for version in versions]
    row = Row(name, base, versions[-1] if versions else base, "[]")
    return [(entry.version, entry.action) for entry in subject.enter(row, stored, changes).entries]


def test_a_state_that_is_not_known_to_be_in_the_history_goes_in_first() -> None:
    subject = Chronicle()
    assert entered(subject, "a", 5, 6, 7) == [(5, FOUND), (6, 19), (7, 19)]
    assert entered(subject, "a", 7, 8) == [(8, 19)]
    assert entered(subject, "a", 9, 10) == [(9, FOUND), (10, 19)]
    subject.forget("a")
    assert entered(subject, "a", 10, 11) == [(10, FOUND), (11, 19)]


def test_a_record_that_did_not_exist_has_no_state_before() -> None:
    assert entered(Chronicle(), "a", -1, 1) == [(1, 19)]


def test_a_row_without_changes_and_one_of_an_excluded_name_stay_as_they_are() -> None:
    subject = Chronicle(("no/",))
    assert entered(subject, "a", 5) == []
    assert entered(subject, "no/1", 5, 6) == []
    assert (subject.covers("no"), subject.covers("no/")) == (True, False)


def test_nothing_is_taken_for_granted_for_ever() -> None:
    clock = Clock()
    subject = Chronicle(clock=clock)
    entered(subject, "a", -1, 1)
    clock.now = TRUST + 1
    assert entered(subject, "a", 1, 2) == [(1, FOUND), (2, 19)]


def test_only_so_many_records_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chronicle, "MAX_KNOWN", 2)
    subject = Chronicle()
    for name in ("a", "b", "c"):
        entered(subject, name, -1, 1)
    assert entered(subject, "a", 1, 2) == [(1, FOUND), (2, 19)]
