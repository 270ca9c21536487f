"""Keeping up with the changes that other nodes make to records (PROTOCOL.md section 5, Versions)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Protocol

from deepstream_protocol.message import Message
from deepstream_protocol.paths import PathError
from deepstream_protocol.topics import RecordAction
from records.pipelines import Pipelines
from records.requests import Visit, state_after
from records.state import ABSENT, RecordState
from records.storage import StoreError

log = logging.getLogger("deepstream.records")

MAX_NAMES = 1000
"""Names that are read again together."""

RETRY = 0.5
"""Seconds until a read that failed is tried again."""


class Followed(Protocol):
    """The record handler, as far as this needs it."""

    def publish_here(self, message: Message, state: RecordState) -> None:
        """Tell this node's subscribers of a change that made ``state``."""

    def show(self, name: str, state: RecordState) -> None:
        """Tell this node's subscribers what the record is now, whatever they had before."""

    def is_subscribed(self, name: str) -> bool:
        """Whether this node has subscribers of ``name``."""


class Following:
    """Applies what other nodes tell, and reads again what it cannot be sure of.

    ``told`` is what the subscribers of a name have, a version of the record with an id: what comes next is
    told as it is, and whenever something may be missing between the two, the whole record is.
    """

    def __init__(self, handler: Followed, pipelines: Pipelines) -> None:
        self._handler = handler
        self._pipelines = pipelines
        self._told: dict[str, tuple[int, int] | None] = {}  # None: not all of them have the same
        self._doubtful: dict[str, RecordState | None] = {}  # and what was known until then
        self._held: set[str] = set()
        self._reading: set[str] = set()
        self._task: asyncio.Task[None] | None = None

    def close(self) -> None:
        """End what is under way."""
        if self._task is not None:
            self._task.cancel()

    # What subscribers know

    def begin(self, name: str, state: RecordState) -> None:
        """A subscriber of ``name`` was shown ``state``."""
        shown = state.id, state.version
        if self._told.setdefault(name, shown) != shown:
            self._told[name] = None

    def end(self, name: str) -> None:
        """``name`` has no subscribers."""
        self._told.pop(name, None)

    def advance(self, name: str, state: RecordState) -> bool:
        """The subscribers are about to be told of ``state``; whether they have the version before it."""
        if name not in self._told:
            return True
        told, self._told[name] = self._told[name], (state.id, state.version)
        return told == (state.id, state.version - 1)

    # What other nodes tell

    def deliver(self, message: Message, id: int | None) -> None:
        """Another node stored a change of the record with that ``id``, or deleted it.

        None: it is a node of an older version, which does not tell; the change goes by its version then.
        """
        name = message.name or ""
        self._pipelines.changed_elsewhere(name)
        commit = self._pipelines.of(name)
        known = commit.reader.recall(name)
        if known is None and not self._handler.is_subscribed(name):
            return
        if (
            known is None
            or (id is not None and id != known.id)
            or message.action == RecordAction.DELETED
            or commit.is_busy(name)
            or name in self._doubtful
            or name in self._reading
        ):
            self.doubt((name,))
            return
        version = message.version or 0
        if version <= known.version:
            return
        try:
            state = state_after(message, known, version) if version == known.version + 1 else None
        except PathError:
            state = None
        if state is None:
            self.doubt((name,))
            return
        commit.reader.stored(name, state)
        self._handler.publish_here(message, state)

    def doubt(self, names: Iterable[str]) -> None:
        """Read ``names`` again, and tell the subscribers if they turn out to be something else."""
        for name in names:
            commit = self._pipelines.of(name)
            if not commit.is_busy(name):
                self._doubtful.setdefault(name, commit.reader.recall(name))
                commit.reader.forget(name)  # until it is read nobody may be shown what was known
            elif name not in self._held:
                self._hold(name)
        if self._doubtful and self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._read())

    def _hold(self, name: str) -> None:
        """Come back to ``name`` behind the writes that are under way."""
        self._held.add(name)

        def over() -> None:
            self._held.discard(name)
            asyncio.get_running_loop().call_soon(self.doubt, (name,))

        visit = Visit(name, lambda *_: None, lambda *_: None, over, creates=False)
        self._pipelines.of(name).submit(name, visit)

    async def _read(self) -> None:
        try:
            while self._doubtful:
                known = {name: self._doubtful.pop(name) for name in list(islice(self._doubtful, MAX_NAMES))}
                self._reading = set(known)
                failed = await self._read_again(known)
                self._reading = set()
                if failed:
                    self._doubtful |= failed
                    await asyncio.sleep(RETRY)
        finally:
            self._task = None

    async def _read_again(self, known: Mapping[str, RecordState | None]) -> dict[str, RecordState | None]:
        """Have the names of ``known`` as they are stored; returns those that could not be read."""
        for name in known:
            self._pipelines.of(name).reader.forget(name)
        failed = {}
        for name, state in (await self._pipelines.load(known)).items():
            if isinstance(state, StoreError):
                failed[name] = known[name]
            elif self._pipelines.of(name).is_busy(name):
                self.doubt((name,))
            elif self._handler.is_subscribed(name) and not self._is_told(name, state, known[name]):
                self._handler.show(name, state)
        if failed:
            log.warning("%d records that may have changed elsewhere cannot be read yet", len(failed))
        return failed

    def _is_told(self, name: str, state: RecordState, known: RecordState | None) -> bool:
        """Whether the subscribers have ``state``: whoever notifies may have left the version as it was."""
        if self._told.get(name) != (state.id, state.version):
            return False
        return known is None or state is ABSENT or known.text == state.text
