"""The life of one connection: challenge, login, then messages until it closes (PROTOCOL.md section 2)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterator
from time import time
from typing import Any, Final, Protocol

import orjson

from accounts.login import DECIDED, LoginRequest, Refused
from deepstream_protocol.errors import ProtocolError, UnknownTopic
from deepstream_protocol.message import Message
from deepstream_protocol.topics import AuthAction, ConnectionAction, ParserAction, Topic
from gateway.host import Host
from monitoring.metrics import WEBSOCKET
from pubsub.connection import Close, Connection
from pubsub.user import User

log = logging.getLogger("deepstream.connection")

SILENT_SWEEPS = 2
"""Heartbeat intervals that a client may let pass in silence."""

FAULT = "%s: handling a message failed, topic %d action %d"
"""A mistake of ours: the connection cannot be trusted to be in order and is closed, all others go on."""

CLOSED, LOGGED_IN, REFUSED = {"event": "closed"}, {"event": "logged-in"}, {"event": "login-refused"}
"""What structured logs call the events of a connection's life."""

_CONNECTION: Final = int(Topic.CONNECTION)
_AUTH: Final = int(Topic.AUTH)
_CHALLENGE: Final = int(ConnectionAction.CHALLENGE)
_ACCEPT: Final = int(ConnectionAction.ACCEPT)
_PING: Final = int(ConnectionAction.PING)
_REQUEST: Final = int(AuthAction.REQUEST)
_SUCCESSFUL: Final = int(AuthAction.AUTH_SUCCESSFUL)
"""What every client goes through: members of an enumeration take three times as long to name."""

Payload = bytes | str
Stage = Callable[[Connection, Message], "Awaitable[Any] | None"]

_NOTHING: Iterator[Message] = iter(())


class SessionSettings(Protocol):
    """What a session needs of its endpoint's settings."""

    @property
    def max_auth_attempts(self) -> int:
        """The refused login after which the connection is closed."""

    @property
    def log_invalid_auth_data(self) -> bool:
        """Whether refused login data is logged."""


class Home(Protocol):
    """The endpoint, as its sessions see it."""

    @property
    def node(self) -> Host:
        """What the endpoint belongs to."""

    @property
    def settings(self) -> SessionSettings:
        """The endpoint's settings."""

    def decided(self, session: Session) -> None:
        """``session`` has heard a message of this endpoint's wire."""

    def hand_over(self, session: Session, payloads: list[Payload]) -> bool:
        """Whether another endpoint has gone on with ``payloads``, which are not of this one's wire."""

    def logged_in(self, session: Session) -> None:
        """``session`` has a user now."""

    def remove(self, session: Session) -> None:
        """``session`` is over; does nothing the second time."""


class Switchable(Protocol):
    """A socket's transport, as far as it can be given to another session."""

    def attach(self, receiver: Session, backlog: list[Payload]) -> None:
        """Deliver to ``receiver`` from now on."""


