"""The WebSocket protocol class for uvicorn: ``--ws gateway.websocket:WebSocketProtocol``.

It does the opening handshake and calls the application (``sockets/application_call.py``); an accepted socket
goes on as an OpenSocket (``sockets/open_socket.py``). Compression is not offered, and no pings are sent:
whoever needs a heartbeat has one in its own protocol.
"""

from __future__ import annotations

import asyncio
import logging
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

from uvicorn.config import Config
from uvicorn.protocols.utils import get_client_addr, get_path_with_query_string, is_ssl
from uvicorn.server import ServerState
from websockets.datastructures import Headers
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol

from gateway.sockets.application_call import ApplicationCall
from gateway.sockets.closing import ABNORMAL_CLOSURE, hang_up
from gateway.sockets.frames import FrameReceiver
from gateway.sockets.open_socket import OpenSocket
from gateway.sockets.upgrade import AsgiHeaders, Upgrade, plain_upgrade, upgrade_of

logger = logging.getLogger(__name__)
access_logger = logging.getLogger("uvicorn.access")

EARLY_LIMIT = 64 * 1024
"""Bytes that a client may send ahead of the answer to its handshake before it has to wait."""


def phrase_of(status: int) -> str:
    """The reason phrase of an HTTP status, empty for one that has none."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def decode_headers(headers: AsgiHeaders) -> list[tuple[str, str]]:
    """ASGI's headers as those of websockets."""
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]


def plain_response(status: int, text: str) -> bytes:
    """A whole HTTP answer after which the connection ends."""
    return ServerProtocol(logger=logger).reject(status, text).serialize()


def _address(info: Any) -> tuple[str, int | None] | None:
    """An end of a connection as ASGI wants it: host and port, or the path of a Unix socket."""
    if isinstance(info, (tuple, list)):  # a union would be made anew for each connection
        return str(info[0]), int(info[1])
    return (str(info), None) if info else None


