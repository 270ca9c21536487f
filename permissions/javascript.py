"""JavaScript's values in Python, and their conversions, as far as Valve's expressions have them.

Values are what a JSON parser makes (``None`` is ``null``), ``undefined``, regular expressions and match
results. Numbers may be Python ints, but count as the doubles that JavaScript would have read.
"""

from __future__ import annotations

import math
import re
from array import array
from typing import Any

from permissions.regex import RegularExpression


class RuleError(Exception):
    """A rule threw while it ran: in JavaScript a TypeError, to the client MESSAGE_PERMISSION_ERROR."""


class Undefined:
    """JavaScript's ``undefined``; there is one, and it is falsy."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "undefined"


undefined = Undefined()


class MatchResult(list[Any]):
    """What ``match`` gives without the flag ``g``: an array with ``more`` properties, such as ``index``."""

    __slots__ = ("more",)

    def __init__(self, items: list[Any], more: dict[str, Any]) -> None:
        super().__init__(items)
        self.more = more


NUMBERS = frozenset({int, float})
"""The Python types of a JavaScript number; ``bool`` is none, so types are compared, not asked."""

_EXACT = 2**53
_SPACE = (
    "\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\ufeff"
)
_NUMERIC = re.compile(r"[+-]?(?:Infinity|(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)")
_RADIX = re.compile(r"0(?:[xX][0-9a-fA-F]+|[oO][0-7]+|[bB][01]+)")


def units(text: str) -> str:
    """``text`` with one character for each UTF-16 code unit, as ``length``, indexes and ``<`` count."""
    if text.isascii() or max(text) <= "\uffff":
        return text
    return "".join(map(chr, array("H", text.encode("utf-16-le", "surrogatepass"))))


def joined(text: str) -> str:
    """The inverse of ``units``: pairs of surrogates become the character they stand for."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def concatenated(left: str, right: str) -> str:
    """Two strings as one; halves of a surrogate pair that meet become one character."""
    if left and right and "\ud800" <= left[-1] <= "\udbff" and "\udc00" <= right[0] <= "\udfff":
        return joined(left + right)
    return left + right


def trimmed(text: str) -> str:
    """``text`` without JavaScript's white space at either end."""
    return text.strip(_SPACE)


def is_nullish(value: Any) -> bool:
    """Whether ``value`` is null or undefined, the two values that have no properties."""
    return value is None or value is undefined


def truthy(value: Any) -> bool:
    """Whether ``value`` counts as true: all but false, 0, NaN, the empty string, null and undefined."""
    if value is True or value is False:
        return value
    if value:
        return bool(value == value)  # NaN alone differs from itself
    return isinstance(value, list | dict)


def type_of(value: Any) -> str:
    """What ``typeof`` says."""
    kind = type(value)
    if kind is str:
        return "string"
    if kind is bool:
        return "boolean"
    if kind in NUMBERS:
        return "number"
    return "undefined" if value is undefined else "object"


def to_primitive(value: Any) -> Any:
    """``value`` itself, or for arrays and objects the text that they turn into."""
    if isinstance(value, list):
        return ",".join("" if is_nullish(item) else to_text(item) for item in value)
    if isinstance(value, dict):
        if "toString" in value:  # it hides the inherited method, and no JSON value can be called
            raise RuleError("Cannot convert object to primitive value")
        return "[object Object]"
    return str(value) if isinstance(value, RegularExpression) else value


def to_text(value: Any) -> str:
    """``String(value)``."""
    kind = type(value)
    if kind is str:
        return value  # type: ignore[no-any-return]
    if kind in NUMBERS:
        return number_text(value)
    if kind is bool:
        return "true" if value else "false"
    if is_nullish(value):
        return "null" if value is None else "undefined"
    return str(to_primitive(value))


def number_text(value: float) -> str:
    """A number as JavaScript writes it: the shortest digits, exponents from 1e21 up and 1e-7 down."""
    if type(value) is int and -_EXACT <= value <= _EXACT:
        return str(value)
    number = to_double(value)
    if number != number:
        return "NaN"
    if math.isinf(number):
        return "Infinity" if number > 0 else "-Infinity"
    if number == 0:
        return "0"
    return ("-" if number < 0 else "") + _positive_text(abs(number))


def _positive_text(number: float) -> str:
    """Python and JavaScript find the same shortest digits, but place point and exponent differently."""
    mantissa, _, exponent = repr(number).partition("e")
    whole, _, fraction = mantissa.partition(".")
    leading = (whole + fraction).lstrip("0")
    point = len(leading) - len(fraction) + int(exponent or 0)
    digits = leading.rstrip("0")
    count = len(digits)
    if count <= point <= 21:
        return digits + "0" * (point - count)
    if 0 < point <= 21:
        return f"{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return "0." + "0" * -point + digits
    tail = f".{digits[1:]}" if count > 1 else ""
    return f"{digits[0]}{tail}e{'+' if point > 0 else '-'}{abs(point - 1)}"


def to_double(value: float) -> float:
    """A Python number as the double that it is in JavaScript."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def to_number(value: Any) -> float:
    """``Number(value)``."""
    kind = type(value)
    if kind is float:
        return value  # type: ignore[no-any-return]
    if kind is int or kind is bool:
        return to_double(value)
    if kind is str:
        return _text_number(value)
    if is_nullish(value):
        return 0.0 if value is None else math.nan
    primitive = to_primitive(value)
    return _text_number(primitive) if isinstance(primitive, str) else math.nan


def _text_number(text: str) -> float:
    text = trimmed(text)
    if not text:
        return 0.0
    if _NUMERIC.fullmatch(text):
        return float(text)
    return to_double(int(text, 0)) if _RADIX.fullmatch(text) else math.nan


def strict_equals(left: Any, right: Any) -> bool:
    """``left === right``: the same type and value; arrays and objects only if they are one and the same."""
    kind = type(left)
    if kind in NUMBERS:
        return type(right) in NUMBERS and to_double(left) == to_double(right)
    if kind is str:
        return type(right) is str and bool(left == right)
    return left is right


def to_integer(value: Any) -> float:
    """A position argument as a whole number: NaN is 0, and fractions are cut off."""
    number = to_number(value)
    if number != number:
        return 0
    return number if math.isinf(number) else math.trunc(number)
