"""One WebSocket path: its wire format, its limits, and the sessions on it."""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections.abc import Mapping
from typing import Protocol

from gateway.codecs import FramedCodec, PlainCodec, WireFormat
from gateway.host import Host
from gateway.session import SILENT_SWEEPS, Payload, Session, SessionSettings, Switchable
from pubsub.connection import Close, Codec, Connection
from pubsub.timers import Deadlines, Every


class EndpointSettings(SessionSettings, Protocol):
    """CONFIG.md, ``connectionEndpoints``; durations in seconds, sizes in bytes."""

    @property
    def heartbeat_interval(self) -> float:
        """How often a client pings."""

    @property
    def unauthenticated_client_timeout(self) -> float | None:
        """How long a client may take to log in; None: for ever."""

    @property
    def max_message_size(self) -> int:
        """The largest frame."""

    @property
    def max_outbox_size(self) -> int:
        """How much may wait for a client that does not read."""

    @property
    def headers(self) -> tuple[str, ...]:
        """The request headers, in lower case, that login strategies may see."""


class Switchboard(Protocol):
    """Finds out which wire a client speaks (gateway/detection.py)."""

    def watch(self, session: Session, transport: Switchable) -> None:
        """``session`` is open and has heard nothing."""

    def decided(self, session: Session) -> None:
        """``session`` has heard its first message, or is over."""

    def hand_over(self, session: Session, payloads: list[Payload]) -> bool:
        """Let the endpoint of another wire go on with ``payloads``; False if there is none for them."""

    def close(self) -> None:
        """Cancel the timers."""


class Endpoint:
    """Opens sessions, times out those that do not log in, and closes those that fell silent."""

    def __init__(
        self, node: Host, wire: WireFormat, settings: EndpointSettings, loop: AbstractEventLoop
    ) -> None:
        self.node = node
        self.settings = settings
        self.sessions: dict[Session, None] = {}
        self.detection: Switchboard | None = None
        self._framed = FramedCodec(wire, node.metrics.sent)
        self._plain = PlainCodec(wire, node.metrics.sent)
        self._unauthenticated: Deadlines[Session] | None = None
        if settings.unauthenticated_client_timeout is not None:
            self._unauthenticated = Deadlines(
                loop, settings.unauthenticated_client_timeout, Session.time_out_login
            )
        self._heartbeat = Every(loop, settings.heartbeat_interval, self._sweep)

    def open(
        self,
        *,
        framed: bool,
        address: str,
        headers: Mapping[str, str] | None,
        session_key: str | None = None,
    ) -> Session:
        """Begin a session on an accepted socket, whose transport the caller attaches.

        ``session_key``: the Django session of the browser that opened it.
        """
        self.node.metrics.opened += 1
        connection = Connection(
            self._framed if framed else self._plain,
            self.node.flusher,
            limit=self.settings.max_outbox_size,
            address=address,
            headers=headers,
        )
        return self._enter(connection, session_key)

    def start(self, session: Session, transport: Switchable) -> None:
        """The transport of ``session`` is attached, so it may be spoken to."""
        if self.detection is not None:
            self.detection.watch(session, transport)

    def decided(self, session: Session) -> None:
        """``session`` has heard a message of this endpoint's wire."""
        if self.detection is not None:
            self.detection.decided(session)

    def hand_over(self, session: Session, payloads: list[Payload]) -> bool:
        """Whether another endpoint has gone on with ``payloads``, which are not of this one's wire."""
        return self.detection is not None and self.detection.hand_over(session, payloads)

    def take_over(self, session: Session) -> Session:
        """The session here of a client that began at another endpoint, but speaks this one's wire."""
        connection = session.connection
        connection.codec = self.codec_like(connection.codec)
        return self._enter(connection, session.session_key)

    def codec_like(self, codec: Codec) -> Codec:
        """This endpoint's codec for the kind of transport that ``codec`` of another endpoint is for."""
        return self._framed if isinstance(codec, FramedCodec) else self._plain

    def _enter(self, connection: Connection, session_key: str | None) -> Session:
        session = self._begin(connection, session_key)
        self.sessions[session] = None
        if self._unauthenticated is not None:
            self._unauthenticated.start(session)
        return session

    def _begin(self, connection: Connection, session_key: str | None) -> Session:
        return Session(self, connection, session_key)

    def logged_in(self, session: Session) -> None:
        """``session`` has a user now."""
        if self._unauthenticated is not None:
            self._unauthenticated.stop(session)
        self.node.add_connection(session.connection)

    def remove(self, session: Session) -> None:
        """``session`` is over; does nothing the second time."""
        if session in self.sessions:
            self.forget(session)
            self.node.remove_connection(session.connection)

    def forget(self, session: Session) -> None:
        """``session`` is no longer this endpoint's."""
        self.sessions.pop(session, None)
        self.decided(session)
        if self._unauthenticated is not None:
            self._unauthenticated.stop(session)

    def close(self) -> None:
        """Cancel the timers and say goodbye to every client."""
        self._heartbeat.close()
        if self._unauthenticated is not None:
            self._unauthenticated.close()
        if self.detection is not None:
            self.detection.close()
        for session in list(self.sessions):
            session.connection.close(Close.GOING_AWAY, "the server stops")

    def _sweep(self) -> None:
        for session in list(self.sessions):
            session.silent_sweeps += 1
            if session.silent_sweeps > SILENT_SWEEPS:
                session.connection.close(Close.POLICY, "silent for two heartbeats")
                self.remove(session)  # its peer may be long gone; nobody shall wait for the close handshake
