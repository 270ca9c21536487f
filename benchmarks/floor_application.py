"""The least that an application on an ASGI server can do with the same loads: what the server leaves over.

Everybody is let in, nothing is checked or kept, writes are stored as ours are, and what goes on is sent from
the receive loop itself. Whatever a real application does comes on top of what this costs on the same server.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from benchmarks.floor_records import Records, acknowledgement, stored_records
from deepstream_protocol.binary import BinaryCodec
from deepstream_protocol.message import Message
from deepstream_protocol.topics import (
    AuthAction,
    ConnectionAction,
    EventAction,
    RecordAction,
    RpcAction,
    Topic,
)

Send = Callable[[dict[str, Any]], Awaitable[None]]

_CODEC = BinaryCodec()
_BARE = {
    Topic.CONNECTION: _CODEC.encode(Message(Topic.CONNECTION, ConnectionAction.ACCEPT)),
    Topic.AUTH: _CODEC.encode(Message(Topic.AUTH, AuthAction.AUTH_SUCCESSFUL)),
}


class Floor:
    """Subscribers of events, the one provider, and who called it."""

    def __init__(self) -> None:
        self._subscribers: dict[str, dict[Send, None]] = defaultdict(dict)
        self._records: Records | None = None
        self._provider: Send | None = None
        self._callers: dict[str, Send] = {}

    async def take(self, payload: bytes, send: Send) -> None:
        """A client's message."""
        (message,) = _CODEC.decode(payload)
        if message.topic in _BARE:
            await _say(send, _BARE[message.topic])
        elif message.topic == Topic.EVENT:
            await self._take_event(message, payload, send)
        elif message.topic == Topic.RPC:
            await self._take_rpc(message, payload, send)
        else:
            await self._take_record(message, send)

    async def _take_event(self, message: Message, payload: bytes, send: Send) -> None:
        if message.action == EventAction.EMIT:
            for subscriber in self._subscribers.get(message.name or "", ()):
                if subscriber is not send:
                    await _say(subscriber, payload)
            return
        for name in message.names or ():
            self._subscribers[name][send] = None
        await _acknowledge(message, send)

    async def _take_rpc(self, message: Message, payload: bytes, send: Send) -> None:
        if message.action == RpcAction.REQUEST:
            self._callers[message.correlation_id or ""] = send
            assert self._provider is not None
            await _say(self._provider, payload)
        elif message.action in (RpcAction.ACCEPT, RpcAction.RESPONSE):
            await _say(self._callers[message.correlation_id or ""], payload)
        else:
            self._provider = send
            await _acknowledge(message, send)

    async def _take_record(self, message: Message, send: Send) -> None:
        name = message.name or ""
        records = self._records = self._records or stored_records()
        if message.is_write_ack:
            stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            records.write(message, partial(stored.set_result, None))
            await stored
            await _say(send, _CODEC.encode(acknowledgement(message)))
        elif message.action == RecordAction.HEAD:
            version = records.version(name)
            head = Message(Topic.RECORD, RecordAction.HEAD_RESPONSE, name=name, version=version)
            await _say(send, _CODEC.encode(head))
        else:
            for opened in message.names or ():
                read = Message(Topic.RECORD, RecordAction.READ_RESPONSE, name=opened, version=0, data="{}")
                await _say(send, _CODEC.encode(read))
            await _acknowledge(message, send)

    def leave(self, send: Send) -> None:
        """A client is gone."""
        for subscribers in self._subscribers.values():
            subscribers.pop(send, None)


async def _say(send: Send, payload: bytes) -> None:
    await send({"type": "websocket.send", "bytes": payload})


async def _acknowledge(message: Message, send: Send) -> None:
    ack = Message(message.topic, message.action, is_ack=True, correlation_id=message.correlation_id)
    await _say(send, _CODEC.encode(ack))


_FLOOR = Floor()


async def application(
    scope: dict[str, Any], receive: Callable[[], Awaitable[dict[str, Any]]], send: Send
) -> None:
    """Serve one socket, or say that all is well."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})
        return
    await receive()
    await send({"type": "websocket.accept"})
    while (event := await receive())["type"] == "websocket.receive":
        await _FLOOR.take(event["bytes"], send)
    _FLOOR.leave(send)
