"""Reading records: from memory when they are there, else from the store, each name once at a time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable
from itertools import islice

from records.cache import RecordCache
from records.state import ABSENT, RecordState
from records.storage import RecordStore, StoreError

log = logging.getLogger("deepstream.records")

MAX_NAMES = 1000
"""Names in one query."""


class RetrievalTimeout(StoreError):
    """The store did not answer a read in time."""


class _Load:
    """A name that somebody waits for; ``state`` follows what is stored until all have taken it.

    Only the query with the number ``since``, and those after it, are late enough to say what is stored.
    """

    __slots__ = ("done", "error", "readers", "since", "state")

    def __init__(self, state: RecordState | None) -> None:
        self.state = state
        self.error: StoreError | None = None
        self.readers = 0
        self.since = 0
        self.done = asyncio.Event()
        if state is not None:
            self.done.set()

    def settle(self, state: RecordState) -> None:
        """``state`` is what is stored now."""
        self.state, self.error = state, None
        self.done.set()

    def fail(self, error: StoreError) -> None:
        """The store did not say, and nobody else did meanwhile."""
        if self.state is None:
            self.error = error
        self.done.set()


class RecordReader:
    """What is stored, as far as this node knows; ``timeout`` in seconds bounds each read of the store."""

    def __init__(
        self,
        store: RecordStore,
        cache: RecordCache,
        *,
        timeout: float,
        covers: Callable[[str], bool] | None = None,
    ) -> None:
        """``covers(name)``: whether this node hears of every change of that record; None: of all."""
        self._store = store
        self._covers = covers
        self._cache = cache
        self._timeout = timeout
        self._pinned: dict[str, RecordState] = {}
        self._loads: dict[str, _Load] = {}
        self._queue: dict[str, None] = {}
        self._queries = 0
        self._running: asyncio.Task[None] | None = None

    def peek(self, name: str) -> RecordState | None:
        """The state of ``name`` if it can be had without waiting; ABSENT if it is known not to exist."""
        if (pinned := self._pinned.get(name)) is not None:
            return pinned
        if self._covers is not None and not self._covers(name):
            return None
        return self._cache.get(name)

    @property
    def is_alone(self) -> bool:
        """Whether no other node can change a record."""
        return self._covers is None

    def recall(self, name: str) -> RecordState | None:
        """The state of ``name`` that was last known here; another node may have changed it since."""
        return self._pinned.get(name) or self._cache.get(name)

    def pin(self, name: str, state: RecordState) -> None:
        """Hold ``state`` until ``unpin``: writes to ``name`` are under way.

        The store may be ahead of what clients were told then; a read of it would show a change before
        it is broadcast, and the broadcast would show it once more.
        """
        self._pinned[name] = state

    def unpin(self, name: str) -> None:
        """No writes to ``name`` are under way."""
        self._pinned.pop(name, None)

    async def load(self, name: str) -> RecordState:
        """The state of ``name``, ABSENT if there is no such record; raises StoreError."""
        state = (await self.load_all([name]))[name]
        if isinstance(state, StoreError):
            raise state
        return state

    async def load_all(self, names: Iterable[str]) -> dict[str, RecordState | StoreError]:
        """The state of each name, or why it could not be read: one query for what is not in memory.

        What is returned is current at the moment of the return: changes that were stored while this
        waited are in it, so a caller that goes on without waiting misses none.
        """
        loads = {name: self._enter(name) for name in dict.fromkeys(names)}
        self._begin([name for name, load in loads.items() if load.readers == 1 and not load.done.is_set()])
        try:
            for load in loads.values():
                await load.done.wait()
            return {name: load.error or load.state or ABSENT for name, load in loads.items()}
        finally:
            for name, load in loads.items():
                self._leave(name, load)

    async def reload(self, name: str) -> RecordState:
        """What is stored under ``name`` now, whatever memory says; raises StoreError."""
        self.forget(name)
        return await self.load(name)

    def forget(self, name: str) -> None:
        """Take nothing that is known of ``name`` for granted: it was changed behind our back."""
        self._cache.discard(name)
        self._pinned.pop(name, None)
        load = self._loads.get(name)
        if load is None:
            return
        if load.done.is_set():
            del self._loads[name]
        else:  # a query that is under way may be too early: only a later one counts
            self._begin([name])

    def stored(self, name: str, state: RecordState) -> None:
        """``state`` has just become what is stored; a read that is under way gets it too."""
        if state is ABSENT:
            self._cache.discard(name)
        else:
            self._cache.put(name, state)
        if name in self._pinned:
            self._pinned[name] = state
        if (load := self._loads.get(name)) is not None:
            load.settle(state)

    def _enter(self, name: str) -> _Load:
        load = self._loads.get(name)
        if load is None:
            load = self._loads[name] = _Load(self.peek(name))
        load.readers += 1
        return load

    def _leave(self, name: str, load: _Load) -> None:
        load.readers -= 1
        if not load.readers and self._loads.get(name) is load:
            del self._loads[name]

    def _begin(self, names: list[str]) -> None:
        """Have ``names`` loaded; those asked for while a query runs share the next one."""
        for name in names:
            self._loads[name].since = self._queries + 1
            self._queue[name] = None
        if self._queue and self._running is None:
            self._running = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        try:
            while self._queue:
                names = list(islice(self._queue, MAX_NAMES))
                for name in names:
                    del self._queue[name]
                await self._load(names)
        finally:
            self._running = None

    async def _load(self, names: Collection[str]) -> None:
        loads = {name: self._loads[name] for name in names if name in self._loads}
        if not loads:  # whoever wanted them has gone
            return
        self._queries += 1
        number = self._queries
        try:
            async with asyncio.timeout(self._timeout):
                found = await self._store.load(loads)
        except Exception as failure:  # noqa: BLE001 - whatever it was, nobody may wait for ever
            error = _as_store_error(failure)
            for load in loads.values():
                if load.since <= number:
                    load.fail(error)
            return
        for name, load in loads.items():
            if load.since <= number and not load.done.is_set():
                version, text, id = found.get(name, (-1, "", 0))
                self._settle(name, load, ABSENT if version < 0 else RecordState(version, text=text, id=id))

    def _settle(self, name: str, load: _Load, state: RecordState) -> None:
        if state is not ABSENT and self._loads.get(name) is load:
            self._cache.put(name, state)
        load.settle(state)


def _as_store_error(failure: Exception) -> StoreError:
    if isinstance(failure, StoreError):
        return failure
    if isinstance(failure, TimeoutError):
        return RetrievalTimeout("no answer in time")
    log.error("reading records failed", exc_info=failure)
    return StoreError(str(failure))
