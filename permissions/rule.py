"""One rule: its expression, ready to run, and what is known about it without running."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cached_property
from typing import Any

from permissions.compiler import Code, compiled
from permissions.grammar import parse
from permissions.javascript import RuleError
from permissions.reader import NotLoaded
from permissions.static import inner
from permissions.syntax import Node


class Rule:
    """A compiled expression; see ``compiler.ARGUMENTS`` for what ``run`` and ``trace`` are called with."""

    def __init__(self, source: str, *, names: Collection[str], variables: Sequence[str] = ()) -> None:
        """Parse and compile; raises ``ExpressionError``."""
        self.source = source
        self.node = parse(source)
        self.run = compiled(self.node, names=names, variables=variables)
        self.constant = _constant(self.node)
        used = {node.value for node in self.node.walk() if node.kind == "name"}
        self.uses_data = "data" in used
        self.uses_old_data = "oldData" in used
        self.references = [node for node in self.node.walk() if node.kind == "reference"]
        self._names = names
        self._variables = variables

    @cached_property
    def trace(self) -> Code:
        """Like ``run``, but passes the value of every node through ``seen(index, value)``."""
        return compiled(self.node, names=self._names, variables=self._variables, traced=True)

    def wanted(self, *arguments: Any) -> set[str]:
        """Names of all the records that the rule's cross references would look up, were each of them reached.

        Those within one that is not loaded yet cannot be told. Loading the others together, rather than each
        when the rule stumbles over it, makes one round of the references that stand side by side.
        """
        names: set[str] = set()
        for code in self._referenced:
            try:
                name = code(*arguments)
            except (RuleError, RecursionError, NotLoaded):
                continue
            if type(name) is str and name:
                names.add(name)
        return names

    @cached_property
    def _referenced(self) -> list[Code]:
        return [
            compiled(node.parts[0], names=self._names, variables=self._variables) for node in self.references
        ]


def _constant(node: Node) -> bool | None:
    """What a rule always says, if it is nothing but ``true`` or ``false``."""
    node = inner(node)
    return node.value if node.kind == "literal" and isinstance(node.value, bool) else None
