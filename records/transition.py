"""The one queue of a record: writes are applied in order, stored together, then told.

PROTOCOL.md section 5, Versions.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from typing import NamedTuple, ParamSpec, Protocol

from records.state import ABSENT, RecordState
from records.storage import Row, StoreError

log = logging.getLogger("deepstream.records")

Told = ParamSpec("Told")


class Refused(Exception):
    """A write that does not fit the record's state; ``action`` is the error its author gets."""

    def __init__(self, action: int) -> None:
        super().__init__(action)
        self.action = action


class Write(Protocol):
    """One request to change a record."""

    def apply(self, current: RecordState) -> RecordState:
        """The state after this write; ``current`` itself if there is nothing to do; raises Refused."""

    def stored(self, state: RecordState) -> None:
        """``state``, which ``apply`` returned, and all before it is stored."""

    def refused(self, action: int, stored: RecordState) -> None:
        """The write was refused; ``stored`` is what is stored now."""

    def failed(self, error: StoreError) -> None:
        """The store did not take the write, or did not say what there is to write to."""


class _Step(NamedTuple):
    """A write that was applied to the working state, and what came of it."""

    write: Write
    state: RecordState
    refused: int | None


class Transition:
    """The writes of one record that are not settled yet.

    ``stored`` is the last state known to be stored, ``working`` what it will be when all steps are.
    ``size`` is how many there are. A write is decided on the working state but nobody hears of it before
    that is stored, refusals included: they show the state that refused them.
    """

    __slots__ = ("_in_flight", "_steps", "_waiting", "name", "size", "stored", "working")

    def __init__(self, name: str) -> None:
        self.name = name
        self.stored: RecordState | None = None
        self.working: RecordState = ABSENT
        self.size = 0
        self._waiting: deque[Write] = deque()
        self._steps: list[_Step] = []
        self._in_flight: list[_Step] = []

    @property
    def is_loaded(self) -> bool:
        """Whether it is known what is stored."""
        return self.stored is not None

    @property
    def is_ready(self) -> bool:
        """Whether there is a change to commit, and none of this record is under way."""
        return self.stored is not None and bool(self._steps) and not self._in_flight

    def add(self, write: Write) -> None:
        """Queue ``write`` behind the others; it is settled at once if nothing stands before it."""
        self.size += 1
        if self._waiting or not self.is_loaded or self._is_deleted_soon():
            self._waiting.append(write)
        else:
            self._apply(write)

    def load(self, state: RecordState) -> None:
        """Begin, or begin again, from ``state``: all that is not settled is applied to it in order."""
        again = [step.write for step in self._in_flight + self._steps]
        self._in_flight.clear()
        self._steps.clear()
        self._waiting.extendleft(reversed(again))
        self.stored = self.working = state
        self._apply_waiting()

    @property
    def committing(self) -> RecordState:
        """The state that is on its way to the store."""
        return self._in_flight[-1].state

    def take(self) -> Row:
        """What to commit for all steps until now; they are in flight then."""
        assert self.stored is not None
        self._in_flight, self._steps = self._steps, []
        working = self.working
        if working is ABSENT:
            return Row(self.name, self.stored.version, -1, None)
        return Row(self.name, self.stored.version, working.version, working.text)

    def commit(self) -> None:
        """What was in flight is stored: its authors and the subscribers hear of it."""
        done, self._in_flight = self._in_flight, []
        self.size -= len(done)
        self.stored = stored = done[-1].state
        for write, state, refused in done:
            if refused is None:
                self._tell(write.stored, state)
            else:
                self._tell(write.refused, refused, stored)
        self._apply_waiting()
        if all(step.state is stored for step in self._steps):
            self._settle_unchanged()

    def fail(self, error: StoreError) -> None:
        """The store took nothing: every write that counted on it fails too."""
        failed = [step.write for step in self._in_flight + self._steps]
        failed += self._waiting
        self._in_flight.clear()
        self._steps.clear()
        self._waiting.clear()
        self.size = 0
        if self.stored is not None:
            self.working = self.stored
        for write in failed:
            self._tell(write.failed, error)

    def _is_deleted_soon(self) -> bool:
        """Whether a deletion is not stored yet; a row cannot be deleted and made in one commit."""
        return self.working is ABSENT and bool(self._steps or self._in_flight)

    def _apply_waiting(self) -> None:
        while self._waiting and not self._is_deleted_soon():
            self._apply(self._waiting.popleft())

    def _apply(self, write: Write) -> None:
        try:
            state, refused = write.apply(self.working), None
        except Refused as refusal:
            state, refused = self.working, refusal.action
        except Exception as fault:
            log.exception("record %r: applying a write failed", self.name)
            self.size -= 1
            self._tell(write.failed, StoreError(str(fault)))
            return
        if state is self.stored and not self._steps and not self._in_flight:
            self._settle_now(write, state, refused)
            return
        self._steps.append(_Step(write, state, refused))
        self.working = state

    def _settle_unchanged(self) -> None:
        """Steps that changed nothing need no commit of their own."""
        steps, self._steps = self._steps, []
        for write, state, refused in steps:
            self._settle_now(write, state, refused)

    def _settle_now(self, write: Write, state: RecordState, refused: int | None) -> None:
        self.size -= 1
        if refused is None:
            self._tell(write.stored, state)
        else:
            self._tell(write.refused, refused, state)

    def _tell(self, tell: Callable[Told, None], *args: Told.args, **kwargs: Told.kwargs) -> None:
        """Tell one author; a fault in that must not keep the others from being told."""
        try:
            tell(*args, **kwargs)
        except Exception:
            log.exception("record %r: telling of a write failed", self.name)
