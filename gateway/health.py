"""The health check, answered before Django so that no host name or middleware stands in its way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from gateway.http_messages import Response, json_response, not_allowed
from gateway.node import Node

CHANNEL = "deepstream.health"
"""What nobody reads: that the channel layer takes a message for it is the sign of life."""

LAYER_TIMEOUT = 2.0
"""Seconds that the channel layer may take."""


class Layer(Protocol):
    """A channel layer, as far as it can be asked whether it lives."""

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        """Put ``message`` on a channel."""


class HealthCheck:
    """200 while the node can serve, 503 with the reason when not; other paths go to ``application``.

    To serve is to have a store that answers and, where there is one beside the process's own memory, a
    channel ``layer``.
    """

    def __init__(
        self,
        path: str,
        node: Callable[[], Node],
        application: Callable[..., Awaitable[None]],
        layer: Layer | None = None,
    ) -> None:
        self._path = path
        self._node = node
        self._application = application
        self._layer = layer

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Serve one HTTP request."""
        if scope["path"] != self._path:
            await self._application(scope, receive, send)
            return
        method = scope["method"]
        response = await self._answer() if method in ("GET", "HEAD") else not_allowed(method, ("GET", "HEAD"))
        await response.send(send, ((b"cache-control", b"no-store"),), with_body=method != "HEAD")

    async def _answer(self) -> Response:
        problem = await self._node().problem() or await self._layer_problem()
        if problem is None:
            return json_response({"status": "ok"})
        return json_response({"status": "unavailable", "reason": problem}, status=503)

    async def _layer_problem(self) -> str | None:
        if self._layer is None:
            return None
        try:
            async with asyncio.timeout(LAYER_TIMEOUT):
                await self._layer.send(CHANNEL, {"type": "health"})
        except TimeoutError:
            return "the channel layer does not answer"
        except Exception as error:  # noqa: BLE001 - whatever its driver raises, it is the answer
            return f"the channel layer fails: {error}"
        return None
