"""A server in this process, a client that speaks in single frames, and a transport without a network."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import cycle
from struct import pack, unpack
from typing import Any

import uvicorn

from gateway.sockets.frames import FrameTransport, Payload
from gateway.websocket import WebSocketProtocol

DEADLINE = 5.0
CONT, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA


def frame(
    opcode: int,
    payload: bytes = b"",
    *,
    fin: bool = True,
    reserved: int = 0,
    key: bytes | None = b"\x37\xfa\x21\x3d",
) -> bytes:
    """A client's frame; with ``key=None`` it is not masked."""
    first = (0x80 if fin else 0) | reserved << 4 | opcode
    head = header(first, len(payload), masked=key is not None)
    if key is None:
        return head + payload
    return head + key + bytes(a ^ b for a, b in zip(payload, cycle(key), strict=False))


def header(first: int, length: int, *, masked: bool = True) -> bytes:
    """The first bytes of a frame, up to the mask key."""
    mask = 0x80 if masked else 0
    if length < 126:
        return pack(">BB", first, mask | length)
    if length < 65536:
        return pack(">BBH", first, mask | 126, length)
    return pack(">BBQ", first, mask | 127, length)


def close_payload(code: int, reason: str = "") -> bytes:
    return pack(">H", code) + reason.encode()


@asynccontextmanager
async def serving(application: Any, **options: Any) -> AsyncIterator[uvicorn.Server]:
    """Run ``application`` under uvicorn with the protocol class, on a free port."""
    config = uvicorn.Config(
        application,
        **{
            "port": 0,
            "ws": WebSocketProtocol,
            "lifespan": "off",
            "log_config": None,
            "timeout_graceful_shutdown": 2,
        }
        | options,
    )
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    await server.on_tick(0)  # makes the default headers, as the main loop does
    try:
        yield server
    finally:
        await server.shutdown()


def port_of(server: uvicorn.Server) -> int:
    return int(server.servers[0].sockets[0].getsockname()[1])


@dataclass
class Peer:
    """The client's end of a connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    head: str = ""
    status: int = 0

    def send(self, *data: bytes) -> None:
        """Put all of ``data`` into one write."""
        self.writer.write(b"".join(data))

    async def exactly(self, size: int) -> bytes:
        async with asyncio.timeout(DEADLINE):
            return await self.reader.readexactly(size)

    async def frame(self) -> tuple[int, bytes]:
        """The next frame's first byte and payload; servers do not mask and use the shortest length form."""
        first, length = await self.exactly(2)
        assert length < 128, "a server must not mask"
        if length == 126:
            (length,) = unpack(">H", await self.exactly(2))
            assert length > 125
        elif length == 127:
            (length,) = unpack(">Q", await self.exactly(8))
            assert length > 65535
        return first, await self.exactly(length)

    async def message(self) -> Payload:
        """The payload of the next frame, which must be a whole message."""
        first, payload = await self.frame()
        assert first in (0x80 | TEXT, 0x80 | BINARY), f"not a message: {first:#x} {payload!r}"
        return payload.decode() if first & 0xF == TEXT else payload

    async def pong(self) -> bytes:
        first, payload = await self.frame()
        assert first == 0x80 | PONG
        return payload

    async def close_frame(self) -> tuple[int, str]:
        """The code and reason of the next frame, which must be a close frame; 1005 if it has none."""
        first, payload = await self.frame()
        assert first == 0x80 | CLOSE, f"not a close frame: {first:#x} {payload!r}"
        return (unpack(">H", payload[:2])[0], payload[2:].decode()) if payload else (1005, "")

    async def eof(self) -> None:
        """Wait until the server has ended the connection, having sent nothing else."""
        assert await self.rest() == b""

    async def rest(self) -> bytes:
        async with asyncio.timeout(DEADLINE):
            return await self.reader.read()

    async def closed(self) -> int:
        """The code of the close frame that is next, and last."""
        code, _ = await self.close_frame()
        await self.eof()
        return code


