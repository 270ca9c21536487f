"""Properties of JavaScript values: their own ones, and nothing that is inherited."""

from __future__ import annotations

import re
from typing import Any

from permissions.javascript import MatchResult, RuleError, is_nullish, to_text, undefined, units

UNREACHABLE = frozenset({"__proto__", "constructor", "prototype"})
"""Never read, not even where JSON has a property of that name."""

_INDEX = re.compile(r"0|[1-9][0-9]{0,9}")


def member(value: Any, key: str) -> Any:
    """``value.key``: an own property, or undefined; throws for null and undefined, as JavaScript does."""
    if isinstance(value, dict):
        return value.get(key, undefined) if key not in UNREACHABLE else undefined
    if isinstance(value, str | list):
        return _of_sequence(value, key)
    if is_nullish(value):
        raise RuleError(f"Cannot read properties of {to_text(value)} (reading '{key}')")
    return undefined


def element(value: Any, key: Any) -> Any:
    """``value[key]``."""
    if type(key) is int and type(value) is list and 0 <= key < len(value):
        return value[key]
    if is_nullish(value):
        raise RuleError(f"Cannot read properties of {to_text(value)} (reading '{to_text(key)}')")
    return member(value, to_text(key))


def has_property(container: Any, key: str) -> bool:
    """Whether an array or object has a property ``key`` of its own."""
    if isinstance(container, dict):
        return key in container and key not in UNREACHABLE
    if not isinstance(container, list):
        return False
    if key == "length" or (isinstance(container, MatchResult) and key in container.more):
        return True
    return bool(_INDEX.fullmatch(key)) and int(key) < len(container)


def _of_sequence(value: str | list[Any], key: str) -> Any:
    items = units(value) if isinstance(value, str) else value
    if key == "length":
        return len(items)
    if _INDEX.fullmatch(key) and int(key) < len(items):
        return items[int(key)]
    return value.more.get(key, undefined) if isinstance(value, MatchResult) else undefined
