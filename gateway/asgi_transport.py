"""A connection's transport on an ASGI server that knows nothing of ready frames."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from gateway.session import Payload, Session
from pubsub.connection import Close, Frame

HIGH_WATER = 256 * 1024
"""Bytes that wait for the server from which on the connection keeps what is for it."""


class AsgiTransport:
    """Sends payload by payload in a task of its own, so that whoever writes never waits."""

    __slots__ = (
        "_close",
        "_frames",
        "_is_paused",
        "_send",
        "_size",
        "_wake",
        "may_read",
        "received",
        "sent",
        "session",
    )

    def __init__(self, send: Callable[[Mapping[str, Any]], Awaitable[None]], session: Session) -> None:
        self._send = send
        self.session = session
        self._frames: list[Frame] = []
        self._size = 0
        self.received = 0
        self.sent = 0
        self._is_paused = False
        self._close: tuple[int, str] | None = None
        self._wake = asyncio.Event()
        self.may_read = asyncio.Event()
        self.may_read.set()

    def attach(self, receiver: Session, backlog: list[Payload]) -> None:
        """Deliver to ``receiver`` from now on, first the ``backlog`` that the last one did not take."""
        self.session = receiver
        if backlog:
            receiver.frames_received(backlog)

    def write(self, frames: list[Frame]) -> None:
        """See ``Transport.write``."""
        if self._close is None:
            self._frames += frames
            size = sum(map(len, frames))
            self._size += size
            self.sent += size
            self._wake.set()
            if self._size > HIGH_WATER and not self._is_paused:
                self._is_paused = True
                self.session.writing_paused()

    @property
    def buffered(self) -> int:
        """See ``Transport.buffered``."""
        return self._size

    def close(self, code: int, reason: str) -> None:
        """See ``Transport.close``."""
        if self._close is None:
            self._close = code, reason
            self._wake.set()
            self.may_read.set()

    def pause_reading(self) -> None:
        """See ``Transport.pause_reading``."""
        self.may_read.clear()

    def resume_reading(self) -> None:
        """See ``Transport.resume_reading``."""
        self.may_read.set()

    async def run(self) -> None:
        """Send what was written, in order, until closed."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self._send_all()
            if self._close is not None:
                code, reason = self._close
                await self._send({"type": "websocket.close", "code": _sendable(code), "reason": reason})
                return

    async def _send_all(self) -> None:
        while self._frames:
            frames, self._frames, self._size = self._frames, [], 0
            for frame in filter(None, frames):
                key = "bytes" if isinstance(frame, bytes) else "text"
                await self._send({"type": "websocket.send", key: frame})
        if self._is_paused:
            self._is_paused = False
            self.session.writing_resumed()


def _sendable(code: int) -> int:
    """``code``, or its private twin (1008 is 4008): Daphne sends none of those that RFC 6455 defines."""
    return code if code == Close.NORMAL else code + 3000
