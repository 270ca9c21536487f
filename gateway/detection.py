"""One address for every client: which wire a connection speaks is told by its first frame.

Clients of version 4 and later speak first, in binary frames or JSON objects; those of versions 1 to 3 wait
for the server. Silence is therefore answered with the text dialogue's opening. That decides nothing yet: it
is a frame that later clients, even slow ones, take for nothing, and old ones answer.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop

from deepstream_protocol.message import Message
from deepstream_protocol.text import PART
from deepstream_protocol.text_codes import LETTERS
from deepstream_protocol.topics import ConnectionAction, Topic
from gateway.endpoint import Endpoint
from gateway.session import Payload, Session, Switchable
from pubsub.timers import Deadlines

_LETTERS = frozenset(LETTERS.values())


class Detection:
    """Watches the sessions of an endpoint until their first frame, and hands over those of another wire.

    ``patience``: seconds of silence after which a client is taken for an old one that waits; all share one
    timer. Without a ``text`` endpoint no client is.
    """

    def __init__(
        self,
        home: Endpoint,
        *,
        json: Endpoint | None,
        text: Endpoint | None,
        patience: float,
        loop: AbstractEventLoop,
    ) -> None:
        self._home = home
        self._json = json
        self._text = text
        self._undecided: dict[Session, Switchable] = {}
        self._silent: Deadlines[Session] = Deadlines(loop, patience, self._speak)

    def watch(self, session: Session, transport: Switchable) -> None:
        """``session`` is open and has heard nothing."""
        self._undecided[session] = transport
        if self._text is not None:
            self._silent.start(session)

    def decided(self, session: Session) -> None:
        """``session`` has heard its first message, or is over."""
        if self._undecided.pop(session, None) is not None:
            self._silent.stop(session)

    def hand_over(self, session: Session, payloads: list[Payload]) -> bool:
        """Let the endpoint of another wire go on with ``payloads``; False if there is none for them."""
        transport = self._undecided.get(session)
        endpoint = self._endpoint_of(payloads[0])
        if transport is None or endpoint is None:
            return False
        self._home.forget(session)
        successor = endpoint.take_over(session)
        transport.attach(successor, [])
        successor.frames_received(payloads)
        return True

    def close(self) -> None:
        """Cancel the timer."""
        self._silent.close()

    def _endpoint_of(self, payload: Payload) -> Endpoint | None:
        if not isinstance(payload, str):
            return None
        if payload.lstrip().startswith("{"):
            return self._json
        return self._text if payload.partition(PART)[0] in _LETTERS else None

    def _speak(self, session: Session) -> None:
        assert self._text is not None
        opening = Message(Topic.CONNECTION, ConnectionAction.CHALLENGE)
        session.connection.write(self._text.codec_like(session.connection.codec).frame(opening))
