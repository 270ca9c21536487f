"""Sessions on the text wire: the server speaks first and pings (PROTOCOL.md section 9)."""

from __future__ import annotations

from collections.abc import Awaitable, Iterator
from typing import Any

from deepstream_protocol.message import Message
from deepstream_protocol.text import END
from deepstream_protocol.text_codes import HAS
from deepstream_protocol.topics import ConnectionAction, RecordAction, Topic
from gateway.endpoint import Endpoint
from gateway.host import Host
from gateway.session import Home, Payload, Session, Stage, Switchable
from pubsub.connection import Close, Codec, Connection, Frame

SDK_TYPE = "text"
"""What stands for the type of SDK, of which these clients do not speak."""

PIECE = 16 * 1024
"""Characters of a frame that are read at once."""

MESSAGES_A_TURN = 500
"""Messages of one client after which it is the others' turn: one frame can hold a hundred thousand."""


class TextSession(Session):
    """A session that begins with the server's word, and whose frames hold many messages."""

    __slots__ = ("_this_turn",)

    def __init__(self, endpoint: Home, connection: Connection, session_key: str | None = None) -> None:
        super().__init__(endpoint, connection, session_key)
        connection.sdk_type = SDK_TYPE
        self._this_turn = 0
        if endpoint.node.accepts_everyone:
            self._stage = self._log_in

    def open_dialogue(self) -> None:
        """Say what a client waits for: that it may log in, or first the question where it wanted to go."""
        if self._stage == self._challenge:
            self.connection.send(Message(Topic.CONNECTION, ConnectionAction.CHALLENGE))
        else:
            self._welcome()

    def _welcome(self) -> None:
        self.connection.send(Message(Topic.CONNECTION, ConnectionAction.ACCEPT))
        self.connection.send(Message(Topic.CONNECTION, ConnectionAction.PING))

    def frames_received(self, payloads: list[Payload]) -> None:
        """Handle the messages of one read, large frames piece by piece."""
        super().frames_received([piece for payload in payloads for piece in _pieces(payload)])

    # What may come before login, and after it

    def _log_in(self, connection: Connection, message: Message) -> Awaitable[Any] | None:
        self._count()
        return None if self._has_answered(connection, message) else super()._log_in(connection, message)

    def _serving(self) -> Stage:
        return self._serve

    def _serve(self, connection: Connection, message: Message) -> Awaitable[Any] | None:
        self._count()
        if self._has_answered(connection, message):
            return None
        if message.correlation_id == HAS and message.action == RecordAction.HEAD:
            connection = Existence(connection, self._endpoint.node)
        return self._endpoint.node.dispatch(connection, message)

    def _has_answered(self, connection: Connection, message: Message) -> bool:
        """Whether ``message`` is about the connection, or none at all; a PONG did its work by coming."""
        if message.is_error:
            connection.send(message)
        elif message.topic != Topic.CONNECTION:
            return False
        elif message.action == ConnectionAction.PING:
            connection.send(Message(Topic.CONNECTION, ConnectionAction.PONG))
        elif message.action == ConnectionAction.CHALLENGE:
            self._greet(connection, message)
        return True

    def _greet(self, connection: Connection, challenge: Message) -> None:
        reply = self._endpoint.node.greet(connection, challenge)
        if reply.action == ConnectionAction.ACCEPT:
            self._welcome()
        else:
            connection.send(reply)
            connection.close(Close.NORMAL, ConnectionAction(reply.action).name)

    def _count(self) -> None:
        self._this_turn += 1
        if self._this_turn == MESSAGES_A_TURN:
            self._this_turn = 0
            self.connection.has_had_much = True


class Existence(Connection):
    """Stands for the connection of a client that asks whether a record exists.

    The answer to that is an answer about its version, marked so that it is written as the yes or no that the
    client waits for (``R|H``).
    """

    __slots__ = ("_asker",)

    def __init__(self, asker: Connection, node: Host) -> None:
        super().__init__(asker.codec, node.flusher, limit=0, address=asker.address, headers=asker.headers)
        self._asker = asker
        self.user = asker.user

    def send(self, message: Message) -> None:
        """Answer the client."""
        if message.action == RecordAction.HEAD_RESPONSE:
            message.correlation_id = HAS
        self._asker.send(message)

    def write(self, frame: Frame) -> None:
        """See ``Connection.write``."""
        self._asker.write(frame)


class TextEndpoint(Endpoint):
    """Where old clients are spoken to first, and pinged."""

    def _begin(self, connection: Connection, session_key: str | None) -> Session:
        return TextSession(self, connection, session_key)

    def start(self, session: Session, transport: Switchable) -> None:
        """See ``Endpoint.start``: the server speaks first."""
        if isinstance(session, TextSession):
            session.open_dialogue()

    def _sweep(self) -> None:
        super()._sweep()
        ping = Message(Topic.CONNECTION, ConnectionAction.PING)
        frames: dict[Codec, Frame] = {codec: codec.frame(ping) for codec in (self._framed, self._plain)}
        for session in self.sessions:
            if not session.connection.closed:
                codec = session.connection.codec
                frame = frames.get(codec)  # none for a codec that is tailed
                session.connection.write(codec.frame(ping) if frame is None else frame)


def _pieces(payload: Payload) -> Iterator[Payload]:
    """``payload`` in pieces of whole messages, each about as long as PIECE or one message."""
    if isinstance(payload, bytes) or len(payload) <= PIECE:
        yield payload
        return
    start = 0
    while start < len(payload):
        end = payload.find(END, start + PIECE) + 1 or len(payload)
        yield payload[start:end]
        start = end
