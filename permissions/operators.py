"""JavaScript's operators over the values of ``permissions.javascript``."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

from permissions.javascript import (
    NUMBERS,
    RuleError,
    concatenated,
    is_nullish,
    joined,
    strict_equals,
    to_double,
    to_number,
    to_primitive,
    to_text,
    type_of,
    units,
)
from permissions.properties import has_property

Comparison = Callable[[Any, Any], bool]


def add(left: Any, right: Any) -> Any:
    """``left + right``: text if either is text, else the sum."""
    left, right = to_primitive(left), to_primitive(right)
    if type(left) is str or type(right) is str:
        return concatenated(to_text(left), to_text(right))
    return to_number(left) + to_number(right)


def concatenation(*pieces: Any) -> str:
    """What a template string makes of its texts and values."""
    return joined("".join(map(to_text, pieces)))


def subtract(left: Any, right: Any) -> float:
    """``left - right``."""
    return to_number(left) - to_number(right)


def multiply(left: Any, right: Any) -> float:
    """``left * right``."""
    return to_number(left) * to_number(right)


def divide(left: Any, right: Any) -> float:
    """``left / right``; by zero it is an infinity, or NaN."""
    dividend, divisor = to_number(left), to_number(right)
    if divisor:
        return dividend / divisor
    if not dividend or dividend != dividend:
        return math.nan
    return math.copysign(math.inf, dividend) * math.copysign(1.0, divisor)


def remainder(left: Any, right: Any) -> float:
    """``left % right``, with the sign of ``left``."""
    dividend, divisor = to_number(left), to_number(right)
    if not divisor or math.isinf(dividend):
        return math.nan
    return math.fmod(dividend, divisor)


def negate(value: Any) -> float:
    """``-value``."""
    return -to_number(value)


def _comparison(compare: Comparison) -> Comparison:
    """One of < <= > >=: two texts by their code units, anything else as numbers (NaN is always false)."""

    def compared(left: Any, right: Any) -> bool:
        if type(left) in NUMBERS and type(right) in NUMBERS:
            try:
                return compare(left * 1.0, right * 1.0)  # the doubles that they are in JavaScript
            except OverflowError:
                return compare(to_double(left), to_double(right))
        left, right = to_primitive(left), to_primitive(right)
        if type(left) is str and type(right) is str:
            return compare(units(left), units(right))
        return compare(to_number(left), to_number(right))

    return compared


less = _comparison(operator.lt)
less_or_equal = _comparison(operator.le)
greater = _comparison(operator.gt)
greater_or_equal = _comparison(operator.ge)


def strict_differs(left: Any, right: Any) -> bool:
    """``left !== right``."""
    return not strict_equals(left, right)


def loose_equals(left: Any, right: Any) -> bool:
    """``left == right``: null and undefined alike, else converted until the types agree."""
    if is_nullish(left) or is_nullish(right):
        return is_nullish(left) and is_nullish(right)
    kind, other = type_of(left), type_of(right)
    if kind == other:
        return strict_equals(left, right)
    if kind == "object" and other != "boolean":
        return loose_equals(to_primitive(left), right)
    if other == "object" and kind != "boolean":
        return loose_equals(left, to_primitive(right))
    return to_number(left) == to_number(right)


def loose_differs(left: Any, right: Any) -> bool:
    """``left != right``."""
    return not loose_equals(left, right)


def contains(key: Any, container: Any) -> bool:
    """``key in container``: whether it is an own property of it."""
    if type_of(container) != "object" or container is None:
        raise RuleError(f"Cannot use 'in' operator to search for '{to_text(key)}' in {to_text(container)}")
    return has_property(container, to_text(key))


BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "+": add,
    "-": subtract,
    "*": multiply,
    "/": divide,
    "%": remainder,
    "<": less,
    "<=": less_or_equal,
    ">": greater,
    ">=": greater_or_equal,
    "==": loose_equals,
    "!=": loose_differs,
    "===": strict_equals,
    "!==": strict_differs,
    "in": contains,
}
"""What each binary operator does with the values of its two sides."""
