"""Who has which role at which name, on every node: a set that all nodes keep a copy of."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence


class ReplicatedSet:
    """The names at which nodes have one role. Each node changes only its own; copies follow its word."""

    __slots__ = ("_by_name", "_by_node", "own")

    def __init__(self) -> None:
        self.own: dict[str, None] = {}
        self._by_name: dict[str, dict[str, None]] = {}
        self._by_node: dict[str, dict[str, None]] = {}

    def nodes_at(self, name: str) -> Sequence[str]:
        """The other nodes at ``name``, in the order in which they came."""
        return tuple(self._by_name.get(name, ()))

    def names(self) -> Collection[str]:
        """Every name at which there is another node."""
        return self._by_name.keys()

    def add(self, node: str, name: str) -> bool:
        """``node`` is at ``name``; whether it is the first of the others there."""
        nodes = self._by_name.setdefault(name, {})
        is_first = not nodes
        nodes[node] = None
        self._by_node.setdefault(node, {})[name] = None
        return is_first

    def remove(self, node: str, name: str) -> bool:
        """``node`` is no longer at ``name``; whether it was the last of the others there."""
        nodes = self._by_name.get(name, {})
        if node not in nodes:
            return False
        del nodes[node]
        del self._by_node[node][name]
        if not self._by_node[node]:
            del self._by_node[node]
        if nodes:
            return False
        del self._by_name[name]
        return True

    def replace(self, node: str, names: Iterable[str]) -> tuple[list[str], list[str]]:
        """All names of ``node`` at once; those that the others came to and left altogether."""
        wanted = dict.fromkeys(names)
        before = self._by_node.get(node, {})
        gone = [name for name in list(before) if name not in wanted and self.remove(node, name)]
        come = [name for name in wanted if name not in before and self.add(node, name)]
        return come, gone

    def remove_node(self, node: str) -> list[str]:
        """``node`` is gone; the names at which it was the last of the others."""
        return self.replace(node, ())[1]


Sets = Mapping[str, ReplicatedSet]
"""The sets by role."""
