"""One of several server processes on the same port; its parent is ``gateway.workers``."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import sys
from collections.abc import Iterable
from typing import Any

from gateway.application import Application
from gateway.server import Server

log = logging.getLogger("deepstream")

READY = b"ready"
"""What a worker says to its parent once it takes connections."""

CANNOT_LISTEN = 3
"""The exit status of a server that could not listen, as uvicorn's own."""


def bind(host: str, port: int) -> list[socket.socket]:
    """Sockets on ``port`` of every address of ``host``, beside those of other workers; not listening yet.

    Port 0 takes a free one. Raises ``OSError``.
    """
    made: list[socket.socket] = []
    with contextlib.ExitStack() as stack:
        for family, address in _addresses(host, port):
            if made and port == 0:
                address = (address[0], made[0].getsockname()[1], *address[2:])
            one = stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            if family == socket.AF_INET6:
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            one.bind(address)
            made.append(one)
        stack.pop_all()
    return made


def reserve(host: str, port: int) -> list[socket.socket]:
    """As ``bind``, where no other server listens: it would share the port, and get some of the clients."""
    for family, address in _addresses(host, port):
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            probe.bind(address)
    return bind(host, port)


class Worker(Server):
    """A server that tells its parent when it is ready, and ends when that is gone."""

    def __init__(self, application: Application, parent: socket.socket) -> None:
        super().__init__(application)
        self._parent = parent
        parent.setblocking(False)

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """See ``Server.run``; ends the process if it cannot listen."""
        http = self._application.config.http
        try:
            sockets = bind(http.host, http.port)
        except OSError as error:
            log.error("%s", error)
            sys.exit(CANNOT_LISTEN)
        super().run(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """See ``Server.startup``."""
        asyncio.get_running_loop().add_reader(self._parent, self._orphaned)
        await super().startup(sockets)
        with contextlib.suppress(OSError):  # a parent that is gone is noticed by the reader
            self._parent.send(READY)

    def _orphaned(self) -> None:
        """A parent says nothing, so this is its end."""
        asyncio.get_running_loop().remove_reader(self._parent)
        self.should_exit = True


def _addresses(host: str, port: int) -> Iterable[tuple[int, tuple[Any, ...]]]:
    """Family and address of each place that ``host`` names, as asyncio would listen on them."""
    found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return dict.fromkeys((family, address) for family, _, _, _, address in found)
