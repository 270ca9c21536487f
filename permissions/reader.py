"""What the rules need from the records: look at what is in memory, and have loaded what is not."""

from __future__ import annotations

from collections.abc import Awaitable, Collection
from enum import Enum
from typing import Any, Final, Literal, Protocol, TypeAlias


class _Missing(Enum):
    NOT_LOADED = "not loaded"


NOT_LOADED: Final = _Missing.NOT_LOADED
"""What ``peek`` says of a record that is not in memory, whether it exists or not."""

Known: TypeAlias = tuple[int, Any] | Literal[_Missing.NOT_LOADED] | None
"""Version and value of a record, None for one that does not exist, or NOT_LOADED."""


class RecordLoadError(Exception):
    """Records could not be loaded; what needed them is answered with MESSAGE_PERMISSION_ERROR."""


class RecordReader(Protocol):
    """The records as the rules see them."""

    def peek(self, name: str) -> Known:
        """What memory knows of a record; never waits."""

    def load(self, names: Collection[str]) -> Awaitable[None]:
        """Get ``names`` into memory, so that ``peek`` knows them; raises ``RecordLoadError``."""


class NotLoaded(Exception):
    """An answer needs records that are not in memory.

    ``own`` says that it is the very record the message is about; loading that is no round of references.
    """

    def __init__(self, names: Collection[str], *, own: bool = False) -> None:
        super().__init__(names)
        self.names = names
        self.own = own
