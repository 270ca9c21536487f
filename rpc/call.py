"""One remote procedure call, from its request to its end."""

from __future__ import annotations

from typing import Protocol

from deepstream_protocol.message import Message
from deepstream_protocol.topics import RpcAction
from pubsub.cluster import Cluster
from pubsub.connection import Connection
from pubsub.timers import Deadlines


class Requestor(Protocol):
    """Who asked: a client of this node, or another node for a client of its own."""

    def send(self, message: Message) -> None:
        """Tell it what comes of its call."""


class RemoteRequestor:
    """Another node, as the requestor of a call that it passed on."""

    __slots__ = ("_cluster", "_node")

    def __init__(self, cluster: Cluster, node: str) -> None:
        self._cluster = cluster
        self._node = node

    def send(self, message: Message) -> None:
        """See ``Requestor.send``."""
        self._cluster.send(self._node, message)


class Timeouts:
    """The calls that wait to be accepted, and those that wait to be answered."""

    __slots__ = ("unaccepted", "unanswered")

    def __init__(self, unaccepted: Deadlines[Call], unanswered: Deadlines[Call]) -> None:
        self.unaccepted = unaccepted
        self.unanswered = unanswered

    def close(self) -> None:
        """Cancel the timers."""
        self.unaccepted.close()
        self.unanswered.close()


class Call:
    """Who asked, who is answering, and who need not be asked again.

    ``provider`` is a client of this node or the id of another one; it knows the call by the correlation id
    ``asked_as``, and ``timeouts`` bound the waiting for it. A call that another node passed on
    ``stays_here``. Compared by identity: a correlation id is only as unique as the client that made it up.
    """

    __slots__ = (
        "accepted",
        "asked_as",
        "provider",
        "request",
        "requestor",
        "stays_here",
        "timeouts",
        "tried",
    )

    def __init__(self, requestor: Requestor, request: Message, *, stays_here: bool = False) -> None:
        self.requestor = requestor
        self.request = request
        self.stays_here = stays_here
        self.provider: Connection | str | None = None
        self.timeouts: Timeouts | None = None
        self.asked_as = ""
        self.tried: set[Connection | str] | tuple[()] = ()  # most calls need one provider, and no set before
        self.accepted = False

    def reply(self, action: int, data: str | None = None) -> Message:
        """A message of this call's name and correlation id."""
        request = self.request
        message = Message(request.topic, action)
        message.name, message.correlation_id = request.name, request.correlation_id
        if data is not None:
            message.data = data
        return message

    def pass_on(self, answer: Message) -> None:
        """Give the requestor what the provider said, as it came where that is what it must get."""
        if answer.binary is None or answer.correlation_id != self.request.correlation_id:
            # Nobody has looked at the data of an acceptance, which means nothing.
            data = None if answer.action == RpcAction.ACCEPT else answer.data
            answer = self.reply(answer.action, data)
        self.requestor.send(answer)

    def fail(self, action: int) -> None:
        """Tell the requestor that there will be no answer, and why."""
        self.requestor.send(self.reply(action))
