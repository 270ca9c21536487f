"""The health check, answered before Django so that no host name or middleware stands in its way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from gateway.node import Node


class HealthCheck:
    """200 while the node can serve, 503 when it cannot; all other paths go to ``application``."""

    def __init__(self, path: str, node: Callable[[], Node | None], application: Any) -> None:
        self._path = path
        self._node = node
        self._application = application

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Serve one HTTP request."""
        if scope["path"] != self._path:
            await self._application(scope, receive, send)
            return
        node = self._node()
        healthy = node is None or not node.is_stopping
        body = orjson.dumps({"status": "ok" if healthy else "stopping"})
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200 if healthy else 503, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
