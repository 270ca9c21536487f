"""The two ways of a record: through the store, or, by the prefix of its name, through memory alone."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Protocol

from records.cache import RecordCache
from records.chronicle import Chronicle, HistorySettings
from records.commit import GroupCommit
from records.reader import RecordReader
from records.state import RecordState
from records.storage import MemoryStore, RecordStore, StoreError

UNLIMITED = 1 << 62
"""Bytes of the cache of records that live in memory alone: they are nowhere else."""


class RecordSettings(Protocol):
    """CONFIG.md, ``record``; the timeout in seconds."""

    @property
    def storage_exclusion_prefixes(self) -> tuple[str, ...]:
        """Names that live in memory alone."""

    @property
    def storage_hot_path_prefixes(self) -> tuple[str, ...]:
        """Names whose upserts are not version checked."""

    @property
    def storage_retrieval_timeout(self) -> float:
        """How long a read of the store may take."""

    @property
    def cache_max_bytes(self) -> int:
        """How much of what is stored may be kept in memory."""

    @property
    def history(self) -> HistorySettings:
        """Whether what is written is kept, and for how long; never of records that live in memory alone."""


class Pipelines:
    """A group commit for stored records and one for those under ``storage_exclusion_prefixes``."""

    def __init__(
        self,
        store: RecordStore,
        settings: RecordSettings,
        on_outside_change: Callable[[str, RecordState], None],
        *,
        on_late_find: Callable[[str, RecordState], None] | None = None,
        volatile: RecordStore | None = None,
        covers: Callable[[str], bool] | None = None,
    ) -> None:
        """``on_outside_change`` and ``on_late_find`` are as in ``GroupCommit``.

        ``volatile``: where records under ``storage_exclusion_prefixes`` are; None: in this process."""
        self._excluded = settings.storage_exclusion_prefixes
        self._on_changed_elsewhere: list[Callable[[str], None]] = []
        timeout = settings.storage_retrieval_timeout
        reader = RecordReader(store, RecordCache(settings.cache_max_bytes), timeout=timeout, covers=covers)
        chronicle = Chronicle(settings.history.exclude) if settings.history.enabled else None
        self._stored = GroupCommit(
            store, reader, on_outside_change, on_late_find=on_late_find, chronicle=chronicle
        )
        memory = volatile or MemoryStore()
        volatile_reader = RecordReader(memory, RecordCache(UNLIMITED), timeout=timeout, covers=covers)
        self._in_memory = GroupCommit(memory, volatile_reader, on_outside_change, on_late_find=on_late_find)

    def of(self, name: str) -> GroupCommit:
        """The group commit that the record ``name`` goes through."""
        return self._in_memory if self._excluded and name.startswith(self._excluded) else self._stored

    def peek(self, name: str) -> RecordState | None:
        """The state that the next write to ``name`` will find, if that is known without waiting.

        What is not stored yet is in it, so that rules judge a write by what it is applied to; nobody must
        be shown it.
        """
        return self.of(name).peek(name)

    async def load(self, names: Collection[str]) -> dict[str, RecordState | StoreError]:
        """The stored state of each name, read from the store where needed."""
        found: dict[str, RecordState | StoreError] = {}
        for pipeline in (self._stored, self._in_memory):
            found |= await pipeline.reader.load_all([name for name in names if self.of(name) is pipeline])
        return found

    def on_changed_elsewhere(self, callback: Callable[[str], None]) -> None:
        """Tell ``callback`` the name of each record that another node says it changed."""
        self._on_changed_elsewhere.append(callback)

    def changed_elsewhere(self, name: str) -> None:
        """Another node says that it changed the record ``name``."""
        for callback in self._on_changed_elsewhere:
            callback(name)

    def pending(self) -> int:
        """Writes that are not settled yet."""
        return self._stored.pending + self._in_memory.pending

    async def drain(self) -> None:
        """Wait until every write is settled."""
        await self._in_memory.drain()
        await self._stored.drain()

    def close(self) -> None:
        """End what goes on by itself."""
        self._in_memory.close()
        self._stored.close()
