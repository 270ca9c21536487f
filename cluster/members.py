"""The cluster as the handlers of one node see it, on the bus (``pubsub.cluster.Cluster``)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from cluster.bus import Bus, Layer
from cluster.coverage import Coverage
from cluster.lane import Item
from cluster.replicated_set import ReplicatedSet
from deepstream_protocol.binary import BinaryCodec, frame_size
from deepstream_protocol.message import Message
from pubsub.cluster import OnChange, OnCovered, OnLoss, OnMessage, OnNode, OnRecord

NAMES_PER_ITEM = 500
"""Names that travel together when a node tells everything it is."""

ID_SIZE = 8
"""Bytes of a record's id."""

COVERED_ROLES = ("record", "record-watch")
"""Roles whose names are covered: every change of those records elsewhere is told to this node."""


class Members:
    """Keeps who is what on which node, and hands messages to those who want them.

    Items: ``again``; ``begin`` and ``end`` of all that a node is; ``join`` and ``leave`` with a role and
    names; ``ask`` and ``tell`` with the number of a round of coverage; ``message`` with a message in the
    binary format, behind which is the record's id if that is a change of one (nodes of versions that know
    nothing of it overlook what is there); and what else callbacks are given for.
    """

    def __init__(self, layer: Layer, *, name: str, beat: float = 2.0, timeout: float = 6.0) -> None:
        self._codec = BinaryCodec()
        self._on_message: dict[int, OnMessage] = {}
        self._on_record: OnRecord = lambda message, id: None
        self._on_change: dict[str, OnChange] = {}
        self._on_node: list[OnNode] = []
        self._on_loss: list[OnLoss] = []
        self._on_covered: list[OnCovered] = []
        self._on_item: dict[str, Callable[..., None]] = {
            "again": self._again,
            "begin": self._begin,
            "end": self._end,
            "join": self._join,
            "leave": self._leave,
            "ask": self._ask,
            "tell": self._tell,
            "message": self._message,
        }
        self._on_question: Callable[[Mapping[str, Any]], None] | None = None
        self._sets = ReplicatedSet(self._changed)
        self.bus = Bus(layer, lambda _: self, name=name, beat=beat, timeout=timeout)
        loop = asyncio.get_running_loop()
        self._coverage = Coverage(self.nodes, self._ask_all, loop.call_soon, self._covered)
        self.covers: Callable[[str], bool] | None = self._coverage.__contains__

    @property
    def id(self) -> str:
        """See ``Cluster.id``."""
        return self.bus.id

    def on_item(self, kind: str, callback: Callable[..., None]) -> None:
        """Have items of ``kind`` handed to ``callback``, with the node they come from first."""
        self._on_item[kind] = callback

    def on_outside_question(self, callback: Callable[[Mapping[str, Any]], None]) -> None:
        """Have what processes that are no nodes ask handed to ``callback``."""
        self._on_question = callback

    # See ``Cluster``

    def nodes(self) -> Collection[str]:
        """See ``Cluster.nodes``."""
        return self.bus.peers.keys()

    def join(self, role: str, name: str) -> None:
        """See ``Cluster.join``."""
        if self._sets.join(role, name):
            self.bus.send_all(["join", role, [name]], len(name))
            if role in COVERED_ROLES:
                self._coverage.join(name)

    def leave(self, role: str, name: str) -> None:
        """See ``Cluster.leave``."""
        if self._sets.leave(role, name):
            self.bus.send_all(["leave", role, [name]], len(name))
            if role in COVERED_ROLES and not any(
                name in self._sets.own().get(one, ()) for one in COVERED_ROLES
            ):
                self._coverage.leave(name)

    def nodes_at(self, role: str, name: str) -> Sequence[str]:
        """See ``Cluster.nodes_at``."""
        return tuple(self._sets.nodes_at(role, name))

    def names(self, role: str) -> Collection[str]:
        """See ``Cluster.names``."""
        return self._sets.names(role)

    def publish(self, role: str, message: Message) -> None:
        """See ``Cluster.publish``."""
        if nodes := self._sets.nodes_at(role, message.name or ""):
            self._hand_over(nodes, message)

    def publish_record(self, message: Message, id: int) -> None:
        """See ``Cluster.publish_record``."""
        name = message.name or ""
        nodes = self._sets.nodes_at("record", name)
        if watchers := self._sets.nodes_at("record-watch", name):
            nodes = {**dict.fromkeys(nodes), **dict.fromkeys(watchers)}
        if nodes:
            self._hand_over(nodes, message, id.to_bytes(ID_SIZE))

    def send(self, node: str, message: Message) -> None:
        """See ``Cluster.send``."""
        self._hand_over((node,), message)

    def broadcast(self, message: Message) -> None:
        """See ``Cluster.broadcast``."""
        if self.bus.peers:
            self._hand_over(self.bus.peers, message)

    def on_message(self, topic: int, callback: OnMessage) -> None:
        """See ``Cluster.on_message``."""
        self._on_message[topic] = callback

    def on_record(self, callback: OnRecord) -> None:
        """See ``Cluster.on_record``."""
        self._on_record = callback

    def on_change(self, role: str, callback: OnChange) -> None:
        """See ``Cluster.on_change``."""
        self._on_change[role] = callback

    def on_node(self, callback: OnNode) -> None:
        """See ``Cluster.on_node``."""
        self._on_node.append(callback)

    def on_loss(self, callback: OnLoss) -> None:
        """See ``Cluster.on_loss``."""
        self._on_loss.append(callback)

    def on_covered(self, callback: OnCovered) -> None:
        """See ``Cluster.on_covered``."""
        self._on_covered.append(callback)

    # What the bus tells (see ``cluster.bus.Listener``)

    def beginning(self) -> list[tuple[Item, int]]:
        """See ``Listener.beginning``."""
        return [(["begin"], 8), *self._everything(), (["end"], 8)]

    def node_came(self, node: str) -> None:
        """See ``Listener.node_came``."""
        for callback in self._on_node:
            callback(node, True)

    def node_gone(self, node: str) -> None:
        """See ``Listener.node_gone``."""
        self._sets.remove_node(node)
        self._coverage.gone(node)
        for callback in self._on_node:
            callback(node, False)

    def node_begins(self, node: str) -> None:
        """See ``Listener.node_begins``: until ``node`` answers, nothing is sure to be told by it."""
        self._coverage.uncover()
        self._lost(node)

    def heard(self, node: str, item: Item) -> None:
        """See ``Listener.heard``."""
        kind, *rest = item
        self._on_item[kind](node, *rest)

    def missed(self, node: str) -> None:
        """See ``Listener.missed``: what was lost may have been the change of a record."""
        self._coverage.uncover()
        self._lost(node)

    def cut_off(self) -> None:
        """See ``Listener.cut_off``: whatever was covered is not, until the others answer again."""
        self._coverage.uncover()

    def asked(self, question: Mapping[str, Any]) -> None:
        """See ``Listener.asked``."""
        if self._on_question is not None:
            self._on_question(question)

    # Items

    def _again(self, node: str) -> None:
        self.bus.begin_again(node)

    def _begin(self, node: str) -> None:
        self._sets.begin(node)

    def _end(self, node: str) -> None:
        self._sets.end(node)

    def _join(self, node: str, role: str, names: list[str]) -> None:
        self._sets.add(node, role, names)

    def _leave(self, node: str, role: str, names: list[str]) -> None:
        self._sets.remove(node, role, names)

    def _ask(self, node: str, number: int) -> None:
        self.bus.send(node, ["tell", number], 8)

    def _tell(self, node: str, number: int) -> None:
        self._coverage.answered(node, number)

    def _message(self, node: str, payload: bytes) -> None:
        end = frame_size(payload)
        (message,) = self._codec.decode(payload[:end])
        if end < len(payload):
            self._on_record(message, int.from_bytes(payload[end:]))
        elif (callback := self._on_message.get(message.topic)) is not None:
            callback(node, message)

    # Within

    def _everything(self) -> Iterator[tuple[Item, int]]:
        for role, names in self._sets.own().items():
            for some in _batched(names, NAMES_PER_ITEM):
                yield ["join", role, some], sum(map(len, some))

    def _hand_over(self, nodes: Collection[str], message: Message, behind: bytes = b"") -> None:
        payload = self._codec.encode(message) + behind
        item = ["message", payload]
        for node in nodes:
            self.bus.send(node, item, len(payload))

    def _ask_all(self, number: int) -> None:
        self.bus.send_all(["ask", number], 8)

    def _changed(self, node: str, role: str, name: str, present: bool) -> None:
        callback = self._on_change.get(role)
        if callback is not None:
            callback(node, name, present)

    def _lost(self, node: str) -> None:
        for callback in self._on_loss:
            callback(node)

    def _covered(self, names: Collection[str]) -> None:
        for callback in self._on_covered:
            callback(names)


def _batched(names: Collection[str], size: int) -> Iterator[list[str]]:
    each = iter(names)
    while some := list(islice(each, size)):
        yield some
