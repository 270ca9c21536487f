"""What a commit carries, as entries of the history: made by the event loop, stored with the records."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from time import monotonic
from typing import Protocol

from records.state import RecordState
from records.storage import Entry, Row

FOUND = -1
"""The action of an entry that nobody asked for: the state a record had when its history began."""

TRUST = 600.0
"""Seconds for which a node takes it for granted that the history still has what it wrote itself."""

MAX_KNOWN = 100_000
"""Records whose last entry a node remembers."""


class HistorySettings(Protocol):
    """docs/records.md; ``days`` and ``versions`` of 0 mean without end."""

    @property
    def enabled(self) -> bool:
        """Whether there is a history at all."""

    @property
    def days(self) -> int:
        """How long an entry is kept."""

    @property
    def versions(self) -> int:
        """How many entries of one record are kept."""

    @property
    def exclude(self) -> tuple[str, ...]:
        """Prefixes of names without history."""


class Noted(Protocol):
    """A write that can say what it is in the history."""

    def entry(self, state: RecordState) -> Entry:
        """The write that made ``state``, as a line of the history."""


class Chronicle:
    """Adds to each row of a commit the entries of the writes in it.

    A history of patches is of use only if it says what they were applied to. So when a record stands at
    another version than this node knows to be the history's last, its state goes in first, as FOUND.
    """

    def __init__(self, exclude: tuple[str, ...] = (), *, clock: Callable[[], float] = monotonic) -> None:
        self._exclude = exclude
        self._clock = clock
        self._known: dict[str, int] = {}
        self._trusted_until = clock() + TRUST

    def covers(self, name: str) -> bool:
        """Whether the record ``name`` has a history."""
        return not (self._exclude and name.startswith(self._exclude))

    def enter(self, row: Row, stored: RecordState, changes: Iterable[tuple[Noted, RecordState]]) -> Row:
        """``row`` with its entries: ``changes`` are the writes that led from ``stored`` to it."""
        name = row.name
        if not self.covers(name):
            return row
        entries = [write.entry(state) for write, state in changes]
        if not entries:
            return row
        self._forget_old()
        if stored.version >= 0 and self._known.get(name) != stored.version:
            entries.insert(0, Entry(stored.version, FOUND, "", None, stored.text))
        self._known[name] = row.version
        return row._replace(entries=tuple(entries))

    def forget(self, name: str) -> None:
        """Somebody else wrote ``name``, perhaps without an entry."""
        self._known.pop(name, None)

    def _forget_old(self) -> None:
        now = self._clock()
        if now > self._trusted_until or len(self._known) >= MAX_KNOWN:
            self._known.clear()
            self._trusted_until = now + TRUST
