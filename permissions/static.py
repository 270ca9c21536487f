"""What is known of an expression's value before it runs; it makes the compiled code shorter."""

from __future__ import annotations

import ast

from permissions.javascript import undefined
from permissions.syntax import Node

_COMPARISONS = frozenset({"<", "<=", ">", ">=", "==", "!=", "===", "!==", "in"})
_BOOLEAN_METHODS = frozenset({"startsWith", "endsWith", "includes"})
_TEXT_METHODS = frozenset({"toUpperCase", "toLowerCase", "trim"})


def is_boolean(node: Node) -> bool:
    """Whether the value is true or false, if there is one at all."""
    if node.kind in ("group", "logical"):
        return all(map(is_boolean, node.parts))
    if node.kind == "conditional":
        return all(map(is_boolean, node.parts[1:]))
    if node.kind == "call":
        return node.value[0] in _BOOLEAN_METHODS and not has_optional_link(node)
    return (
        (node.kind == "literal" and isinstance(node.value, bool))
        or (node.kind == "unary" and node.value == "!")
        or (node.kind == "binary" and node.value in _COMPARISONS)
    )


def is_text(node: Node) -> bool:
    """Whether the value is a string, if there is one at all."""
    if node.kind == "group":
        return is_text(node.parts[0])
    if node.kind == "name":
        return node.value in ("name", "actionName") or node.value.startswith("$")
    if node.kind == "call":
        return node.value[0] in _TEXT_METHODS and not has_optional_link(node)
    return (
        node.kind == "template"
        or (node.kind == "literal" and isinstance(node.value, str))
        or (node.kind == "unary" and node.value == "typeof")
    )


def has_optional_link(node: Node) -> bool:
    """Whether a chain of properties and calls has a ``?.``, so that it may be undefined."""
    while node.kind in ("member", "element", "call"):
        if node.value if node.kind == "element" else node.value[1]:
            return True
        node = node.parts[0]
    return False


def identity(left: Node, right: Node, *, differs: bool) -> ast.cmpop | None:
    """Python's own operator where it does what === (or !==) does with these two, else None."""
    if _is_single(left) or _is_single(right):
        return ast.IsNot() if differs else ast.Is()
    if is_text(left) or is_text(right):
        return ast.NotEq() if differs else ast.Eq()
    return None


def _is_single(node: Node) -> bool:
    """Whether the value is one of those that exist once: true, false, null and undefined."""
    return node.kind == "literal" and (
        node.value is None or node.value is undefined or isinstance(node.value, bool)
    )
