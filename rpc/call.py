"""One remote procedure call, from its request to its end."""

from __future__ import annotations

from deepstream_protocol.message import Message
from pubsub.connection import Connection


class Call:
    """Who asked, who is answering, and who need not be asked again.

    Compared by identity: a correlation id is only as unique as the client that made it up.
    """

    __slots__ = ("accepted", "provider", "request", "requestor", "tried")

    def __init__(self, requestor: Connection, request: Message) -> None:
        self.requestor = requestor
        self.request = request
        self.provider: Connection | None = None
        self.tried: set[Connection] = set()
        self.accepted = False

    def reply(self, action: int, data: str | None = None) -> Message:
        """A message of this call's name and correlation id."""
        request = self.request
        message = Message(request.topic, action)
        message.name, message.correlation_id = request.name, request.correlation_id
        if data is not None:
            message.data = data
        return message

    def tell_requestor(self, action: int, data: str | None = None) -> None:
        """Pass an answer of the provider on."""
        self.requestor.send(self.reply(action, data))

    def fail(self, action: int) -> None:
        """Tell the requestor that there will be no answer, and why."""
        self.requestor.send(self.reply(action))