REQUEST = {
    "Host": "example.org",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
}


@asynccontextmanager
async def connected(server: uvicorn.Server, path: str = "/", **headers: str | None) -> AsyncIterator[Peer]:
    """Send a handshake, with ``headers`` over the usual ones (``_`` for ``-``, None to leave one out)."""
    lines = REQUEST | {name.replace("_", "-"): value for name, value in headers.items()}
    fields = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value is not None)
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(server))
    peer = Peer(reader, writer)
    try:
        peer.send(f"GET {path} HTTP/1.1\r\n{fields}\r\n".encode("latin-1"))
        yield peer
    finally:
        writer.close()


@asynccontextmanager
async def opened(server: uvicorn.Server, path: str = "/", **headers: str | None) -> AsyncIterator[Peer]:
    """A connection whose handshake has been accepted."""
    async with connected(server, path, **headers) as peer:
        await answer(peer)
        assert peer.status == 101, peer.head
        yield peer


async def answer(peer: Peer) -> Peer:
    """Read the head of the HTTP answer."""
    async with asyncio.timeout(DEADLINE):
        peer.head = (await peer.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    peer.status = int(peer.head.split(" ", 2)[1])
    return peer


class Recorder:
    """A FrameReceiver that keeps what it is told; ``news`` has each call once, in order."""

    def __init__(self) -> None:
        self.transport: FrameTransport
        self.calls: list[tuple[str, Any]] = []
        self.news: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()

    def _note(self, name: str, value: Any = None) -> None:
        self.calls.append((name, value))
        self.news.put_nowait((name, value))

    def frames_received(self, payloads: list[Payload]) -> None:
        self._note("frames", payloads)

    def writing_paused(self) -> None:
        self._note("paused")

    def writing_resumed(self) -> None:
        self._note("resumed")

    def connection_closed(self, code: int, reason: str) -> None:
        self._note("closed", (code, reason))

    async def next(self) -> tuple[str, Any]:
        async with asyncio.timeout(DEADLINE):
            return await self.news.get()

    @property
    def payloads(self) -> list[Payload]:
        return [payload for name, value in self.calls if name == "frames" for payload in value]

    @property
    def closings(self) -> list[tuple[int, str]]:
        return [value for name, value in self.calls if name == "closed"]


class Attaching:
    """An application that accepts, attaches a receiver and returns; ``receivers`` has them as they come."""

    def __init__(self, make: Any = Recorder) -> None:
        self._make = make
        self.receivers: asyncio.Queue[Any] = asyncio.Queue()

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        receiver = self._make()
        receiver.transport = scope["extensions"]["deepstream.frames"]["attach"](receiver)
        self.receivers.put_nowait(receiver)

    async def receiver(self) -> Any:
        async with asyncio.timeout(DEADLINE):
            return await self.receivers.get()


@dataclass
class FakeTransport:
    """An asyncio transport that keeps what is done to it."""

    written: list[bytes] = field(default_factory=list)
    is_reading: bool = True
    has_ended: bool = False
    is_aborted: bool = False
    aborted: asyncio.Event = field(default_factory=asyncio.Event)

    def write(self, data: bytes) -> None:
        assert not self.has_ended, "written after the end"
        self.written.append(data)

    def write_eof(self) -> None:
        self.has_ended = True

    def can_write_eof(self) -> bool:
        return True

    def is_closing(self) -> bool:
        return self.is_aborted

    def abort(self) -> None:
        self.is_aborted = True
        self.aborted.set()

    def pause_reading(self) -> None:
        self.is_reading = False

    def resume_reading(self) -> None:
        self.is_reading = True

    def get_write_buffer_size(self) -> int:
        return sum(map(len, self.written))

    def set_write_buffer_limits(self, high: int) -> None:
        pass

    def get_extra_info(self, name: str) -> None:
        return None

    def set_protocol(self, protocol: Any) -> None:
        pass
