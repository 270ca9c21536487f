"""A record as it is at one version."""

from __future__ import annotations

from typing import Any, Final

import orjson

_UNSET: Final[Any] = object()


class RecordState:
    """One version of a record, as JSON text and as a value; whichever is missing is made when asked for.

    Never changed once made: whoever patches makes a new one, so states share what they have in common.
    ``id`` says which record of its name it is of, for one that is deleted and made anew has its versions once
    more: the store gives it to each that it makes, and as long as it did not it is 0.
    """

    __slots__ = ("_text", "_value", "id", "size", "version")

    def __init__(
        self, version: int, *, text: str | None = None, value: Any = _UNSET, estimate: int = 0, id: int = 0
    ) -> None:
        self.version = version
        self.id = id
        self._text = text
        self._value = value
        self.size = estimate if text is None else len(text)
        """Characters of the text; as long as there is none, what the writer of the value estimated."""

    @property
    def text(self) -> str:
        """The JSON text of the data."""
        if self._text is None:
            self._text = orjson.dumps(self._value).decode()
            self.size = len(self._text)
        return self._text

    @property
    def value(self) -> Any:
        """The data, parsed; not to be changed."""
        if self._value is _UNSET:
            self._value = orjson.loads(self._text)  # type: ignore[arg-type]
        return self._value

    def __repr__(self) -> str:
        return f"RecordState({self.version}, {self.text})"


ABSENT: Final = RecordState(-1, text="{}")
"""The state of a record that does not exist (PROTOCOL.md section 5: version -1)."""


def created() -> RecordState:
    """The state of a record that is made just now."""
    return RecordState(0, text="{}")
