"""The records as the rules see them."""

from __future__ import annotations

from collections.abc import Collection
from time import monotonic

from permissions.reader import NOT_LOADED, Known, RecordLoadError
from records.pipelines import Pipelines
from records.state import ABSENT
from records.storage import StoreError

ABSENCE_LASTS = 1.0
"""Seconds for which a record that was looked for is taken to be missing, unless it is made here."""

MAX_ABSENT = 10_000
"""Missing records that are remembered."""


class RuleRecords:
    """Looks at the pipelines' memory; remembers for a moment what does not exist, which no cache does."""

    def __init__(self, pipelines: Pipelines) -> None:
        self._pipelines = pipelines
        self._absent: dict[str, float] = {}

    def peek(self, name: str) -> Known:
        """See ``RecordReader.peek``."""
        state = self._pipelines.peek(name)
        if state is None:
            return None if self._absent.get(name, 0.0) > monotonic() else NOT_LOADED
        return None if state is ABSENT else (state.version, state.value)

    async def load(self, names: Collection[str]) -> None:
        """See ``RecordReader.load``."""
        for name, state in (await self._pipelines.load(names)).items():
            if isinstance(state, StoreError):
                raise RecordLoadError(f"record {name}: {state}") from state
            if state is ABSENT:
                self._remember(name)

    def _remember(self, name: str) -> None:
        if len(self._absent) >= MAX_ABSENT:
            del self._absent[next(iter(self._absent))]
        self._absent[name] = monotonic() + ABSENCE_LASTS
