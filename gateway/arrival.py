"""The first moment of a connection: what it wants is told by its first bytes.

A plain handshake is answered without an HTTP parser, which a client that stays for hours has no use for. All
else goes to uvicorn's HTTP as it came.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.config import Config
from uvicorn.server import ServerState

from gateway.sockets.http_protocol import HEAD_TIMEOUT, HttpProtocol
from gateway.sockets.upgrade import plain_upgrade
from gateway.websocket import WebSocketProtocol
from pubsub.timers import Deadlines


class Arrival(asyncio.Protocol):
    """A connection that has not said anything yet."""

    __slots__ = ("_app_state", "_config", "_server_state", "_silent", "_transport")

    _transport: asyncio.Transport

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        silent: Deadlines[Arrival],
    ) -> None:
        self._config = config
        self._server_state = server_state
        self._app_state = app_state
        self._silent = silent

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client connected: it has a bounded time to say what it wants."""
        self._transport = transport  # type: ignore[assignment]  # a server's are whole transports
        self._server_state.connections.add(self)  # type: ignore[arg-type]  # of all, only shutdown is asked
        self._silent.start(self)

    def data_received(self, data: bytes) -> None:
        """Hand the connection over to the protocol that these first bytes are for."""
        self._leave()
        transport, upgrade = self._transport, plain_upgrade(data)
        if upgrade is not None:
            websocket = WebSocketProtocol(self._config, self._server_state, self._app_state)
            websocket.connection_made(transport)
            transport.set_protocol(websocket)
            websocket.begin(upgrade)
            return
        http = HttpProtocol(self._config, self._server_state, self._app_state)
        http.connection_made(transport)
        transport.set_protocol(http)
        http.data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone, and has said nothing."""
        self._leave()

    def shutdown(self) -> None:
        """Hang up because the server stops (uvicorn's graceful shutdown)."""
        self._transport.close()

    def hang_up(self) -> None:
        """It has had its time."""
        self._transport.close()

    def _leave(self) -> None:
        self._silent.stop(self)
        self._server_state.connections.discard(self)


class Arrivals:
    """Makes the protocol of each new connection, as uvicorn's ``http``; one timer watches them all."""

    def __init__(self) -> None:
        self._silent: Deadlines[Arrival] | None = None

    def __call__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> Arrival:
        """What uvicorn calls for a new connection."""
        if self._silent is None:
            self._silent = Deadlines(asyncio.get_running_loop(), HEAD_TIMEOUT, Arrival.hang_up)
        return Arrival(config, server_state, app_state, self._silent)

    def close(self) -> None:
        """Cancel the timer."""
        if self._silent is not None:
            self._silent.close()
