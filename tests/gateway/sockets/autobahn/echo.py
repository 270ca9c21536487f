"""An echo in both modes: ``/plain`` with ASGI's receive and send, ``/attached`` with ready frames."""

from __future__ import annotations

from typing import Any

from gateway.sockets.frames import Attach, Payload, binary_frame, text_frame


def frame(payload: Payload) -> bytes:
    """The frame that carries ``payload`` back as what it came."""
    return text_frame(payload) if isinstance(payload, str) else binary_frame(payload)


class EchoReceiver:
    """Sends back all messages of a read in one write."""

    def __init__(self, attach: Attach) -> None:
        self.transport = attach(self)

    def frames_received(self, payloads: list[Payload]) -> None:
        self.transport.write([frame(payload) for payload in payloads])

    def writing_paused(self) -> None:
        self.transport.pause_reading()

    def writing_resumed(self) -> None:
        self.transport.resume_reading()

    def connection_closed(self, code: int, reason: str) -> None:
        pass


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Echo by the mode that the path names."""
    await receive()
    await send({"type": "websocket.accept"})
    if scope["path"] == "/attached":
        EchoReceiver(scope["extensions"]["deepstream.frames"]["attach"])
        return
    while (event := await receive())["type"] == "websocket.receive":
        await send({**event, "type": "websocket.send"})
