"""A client that sends and receives single messages, for tests of what a server answers exactly.

It speaks either wire format over a real socket and does nothing by itself: no login, heartbeat or reconnect.

    async with RawClient.connect(server.url, wire="binary") as client:
        await client.login({"username": "ann"})
        await client.send(Message(Topic.EVENT, EventAction.SUBSCRIBE, names=["news"]))
        await client.expect(topic=Topic.EVENT, action=EventAction.SUBSCRIBE, is_ack=True)
        await client.quiet()
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Self
from urllib.parse import urlsplit

import orjson
import websockets
from websockets.asyncio.client import ClientConnection

from deepstream_protocol.binary import BinaryCodec
from deepstream_protocol.json import JsonCodec
from deepstream_protocol.message import Message
from deepstream_protocol.topics import AuthAction, ConnectionAction, Topic

CODECS: dict[str, BinaryCodec | JsonCodec] = {"binary": BinaryCodec(), "json": JsonCodec()}
PATHS = {"binary": "/deepstream", "json": "/deepstream-json"}
DEADLINE = 5.0

OPENING = "C\x1fCH\x1e"
"""What the server says to a silent client, which may be an old one; to the others it is nothing."""


class Silence(AssertionError):
    """A message was due and none came in time."""


class SocketClosed(AssertionError):
    """The server closed the socket where a message was due."""

    def __init__(self, code: int | None, reason: str | None) -> None:
        super().__init__(f"closed with {code} {reason or ''}".rstrip())
        self.code = code
        self.reason = reason


class RawClient:
    """One socket and its codec; messages go out and come in one by one, in order."""

    def __init__(self, socket: ClientConnection, wire: str) -> None:
        self.wire = wire
        self._socket = socket
        self._codec = CODECS[wire]
        self._unread: deque[Message] = deque()

    @classmethod
    @asynccontextmanager
    async def connect(cls, url: str, wire: str = "binary", **options: Any) -> AsyncIterator[Self]:
        """Open a socket to ``url``, where ``wire`` chooses the format and, if the url has none, the path.

        ``options`` go to ``websockets``, for example ``additional_headers``. Leaving closes the socket.
        """
        address = url if urlsplit(url).path.strip("/") else url.rstrip("/") + PATHS[wire]
        defaults = {"compression": None, "ping_interval": None, "max_size": None, "max_queue": None}
        async with websockets.connect(address, **defaults | options) as socket:
            yield cls(socket, wire)

    async def send(self, message: Message) -> None:
        """Send ``message`` in a frame of its own."""
        await self._socket.send(self._codec.encode(message))

    async def send_bytes(self, raw: bytes | str) -> None:
        """Send a frame as it is: a binary one from bytes, a text one from str."""
        await self._socket.send(raw)

    async def receive(self, timeout: float = DEADLINE) -> Message:
        """The next message; Silence when there is none in ``timeout`` seconds, SocketClosed at the end."""
        while not self._unread:
            self._unread.extend(self._codec.decode(await self._frame(timeout)))
        return self._unread.popleft()

    async def expect(self, timeout: float = DEADLINE, **fields: Any) -> Message:
        """Receive the next message and check that it has these fields, ``None`` meaning absent."""
        message = await self.receive(timeout)
        wrong = {key: value for key, value in fields.items() if getattr(message, key) != value}
        assert not wrong, f"expected {wrong} in {message!r}"
        return message

    async def challenge(self) -> None:
        """Go through the opening dialogue, which comes before login."""
        await self.send(Message(Topic.CONNECTION, ConnectionAction.CHALLENGE, url="ws://test"))
        await self.expect(topic=Topic.CONNECTION, action=ConnectionAction.ACCEPT)

    async def login(self, auth_data: Mapping[str, Any] | None = None) -> Message:
        """Challenge, log in with ``auth_data`` (nothing by default) and return the AUTH_SUCCESSFUL."""
        await self.challenge()
        text = orjson.dumps(dict(auth_data or {})).decode()
        await self.send(Message(Topic.AUTH, AuthAction.REQUEST, data=text))
        return await self.expect(topic=Topic.AUTH, action=AuthAction.AUTH_SUCCESSFUL)

    async def quiet(self) -> None:
        """Prove that nothing else was sent to this logged-in client: the answer to a ping comes next.

        What the server still does in the background, a store's commit for example, is not waited for.
        """
        await self.send(Message(Topic.CONNECTION, ConnectionAction.PING))
        pong = Message(Topic.CONNECTION, ConnectionAction.PONG)
        message = await self.receive()
        assert message == pong, f"expected nothing, but received {message!r}"

    async def closed(self, timeout: float = DEADLINE) -> int | None:
        """Wait until the server has closed the socket and return its code; a message before that is wrong."""
        try:
            message = await self.receive(timeout)
        except SocketClosed as end:
            return end.code
        raise AssertionError(f"expected the socket to close, but received {message!r}")

    async def close(self, code: int = 1000) -> None:
        """Close the socket from this side and wait until it is closed."""
        await self._socket.close(code)

    @property
    def close_code(self) -> int | None:
        """The code the socket was closed with: 1005 for none, 1006 without a close frame, None while open."""
        return self._socket.close_code

    @property
    def close_reason(self) -> str | None:
        """The text that came with the close code."""
        return self._socket.close_reason

    async def _frame(self, timeout: float) -> Any:
        try:
            async with asyncio.timeout(timeout):
                frame = await self._socket.recv()
                while frame == OPENING and self._codec.binary:
                    frame = await self._socket.recv()
        except TimeoutError:
            raise Silence(f"no message within {timeout} s") from None
        except websockets.ConnectionClosed:
            raise SocketClosed(self._socket.close_code, self._socket.close_reason) from None
        assert isinstance(frame, bytes) == self._codec.binary, f"a frame of the wrong kind: {frame!r}"
        return frame
