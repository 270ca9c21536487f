"""Sockets of the load generator: a client that reads messages, and others that only count what arrives.

A load sets its connections up as clients. Then those whose messages are all alike become counters, so that
1000 subscribers cost little more than the system calls.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Callable
from time import perf_counter
from typing import Self

from benchmarks.wire import StrangeFrame, action_in, frame, message_in, read_frames, upgrade_request
from deepstream_protocol.message import Message
from deepstream_protocol.topics import AuthAction, ConnectionAction, Topic

PATH = "/deepstream"

SLOW_BUFFER = 64 * 1024
"""Bytes that the operating system keeps for one who does not read."""

_CHALLENGE = frame(Message(Topic.CONNECTION, ConnectionAction.CHALLENGE, url="ws://localhost/deepstream"))
_LOGIN = frame(Message(Topic.AUTH, AuthAction.REQUEST, data="{}"))

Take = Callable[[list[bytes]], None]
"""Gets the payloads of one read."""


class Unexpected(Exception):
    """The server answered, while a load was being set up, something other than what it should."""


class Socket(asyncio.BufferedProtocol):
    """One connection that reads into a buffer which it shares with others."""

    shall_stay = True
    """Whether it is a fault if the server closes it."""

    def __init__(self, scratch: memoryview) -> None:
        self._scratch = scratch
        self.transport: asyncio.Transport
        self.is_lost = False

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where asyncio puts what it reads."""
        return self._scratch

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = transport  # type: ignore[assignment]  # uvloop's are whole transports

    def connection_lost(self, exc: Exception | None) -> None:
        """Remember it: a load in which a connection was lost is not a measurement."""
        self.is_lost = True


