"""The connections of one load: opened and logged in together, closed together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Self, TypeVar
from urllib.parse import urlsplit

from benchmarks.sockets import PATH, Client, Clock, Counter, Newcomer, SlowReader, Socket, Unexpected
from benchmarks.wire import message_in, upgrade_request
from deepstream_protocol.message import Message

SCRATCH = 256 * 1024
"""Bytes that one read may bring; all sockets of a crowd read into the same buffer, one after another."""

DEADLINE = 30.0
"""Seconds that a client may take to connect, log in and get what it asked for."""

AnySocket = TypeVar("AnySocket", bound=Socket)


class Crowd:
    """Logged-in clients of the server at ``url``; leaving this async context drops their connections."""

    def __init__(self, url: str, *, at_once: int = 20) -> None:
        address = urlsplit(url)
        self._host, self._port = address.hostname or "", address.port or 0
        self._scratch = memoryview(bytearray(SCRATCH))
        self._gate = asyncio.Semaphore(at_once)
        self._sockets: list[Socket] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for socket in self._sockets:
            socket.transport.abort()

    @property
    def lost(self) -> int:
        """Connections that the server has closed and should not have."""
        return sum(socket.is_lost and socket.shall_stay for socket in self._sockets)

    async def clients(self, count: int, request: Message | None = None, *, replies: int = 1) -> list[Client]:
        """``count`` clients; each has sent ``request`` and got its ack within ``replies`` messages."""
        return await asyncio.gather(*(self.client(request, replies=replies) for _ in range(count)))

    async def client(self, request: Message | None = None, *, replies: int = 1) -> Client:
        """One client, as in ``clients``."""
        async with self._gate, asyncio.timeout(DEADLINE):
            client = await Client.connect(self._host, self._port, self._scratch)
            self._sockets.append(client)
            await client.login()
            if request is not None:
                client.send(request)
                await _acknowledged(client, request, replies)
        return client

    async def newcomer(self, request: Message) -> Newcomer:
        """One that comes by itself, and has got its ack to ``request``."""
        async with self._gate, asyncio.timeout(DEADLINE):
            comer = Newcomer(self._scratch, request, upgrade_request(self._host, self._port, PATH))
            self._sockets.append(comer)
            await asyncio.get_running_loop().create_connection(lambda: comer, self._host, self._port)
            answer = await comer.arrived
        if answer.action != request.action or not answer.is_ack or answer.is_error:
            raise Unexpected(answer)
        return comer

    def counter(self, client: Client) -> Counter:
        """``client`` from now on as a counter of bytes."""
        return self._become(client, Counter(self._scratch))

    def slow_reader(self, client: Client) -> SlowReader:
        """``client`` from now on as one that does not read."""
        slow = self._become(client, SlowReader(self._scratch))
        slow.stop()
        return slow

    def clock(self, client: Client, size: int, on_frames: Callable[[int], None]) -> Clock:
        """``client`` from now on as one that notes when frames of ``size`` bytes arrive."""
        return self._become(client, Clock(self._scratch, size, on_frames))

    def _become(self, client: Client, other: AnySocket) -> AnySocket:
        client.become(other)
        self._sockets[self._sockets.index(client)] = other
        return other


async def _acknowledged(client: Client, request: Message, replies: int) -> None:
    answers = [message_in(await client.next()) for _ in range(replies)]
    acks = sum(answer.action == request.action and bool(answer.is_ack) for answer in answers)
    if acks != 1 or any(answer.is_error for answer in answers):
        raise Unexpected(answers)
