"""The eight methods that a rule may call (VALVE.md): JavaScript's own, on strings, and two on arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from permissions.javascript import (
    MatchResult,
    RuleError,
    is_nullish,
    joined,
    strict_equals,
    to_integer,
    to_text,
    trimmed,
    type_of,
    undefined,
    units,
)
from permissions.regex import PatternError, RegularExpression

Method = Callable[..., Any]


def _no_method(value: Any, name: str) -> RuleError:
    if is_nullish(value):
        return RuleError(f"Cannot read properties of {to_text(value)} (reading '{name}')")
    return RuleError(f"{name} is not a method of this {type_of(value)}")


def _receiver(value: Any, name: str) -> str:
    if type(value) is not str:
        raise _no_method(value, name)
    return units(value)


def _sought(value: Any, name: str) -> str:
    """The first argument of a search; JavaScript refuses a pattern where it wants text."""
    if isinstance(value, RegularExpression):
        raise RuleError(f"First argument to String.prototype.{name} must not be a regular expression")
    return units(to_text(value))


def _within(position: Any, length: int) -> int:
    return int(min(max(to_integer(position), 0), length))


def _first_index(position: Any, length: int) -> int:
    """Where an array's search begins; a negative position counts from the end."""
    start = to_integer(position)
    return _within(start + length if start < 0 else start, length)


def starts_with(value: Any, sought: Any = undefined, position: Any = undefined, *_: Any) -> bool:
    """``value.startsWith(sought, position)``."""
    text = _receiver(value, "startsWith")
    return text.startswith(_sought(sought, "startsWith"), _within(position, len(text)))


def ends_with(value: Any, sought: Any = undefined, end: Any = undefined, *_: Any) -> bool:
    """``value.endsWith(sought, end)``."""
    text = _receiver(value, "endsWith")
    ending = _sought(sought, "endsWith")
    return text[: len(text) if end is undefined else _within(end, len(text))].endswith(ending)


def includes(value: Any, sought: Any = undefined, position: Any = undefined, *_: Any) -> bool:
    """``value.includes(sought, position)`` of a string or an array (where NaN finds NaN)."""
    if isinstance(value, list):
        start = _first_index(position, len(value))
        return any(
            strict_equals(item, sought) or (item != item and sought != sought) for item in value[start:]
        )
    text = _receiver(value, "includes")
    return text.find(_sought(sought, "includes"), _within(position, len(text))) >= 0


def index_of(value: Any, sought: Any = undefined, position: Any = undefined, *_: Any) -> int:
    """``value.indexOf(sought, position)`` of a string or an array; -1 when it is not there."""
    if isinstance(value, list):
        start = _first_index(position, len(value))
        return next((at for at in range(start, len(value)) if strict_equals(value[at], sought)), -1)
    text = _receiver(value, "indexOf")
    return text.find(units(to_text(sought)), _within(position, len(text)))


def match(value: Any, pattern: Any = undefined, *_: Any) -> Any:
    """``value.match(pattern)``: a match result, all matches with the flag ``g``, or null."""
    text = joined(_receiver(value, "match"))
    try:
        expression = _expression(pattern)
        if "g" in expression.flags:
            return [found[0] for found in expression.pattern.finditer(text)] or None
        found = expression.pattern.search(text)
    except (PatternError, UnicodeEncodeError) as error:
        raise RuleError(str(error)) from error
    return None if found is None else _match_result(found, text)


def _expression(pattern: Any) -> RegularExpression:
    if isinstance(pattern, RegularExpression):
        return pattern
    return RegularExpression("" if pattern is undefined else to_text(pattern))


def _match_result(found: Any, text: str) -> MatchResult:
    items = [undefined if item is None else item for item in (found[0], *found.groups())]
    named = {name: undefined if item is None else item for name, item in found.groupdict().items()}
    index = len(units(text[: found.start()]))
    return MatchResult(items, {"index": index, "input": text, "groups": named or undefined})


def to_upper_case(value: Any, *_: Any) -> str:
    """``value.toUpperCase()``."""
    return joined(_receiver(value, "toUpperCase")).upper()


def to_lower_case(value: Any, *_: Any) -> str:
    """``value.toLowerCase()``."""
    return joined(_receiver(value, "toLowerCase")).lower()


def trim(value: Any, *_: Any) -> str:
    """``value.trim()``."""
    return trimmed(joined(_receiver(value, "trim")))


METHODS: dict[str, Method] = {
    "startsWith": starts_with,
    "endsWith": ends_with,
    "includes": includes,
    "indexOf": index_of,
    "match": match,
    "toUpperCase": to_upper_case,
    "toLowerCase": to_lower_case,
    "trim": trim,
}
"""Every method there is; arguments beyond those that a method knows are ignored, as JavaScript does."""
