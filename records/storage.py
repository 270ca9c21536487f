"""What the record core asks of a store, and the store that keeps records in memory alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from enum import Enum
from typing import NamedTuple, Protocol


class Entry(NamedTuple):
    """What one accepted write made of a record: a line of its history.

    ``action`` is what subscribers see of it (a ``RecordAction``; -1 stands for a state that others made),
    ``path`` and ``data`` (JSON text) are as they were sent. ``version`` is -1 for a deletion.
    """

    version: int
    action: int
    author: str
    path: str | None
    data: str | None


class Row(NamedTuple):
    """One record's step from a stored version to the next stored one.

    ``base`` is the version that must be stored now (-1: no such record); ``data`` is the JSON text to
    store under ``version``, or None to delete the record whatever its version is. ``entries`` go into the
    history in the same transaction, if the row is stored.
    """

    name: str
    base: int
    version: int
    data: str | None
    entries: tuple[Entry, ...] = ()


class Refusal(Enum):
    """Why a row was not stored though the store works."""

    LOST = "another writer stored a version first"
    INVALID = "the store cannot keep this data"


class StoreError(Exception):
    """The store did not answer, or not in time; whether what a commit was to store is stored is not known."""


class RecordStore(Protocol):
    """Where records are durable; the only arbiter between writers."""

    async def load(self, names: Collection[str]) -> Mapping[str, tuple[int, str]]:
        """Version and JSON text of those of ``names`` that exist; raises StoreError."""

    async def commit(self, rows: Sequence[Row]) -> Mapping[str, Refusal]:
        """Store each row whose base is current, and return the names of the others with the reason.

        When this returns, what was stored is durable. Raises StoreError when it is not known to be.
        """


class MemoryStore:
    """Records that live and die with the process (``storageExclusionPrefixes``)."""

    def __init__(self) -> None:
        self._records: dict[str, tuple[int, str]] = {}

    async def load(self, names: Collection[str]) -> Mapping[str, tuple[int, str]]:
        """See ``RecordStore.load``."""
        return {name: self._records[name] for name in names if name in self._records}

    async def commit(self, rows: Sequence[Row]) -> Mapping[str, Refusal]:
        """See ``RecordStore.commit``."""
        refused = {}
        for row in rows:
            current, _ = self._records.get(row.name, (-1, ""))
            if row.data is None:
                self._records.pop(row.name, None)
            elif current == row.base:
                self._records[row.name] = row.version, row.data
            else:
                refused[row.name] = Refusal.LOST
        return refused
