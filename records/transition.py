"""The one queue of a record: writes are applied in order, stored together, then told.

PROTOCOL.md section 5, Versions.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Protocol

from records.state import ABSENT, RecordState
from records.storage import Entry, Row, StoreError

log = logging.getLogger("deepstream.records")

FAULT = "record %r: telling of a write failed"


class Refused(Exception):
    """A write that does not fit the record's state; ``action`` is the error its author gets."""

    def __init__(self, action: int) -> None:
        super().__init__(action)
        self.action = action


class Write(Protocol):
    """One request to change a record; ``weight`` is what it counts for among the writes that wait."""

    @property
    def weight(self) -> int:
        """One, and more for a large one."""

    def apply(self, current: RecordState) -> RecordState:
        """The state after this write, with the same id; ``current`` itself if there is nothing to do.

        Raises Refused.
        """

    def apply_to_successor(self, current: RecordState) -> RecordState:
        """The same, though ``current`` is of another record than the one that the write was meant for, which
        was deleted and made anew."""

    def entry(self, state: RecordState) -> Entry:
        """What the history says of this write, which made ``state``."""

    def judge(self) -> bool | Awaitable[bool]:
        """Whether it is still permitted, now that another writer made of the record what its rules did not
        see; its author is told if not."""

    def stored(self, state: RecordState) -> None:
        """``state``, which ``apply`` returned, and all before it is stored."""

    def refused(self, action: int, stored: RecordState) -> None:
        """The write was refused; ``stored`` is what is stored now."""

    def failed(self, error: StoreError) -> None:
        """The store did not take the write, or did not say what there is to write to."""


_Step = tuple[Write, RecordState, int | None]
"""A write that was applied to the working state, that state, and the error if the write was refused."""


