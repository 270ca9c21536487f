"""What a Django developer would otherwise write: a Channels consumer, a group for each event, ``group_send``.

It speaks the event part of deepstream's binary protocol, so that the same loads can be put on it. Nobody
is asked for a password and nothing is checked, which makes it cheaper than an application would be. The layer
is the in-memory one with its defaults: a channel with 100 messages waiting drops what comes.
"""

from __future__ import annotations

from typing import Any

import django
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import ProtocolTypeRouter
from django.conf import settings

from deepstream_protocol.binary import BinaryCodec
from deepstream_protocol.message import Message
from deepstream_protocol.topics import AuthAction, ConnectionAction, EventAction, Topic

if not settings.configured:
    settings.configure(
        SECRET_KEY="only-for-a-benchmark-on-loopback",
        INSTALLED_APPS=["channels"],
        CHANNEL_LAYERS={"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}},
    )
    django.setup()

_CODEC = BinaryCodec()


class EventConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]  # Channels has no types
    """Logs everybody in, and sends each event to all other subscribers of its name."""

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """A client's message."""
        for message in _CODEC.decode(bytes_data or b""):
            if (message.topic, message.action) == (Topic.EVENT, EventAction.EMIT):
                await self._emit(message, bytes_data)
            else:
                await self._answer(message)

    async def _emit(self, message: Message, payload: bytes | None) -> None:
        event = {"type": "event.emitted", "payload": payload, "sender": self.channel_name}
        await self.channel_layer.group_send(_group(message.name or ""), event)

    async def event_emitted(self, event: dict[str, Any]) -> None:
        """An event of a group that this client is in."""
        if event["sender"] != self.channel_name:
            await self.send(bytes_data=event["payload"])

    async def _answer(self, message: Message) -> None:
        if message.topic == Topic.CONNECTION:
            await self._reply(Message(Topic.CONNECTION, ConnectionAction.ACCEPT))
        elif message.topic == Topic.AUTH:
            await self._reply(Message(Topic.AUTH, AuthAction.AUTH_SUCCESSFUL))
        elif (message.topic, message.action) == (Topic.EVENT, EventAction.SUBSCRIBE):
            for name in message.names or []:
                await self.channel_layer.group_add(_group(name), self.channel_name)
            ack = Message(Topic.EVENT, EventAction.SUBSCRIBE, is_ack=True)
            ack.correlation_id = message.correlation_id
            await self._reply(ack)

    async def _reply(self, message: Message) -> None:
        await self.send(bytes_data=_CODEC.encode(message))


def _group(name: str) -> str:
    return name.replace("/", ".")  # a group's name may hold no slash


async def _healthy(scope: dict[str, Any], receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


application = ProtocolTypeRouter({"http": _healthy, "websocket": EventConsumer.as_asgi()})
"""Served by uvicorn with uvloop, httptools and its own choice of WebSocket class."""
