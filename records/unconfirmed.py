"""Commits that failed and may be stored all the same: the store could not say what became of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from itertools import islice

from records.state import RecordState
from records.storage import RecordStore

RETRY = 0.5
"""Seconds between two questions to a store that failed."""

MAX_NAMES = 1000
"""Records that are looked up in one turn of the loop."""


class Unconfirmed:
    """Remembers what was known of each such record, and has it looked up as soon as the store answers.

    ``look_up(name, known)`` begins that; False if a write to the record is under way, which will find out.
    """

    def __init__(self, store: RecordStore, look_up: Callable[[str, RecordState], bool]) -> None:
        self._store = store
        self._look_up = look_up
        self._known: dict[str, RecordState] = {}
        self._asking: asyncio.Task[None] | None = None

    def add(self, known: Mapping[str, RecordState | None]) -> None:
        """Nobody knows whether ``known``, None where nothing was, is still what is stored."""
        self._known |= {name: state for name, state in known.items() if state is not None}
        if self._known and self._asking is None:
            self._asking = asyncio.get_running_loop().create_task(self._ask())

    def settle(self, name: str) -> None:
        """It is known what is stored under ``name``."""
        self._known.pop(name, None)

    def close(self) -> None:
        """Ask no more."""
        if self._asking is not None:
            self._asking.cancel()

    async def _ask(self) -> None:
        while self._known:
            await asyncio.sleep(RETRY)
            names = list(islice(self._known, MAX_NAMES))
            for name in names if await self._answers(names[:1]) else ():
                known = self._known.pop(name, None)
                if known is not None and not self._look_up(name, known):
                    self._known[name] = known
        self._asking = None

    async def _answers(self, names: list[str]) -> bool:
        """Whether the store works again."""
        try:
            await self._store.load(names)
        except Exception:  # noqa: BLE001 - whatever it is, it is told where somebody wants something
            return False
        return True
