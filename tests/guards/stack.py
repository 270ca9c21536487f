"""The whole server in this process, from the bytes of a TCP read to those of a TCP write."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from benchmarks.wire import frame, message_in, read_frames, upgrade_request
from deepstream_project.config import load_config
from deepstream_protocol.message import Message
from deepstream_protocol.topics import AuthAction, ConnectionAction, Topic
from gateway.application import Application
from gateway.server import Server
from tests.guards.counting import Meter

DEADLINE = 10.0

CHALLENGE = Message(Topic.CONNECTION, ConnectionAction.CHALLENGE, url="ws://test")
LOGIN = Message(Topic.AUTH, AuthAction.REQUEST, data="{}")


class Wire(asyncio.Transport):
    """A transport whose peer reads at once; keeps what was written."""

    def __init__(self, number: int) -> None:
        super().__init__({"peername": ("127.0.0.1", number), "sockname": ("127.0.0.1", 6020)})
        self.protocol: Any = None
        self.written = bytearray()
        self.changed = asyncio.Event()
        self._is_closing = False

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        found: asyncio.BaseProtocol = self.protocol
        return found

    def write(self, data: Any) -> None:
        self.written += data
        self.changed.set()

    def writelines(self, list_of_data: Any) -> None:
        self.write(b"".join(list_of_data))

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def is_reading(self) -> bool:
        return True

    def is_closing(self) -> bool:
        return self._is_closing

    def close(self) -> None:
        self._is_closing = True
        self.changed.set()

    def abort(self) -> None:
        self.close()


class Client:
    """The other end of a Wire."""

    def __init__(self, wire: Wire, aside: Meter) -> None:
        self._wire = wire
        self._aside = aside

    def send(self, *messages: Message) -> None:
        """Have the server read ``messages``, a frame each, in one read."""
        with self._aside:
            data = b"".join(map(frame, messages))
        self._wire.protocol.data_received(data)

    async def receive(self, count: int) -> list[Message]:
        """Wait for ``count`` messages; there must not be more."""
        async with asyncio.timeout(DEADLINE):
            while len(payloads := self._payloads()) < count:
                await self._change()
        assert len(payloads) == count, payloads
        self._wire.written.clear()
        with self._aside:
            return [message_in(payload) for payload in payloads]

    def _payloads(self) -> list[bytes]:
        payloads: list[bytes] = []
        with self._aside:
            read_frames(bytes(self._wire.written), payloads)
        return payloads

    async def ask(self, message: Message, *, answers: int = 1) -> list[Message]:
        """Send ``message`` and wait for its answers."""
        self.send(message)
        return await self.receive(answers)

    async def open(self) -> None:
        """The WebSocket handshake."""
        with self._aside:
            request = upgrade_request("127.0.0.1", 6020, "/deepstream")
        self._wire.protocol.data_received(request)
        async with asyncio.timeout(DEADLINE):
            while not self._wire.written.endswith(b"\r\n\r\n"):
                await self._change()
        assert self._wire.written.startswith(b"HTTP/1.1 101 "), self._wire.written
        self._wire.written.clear()

    async def _change(self) -> None:
        self._wire.changed.clear()
        await self._wire.changed.wait()

    def pause(self) -> None:
        """Do not read: the transport's buffer fills, and its protocol is told."""
        self._wire.protocol.pause_writing()


class Stack:
    """A server that was never bound to a port. What is done ``with stack.aside`` is not counted."""

    def __init__(self, server: Server, meter: Meter) -> None:
        self.aside = meter
        self._server = server
        self._count = 0
        self._loop = asyncio.get_running_loop()

    @classmethod
    @asynccontextmanager
    async def running(cls, meter: Meter) -> AsyncIterator[Stack]:
        """Start the application on Django's database, with open rules and no login strategy."""
        application = Application(load_config(None))
        application.start()
        server = Server(application)
        server.config.load()
        try:
            yield cls(server, meter)
        finally:
            await application.stop()

    def connect(self) -> Client:
        """A TCP connection was accepted."""
        self._count += 1
        wire = Wire(self._count)
        config: Any = self._server.config
        make: Callable[..., Any] = config.http_protocol_class
        wire.protocol = make(
            config=config, server_state=self._server.server_state, app_state={}, _loop=self._loop
        )
        wire.protocol.connection_made(wire)
        return Client(wire, self.aside)

    async def client(self) -> Client:
        """A client who is logged in."""
        client = self.connect()
        await client.open()
        await client.ask(CHALLENGE)
        await client.ask(LOGIN)
        return client

    async def clients(self, count: int) -> list[Client]:
        """``count`` of them, one after the other."""
        return [await self.client() for _ in range(count)]
