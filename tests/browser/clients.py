"""Deepstream clients beside a browser, on an event loop of their own: the main thread's is Playwright's."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import Any, TypeVar

from deepstream_protocol.message import Message
from deepstream_protocol.topics import EventAction, RecordAction, RpcAction, Topic
from tests.raw_client import RawClient
from tests.servers import Server

T = TypeVar("T")

DEADLINE = 10.0


class Client:
    """One logged-in client; every call waits for its end."""

    def __init__(self, clients: Clients, raw: RawClient) -> None:
        self._clients = clients
        self._raw = raw

    def send(self, topic: int, action: int, **fields: Any) -> None:
        """Send one message."""
        self._clients.run(self._raw.send(Message(topic, action, **fields)))

    def receive(self, **fields: Any) -> Message:
        """The next message that has these fields; those before it are passed over."""
        return self._clients.run(self._receive(fields))

    async def _receive(self, fields: dict[str, Any]) -> Message:
        async with asyncio.timeout(DEADLINE):
            while True:
                message = await self._raw.receive(DEADLINE)
                if all(getattr(message, key) == value for key, value in fields.items()):
                    return message

    def subscribe(self, *names: str) -> None:
        """To events."""
        self.send(Topic.EVENT, EventAction.SUBSCRIBE, names=list(names))
        self.receive(topic=Topic.EVENT, action=EventAction.SUBSCRIBE, is_ack=True)

    def provide(self, name: str) -> None:
        """An RPC."""
        self.send(Topic.RPC, RpcAction.PROVIDE, names=[name])
        self.receive(topic=Topic.RPC, action=RpcAction.PROVIDE, is_ack=True)

    def answer(self, data: str, *, action: int = RpcAction.RESPONSE) -> Message:
        """The next call, with ``data``."""
        request = self.receive(topic=Topic.RPC, action=RpcAction.REQUEST)
        about = {"name": request.name, "correlation_id": request.correlation_id}
        self.send(Topic.RPC, RpcAction.ACCEPT, **about)
        self.send(Topic.RPC, action, data=data, **about)
        return request

    def write(self, name: str, data: str) -> None:
        """A record, until it is acknowledged."""
        fields = {"name": name, "data": data, "version": -1, "is_write_ack": True, "correlation_id": "1"}
        self.send(Topic.RECORD, RecordAction.CREATEANDUPDATE, **fields)
        self.receive(topic=Topic.RECORD, action=RecordAction.WRITE_ACKNOWLEDGEMENT)

    def closed(self) -> tuple[int | None, str | None]:
        """Wait until the server has closed it; code and reason."""
        return self._clients.run(self._closed())

    async def _closed(self) -> tuple[int | None, str | None]:
        async with asyncio.timeout(DEADLINE):
            await self._raw._socket.wait_closed()
        return self._raw.close_code, self._raw.close_reason


class Clients:
    """Opens clients of a server, and closes them all in the end."""

    def __init__(self, server: Server, loop: asyncio.AbstractEventLoop, stack: AsyncExitStack) -> None:
        self._server = server
        self._loop = loop
        self._stack = stack

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Await ``coroutine`` in the clients' loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(2 * DEADLINE)

    def login(self, username: str = "bob", wire: str = "binary") -> Client:
        """A client that is logged in as ``username``."""
        return self.run(self._login(username, wire))

    async def _login(self, username: str, wire: str) -> Client:
        raw = await self._stack.enter_async_context(RawClient.connect(self._server.url, wire))
        await raw.login({"username": username})
        return Client(self, raw)


@contextmanager
def clients_of(server: Server) -> Iterator[Clients]:
    """Clients of ``server``, as long as the context lasts."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    stack = AsyncExitStack()
    try:
        yield Clients(server, loop, stack)
    finally:
        asyncio.run_coroutine_threadsafe(stack.aclose(), loop).result(2 * DEADLINE)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(DEADLINE)
        loop.close()
