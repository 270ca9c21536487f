"""The health check, answered before Django so that no host name or middleware stands in its way."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from gateway.http.messages import Response, json_response, not_allowed
from gateway.node import Node


class HealthCheck:
    """200 while the node can serve, 503 with the reason when not; other paths go to ``application``.

    To serve is to have a store that answers and, in a cluster, to be heard by the other nodes:
    ``cluster_problem()`` says why not.
    """

    def __init__(
        self,
        path: str,
        node: Callable[[], Node],
        application: Callable[..., Awaitable[None]],
        cluster_problem: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._path = path
        self._node = node
        self._application = application
        self._cluster_problem = cluster_problem

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Serve one HTTP request."""
        if scope["path"] != self._path:
            await self._application(scope, receive, send)
            return
        method = scope["method"]
        response = await self._answer() if method in ("GET", "HEAD") else not_allowed(method, ("GET", "HEAD"))
        await response.send(send, ((b"cache-control", b"no-store"),), with_body=method != "HEAD")

    async def problem(self) -> str | None:
        """Why the server cannot serve, None if it can."""
        return await self._node().problem() or self._cluster_problem()

    async def _answer(self) -> Response:
        problem = await self.problem()
        if problem is None:
            return json_response({"status": "ok"})
        return json_response({"status": "unavailable", "reason": problem}, status=503)