class Client(Socket):
    """A client that reads whole messages: awaited one by one at first, then given to a callback."""

    def __init__(self, scratch: memoryview) -> None:
        super().__init__(scratch)
        self.received = 0
        self._rest = b""
        self._inbox: deque[bytes] = deque()
        self._arrival: asyncio.Future[None] | None = None
        self._read = self._read_upgrade
        self._take: Take = self._store

    @classmethod
    async def connect(cls, host: str, port: int, scratch: memoryview) -> Self:
        """Open a socket to the server's binary endpoint."""
        _, client = await asyncio.get_running_loop().create_connection(lambda: cls(scratch), host, port)
        client.transport.write(upgrade_request(host, port, PATH))
        head = await client.next()
        if not head.startswith(b"HTTP/1.1 101 "):
            raise Unexpected(head)
        return client

    async def login(self) -> None:
        """Go through the opening dialogue and log in as nobody, as the official client does."""
        self.transport.write(_CHALLENGE)
        await self.expect(Topic.CONNECTION, ConnectionAction.ACCEPT)
        self.transport.write(_LOGIN)
        await self.expect(Topic.AUTH, AuthAction.AUTH_SUCCESSFUL)

    def send(self, message: Message) -> None:
        """Send ``message`` in a frame and a write of its own."""
        self.transport.write(frame(message))

    async def expect(self, topic: int, action: int) -> Message:
        """The next message, which has to be of this kind."""
        message = message_in(await self.next())
        if (message.topic, message.action) != (topic, action):
            raise Unexpected(message)
        return message

    def become(self, other: Socket) -> None:
        """Go on as ``other``."""
        self._check_nothing_is_unread()
        other.transport = self.transport
        self.transport.set_protocol(other)

    def hand_over(self, take: Take) -> None:
        """Give all that arrives from now on to ``take``."""
        self._check_nothing_is_unread()
        self.received = 0
        self._take = take

    def buffer_updated(self, nbytes: int) -> None:
        """Bytes arrived: count them, cut them into frames and pass these on."""
        self.received += nbytes
        data = self._rest + self._scratch[:nbytes] if self._rest else bytes(self._scratch[:nbytes])
        self._read(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wake up who waits for a message that will not come."""
        super().connection_lost(exc)
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_exception(ConnectionResetError("the server closed the connection"))

    def _read_upgrade(self, data: bytes) -> None:
        head, end, rest = data.partition(b"\r\n\r\n")
        if not end:
            self._rest = data
            return
        self._read = self._read_messages
        self._store([head])
        self._read_messages(rest)

    def _read_messages(self, data: bytes) -> None:
        payloads: list[bytes] = []
        try:
            position = read_frames(data, payloads)
        except StrangeFrame:
            self.transport.abort()
            raise
        self._rest = data[position:]
        if payloads:
            self._take(payloads)

    def _check_nothing_is_unread(self) -> None:
        if self._inbox or self._rest:
            raise Unexpected(f"unread: {[message_in(payload) for payload in self._inbox]} {self._rest!r}")

    def _store(self, payloads: list[bytes]) -> None:
        self._inbox.extend(payloads)
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)

    async def next(self) -> bytes:
        """The payload of the next message."""
        while not self._inbox:
            self._arrival = asyncio.get_running_loop().create_future()
            if self.is_lost:
                raise ConnectionResetError("the server closed the connection")
            await self._arrival
        return self._inbox.popleft()


class Newcomer(Socket):
    """One that connects, logs in and sends ``request`` by itself; ``arrived`` is done with the answer to it.

    Nobody waits for its steps one by one, as for those of a client: of many that come, that would cost the
    generator as much as their coming costs a server.
    """

    def __init__(self, scratch: memoryview, request: Message, upgrade: bytes) -> None:
        super().__init__(scratch)
        self.arrived: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._rest = b""
        self._upgrade = upgrade
        self._steps = deque(((ConnectionAction.ACCEPT, _LOGIN), (AuthAction.AUTH_SUCCESSFUL, frame(request))))
        self._is_open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for a WebSocket."""
        super().connection_made(transport)
        self.transport.write(self._upgrade)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing will arrive."""
        super().connection_lost(exc)
        if not self.arrived.done():
            self.arrived.set_exception(ConnectionResetError("the server closed the connection"))

    def buffer_updated(self, nbytes: int) -> None:
        """Take the next steps."""
        data = self._rest + self._scratch[:nbytes] if self._rest else bytes(self._scratch[:nbytes])
        if not self._is_open:
            head, end, data = data.partition(b"\r\n\r\n")
            if not end:
                self._rest = head
                return
            self._is_open = True
            self._check(head.startswith(b"HTTP/1.1 101 "), head)
            self.transport.write(_CHALLENGE)
        payloads: list[bytes] = []
        self._rest = data[read_frames(data, payloads) :]
        for payload in payloads:
            self._next_step(payload)

    def _next_step(self, payload: bytes) -> None:
        if self.arrived.done():
            return
        if self._steps:
            action, answer = self._steps.popleft()
            self._check(action_in(payload) == action, payload)
            self.transport.write(answer)
        else:
            self.arrived.set_result(message_in(payload))

    def _check(self, is_expected: bool, data: bytes) -> None:
        if not is_expected and not self.arrived.done():
            self.arrived.set_exception(Unexpected(data))


class Counter(Socket):
    """Counts bytes."""

    def __init__(self, scratch: memoryview) -> None:
        super().__init__(scratch)
        self.received = 0

    def buffer_updated(self, nbytes: int) -> None:
        """Bytes arrived."""
        self.received += nbytes


class SlowReader(Counter):
    """Reads nothing until ``resume``, and leaves what comes to the operating system, which soon is full."""

    shall_stay = False

    def stop(self) -> None:
        """Read no more."""
        plain: socket.socket = self.transport.get_extra_info("socket")
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SLOW_BUFFER)
        self.transport.pause_reading()

    def resume(self) -> None:
        """Read again, if there still is a connection."""
        if not self.is_lost:
            self.transport.resume_reading()


class Clock(Socket):
    """Notes when each frame arrived, all of them being ``size`` bytes long."""

    def __init__(self, scratch: memoryview, size: int, on_frames: Callable[[int], None]) -> None:
        super().__init__(scratch)
        self.arrivals: list[float] = []
        self._size = size
        self._partial = 0
        self._on_frames = on_frames

    @property
    def is_whole(self) -> bool:
        """Whether what arrived is nothing but whole frames."""
        return self._partial == 0

    def buffer_updated(self, nbytes: int) -> None:
        """Bytes arrived: note the time once for each frame that they finish."""
        now = perf_counter()
        frames, self._partial = divmod(self._partial + nbytes, self._size)
        if frames:
            self.arrivals += [now] * frames
            self._on_frames(frames)
