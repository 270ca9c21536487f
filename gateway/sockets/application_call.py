"""One call of the ASGI application for one WebSocket (ASGI specification, WebSocket 2.4)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Any, Final, Protocol

from uvicorn.protocols.utils import ClientDisconnected

from gateway.sockets.closing import INTERNAL_ERROR, NORMAL_CLOSURE
from gateway.sockets.frames import FrameReceiver, FrameTransport, Payload, binary_frame, text_frame
from gateway.sockets.open_socket import OpenSocket

logger = logging.getLogger(__name__)

Event = dict[str, Any]
Headers = Iterable[tuple[bytes, bytes]]
_Actions = dict[str, Callable[["ApplicationCall", Event], None]]


class Handshake(Protocol):
    """The ways to answer a request for a WebSocket."""

    def accept(self, receiver: FrameReceiver, subprotocol: str | None, headers: Headers) -> OpenSocket:
        """Accept it."""

    def refuse(self, status: int, text: str = "") -> None:
        """Refuse it with a status."""

    def deny(self, status: int, headers: Headers) -> None:
        """Refuse it with an answer whose body follows."""

    def deny_body(self, chunk: bytes, *, is_last: bool) -> None:
        """Send a part of that body."""


class ApplicationCall:
    """The application's ``receive`` and ``send``, and the FrameReceiver that feeds them.

    An application that calls ``scope["extensions"]["deepstream.frames"]["attach"]`` after it accepted puts a
    receiver of its own in this place, and may return: the socket stays open, and of this call nothing stays.
    """

    __slots__ = (
        "_allowed", "_end", "_events", "_handshake", "_has_attached", "_has_connected", "_has_paused",
        "_max_queue", "_socket", "_writable",
    )  # fmt: skip

    def __init__(self, handshake: Handshake, *, max_queue: int) -> None:
        self._handshake = handshake
        self._max_queue = max_queue
        self._socket: OpenSocket | None = None
        self._events: asyncio.Queue[Event] | None = None  # made when needed; bounded by pausing the socket
        self._writable: asyncio.Event | None = None  # there is one while the client reads too slowly
        self._has_connected = False  # the application has been told
        self._allowed: _Actions = _CONNECTING
        self._has_attached = False
        self._has_paused = False
        self._end: tuple[int, str] | None = None  # code and reason of the closing

    async def run(self, application: Callable[..., Any], scope: dict[str, Any]) -> None:
        """Call the application, and close or refuse what it leaves undecided."""
        code = INTERNAL_ERROR
        try:
            await application(scope, self.receive, self.send)
            code = NORMAL_CLOSURE
        except ClientDisconnected:
            code = NORMAL_CLOSURE
        except Exception:
            logger.exception("Exception in ASGI application")
        finally:
            self._finish(code)

    def _finish(self, code: int) -> None:
        if self._socket is not None:
            if code != NORMAL_CLOSURE or not self._has_attached:
                self._socket.close(code)
        elif self._allowed is _DENYING_BODY:
            self._handshake.deny_body(b"", is_last=True)
        elif self._end is None:
            logger.error("The ASGI application ended without an answer to a WebSocket handshake")
            self._handshake.refuse(500, "Internal Server Error\n")

    async def receive(self) -> Event:
        """The application's ``receive``."""
        if self._has_attached:
            raise RuntimeError("an attached socket has no ASGI events")
        if not self._has_connected:
            self._has_connected = True
            return {"type": "websocket.connect"}
        events = self._queue()
        event = await events.get()
        if self._has_paused and self._socket is not None and events.empty():
            self._has_paused = False
            self._socket.resume_reading()
        return event

    async def send(self, event: Event) -> None:
        """The application's ``send``: waits while the client reads too slowly; OSError when it is gone."""
        if self._writable is not None:
            await self._writable.wait()
        if self._end is not None:
            raise ClientDisconnected
        action = self._allowed.get(event["type"])
        if action is None:
            raise RuntimeError(
                f"the ASGI message {event['type']!r} is not allowed in this state of the socket"
            )
        action(self, event)

    def _accept(self, event: Event) -> None:
        self._socket = self._handshake.accept(self, event.get("subprotocol"), event.get("headers", ()))
        self._allowed = _OPEN

    def _reject(self, event: Event) -> None:
        self._handshake.refuse(403)

    def _deny(self, event: Event) -> None:
        self._handshake.deny(event["status"], event.get("headers", ()))
        self._allowed = _DENYING

    def _deny_body(self, event: Event) -> None:
        self._allowed = _DENYING_BODY
        self._handshake.deny_body(event.get("body", b""), is_last=not event.get("more_body", False))

    def _send(self, event: Event) -> None:
        assert self._socket is not None
        data = event.get("bytes")
        self._socket.write([text_frame(event["text"]) if data is None else binary_frame(data)])

    def _close(self, event: Event) -> None:
        assert self._socket is not None
        self._socket.close(event.get("code", NORMAL_CLOSURE), event.get("reason") or "")
        self._allowed = {}

    def attach(self, receiver: FrameReceiver) -> FrameTransport:
        """Deliver to ``receiver`` from now on, and first of all what the application has not received yet."""
        socket = self._socket
        if socket is None or self._has_attached:
            raise RuntimeError("attach is called once, and after websocket.accept was sent")
        self._has_attached = True
        self._allowed = {}
        backlog = self._backlog()
        if self._end is None:
            socket.attach(receiver, backlog)
            socket.resume_reading()
        else:
            loop = asyncio.get_running_loop()
            loop.call_soon(receiver.frames_received, backlog)
            loop.call_soon(receiver.connection_closed, *self._end)
        self._events = None
        self.writing_resumed()  # who still waits to send hears that there is no more to send
        return socket

    def _queue(self) -> asyncio.Queue[Event]:
        if self._events is None:
            self._events = asyncio.Queue()
        return self._events

    def _backlog(self) -> list[Payload]:
        if self._events is None:
            return []
        events = [self._events.get_nowait() for _ in range(self._events.qsize())]
        return [
            event["text"] if "text" in event else event["bytes"]
            for event in events
            if event["type"] == "websocket.receive"
        ]

    # The FrameReceiver of the OpenSocket, until another one is attached.

    def frames_received(self, payloads: list[Payload]) -> None:
        """Queue an event for each message, and stop reading when the application falls behind."""
        for payload in payloads:
            kind = "text" if isinstance(payload, str) else "bytes"
            self._queue().put_nowait({"type": "websocket.receive", kind: payload})
        if self._socket is not None and self._queue().qsize() >= self._max_queue:
            self._has_paused = True
            self._socket.pause_reading()

    def writing_paused(self) -> None:
        """Let ``send`` wait."""
        if self._writable is None:
            self._writable = asyncio.Event()

    def writing_resumed(self) -> None:
        """Let ``send`` go on."""
        writable, self._writable = self._writable, None
        if writable is not None:
            writable.set()

    def connection_closed(self, code: int, reason: str) -> None:
        """Tell the application, and wake it up if it waits in ``send``."""
        self._end = (code, reason)
        self._allowed = {}
        self._queue().put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.writing_resumed()


_CONNECTING: Final[_Actions] = {
    "websocket.accept": ApplicationCall._accept,
    "websocket.close": ApplicationCall._reject,
    "websocket.http.response.start": ApplicationCall._deny,
}
_DENYING: Final[_Actions] = {"websocket.http.response.body": ApplicationCall._deny_body}
_DENYING_BODY: Final[_Actions] = {"websocket.http.response.body": ApplicationCall._deny_body}
_OPEN: Final[_Actions] = {
    "websocket.send": ApplicationCall._send,
    "websocket.close": ApplicationCall._close,
}
"""What the application may send, by the state of the socket."""
