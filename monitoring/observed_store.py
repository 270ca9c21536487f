"""A store that is looked at while it works."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from time import perf_counter

from monitoring.metrics import Metrics
from records.storage import Committed, RecordStore, Row


class ObservedStore:
    """The ``RecordStore`` that it is given, with what it does counted in ``metrics``."""

    __slots__ = ("_clock", "_metrics", "_store")

    def __init__(
        self, store: RecordStore, metrics: Metrics, *, clock: Callable[[], float] = perf_counter
    ) -> None:
        self._store = store
        self._metrics = metrics
        self._clock = clock

    async def load(self, names: Collection[str]) -> Mapping[str, tuple[int, str, int]]:
        """See ``RecordStore.load``."""
        metrics, began = self._metrics, self._clock()
        try:
            found = await self._store.load(names)
        except Exception:
            metrics.load_failures += 1
            raise
        metrics.load_seconds.observe(self._clock() - began)
        return found

    async def commit(self, rows: Sequence[Row]) -> Committed:
        """See ``RecordStore.commit``."""
        metrics, began = self._metrics, self._clock()
        try:
            committed = await self._store.commit(rows)
        except Exception:
            metrics.commit_failures += 1
            raise
        metrics.commit_seconds.observe(self._clock() - began)
        metrics.rows_committed += len(rows) - len(committed.refused)
        metrics.rows_lost += len(committed.refused)
        return committed