class WebSocketProtocol(asyncio.Protocol):
    """The opening handshake of one WebSocket (RFC 6455 section 4.2), up to its acceptance or refusal."""

    __slots__ = (
        "_app_state", "_call", "_config", "_early", "_is_over", "_refusal", "_scope", "_server_state",
        "_timer", "_transport", "_upgrade",
    )  # fmt: skip

    _transport: asyncio.Transport

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        if not config.loaded:
            config.load()
        self._config = config
        self._server_state = server_state
        self._app_state = app_state
        self._scope: dict[str, Any] = {}
        self._call: ApplicationCall | None = None
        self._upgrade: Upgrade | None = None  # the request, as long as it is not answered
        self._refusal: Response | None = None  # the head of an answer of the application's own, until sent
        self._early = b""
        self._timer: asyncio.TimerHandle | None = None
        self._is_over = False  # refused, or lost

    @property
    def _connections(self) -> set[Any]:
        return self._server_state.connections

    # What uvicorn and asyncio call.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Uvicorn has seen an Upgrade request and hands over its transport."""
        self._transport = transport  # type: ignore[assignment]  # uvicorn's are whole transports
        self._connections.add(self)

    def data_received(self, data: bytes) -> None:
        """First the whole request, as uvicorn hands it over; then what a client sends ahead of the answer."""
        if self._is_over:
            return
        if self._upgrade is None and self._call is None:
            self._read_request(data)
            return
        self._early += data
        if len(self._early) > EARLY_LIMIT:
            self._transport.pause_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client left before it was accepted, or after it was refused."""
        self._connections.discard(self)
        if self._timer is not None:
            self._timer.cancel()
        self._end()

    def pause_writing(self) -> None:
        """The client reads the body of its refusal too slowly."""
        if self._call is not None:
            self._call.writing_paused()

    def resume_writing(self) -> None:
        """The client has caught up."""
        if self._call is not None:
            self._call.writing_resumed()

    def shutdown(self) -> None:
        """Refuse the client because the server stops (uvicorn's graceful shutdown)."""
        if self._is_over:
            return
        if self._upgrade is None and self._refusal is None:  # a refusal's body is under way
            self._hang_up(b"")
        else:
            self.refuse(503, "The server is shutting down.\n")

    # The request.

    def _read_request(self, data: bytes) -> None:
        if (upgrade := plain_upgrade(data)) is not None:
            self.begin(upgrade)
            return
        handshake = ServerProtocol(logger=logger)
        handshake.receive_data(data)
        request = next(iter(handshake.events_received()), None)
        if not isinstance(request, Request):
            answer = b"".join(
                handshake.data_to_send()
            )  # 414 or 431; nothing if the request made no sense at all
            self._hang_up(answer or plain_response(400, "This is not a WebSocket handshake.\n"))
            return
        response = handshake.accept(request)
        if response.status_code != 101:
            self._hang_up(response.serialize())
            return
        self.begin(upgrade_of(request))

    def begin(self, upgrade: Upgrade) -> None:
        """Call the application for a valid request; instead of ``data_received`` with it."""
        self._upgrade = upgrade
        self._scope = self._make_scope(upgrade)
        self._call = ApplicationCall(self, max_queue=self._config.ws_max_queue)
        self._scope["extensions"]["deepstream.frames"] = {"attach": self._call.attach}
        run = self._call.run(self._config.loaded_app, self._scope)
        task = asyncio.get_running_loop().create_task(run)
        self._server_state.tasks.add(task)
        task.add_done_callback(self._server_state.tasks.discard)

    def _make_scope(self, upgrade: Upgrade) -> dict[str, Any]:
        path, _, query = upgrade.target.partition(b"?")
        root_path = self._config.root_path
        text = path.decode("ascii")
        local, remote = map(self._transport.get_extra_info, ("sockname", "peername"))
        return {
            "type": "websocket",
            "asgi": {"version": self._config.asgi_version, "spec_version": "2.4"},
            "http_version": "1.1",
            "scheme": "wss" if is_ssl(self._transport) else "ws",
            "server": _address(local),
            "client": _address(remote),
            "root_path": root_path,
            "path": root_path + (unquote(text) if "%" in text else text),
            "raw_path": root_path.encode("ascii") + path,
            "query_string": query,
            "headers": upgrade.headers,
            "subprotocols": list(upgrade.subprotocols),
            "state": self._app_state.copy(),
            "extensions": {"websocket.http.response": {}},
        }

    # The answer.

    def accept(self, receiver: FrameReceiver, subprotocol: str | None, headers: AsgiHeaders) -> OpenSocket:
        """Answer 101 and give the transport to an OpenSocket, which delivers to ``receiver``."""
        upgrade, self._upgrade = self._upgrade, None
        assert upgrade is not None
        headers = [*self._server_state.default_headers, *headers]
        self._transport.write(upgrade.acceptance(headers, subprotocol))
        self._log(101)
        return self._open(receiver)

    def _open(self, receiver: FrameReceiver) -> OpenSocket:
        self._connections.discard(self)
        socket = OpenSocket(
            self._transport,
            receiver,
            connections=self._connections,
            max_size=self._config.ws_max_size,
            early=self._early,
        )
        self._transport.set_protocol(socket)
        socket.resume_reading()
        self._call = None
        self._scope = {}
        return socket

    def refuse(self, status: int, text: str = "") -> None:
        """Answer with an HTTP error and end the connection."""
        self._log(status)
        self._hang_up(plain_response(status, text))

    def deny(self, status: int, headers: AsgiHeaders) -> None:
        """Get ready for an answer of the application's own (ASGI's ``websocket.http.response``)."""
        response = Response(
            status, phrase_of(status), Headers(decode_headers(self._server_state.default_headers))
        )
        response.headers.update(decode_headers(headers))
        response.headers["Connection"] = "close"
        self._upgrade, self._refusal = None, response
        self._log(status)

    def deny_body(self, chunk: bytes, *, is_last: bool) -> None:
        """Send a part of that answer's body, before the first one its head."""
        response, self._refusal = self._refusal, None
        if response is not None:
            chunk = response.serialize() + chunk
        if is_last:
            self._hang_up(chunk)
        elif chunk:
            self._transport.write(chunk)

    def _hang_up(self, answer: bytes) -> None:
        if not self._transport.is_closing():
            if answer:
                self._transport.write(answer)
            self._timer = hang_up(self._transport)
        self._end()

    def _end(self) -> None:
        self._is_over = True
        call, self._call = self._call, None
        if call is not None:
            call.connection_closed(ABNORMAL_CLOSURE, "")

    def _log(self, status: int) -> None:
        if self._config.access_log and access_logger.isEnabledFor(logging.INFO):
            scope: Any = self._scope
            path = get_path_with_query_string(scope)
            access_logger.info('%s - "%s %s HTTP/%s" %d', get_client_addr(scope), "GET", path, "1.1", status)
