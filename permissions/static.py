"""What is known of an expression's value before it runs; it makes the compiled code shorter."""

from __future__ import annotations

import ast

from permissions.javascript import is_nullish
from permissions.syntax import Node

_COMPARISONS = frozenset({"<", "<=", ">", ">=", "==", "!=", "===", "!==", "in"})
_BOOLEAN_METHODS = frozenset({"startsWith", "endsWith", "includes"})
_TEXT_METHODS = frozenset({"toUpperCase", "toLowerCase", "trim"})


def is_boolean(node: Node) -> bool:
    """Whether the value is true, false or undefined, which count the same in Python as in JavaScript."""
    if node.kind in ("group", "logical"):
        return all(map(is_boolean, node.parts))
    if node.kind == "conditional":
        return all(map(is_boolean, node.parts[1:]))
    if node.kind == "call":
        return node.value[0] in _BOOLEAN_METHODS
    return (
        (node.kind == "literal" and isinstance(node.value, bool))
        or (node.kind == "unary" and node.value == "!")
        or (node.kind == "binary" and node.value in _COMPARISONS)
    )


def is_text(node: Node) -> bool:
    """Whether the value is a string or undefined, which Python compares as JavaScript does."""
    if node.kind == "group":
        return is_text(node.parts[0])
    if node.kind == "name":
        return node.value in ("name", "actionName") or node.value.startswith("$")
    if node.kind == "call":
        return node.value[0] in _TEXT_METHODS
    return (
        node.kind == "template"
        or (node.kind == "literal" and isinstance(node.value, str))
        or (node.kind == "unary" and node.value == "typeof")
    )


def inner(node: Node) -> Node:
    """What stands in the parentheses, if there are any."""
    while node.kind == "group":
        (node,) = node.parts
    return node


def identity(left: Node, right: Node, *, differs: bool) -> ast.cmpop | None:
    """Python's own operator where it does what === (or !==) does with these two, else None."""
    left, right = inner(left), inner(right)
    if left.kind == right.kind == "literal":
        return None  # Python warns of `is` between literals
    if _is_single(left) or _is_single(right):
        return ast.IsNot() if differs else ast.Is()
    if is_text(left) or is_text(right):
        return ast.NotEq() if differs else ast.Eq()
    return None


def _is_single(node: Node) -> bool:
    """Whether the value is one of those that exist once: true, false, null and undefined."""
    return node.kind == "literal" and (is_nullish(node.value) or isinstance(node.value, bool))
