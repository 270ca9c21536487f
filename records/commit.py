"""Group commit: one transaction of the store carries every write that came while the last one ran."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Generator
from time import perf_counter
from typing import Any

from records.chronicle import Chronicle
from records.reader import RecordReader
from records.state import RecordState
from records.storage import Committed, RecordStore, Refusal, Row, StoreError
from records.transition import Transition, Write
from records.unconfirmed import Unconfirmed

log = logging.getLogger("deepstream.records")

MAX_ROWS = 2000
"""Records in one commit; of more, half are those that wait longest and half those that came last."""

WORTH_GATHERING = 0.0002
"""Seconds that a commit must take for the next one to be worth waiting for company."""

COMPLAINT_INTERVAL = 5.0
"""Seconds between two lines of the log that say the store fails."""

GATHERING = 0.002
"""Seconds that it waits at the most."""

TOLD_AT_ONCE = 25
"""Records of a commit whose writers are told in one turn of the loop: the first do not wait for the last."""

MAX_PENDING = 50_000
"""What unsettled writes count for above which writers are made to wait: one each, and one for each KiB."""


class _Room(asyncio.Event):
    """Set when there is room for more writes again; can be awaited as it is, and left alone as well."""

    def __await__(self) -> Generator[Any, None, bool]:
        return self.wait().__await__()


class GroupCommit:
    """Takes writes to any records, and settles each once its record's new state is stored."""

    def __init__(
        self,
        store: RecordStore,
        reader: RecordReader,
        on_outside_change: Callable[[str, RecordState], None],
        *,
        on_late_find: Callable[[str, RecordState], None] | None = None,
        chronicle: Chronicle | None = None,
    ) -> None:
        """``on_outside_change(name, state)`` is called when another writer turns out to have been faster.

        ``on_late_find(name, state)`` is called when a commit turns out to be stored that had failed: nobody
        was told of it. None: as if another writer had stored it.
        ``chronicle`` adds the history to what is stored; None: there is none.
        """
        self._store = store
        self._chronicle = chronicle
        self._on_outside_change = on_outside_change
        self._on_late_find = on_late_find or on_outside_change
        self.reader = reader
        self._transitions: dict[str, Transition] = {}
        self._ready: dict[str, Transition] = {}
        self._running: asyncio.Task[None] | None = None
        self._loads: set[asyncio.Task[None]] = set()
        self._room: _Room | None = None  # there is one while there is none
        self.pending = 0
        self._gathering: asyncio.Future[None] | None = None
        self._expected = 0
        self._quiet_until = 0.0
        self._unconfirmed = Unconfirmed(store, self._look_up)

    def submit(self, name: str, write: Write) -> Awaitable[object] | None:
        """Queue ``write`` behind all earlier ones to the record ``name``.

        Returns None, or what the writer should wait for before it submits more: the store is behind.
        """
        transition = self._transitions.get(name)
        if transition is None:
            transition = self._begin(name)
        before = transition.size
        transition.add(write)
        if transition.size and transition.name in self._ready:
            self._count(transition.size - before)
        else:
            self._place(transition, before)
        return self._room

    def peek(self, name: str) -> RecordState | None:
        """The state that the next write to ``name`` will find, if known; not all of it is stored yet."""
        transition = self._transitions.get(name)
        if transition is not None and transition.is_loaded:
            return transition.working
        return self.reader.peek(name)

    def is_busy(self, name: str) -> bool:
        """Whether something about the record ``name`` is not settled."""
        return name in self._transitions

    async def drain(self) -> None:
        """Wait until every write is settled."""
        while tasks := [*self._loads, *([self._running] if self._running else [])]:
            await asyncio.wait(tasks)

    def close(self) -> None:
        """Ask no more what became of commits that failed."""
        self._unconfirmed.close()

    def _begin(self, name: str) -> Transition:
        state = self.reader.peek(name)
        transition = self._transitions[name] = Transition(name, state)
        if state is None:
            self._load(transition, self.reader.load)
        else:
            self.reader.pin(name, state)
        return transition

    def _place(self, transition: Transition, before: int) -> None:
        """Keep a transition, which had ``before`` writes, where it belongs: ready, waiting or gone."""
        size = transition.size
        if size != before:
            self._count(size - before)
        if not size:
            if transition.stored is not None:
                del self._transitions[transition.name]
                self.reader.unpin(transition.name)
        elif transition.is_ready():
            self._ready[transition.name] = transition
            if self._running is None:
                self._running = asyncio.get_running_loop().create_task(self._run())
            elif self._gathering is not None and len(self._ready) >= self._expected:
                _finish(self._gathering)

    def _count(self, difference: int) -> None:
        self.pending += difference
        if difference < 0:
            if self._room is not None and self.pending < MAX_PENDING // 2:
                self._room.set()
                self._room = None
        elif self.pending >= MAX_PENDING and self._room is None:
            self._room = _Room()

    async def _run(self) -> None:
        """Commit one group after the other until nothing is ready, and nothing comes soon."""
        try:
            while self._ready:
                seconds = await self._commit(self._next_group())
                if seconds > WORTH_GATHERING and len(self._ready) < self._expected:
                    await self._gather()
        finally:
            self._running = None

    def _next_group(self) -> list[Transition]:
        """Take what is stored next: nobody waits for the whole of what another client wrote at once."""
        names = list(self._ready)
        if len(names) > MAX_ROWS:
            half = MAX_ROWS // 2
            names = names[:half] + names[-half:]
        return [self._ready.pop(name) for name in names]

    async def _gather(self) -> None:
        """Give those who were just answered a moment to write again, and so to be in the next group.

        Else writers who wait for each acknowledgement fall into parts that take turns, and the store is made
        to flush its disk for each. A single one is waited for no longer than until it writes again.
        """
        loop = asyncio.get_running_loop()
        self._gathering = loop.create_future()
        timer = loop.call_later(GATHERING, _finish, self._gathering)
        await self._gathering
        timer.cancel()
        self._gathering = None

    async def _commit(self, group: list[Transition]) -> float:
        """Store a group and settle what it was stored for; returns the seconds that the store took."""
        taken = self._take(group)
        rows = list(taken.values())
        failure = StoreError(Refusal.INVALID.value)
        began = perf_counter()
        try:
            refused, made = await self._store.commit(rows) if rows else Committed({}, {})
        except Exception as error:
            if isinstance(error, StoreError):
                self._complain("%d records were not stored: %s", len(rows), error)
            else:
                log.exception("%d records were not stored", len(rows))
            failure = error if isinstance(error, StoreError) else StoreError(str(error))
            refused, made = {row.name: Refusal.INVALID for row in rows}, {}
            self._unconfirmed.add({transition.name: transition.stored for transition in taken})
        took = perf_counter() - began
        self._expected = len(taken) + len(self._ready)
        for transition in taken if made else ():
            if (id := made.get(transition.name)) is not None:
                transition.identify(id)
        for number, transition in enumerate(taken):
            if number and number % TOLD_AT_ONCE == 0:
                await asyncio.sleep(0)
            name, before = transition.name, transition.size
            if name not in refused:
                self._unconfirmed.settle(name)
                self.reader.stored(name, transition.committing())
                transition.commit()
                self._place(transition, before)
            elif refused[name] is Refusal.LOST:
                self._unconfirmed.settle(name)
                if self._chronicle is not None:
                    self._chronicle.forget(name)
                self._load(transition, self.reader.reload)
            else:
                transition.fail(failure)
                self._place(transition, before)
        return took

    def _take(self, group: list[Transition]) -> dict[Transition, Row]:
        """What to commit; a value that has no JSON text, as one nested too deeply, fails by itself."""
        taken = {}
        for transition in group:
            try:
                row = transition.take()
                if self._chronicle is not None and transition.stored is not None:
                    row = self._chronicle.enter(row, transition.stored, transition.changes())
                taken[transition] = row
            except (TypeError, ValueError) as fault:
                log.error("record %r was not stored: %s", transition.name, fault)
                before = transition.size
                transition.fail(StoreError(str(fault)))
                self._place(transition, before)
        return taken

    def _look_up(self, name: str, known: RecordState) -> bool:
        """See ``Unconfirmed``; what is known is shown until then."""
        if self.is_busy(name):
            return False
        transition = self._transitions[name] = Transition(name)
        self._load(transition, self.reader.reload, unsure_of=known)
        return True

    def _load(
        self,
        transition: Transition,
        read: Callable[[str], Awaitable[RecordState]],
        *,
        unsure_of: RecordState | None = None,
    ) -> None:
        known = unsure_of or transition.stored
        tell = self._on_late_find if unsure_of else self._on_outside_change
        task = asyncio.get_running_loop().create_task(self._load_and_apply(transition, read, known, tell))
        self._loads.add(task)
        task.add_done_callback(self._loads.discard)

    async def _load_and_apply(
        self,
        transition: Transition,
        read: Callable[[str], Awaitable[RecordState]],
        known: RecordState | None,
        tell: Callable[[str, RecordState], None],
    ) -> None:
        """Go on from what ``read`` finds; ``tell`` of it if that is another version than the ``known``, or
        one of another record."""
        try:
            state = await read(transition.name)
        except StoreError as error:
            self._complain("record %r: not read, so its writes fail: %s", transition.name, error)
            before = transition.size
            transition.fail(error)
            self._place(transition, before)
            self._transitions.pop(transition.name, None)
            self._unconfirmed.add({transition.name: known})
        else:
            before = transition.size
            self.reader.pin(transition.name, state)
            if known is not None and (known.version != state.version or known.id != state.id):
                tell(transition.name, state)
            if transition.stored is None and self.reader.is_alone:
                transition.load(state)
            else:
                await self._begin_again(transition, state)
            self._place(transition, before)

    async def _begin_again(self, transition: Transition, state: RecordState) -> None:
        """Another writer was faster, or may have been: what waits is judged by what it is applied to now."""
        late: list[Write] = []
        was = transition.stored
        to_successor = was is not None and 0 not in (was.id, state.id) and was.id != state.id
        for write in transition.restart(state):
            permitted = write.judge()
            if not isinstance(permitted, bool):
                permitted = await permitted
            if not permitted:
                transition.drop(write)
            elif late or not transition.repeat(write, to_successor=to_successor):
                late.append(write)
        transition.resume(late)

    def _complain(self, text: str, *args: object) -> None:
        """Log that the store fails, but not for every write as long as it is down."""
        now = asyncio.get_running_loop().time()
        if now >= self._quiet_until:
            self._quiet_until = now + COMPLAINT_INTERVAL
            log.error(text, *args)


def _finish(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
