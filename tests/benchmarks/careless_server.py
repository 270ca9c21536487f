"""A server of events that loses, repeats or answers what it should not: what an accounting has to notice."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from websockets.asyncio.server import ServerConnection, serve

from deepstream_protocol.binary import BinaryCodec
from deepstream_protocol.message import Message
from deepstream_protocol.topics import AuthAction, ConnectionAction, EventAction, Topic

Fault = Callable[[int, int], int]
"""How often a subscriber (by its order of arrival, from 0) gets the event with this number (from 1)."""


def none(subscriber: int, number: int) -> int:
    """Everybody gets everything once."""
    return 1


class CarelessServer:
    """Logs everybody in and sends events to all subscribers, as often as ``fault`` says."""

    def __init__(self, fault: Fault, *, answers_emit: bool = False) -> None:
        self.emitted = 0
        self._fault = fault
        self._answers_emit = answers_emit
        self._codec = BinaryCodec()
        self._subscribers: list[ServerConnection] = []

    @asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        """Its address."""
        async with serve(self._serve, "127.0.0.1", 0, compression=None) as server:
            port = server.sockets[0].getsockname()[1]
            yield f"ws://127.0.0.1:{port}"

    async def _serve(self, socket: ServerConnection) -> None:
        async for payload in socket:
            assert isinstance(payload, bytes)
            message = self._codec.decode(payload)[0]
            if message.action == EventAction.EMIT and message.topic == Topic.EVENT:
                await self._emit(socket, payload)
            else:
                await socket.send(self._codec.encode(self._answer(socket, message)))

    def _answer(self, socket: ServerConnection, message: Message) -> Message:
        if message.topic == Topic.CONNECTION:
            return Message(Topic.CONNECTION, ConnectionAction.ACCEPT)
        if message.topic == Topic.AUTH:
            return Message(Topic.AUTH, AuthAction.AUTH_SUCCESSFUL)
        self._subscribers.append(socket)
        return Message(message.topic, message.action, correlation_id=message.correlation_id, is_ack=True)

    async def _emit(self, sender: ServerConnection, payload: bytes) -> None:
        self.emitted += 1
        for subscriber, socket in enumerate(self._subscribers):
            for _ in range(self._fault(subscriber, self.emitted)):
                await socket.send(payload)
        if self._answers_emit:
            await sender.send(payload)
