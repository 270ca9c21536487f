"""The records as the rules see them."""

from __future__ import annotations

from collections.abc import Collection
from time import monotonic

from permissions.reader import NOT_LOADED, Known, RecordLoadError
from pubsub.cluster import Cluster
from records.pipelines import Pipelines
from records.state import ABSENT, RecordState
from records.storage import StoreError

RECENT = 1.0
"""Seconds for which what was looked for is taken to be as it was found, unless this node hears of a change:
that nothing was, and in a cluster also what was, until it hears of every change."""

MAX_RECENT = 10_000
"""Records that are remembered that long."""

MAX_WATCHED = 10_000
"""Records whose changes on other nodes this node is told because rules look at them."""


class RuleRecords:
    """Looks at the pipelines' memory; remembers for a moment what no cache keeps."""

    def __init__(self, pipelines: Pipelines, cluster: Cluster) -> None:
        self._pipelines = pipelines
        self._cluster = cluster
        self._recent: dict[str, tuple[float, Known]] = {}
        self._watched: dict[str, None] = {}
        pipelines.on_changed_elsewhere(self._forget)

    def peek(self, name: str) -> Known:
        """See ``RecordReader.peek``."""
        state = self._pipelines.peek(name)
        if state is not None:
            return _known(state)
        until, known = self._recent.get(name, _NEVER)
        return known if until > monotonic() else NOT_LOADED

    async def load(self, names: Collection[str]) -> None:
        """See ``RecordReader.load``."""
        for name, state in (await self._pipelines.load(names)).items():
            if isinstance(state, StoreError):
                raise RecordLoadError(f"record {name}: {state}") from state
            if self._cluster.covers is not None:
                self._watch(name)
            if self._pipelines.peek(name) is None:
                self._remember(name, _known(state))

    def _remember(self, name: str, known: Known) -> None:
        self._recent.pop(name, None)
        if len(self._recent) >= MAX_RECENT:
            del self._recent[next(iter(self._recent))]
        self._recent[name] = monotonic() + RECENT, known

    def _forget(self, name: str) -> None:
        self._recent.pop(name, None)

    def _watch(self, name: str) -> None:
        """Have the changes of ``name`` on other nodes told from now on."""
        if name in self._watched:
            return
        if len(self._watched) >= MAX_WATCHED:
            longest = next(iter(self._watched))
            del self._watched[longest]
            self._cluster.leave("record-watch", longest)
        self._watched[name] = None
        self._cluster.join("record-watch", name)


_NEVER: tuple[float, Known] = (0.0, None)


def _known(state: RecordState) -> Known:
    return None if state is ABSENT else (state.version, state.value)
