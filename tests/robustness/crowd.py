"""Clients that are hung up when the test that opened them is over, however it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Self

from tests.robustness.client import Client

AT_ONCE = 50
"""Connections opened at the same time."""


class Crowd:
    """Clients of the server on ``port``."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._clients: list[Client] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.leave()

    async def open(self, wire: str = "binary") -> Client:
        """A client whose socket is open and who said nothing."""
        return self._keep(await Client.open(self._port, wire))

    async def login(self, wire: str = "binary") -> Client:
        """A client who is logged in."""
        return self._keep(await Client.login(self._port, wire))

    async def open_many(self, count: int) -> list[Client]:
        """``count`` clients whose sockets are open."""
        return await self._many(self.open, count, "binary")

    async def login_many(self, count: int, wire: str = "binary") -> list[Client]:
        """``count`` clients who are logged in."""
        return await self._many(self.login, count, wire)

    async def _many(self, enter: Callable[[str], Awaitable[Client]], count: int, wire: str) -> list[Client]:
        clients: list[Client] = []
        while len(clients) < count:
            clients += await asyncio.gather(*(enter(wire) for _ in range(min(AT_ONCE, count - len(clients)))))
        return clients

    async def leave(self) -> None:
        """Hang up all clients."""
        clients, self._clients = self._clients, []
        for client in clients:
            client.close()
        await asyncio.gather(*(client.closed for client in clients))

    def _keep(self, client: Client) -> Client:
        self._clients.append(client)
        return client


@asynccontextmanager
async def logged_in(port: int, count: int, wire: str = "binary") -> AsyncIterator[list[Client]]:
    """``count`` clients who are logged in."""
    async with Crowd(port) as crowd:
        yield await crowd.login_many(count, wire)
