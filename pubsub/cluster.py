"""What the handlers ask of the other nodes, and the answers of a node that is alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from deepstream_protocol.message import Message


class Cluster(Protocol):
    """The other nodes, as far as handlers know them.

    A *role* is what a node can be at a name: ``event`` and ``record`` (it has subscribers), ``rpc``
    (it has providers), ``presence`` (the user is online there), ``event-listen`` and
    ``record-listen`` (a pattern is listened to there). All calls return at once.
    """

    def join(self, role: str, name: str) -> None:
        """Tell the others that this node now has ``role`` at ``name``."""

    def leave(self, role: str, name: str) -> None:
        """Tell the others that this node no longer has ``role`` at ``name``."""

    def nodes_at(self, role: str, name: str) -> Sequence[str]:
        """The other nodes that have ``role`` at ``name``."""

    def names(self, role: str) -> Sequence[str]:
        """Every name at which another node has ``role``."""

    def publish(self, role: str, message: Message) -> None:
        """Hand ``message`` to the nodes that have ``role`` at its name."""

    def send(self, node: str, message: Message) -> None:
        """Hand ``message`` to one node."""


class SingleNode:
    """The cluster of a node that is alone."""

    __slots__ = ()

    def join(self, role: str, name: str) -> None:
        """Nobody to tell."""

    def leave(self, role: str, name: str) -> None:
        """Nobody to tell."""

    def nodes_at(self, role: str, name: str) -> Sequence[str]:
        """None."""
        return ()

    def names(self, role: str) -> Sequence[str]:
        """None."""
        return ()

    def publish(self, role: str, message: Message) -> None:
        """Nobody to hand it to."""

    def send(self, node: str, message: Message) -> None:
        """There is no such node: a caller got its name from nowhere."""
        raise LookupError(f"this node is alone, it cannot send to {node!r}")
