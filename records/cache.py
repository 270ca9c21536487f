"""The records that are in memory."""

from __future__ import annotations

from typing import Final

from records.state import RecordState

_OVERHEAD: Final = 510
"""Bytes that an entry costs beside its data: dict slot, state, name and string headers."""


class RecordCache:
    """Stored states by name, the least recently used ones dropped above ``max_bytes``.

    The size of a state is taken as that of its text, twice when the parsed value is likely to be kept
    as well. Holds only what is stored, so that nobody is ever shown what could still be lost.
    """

    __slots__ = ("_bytes", "_entries", "_max_bytes")

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._entries: dict[str, tuple[RecordState, int]] = {}  # and what each counts for

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def size(self) -> int:
        """Bytes held, as far as they are counted."""
        return self._bytes

    def get(self, name: str) -> RecordState | None:
        """The state of ``name`` if it is in memory."""
        entry = self._entries.pop(name, None)
        if entry is None:
            return None
        self._entries[name] = entry
        return entry[0]

    def put(self, name: str, state: RecordState) -> None:
        """Keep ``state``, the newest one stored."""
        entries = self._entries
        if (old := entries.pop(name, None)) is not None:
            self._bytes -= old[1]
        size = _OVERHEAD + len(name) + 2 * state.size
        entries[name] = state, size
        self._bytes += size
        while self._bytes > self._max_bytes and len(entries) > 1:
            self.discard(next(iter(entries)))

    def discard(self, name: str) -> None:
        """Forget ``name``."""
        if (entry := self._entries.pop(name, None)) is not None:
            self._bytes -= entry[1]
