"""The server itself: uvicorn with uvloop and our WebSocket class, and a stop that loses nothing."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import socket
import sys
from ssl import CERT_NONE, CERT_OPTIONAL

import uvicorn
from django.conf import settings

from gateway.application import Application
from gateway.arrival import Arrivals
from gateway.websocket import WebSocketProtocol

log = logging.getLogger("deepstream")

SWITCH_INTERVAL = 0.00005
"""Seconds after which the event loop lends the interpreter to the store's threads when they want it."""

GC_THRESHOLDS = (50_000, 20, 100)
"""A full collection looks at every connection there is, and all clients wait; so it comes seldom."""

SHUTDOWN_TIMEOUT = 10
"""Seconds that clients have to answer the goodbye."""

BACKLOG = 4096
"""Connections that may wait to be accepted."""


class Server(uvicorn.Server):
    """Settles every write under way before it says goodbye to the clients."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._arrivals = Arrivals()
        http, endpoints = application.config.http, application.config.endpoints
        sockets = (endpoints.binary, endpoints.json, endpoints.text)
        sizes = [end.max_message_size for end in sockets if end is not None]
        ssl = http.ssl
        super().__init__(
            uvicorn.Config(
                application,
                host=http.host,
                port=http.port,
                loop="uvloop",
                http=self._arrivals,  # type: ignore[arg-type]  # a factory does as well as a class
                ws=WebSocketProtocol,
                ws_max_size=max(sizes, default=http.max_message_size),
                lifespan="on",
                log_config=None,
                access_log=False,
                backlog=BACKLOG,
                server_header=False,
                proxy_headers=settings.BEHIND_PROXY,
                timeout_graceful_shutdown=SHUTDOWN_TIMEOUT,
                ssl_keyfile=str(ssl.key) if ssl else None,
                ssl_certfile=str(ssl.cert) if ssl else None,
                ssl_ca_certs=str(ssl.ca) if ssl and ssl.ca else None,
                ssl_cert_reqs=CERT_OPTIONAL if ssl and ssl.ca else CERT_NONE,
                ssl_keyfile_password=ssl.passphrase if ssl else None,
            )
        )

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until a signal says stop; returns then, where uvicorn would raise the signal once more."""
        for stop in (signal.SIGTERM, signal.SIGINT):
            signal.signal(stop, lambda *_: None)
        super().run(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to serve; what start-up made is no longer looked at by the garbage collector."""
        sys.setswitchinterval(SWITCH_INTERVAL)
        await super().startup(sockets)
        with contextlib.suppress(ValueError, RuntimeError):  # signals are for the main thread alone
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._application.reload)
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more connections, settle what is under way, say goodbye, end."""
        for server in self.servers:
            server.close()
        await self._application.stop()
        await super().shutdown(sockets)
        self._arrivals.close()
