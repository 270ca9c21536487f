"""The records that are in memory."""

from __future__ import annotations

from records.state import RecordState

_OVERHEAD = 400
"""Bytes that an entry costs beside its data: dict slot, state, name and string headers."""


class RecordCache:
    """Stored states by name, the least recently used ones dropped above ``max_bytes``.

    The size of a state is taken as that of its text, twice when the parsed value is likely to be kept
    as well. Holds only what is stored, so that nobody is ever shown what could still be lost.
    """

    __slots__ = ("_bytes", "_max_bytes", "_states")

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._states: dict[str, RecordState] = {}

    def __len__(self) -> int:
        return len(self._states)

    @property
    def size(self) -> int:
        """Bytes held, as far as they are counted."""
        return self._bytes

    def get(self, name: str) -> RecordState | None:
        """The state of ``name`` if it is in memory."""
        state = self._states.pop(name, None)
        if state is not None:
            self._states[name] = state
        return state

    def put(self, name: str, state: RecordState) -> None:
        """Keep ``state``, the newest one stored."""
        self.discard(name)
        self._states[name] = state
        self._bytes += _size(name, state)
        while self._bytes > self._max_bytes and len(self._states) > 1:
            self.discard(next(iter(self._states)))

    def discard(self, name: str) -> None:
        """Forget ``name``."""
        state = self._states.pop(name, None)
        if state is not None:
            self._bytes -= _size(name, state)


def _size(name: str, state: RecordState) -> int:
    return _OVERHEAD + len(name) + 2 * len(state.text)
