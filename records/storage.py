"""What the record core asks of a store, and the store that keeps records in memory alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from enum import Enum
from itertools import count
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

    ``base`` is the version that must be stored now (-1: no such record), of the very record that has the
    ``id``: a name that is deleted and made anew has every version again, but never an id. ``data`` is the
    JSON text to store under ``version``, or None to delete the record whichever it is. ``entries`` go into
    the history in the same transaction, if the row is stored.
    """

    name: str
    base: int
    version: int
    data: str | None
    id: int = 0
    entries: tuple[Entry, ...] = ()


class Refusal(Enum):
    """Why a row was not stored though the store works."""

    LOST = "another writer stored a version first"
    INVALID = "the store cannot keep this data"


class Committed(NamedTuple):
    """What a commit came to, by name: why rows were ``refused``, and the ids of what was ``made``."""

    refused: Mapping[str, Refusal]
    made: Mapping[str, int]


class StoreError(Exception):
    """The store did not answer, or not in time; whether what a commit was to store is stored is not known."""


class RecordStore(Protocol):
    """Where records are durable; the only arbiter between writers.

    It gives each record that is made an id that no other one of that name has, had or will have.
    """

    async def load(self, names: Collection[str]) -> Mapping[str, tuple[int, str, int]]:
        """Version, JSON text and id of those of ``names`` that exist; raises StoreError."""

    async def commit(self, rows: Sequence[Row]) -> Committed:
        """Store each row whose base and id are current.

        When this returns, what was stored is durable. Raises StoreError when it is not known to be.
        """


class MemoryStore:
    """Records that live and die with the process (``storageExclusionPrefixes``)."""

    def __init__(self) -> None:
        self._records: dict[str, tuple[int, str, int]] = {}
        self._ids = count(1)

    async def load(self, names: Collection[str]) -> Mapping[str, tuple[int, str, int]]:
        """See ``RecordStore.load``."""
        return {name: self._records[name] for name in names if name in self._records}

    async def commit(self, rows: Sequence[Row]) -> Committed:
        """See ``RecordStore.commit``."""
        refused, made = {}, {}
        for name, base, version, data, id, _ in rows:
            current, _, known = self._records.get(name, (-1, "", 0))
            if data is None:
                self._records.pop(name, None)
            elif current != base or known != id:
                refused[name] = Refusal.LOST
            else:
                if not known:
                    known = made[name] = next(self._ids)
                self._records[name] = version, data, known
        return Committed(refused, made)
