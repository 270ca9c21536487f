"""A client light enough to run by the hundred beside what it measures."""

from __future__ import annotations

import asyncio
import itertools
from asyncio import Future
from collections import deque
from collections.abc import Callable
from struct import pack, unpack_from
from typing import Any, Self

import orjson

from deepstream_protocol.message import Message
from deepstream_protocol.topics import AuthAction, ConnectionAction, Topic
from tests.raw_client import CODECS, PATHS

BINARY, TEXT, CLOSE, PING = 2, 1, 8, 9
NO_MASK = bytes(4)
ABNORMAL = 1006
DEADLINE = 20.0

_HANDSHAKE = (
    "GET {path} HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


class Lost(ConnectionError):
    """The connection ended before the answer came."""


def handshake(path: str) -> bytes:
    """The request that opens a WebSocket."""
    return _HANDSHAKE.format(path=path).encode()


def frame(payload: bytes, opcode: int = BINARY, *, is_final: bool = True) -> bytes:
    """A client's frame, masked with zeros: as valid as any other, and nothing to compute."""
    first, length = opcode | (0x80 if is_final else 0), len(payload)
    if length < 126:
        return pack(">BB", first, 0x80 | length) + NO_MASK + payload
    if length < 65536:
        return pack(">BBH", first, 0xFE, length) + NO_MASK + payload
    return pack(">BBQ", first, 0xFF, length) + NO_MASK + payload


class Client(asyncio.Protocol):
    """One socket. Each message goes to ``on_message`` in the turn of the loop in which it arrives.

    ``closed`` is done when the TCP connection is gone, with the server's close code or 1006.
    """

    def __init__(self, wire: str) -> None:
        loop = asyncio.get_running_loop()
        self.wire = wire
        self.on_message: Callable[[Message], None] = _ignore
        self.closed: Future[int] = loop.create_future()
        self._codec = CODECS[wire]
        self._opened: Future[None] = _future()
        self._code = ABNORMAL
        self._unread = b""
        self._ids = itertools.count(1)
        self._asked: dict[str, Future[Message]] = {}
        self._pings: deque[Future[None]] = deque()
        self._awaited: list[tuple[Callable[[Message], bool], Future[Message]]] = []

    @classmethod
    async def open(cls, port: int, wire: str = "binary") -> Self:
        """Connect up to the WebSocket's acceptance, and no further."""
        loop = asyncio.get_running_loop()
        _, client = await loop.create_connection(lambda: cls(wire), "127.0.0.1", port)
        client.send_raw(handshake(PATHS[wire]))
        async with asyncio.timeout(DEADLINE):
            await client._opened
        return client

    @classmethod
    async def login(cls, port: int, wire: str = "binary", **auth_data: Any) -> Self:
        """Connect and log in."""
        client = await cls.open(port, wire)
        accepted = client.next(lambda message: message.topic == Topic.AUTH)
        client.send(Message(Topic.CONNECTION, ConnectionAction.CHALLENGE, url="ws://test"))
        client.send(Message(Topic.AUTH, AuthAction.REQUEST, data=orjson.dumps(auth_data).decode()))
        answer = await accepted
        assert answer.action == AuthAction.AUTH_SUCCESSFUL, answer
        return client

    # Sending

    def send(self, message: Message) -> None:
        """Send ``message`` in a frame of its own."""
        payload = self._codec.encode(message)
        if isinstance(payload, str):
            self.send_frame(payload.encode(), TEXT)
        else:
            self.send_frame(payload)

    def send_frame(self, payload: bytes, opcode: int = BINARY) -> None:
        """Send any payload in a valid frame."""
        self.send_raw(frame(payload, opcode))

    def send_raw(self, data: bytes) -> None:
        """Send bytes as they are, be they frames or not; nothing once the connection is lost."""
        if not self.transport.is_closing():
            self.transport.write(data)

    def ask(self, message: Message) -> Future[Message]:
        """Send ``message`` with a correlation id, to be answered by the first message that bears it too."""
        message.correlation_id = str(next(self._ids))
        answer = self._asked[message.correlation_id] = _future()
        self.send(message)
        return answer

    def write(self, message: Message) -> Future[Message]:
        """Send a write to be acknowledged; its answer, whichever it is."""
        message.is_write_ack = True
        return self.ask(message)

    def ping(self) -> Future[None]:
        """Done when the server has handled all that was sent before."""
        pong: Future[None] = _future()
        self._pings.append(pong)
        self.send(Message(Topic.CONNECTION, ConnectionAction.PING))
        return pong

    def next(self, condition: Callable[[Message], bool]) -> Future[Message]:
        """The next message that meets ``condition``."""
        found: Future[Message] = _future()
        self._awaited.append((condition, found))
        return found

    def close(self) -> None:
        """Hang up without a word; what was not sent yet never is."""
        self.transport.abort()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self._unread += data
        if not self._opened.done():
            head, end, rest = self._unread.partition(b"\r\n\r\n")
            if not end:
                return
            assert head.startswith(b"HTTP/1.1 101"), head
            self._unread = rest
            self._opened.set_result(None)
        self._read_frames()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.closed.done():
            self.closed.set_result(self._code)
        pending = [self._opened, *self._asked.values(), *self._pings, *(found for _, found in self._awaited)]
        for future in pending:
            if not future.done():
                future.set_exception(Lost(f"closed with {self._code}"))

    # Receiving

    def _read_frames(self) -> None:
        data, position = self._unread, 0
        while (bounds := _bounds(data, position)) is not None:
            start, stop = bounds
            self._take(data[position] & 0x0F, data[start:stop])
            position = stop
        self._unread = data[position:]

    def _take(self, opcode: int, payload: bytes) -> None:
        if opcode == CLOSE:
            self._code = unpack_from(">H", payload)[0] if len(payload) >= 2 else 1005
            self.send_raw(frame(payload[:2], CLOSE))
            self.transport.close()
        elif opcode == (BINARY if self._codec.binary else TEXT):  # the other kind is for old clients
            for message in self._codec.decode(payload.decode() if opcode == TEXT else payload):
                self._hear(message)

    def _hear(self, message: Message) -> None:
        asked = self._asked.pop(message.correlation_id, None) if message.correlation_id else None
        if asked is not None and not asked.done():
            asked.set_result(message)
        elif message.topic == Topic.CONNECTION and message.action == ConnectionAction.PONG:
            self._pings.popleft().set_result(None)
        self._resolve(message)
        self.on_message(message)

    def _resolve(self, message: Message) -> None:
        for entry in [entry for entry in self._awaited if entry[0](message)]:
            self._awaited.remove(entry)
            if not entry[1].done():
                entry[1].set_result(message)


def _bounds(data: bytes, position: int) -> tuple[int, int] | None:
    """Where the payload of the server's frame at ``position`` starts and stops, once all of it is there."""
    available = len(data) - position
    if available < 2:
        return None
    length, start = data[position + 1], position + 2
    if length >= 126:
        extra = 2 if length == 126 else 8
        if available < 2 + extra:
            return None
        length, start = int.from_bytes(data[start : start + extra], "big"), start + extra
    return (start, start + length) if start + length <= len(data) else None


def _future() -> Future[Any]:
    """A future that nobody has to wait for when the connection is lost."""
    future: Future[Any] = asyncio.get_running_loop().create_future()
    future.add_done_callback(lambda done: done.cancelled() or done.exception())
    return future


def _ignore(message: Message) -> None:
    pass
