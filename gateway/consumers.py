"""The Channels consumer that speaks deepstream's protocol on one WebSocket path."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from channels.consumer import AsyncConsumer

from gateway.asgi_transport import AsgiTransport
from gateway.browser import session_key_of
from gateway.endpoint import Endpoint
from gateway.session import Session
from pubsub.connection import Close

log = logging.getLogger("deepstream.connection")

Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]


class DeepstreamConsumer(AsyncConsumer):
    """Hands a socket to a session of its endpoint.

    On our own WebSocket class (``gateway.websocket``) that is all: the session gets whole reads and
    writes ready frames, and nothing of the consumer stays. On any other ASGI server it receives and
    sends message by message. Either way it has its own loop, because ``AsyncConsumer.dispatch`` costs
    200 µs a frame.
    """

    def __init__(self, endpoint_of: Callable[[str], Endpoint | None]) -> None:
        self._endpoint_of = endpoint_of

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Serve one socket."""
        await receive()  # websocket.connect, the only thing there can be
        endpoint = self._endpoint_of(scope["path"])
        if endpoint is None:
            await send({"type": "websocket.close", "code": Close.GOING_AWAY})
            return
        await send({"type": "websocket.accept"})
        extension = scope.get("extensions", {}).get("deepstream.frames")
        if extension is None:
            await _serve_plain(endpoint, scope, receive, send)
            return
        session = _open(endpoint, scope, framed=True)
        socket = extension["attach"](session)
        socket.limit_messages(endpoint.settings.max_message_size)
        session.connection.attach(socket)
        endpoint.start(session, socket)


async def _serve_plain(endpoint: Endpoint, scope: dict[str, Any], receive: Receive, send: Send) -> None:
    session = _open(endpoint, scope, framed=False)
    transport = AsgiTransport(send, session)
    session.connection.attach(transport)
    endpoint.start(session, transport)
    writer = asyncio.create_task(transport.run())
    code = 1006
    try:
        while True:
            await transport.may_read.wait()
            event = await receive()
            if event["type"] != "websocket.receive":
                code = event.get("code") or code
                return
            payload = event.get("bytes")
            if payload is None:
                payload = event["text"]
            size = _size(payload)
            transport.received += size
            if size > endpoint.settings.max_message_size:
                session.connection.close(Close.TOO_BIG, "the message is too big")
            else:
                transport.session.frames_received([payload])
    finally:
        transport.session.connection_closed(code, "")
        writer.cancel()


def _open(endpoint: Endpoint, scope: Mapping[str, Any], *, framed: bool) -> Session:
    return endpoint.open(
        framed=framed,
        address=_address(scope),
        headers=_headers(endpoint, scope),
        session_key=session_key_of(scope),
    )


def _size(payload: bytes | str) -> int:
    """Bytes on the wire."""
    return len(payload) if isinstance(payload, bytes) or payload.isascii() else len(payload.encode())


def _address(scope: Mapping[str, Any]) -> str:
    client = scope.get("client")
    return f"{client[0]}:{client[1]}" if client else ""


def _headers(endpoint: Endpoint, scope: Mapping[str, Any]) -> dict[str, str] | None:
    """Those request headers that login strategies may see."""
    wanted = endpoint.settings.headers
    if not wanted:
        return None
    found = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
    return {name: found[name] for name in wanted if name in found}
