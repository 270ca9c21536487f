"""A client that says and hears single lines of the text wire format, ``E|S|name`` for a subscription."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

import orjson
import websockets
from websockets.asyncio.client import ClientConnection

from tests.deepstream_protocol.text_lines import shown, wire

DEADLINE = 15.0
OWN_PATH, COMMON_PATH = "/deepstream-v3", "/deepstream"


class TextClient:
    """One socket; lines go out and come in one by one, in order. Pings of the server are answered, not heard.

    ``answers_pings`` can be turned off; ``pings`` counts them.
    """

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._unread: deque[str] = deque()
        self.answers_pings = True
        self.pings = 0

    @classmethod
    @asynccontextmanager
    async def connect(cls, url: str, path: str = OWN_PATH) -> AsyncIterator[Self]:
        """Open a socket, and say nothing."""
        async with websockets.connect(url + path, compression=None, ping_interval=None) as socket:
            yield cls(socket)

    @classmethod
    @asynccontextmanager
    async def login(cls, url: str, path: str = OWN_PATH, **auth_data: object) -> AsyncIterator[Self]:
        """Open a socket and log in."""
        async with cls.connect(url, path) as client:
            await client.enter(**auth_data)
            yield client

    async def enter(self, **auth_data: object) -> None:
        """Go through the opening dialogue, whichever it is, and log in."""
        if (opening := await self.hear()) == "C|CH":
            await self.say("C|CHR|ws://test;")
            opening = await self.hear()
        assert opening == "C|A"
        await self.say(f"A|REQ|{orjson.dumps(auth_data).decode()};")
        await self.expect("A|A")

    async def say(self, lines: str) -> None:
        """Send a frame of ``lines``, each ended by ``;``."""
        await self._socket.send(wire(lines))

    async def say_raw(self, payload: str | bytes) -> None:
        """Send a frame as it is."""
        await self._socket.send(payload)

    async def hear(self) -> str:
        """The next line that is no ping; raises TimeoutError, or ConnectionClosed when there is none."""
        async with asyncio.timeout(DEADLINE):
            while not self._unread:
                for line in await self._lines():
                    if line == "C|PI":
                        await self._take_ping()
                    else:
                        self._unread.append(line)
            return self._unread.popleft()

    async def hear_ping(self) -> None:
        """Wait for a ping that no line comes before, and do not answer it."""
        async with asyncio.timeout(DEADLINE):
            assert not self._unread
            assert await self._lines() == ["C|PI"]

    async def _lines(self) -> list[str]:
        return self._read(await self._socket.recv())

    def _read(self, frame: str | bytes) -> list[str]:
        assert isinstance(frame, str), f"a frame of the wrong kind: {frame!r}"
        assert frame.endswith("\x1e"), f"a frame without an end: {frame!r}"
        return shown(frame).removesuffix(";").split(";")

    async def _take_ping(self) -> None:
        self.pings += 1
        if self.answers_pings:
            await self.say("C|PO;")

    async def expect(self, *lines: str) -> None:
        """Hear exactly these lines next."""
        for expected in lines:
            heard = await self.hear()
            assert heard == expected

    async def ask(self, question: str, *answers: str) -> None:
        """Say ``question`` and hear exactly ``answers``."""
        await self.say(question + ";")
        await self.expect(*answers)

    async def quiet(self) -> None:
        """Prove that nothing else was sent: the answer to a ping comes next."""
        await self.ask("C|PI", "C|PO")

    async def closed(self) -> int | None:
        """Wait until the server has closed the socket, having said nothing more; its code."""
        try:
            heard = await self.hear()
        except websockets.ConnectionClosed:
            return self._socket.close_code
        raise AssertionError(f"expected the socket to close, but heard {heard}")