class Session:
    """Takes a connection's input, in order: while one message waits, those behind it wait too."""

    __slots__ = (
        "_attempts",
        "_backlog",
        "_endpoint",
        "_session_key",
        "_stage",
        "_undone",
        "_waiting",
        "connection",
        "heard_at",
        "opened_at",
        "silent_sweeps",
    )

    def __init__(self, endpoint: Home, connection: Connection, session_key: str | None = None) -> None:
        self.connection = connection
        self._session_key = session_key
        self.silent_sweeps = 0
        self.opened_at = self.heard_at = time()  # the latter: when the client was last read from
        self._endpoint = endpoint
        self._stage: Stage = self._challenge
        self._attempts = 0
        self._backlog: list[Payload] = []
        self._undone = _NOTHING
        self._waiting: asyncio.Task[None] | None = None

    @property
    def session_key(self) -> str | None:
        """The Django session of the browser that opened the socket."""
        return self._session_key

    @property
    def waiting(self) -> asyncio.Task[None] | None:
        """What ends when the message that this client's later ones wait for is done."""
        return self._waiting

    # What the transport tells

    def frames_received(self, payloads: list[Payload]) -> None:
        """Handle the messages of one read."""
        self.silent_sweeps = 0
        self.heard_at = time()
        if self.connection.closed or self._endpoint.node.is_stopping:
            return
        if self._waiting is None:
            self._handle(payloads)
        else:
            self._backlog += payloads
            self.connection.pause_reading()

    def writing_paused(self) -> None:
        """The client reads too slowly."""
        self.connection.pause_writing()

    def writing_resumed(self) -> None:
        """The client has caught up."""
        self.connection.resume_writing()

    def connection_closed(self, code: int, reason: str) -> None:
        """The socket is gone: so is everything the client had here."""
        connection = self.connection
        connection.closed = True
        if self._waiting is not None:
            # Not now: a task that is cancelled before it began leaves what it was to await behind.
            asyncio.get_running_loop().call_soon(self._waiting.cancel)
        self._endpoint.remove(self)
        self._endpoint.node.metrics.socket_closed(code, connection.traffic)
        self._endpoint.node.departed.add(self, code, reason)
        user = connection.user.id or "nobody"
        log.info("%s: %s closed, code %d %s", connection, user, code, reason, extra=CLOSED)

    # Messages in order

    def _handle(self, payloads: list[Payload]) -> None:
        connection = self.connection
        codec = connection.codec
        kind, decode = (bytes if codec.binary else str), codec.decode
        received = self._endpoint.node.metrics.received
        behind = iter(payloads)
        for payload in behind:
            if type(payload) is not kind:
                if not self._endpoint.hand_over(self, [payload, *behind]):
                    self._end(Close.WRONG_FRAME_KIND, f"{codec.name} wants {kind.__name__} frames")
                return
            try:
                messages = decode(payload)
            except UnknownTopic as unknown:
                self._unknown(unknown.topic)
                continue
            except ProtocolError as error:
                self._unreadable(error)
                return
            following = iter(messages)
            for message in following:
                try:  # noqa: SIM105 - suppress() would cost ten times the counting
                    received[message.topic][message.action] += 1
                except IndexError:
                    pass  # a number that is no action: whose topic it is answers that
                stage = self._stage  # the interpreter is slow to call what is in a slot, and fast to read it
                try:
                    pending = stage(connection, message)
                except Exception:
                    log.exception(FAULT, connection, message.topic, message.action, extra={"about": message})
                    self._end(Close.INTERNAL_ERROR, "the server made a mistake")
                    return
                if connection.has_had_much:
                    pending = self._end_turn(pending)
                if pending is not None:
                    self._undone = following
                    self._backlog = list(behind)
                    self._wait(pending, message)
                    return
                if connection.closed:
                    return

    async def _end_turn(self, pending: Awaitable[Any] | None) -> None:
        """Before this client's next message comes ``pending``, and then a turn of the loop for the others."""
        if pending is not None:
            await pending
        self.connection.has_had_much = False
        await asyncio.sleep(0)  # no event is waited for, and what is pending may be done without a turn

    def _wait(self, pending: Awaitable[Any], message: Message) -> None:
        self._waiting = asyncio.get_running_loop().create_task(self._go_on(pending, message))

    async def _go_on(self, pending: Awaitable[Any], message: Message) -> None:
        """Handle what came in while ``pending`` was not done."""
        try:
            await pending
            for message in self._undone:
                if self.connection.closed:
                    return
                with contextlib.suppress(IndexError):
                    self._endpoint.node.metrics.received[message.topic][message.action] += 1
                following = self._stage(self.connection, message)
                if self.connection.has_had_much:
                    following = self._end_turn(following)
                if following is not None:
                    await following
        except Exception:
            extra = {"about": message}
            log.exception(FAULT, self.connection, message.topic, message.action, extra=extra)
            self._end(Close.INTERNAL_ERROR, "the server made a mistake")
            return
        self._waiting, self._undone = None, _NOTHING
        backlog, self._backlog = self._backlog, []
        if not self.connection.closed:
            self.connection.resume_reading()
            self._handle(backlog)

    # What may come before the challenge was accepted, before login, and after it

    def _challenge(self, connection: Connection, message: Message) -> None:
        self._endpoint.decided(self)
        if message.topic != _CONNECTION:
            self._misplaced(Topic.CONNECTION, ConnectionAction.INVALID_MESSAGE, message)
        elif message.action == _CHALLENGE:
            connection.sdk_type, connection.sdk_version = message.sdk_type, message.sdk_version
            reply = self._endpoint.node.greet(connection, message)
            connection.send(reply)
            if reply.action == _ACCEPT:
                self._stage = self._log_in
            else:
                self._end(Close.NORMAL, ConnectionAction(reply.action).name)
        elif message.action == _PING:
            connection.send(Message(Topic.CONNECTION, ConnectionAction.PONG))

    def _log_in(self, connection: Connection, message: Message) -> Awaitable[Any] | None:
        if message.topic == _CONNECTION and message.action == _PING:
            connection.send(Message(Topic.CONNECTION, ConnectionAction.PONG))
            return None
        if message.topic != _AUTH or message.action != _REQUEST:
            self._misplaced(Topic.AUTH, AuthAction.INVALID_MESSAGE, message)
            return None
        try:
            data = message.value()
        except ProtocolError:
            data = None
        if not isinstance(data, dict):
            reply = Message(Topic.AUTH, AuthAction.INVALID_MESSAGE_DATA, is_error=True)
            reply.original_action = message.action
            connection.send(reply)
            self._end(Close.POLICY, "login data is no JSON object")
            return None
        request = LoginRequest(data, connection.address, connection.headers, self._session_key)
        outcome = self._endpoint.node.login.login(request)
        if not isinstance(outcome, DECIDED):
            return self._log_in_later(outcome, request)
        self._logged_in(outcome, request)
        return None

    async def _log_in_later(self, pending: Awaitable[User | Refused], request: LoginRequest) -> None:
        self._logged_in(await pending, request)

    def _logged_in(self, outcome: User | Refused, request: LoginRequest) -> None:
        if self.connection.closed:
            return
        if isinstance(outcome, Refused):
            self._refuse_login(outcome, request)
            return
        connection = self.connection
        connection.user = outcome
        self._session_key = None
        self._stage = self._serving()
        self._endpoint.node.metrics.logins[WEBSOCKET].accepted += 1
        log.info("%s: %s logged in", connection, outcome.id, extra=LOGGED_IN)
        success = Message(_AUTH, _SUCCESSFUL)
        if outcome.client_data is not None:
            success.data = orjson.dumps(outcome.client_data).decode()
        connection.send(success)
        self._endpoint.logged_in(self)

    def _serving(self) -> Stage:
        """Who takes messages after login."""
        return self._endpoint.node.dispatch

    def _refuse_login(self, refused: Refused, request: LoginRequest) -> None:
        connection = self.connection
        self._attempts += 1
        shown = f": {dict(request.data)}" if self._endpoint.settings.log_invalid_auth_data else ""
        self._endpoint.node.metrics.logins[WEBSOCKET].refused += 1
        log.info("%s: login refused, attempt %d%s", connection, self._attempts, shown, extra=REFUSED)
        reply = Message(Topic.AUTH, AuthAction.AUTH_UNSUCCESSFUL)
        if refused.reason is not None:
            reply.data = orjson.dumps(refused.reason).decode()
        connection.send(reply)
        if self._attempts >= self._endpoint.settings.max_auth_attempts:
            connection.send(Message(Topic.AUTH, AuthAction.TOO_MANY_AUTH_ATTEMPTS))
            self._end(Close.POLICY, "too many login attempts")

    def time_out_login(self) -> None:
        """The client has not logged in in time."""
        self.connection.send(Message(Topic.CONNECTION, ConnectionAction.AUTHENTICATION_TIMEOUT))
        self._end(Close.POLICY, "no login in time")

    # What goes wrong

    def _misplaced(self, topic: int, action: int, message: Message) -> None:
        reply = Message(topic, action)
        reply.original_topic, reply.original_action = message.topic, message.action
        self.connection.send(reply)

    def _unknown(self, topic: int) -> None:
        if self._stage == self._challenge:
            self._endpoint.decided(self)
            self._misplaced(Topic.CONNECTION, ConnectionAction.INVALID_MESSAGE, Message(topic, 0))
        elif self._stage == self._log_in:
            self._misplaced(Topic.AUTH, AuthAction.INVALID_MESSAGE, Message(topic, 0))
        else:
            reply = Message(Topic.PARSER, ParserAction.UNKNOWN_TOPIC, original_topic=topic)
            self.connection.send(reply)

    def _unreadable(self, error: ProtocolError) -> None:
        self.connection.send(Message(Topic.PARSER, ParserAction.MESSAGE_PARSE_ERROR))
        self._end(Close.POLICY, f"not a message: {error}"[:100])

    def _end(self, code: Close, reason: str) -> None:
        self.connection.close(code, reason)
