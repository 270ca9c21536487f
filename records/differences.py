"""What is different between two JSON values, place by place."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

MISSING: Any = type("Missing", (), {"__repr__": lambda _: "MISSING", "__bool__": lambda _: False})()
"""Stands for a value where there is none."""

LIMIT = 500
"""Places that are told."""


class Difference(NamedTuple):
    """A place, as a path, and the value there before and after; MISSING where there is none."""

    path: str
    before: Any
    after: Any

    @property
    def kind(self) -> str:
        """``added``, ``removed`` or ``changed``."""
        if self.before is MISSING:
            return "added"
        return "removed" if self.after is MISSING else "changed"


def differences(before: Any, after: Any, limit: int = LIMIT) -> list[Difference]:
    """The places where the two differ, in order, ``limit`` of them at most; as deep as they can be told."""
    return list(islice(_differences("", before, after), limit))


def _differences(path: str, before: Any, after: Any) -> Iterator[Difference]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in dict.fromkeys([*before, *after]):
            yield from _differences(
                f"{path}.{key}" if path else key, before.get(key, MISSING), after.get(key, MISSING)
            )
    elif isinstance(before, list) and isinstance(after, list):
        for index in range(max(len(before), len(after))):
            yield from _differences(f"{path}[{index}]", _item(before, index), _item(after, index))
    elif not _same(before, after):
        yield Difference(path, before, after)


def _item(items: list[Any], index: int) -> Any:
    return items[index] if index < len(items) else MISSING


def _same(before: Any, after: Any) -> bool:
    """Whether the two are one JSON value: in Python True is 1, in JSON it is not."""
    return before is after or (before == after and isinstance(before, bool) == isinstance(after, bool))
