"""What the handlers ask of the other nodes, and the answers of a node that is alone."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from deepstream_protocol.message import Message

OnMessage = Callable[[str, Message], None]
"""Takes the node a message came from, and the message."""

OnRecord = Callable[[Message, int], None]
"""Takes a change of a record, and that record's id; 0 if there is none any more."""

OnChange = Callable[[str, str, bool], None]
"""Takes a node, a name, and whether that node has the role at that name now, or no longer."""

OnNode = Callable[[str, bool], None]
"""Takes a node and whether it is there now, or gone."""

OnLoss = Callable[[str], None]
"""Takes a node to or from which something was lost."""

OnCovered = Callable[[Collection[str]], None]
"""Takes names that are covered from now on."""


class Cluster(Protocol):
    """The other nodes, as far as handlers know them; a node is named by its ``id``.

    A *role* is what a node can be at a name: ``event`` and ``record`` (it has subscribers),
    ``record-watch`` (its rules look at the record), ``rpc`` (it has providers), ``presence`` (the user is
    online there), ``event-listen`` and ``record-listen`` (a pattern is listened to there),
    ``event-provide`` and ``record-provide`` (the name has its active provider there).
    All calls return at once.

    ``covers(name)`` tells whether every change of the record ``name`` on another node is told to this
    one; it is None where there are no other nodes, so that all records are covered.
    """

    covers: Callable[[str], bool] | None

    @property
    def id(self) -> str:
        """This node."""

    def nodes(self) -> Collection[str]:
        """The other nodes."""

    def join(self, role: str, name: str) -> None:
        """Tell the others that this node now has ``role`` at ``name``."""

    def leave(self, role: str, name: str) -> None:
        """Tell the others that this node no longer has ``role`` at ``name``."""

    def nodes_at(self, role: str, name: str) -> Sequence[str]:
        """The other nodes that have ``role`` at ``name``, in the order in which they got it."""

    def names(self, role: str) -> Collection[str]:
        """Every name at which another node has ``role``."""

    def publish(self, role: str, message: Message) -> None:
        """Hand ``message`` to the nodes that have ``role`` at its name."""

    def publish_record(self, message: Message, id: int) -> None:
        """Hand ``message``, a change of the record with that ``id``, to those that have or watch its name."""

    def send(self, node: str, message: Message) -> None:
        """Hand ``message`` to one node; in vain if that is gone."""

    def broadcast(self, message: Message) -> None:
        """Hand ``message`` to every other node."""

    def on_message(self, topic: int, callback: OnMessage) -> None:
        """Have the messages of ``topic`` that come from other nodes handed to ``callback``."""

    def on_record(self, callback: OnRecord) -> None:
        """Have the changes of records that other nodes publish handed to ``callback``."""

    def on_change(self, role: str, callback: OnChange) -> None:
        """Tell ``callback`` what other nodes come to have, and no longer have, ``role`` at."""

    def on_node(self, callback: OnNode) -> None:
        """Tell ``callback`` of nodes that come and go."""

    def on_loss(self, callback: OnLoss) -> None:
        """Tell ``callback`` of each node to or from which messages were lost, when all else is told anew."""

    def on_covered(self, callback: OnCovered) -> None:
        """Tell ``callback`` which records are covered from now on, and must be read once more."""


class SingleNode:
    """The cluster of a node that is alone."""

    __slots__ = ()

    covers: Callable[[str], bool] | None = None
    id = "this node"

    def nodes(self) -> Collection[str]:
        """None."""
        return ()

    def join(self, role: str, name: str) -> None:
        """Nobody to tell."""

    def leave(self, role: str, name: str) -> None:
        """Nobody to tell."""

    def nodes_at(self, role: str, name: str) -> Sequence[str]:
        """None."""
        return ()

    def names(self, role: str) -> Collection[str]:
        """None."""
        return ()

    def publish(self, role: str, message: Message) -> None:
        """Nobody to hand it to."""

    def publish_record(self, message: Message, id: int) -> None:
        """Nobody to hand it to."""

    def send(self, node: str, message: Message) -> None:
        """There is no such node: a caller got its name from nowhere."""
        raise LookupError(f"this node is alone, it cannot send to {node!r}")

    def broadcast(self, message: Message) -> None:
        """Nobody to hand it to."""

    def on_message(self, topic: int, callback: OnMessage) -> None:
        """Nothing will come."""

    def on_record(self, callback: OnRecord) -> None:
        """Nothing will come."""

    def on_change(self, role: str, callback: OnChange) -> None:
        """Nothing will change."""

    def on_node(self, callback: OnNode) -> None:
        """None will come."""

    def on_loss(self, callback: OnLoss) -> None:
        """Nothing will be."""

    def on_covered(self, callback: OnCovered) -> None:
        """All are, always."""
