"""Who is what at which name, on every node: a set that each node has whole, and only its owner changes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

Named = dict[str, None]
"""Names in the order in which they came."""


class ReplicatedSet:
    """The names at which this node has each role, and those at which others have it.

    ``on_change(node, role, name, present)`` is called when another node begins or ceases to be something.
    """

    def __init__(self, on_change: Callable[[str, str, str, bool], None]) -> None:
        self._on_change = on_change
        self._own: dict[str, Named] = {}
        self._nodes: dict[str, dict[str, dict[str, None]]] = {}
        self._of_node: dict[str, dict[str, Named]] = {}
        self._stale: dict[str, dict[str, Named]] = {}

    # This node's own

    def join(self, role: str, name: str) -> bool:
        """This node has ``role`` at ``name``; False if that is no news."""
        names = self._own.setdefault(role, {})
        if name in names:
            return False
        names[name] = None
        return True

    def leave(self, role: str, name: str) -> bool:
        """This node no longer has ``role`` at ``name``; False if that is no news."""
        names = self._own.get(role, {})
        if name not in names:
            return False
        del names[name]
        return True

    def own(self) -> Mapping[str, Collection[str]]:
        """Every role this node has, and the names at which it has it."""
        return self._own

    # The others'

    def nodes_at(self, role: str, name: str) -> Collection[str]:
        """The other nodes with ``role`` at ``name``, in the order in which they got it."""
        names = self._nodes.get(role)
        return () if names is None else names.get(name, ())

    def names(self, role: str) -> Collection[str]:
        """Every name at which another node has ``role``."""
        return self._nodes.get(role, {}).keys()

    def add(self, node: str, role: str, names: Iterable[str]) -> None:
        """``node`` has ``role`` at ``names``."""
        own = self._of_node.setdefault(node, {}).setdefault(role, {})
        at = self._nodes.setdefault(role, {})
        stale = self._stale.get(node, {}).get(role, {})
        for name in names:
            stale.pop(name, None)
            if name not in own:
                own[name] = None
                at.setdefault(name, {})[node] = None
                self._on_change(node, role, name, True)

    def remove(self, node: str, role: str, names: Iterable[str]) -> None:
        """``node`` no longer has ``role`` at ``names``."""
        own = self._of_node.get(node, {}).get(role, {})
        stale = self._stale.get(node, {}).get(role, {})
        for name in names:
            stale.pop(name, None)
            if name in own:
                self._drop(node, role, name)

    def begin(self, node: str) -> None:
        """``node`` tells everything anew: what it does not repeat until ``end`` is no longer so."""
        self._stale[node] = {role: dict(names) for role, names in self._of_node.get(node, {}).items()}

    def end(self, node: str) -> None:
        """``node`` has told everything."""
        for role, name in list(_each(self._stale.pop(node, {}))):
            self._drop(node, role, name)

    def remove_node(self, node: str) -> None:
        """``node`` is gone, and with it all that it was."""
        self._stale.pop(node, None)
        for role, name in list(_each(self._of_node.get(node, {}))):
            self._drop(node, role, name)
        self._of_node.pop(node, None)

    def _drop(self, node: str, role: str, name: str) -> None:
        del self._of_node[node][role][name]
        nodes = self._nodes[role][name]
        del nodes[node]
        if not nodes:
            del self._nodes[role][name]
        self._on_change(node, role, name, False)


def _each(names: Mapping[str, Iterable[str]]) -> Iterator[tuple[str, str]]:
    for role, each in names.items():
        for name in each:
            yield role, name
