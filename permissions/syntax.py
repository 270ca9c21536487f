"""An expression as a tree: one kind of node, told apart by ``kind``, with its place in the text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

MAX_LENGTH = 32 * 1024
"""Characters of one expression."""

MAX_DEPTH = 64
"""Brackets within brackets, and operators within operators; chains of one logical operator count once."""

Kind = Literal[
    "literal",  # value: what it is
    "name",  # value: the identifier
    "member",  # parts: object; value: (property, optional)
    "element",  # parts: object, key; value: optional
    "call",  # parts: object, arguments; value: (method, optional)
    "reference",  # parts: the record's name
    "unary",  # value: operator
    "binary",  # value: operator
    "logical",  # two parts or more; value: operator
    "conditional",  # parts: test, then, else
    "array",
    "object",  # parts: the values; value: the keys
    "template",  # parts: the expressions; value: the texts around them
    "regexp",  # value: RegularExpression
    "group",  # parts: what stands in the parentheses
]


class ExpressionError(ValueError):
    """An expression that is not in the language; ``offset`` counts characters from its beginning."""

    def __init__(self, text: str, offset: int) -> None:
        super().__init__(text)
        self.offset = offset


class Node:
    """A part of an expression: characters ``start`` to ``end`` of its text."""

    depth: int
    __slots__ = ("depth", "end", "kind", "parts", "start", "value")

    def __init__(
        self, kind: Kind, start: int, end: int, parts: tuple[Node, ...] = (), value: Any = None
    ) -> None:
        self.kind = kind
        self.start = start
        self.end = end
        self.parts = parts
        self.value = value
        self.depth = 1 + max((part.depth for part in parts), default=0)
        if self.depth > MAX_DEPTH:
            raise ExpressionError(f"nested more than {MAX_DEPTH} deep", start)

    def walk(self) -> Iterator[Node]:
        """This node and all below it, in the order of the text."""
        yield self
        for part in self.parts:
            yield from part.walk()


def place(text: str, offset: int) -> tuple[int, int]:
    """Line and column of a character, both counted from 1."""
    before = text[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1
