"""An ASGI server in this process, of which a test makes the moves."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from deepstream_protocol.binary import BinaryCodec
from deepstream_protocol.message import Message
from tests.pubsub.kit import DEADLINE

Event = Mapping[str, Any]


class Connected:
    """One ASGI scope being served: ``tell`` what the client does, ``hear`` what is sent to it."""

    def __init__(self, application: Any, scope: dict[str, Any]) -> None:
        self.scope = scope
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self._sent: asyncio.Queue[Event] = asyncio.Queue()
        self.can_send = asyncio.Event()
        self.can_send.set()
        self.send_error: Exception | None = None
        self.send_failed = asyncio.Event()
        self.received = 0
        self.task = asyncio.create_task(application(scope, self._receive, self._send))

    @classmethod
    def websocket(cls, application: Any, path: str = "/deepstream", **scope: Any) -> Connected:
        """A WebSocket to ``path``."""
        socket = cls(
            application,
            {"type": "websocket", "path": path, "client": ("10.0.0.1", 5000), "headers": [], **scope},
        )
        socket.tell({"type": "websocket.connect"})
        return socket

    async def _receive(self) -> Event:
        event = await self._events.get()
        self.received += 1
        return event

    async def _send(self, event: Event) -> None:
        if self.send_error is not None:
            self.send_failed.set()
            raise self.send_error
        await self.can_send.wait()
        await self._sent.put(event)

    def tell(self, event: Event) -> None:
        """The client does something."""
        self._events.put_nowait(event)

    async def hear(self) -> Event:
        """What is sent next."""
        async with asyncio.timeout(DEADLINE):
            return await self._sent.get()

    def nothing_heard(self) -> bool:
        """Whether everything that was sent has been heard."""
        return self._sent.empty()

    async def ended(self) -> None:
        """Wait until the application is done with this scope."""
        async with asyncio.timeout(DEADLINE):
            await self.task

    # A WebSocket that speaks the binary wire

    async def open(self) -> Connected:
        assert (await self.hear())["type"] == "websocket.accept"
        return self

    def say(self, *messages: Message) -> None:
        for message in messages:
            self.tell({"type": "websocket.receive", "bytes": BinaryCodec().encode(message)})

    async def message(self) -> Message:
        """The next message of the server."""
        event = await self.hear()
        assert event["type"] == "websocket.send", event
        (message,) = BinaryCodec().decode(event["bytes"])
        return message

    def leave(self, code: int | None = 1001) -> None:
        self.tell({"type": "websocket.disconnect", **({"code": code} if code else {})})
