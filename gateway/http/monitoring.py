"""Figures by HTTP (CONFIG.md, monitoring, type ``http``), answered before Django."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from hmac import compare_digest
from typing import Any

from deepstream_project.config_services import MonitoringConfig
from gateway.http.messages import json_response, not_allowed, text_response
from monitoring.report import Period


class MonitoringPage:
    """Answers GET with what happened since the last time; other paths go to ``application``.

    Without the right header, where one is configured, the page is not there, as upstream has it.
    """

    def __init__(
        self,
        settings: MonitoringConfig,
        period: Callable[[], Period],
        application: Callable[..., Awaitable[None]],
    ) -> None:
        self._path = settings.url
        self._key = (settings.header_key or "").encode()
        self._value = (settings.header_value or "").encode()
        self._is_open = settings.allow_open_permissions
        self._period = period
        self._application = application

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Serve one HTTP request."""
        if scope["path"] != self._path:
            await self._application(scope, receive, send)
            return
        method = scope["method"]
        if not self._may_read(scope):
            response = text_response(404, "Endpoint not found.")
        elif method != "GET":  # HEAD would take the figures away from the next who asks
            response = not_allowed(method, ("GET",))
        else:
            response = json_response(self._period().take())
        await response.send(send, ((b"cache-control", b"no-store"),), with_body=method != "HEAD")

    def _may_read(self, scope: dict[str, Any]) -> bool:
        if self._is_open:
            return True
        return any(
            name == self._key and compare_digest(value, self._value) for name, value in scope["headers"]
        )