class Transition:
    """The writes of one record that are not settled yet.

    ``stored`` is the last state known to be stored, ``working`` what it will be when all steps are.
    ``size`` is what they count for, each its ``weight``. A write is decided on
    the working state but nobody hears of it before that is stored, refusals included: they show the state
    that refused them.
    """

    __slots__ = ("_in_flight", "_is_held", "_steps", "_waiting", "name", "size", "stored", "working")

    def __init__(self, name: str, state: RecordState | None = None) -> None:
        """``state`` is what is stored; None: that is to be given to ``load``."""
        self.name = name
        self.stored = state
        self.working: RecordState = ABSENT if state is None else state
        self.size = 0
        # Most transitions have one step and nothing that waits.
        self._waiting: deque[Write] | tuple[()] = ()
        self._steps: list[_Step] = []
        self._in_flight: Sequence[_Step] = ()
        self._is_held = False

    @property
    def is_loaded(self) -> bool:
        """Whether it is known what is stored."""
        return self.stored is not None

    def is_ready(self) -> bool:
        """Whether there is a change to commit, and none of this record is under way."""
        return self.stored is not None and bool(self._steps) and not self._in_flight and not self._is_held

    def add(self, write: Write) -> None:
        """Queue ``write`` behind the others; it is settled at once if nothing stands before it."""
        self.size += write.weight
        if (
            self._waiting
            or self._is_held
            or self.stored is None
            or (self.working is ABSENT and self._is_deleted_soon())
        ):
            if not self._waiting:
                self._waiting = deque()
            self._waiting.append(write)
        elif not self._apply(write):
            self._waiting = deque((write,))

    def load(self, state: RecordState) -> None:
        """Begin from ``state``: all that waits is applied to it in order."""
        self.stored = self.working = state
        self._apply_waiting()

    def restart(self, state: RecordState) -> list[Write]:
        """Begin again from ``state``, which another writer stored; returns the writes that are not settled.

        Each of them is to be given back in order, by ``repeat`` or ``drop``; what comes in meanwhile waits
        until ``resume``.
        """
        again = self._unsettled()
        self.stored = self.working = state
        self._is_held = True
        return again

    def repeat(self, write: Write, *, to_successor: bool = False) -> bool:
        """Apply a write once more; False if it, and all that come behind it, must wait for ``resume``."""
        if self._is_deleted_soon():
            return False
        return self._apply(write, write.apply_to_successor if to_successor else None)

    def drop(self, write: Write) -> None:
        """A write is no longer permitted; its author knows."""
        self.size -= write.weight

    def resume(self, late: Sequence[Write]) -> None:
        """Go on with ``late``, which could not be repeated yet, and with what came in meanwhile."""
        self._is_held = False
        self._waiting = deque((*late, *self._waiting))
        self._apply_waiting()

    def committing(self) -> RecordState:
        """The state that is on its way to the store."""
        return self._in_flight[-1][1]

    def changes(self) -> Iterator[tuple[Write, RecordState]]:
        """The writes on their way to the store that change something, and the state that each makes."""
        before = self.stored
        for write, state, refused in self._in_flight:
            if refused is None and state is not before:
                yield write, state
                before = state

    def take(self) -> Row:
        """What to commit for all steps until now; they are in flight then."""
        assert self.stored is not None
        self._in_flight, self._steps = self._steps, []
        stored, working = self.stored, self.working
        if working is ABSENT:
            return Row(self.name, stored.version, -1, None, stored.id)
        # A Row, without the function in Python that makes one.
        return tuple.__new__(Row, (self.name, stored.version, working.version, working.text, stored.id, ()))

    def identify(self, id: int) -> None:
        """What is in flight makes the record, and the store gave it an ``id``."""
        for _, state, _ in (*self._in_flight, *self._steps):
            if state is not ABSENT:
                state.id = id

    def commit(self) -> None:
        """What was in flight is stored: its authors and the subscribers hear of it."""
        done, self._in_flight = self._in_flight, ()
        self.stored = stored = done[-1][1]
        for write, state, refused in done:
            self.size -= write.weight
            self._settle(write, state if refused is None else stored, refused)
        if self._steps and all(state is stored for _, state, _ in self._steps):
            self._settle_unchanged()
        if self._waiting:
            self._apply_waiting()

    def fail(self, error: StoreError) -> None:
        """The store took nothing: every write that counted on it fails too."""
        failed = self._unsettled()
        self.size = 0
        if self.stored is not None:
            self.working = self.stored
        for write in failed:
            self._fail(write, error)

    def _unsettled(self) -> list[Write]:
        """Every write, in order; none of them is here any more."""
        writes = [write for write, _, _ in (*self._in_flight, *self._steps)]
        writes += self._waiting
        self._in_flight, self._steps, self._waiting = (), [], ()
        return writes

    def _is_deleted_soon(self) -> bool:
        """Whether a deletion is not stored yet; a row cannot be deleted and made in one commit."""
        return self.working is ABSENT and bool(self._steps or self._in_flight)

    def _apply_waiting(self) -> None:
        while self._waiting and not self._is_deleted_soon():
            if not self._apply(self._waiting[0]):
                return
            self._waiting.popleft()

    def _apply(self, write: Write, apply: Callable[[RecordState], RecordState] | None = None) -> bool:
        """Apply ``write`` to the working state; False if it must wait for what stands before it.

        So does a deletion: it is stored whatever was, and writes in the same row would be as well, though
        another writer was faster.
        """
        try:
            state, refused = (apply or write.apply)(self.working), None
        except Refused as refusal:
            state, refused = self.working, refusal.action
        except Exception as fault:
            log.exception("record %r: applying a write failed", self.name)
            self.size -= write.weight
            self._fail(write, StoreError(str(fault)))
            return True
        if state is ABSENT and self._steps:
            return False
        if state is self.stored and not self._steps and not self._in_flight:
            self.size -= write.weight
            self._settle(write, state, refused)
            return True
        self._steps.append((write, state, refused))
        self.working = state
        return True

    def _settle_unchanged(self) -> None:
        """Steps that changed nothing need no commit of their own."""
        steps, self._steps = self._steps, []
        for write, state, refused in steps:
            self.size -= write.weight
            self._settle(write, state, refused)

    def _settle(self, write: Write, state: RecordState, refused: int | None) -> None:
        """Tell one author; a fault in that must not keep the others from being told."""
        try:
            if refused is None:
                write.stored(state)
            else:
                write.refused(refused, state)
        except Exception:
            log.exception(FAULT, self.name)

    def _fail(self, write: Write, error: StoreError) -> None:
        """Tell one author that it did not work, as in ``_settle``."""
        try:
            write.failed(error)
        except Exception:
            log.exception(FAULT, self.name)
