"""HTTP requests and responses over ASGI, as far as the API's paths need them."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import orjson


class Request:
    """One HTTP request; header names in lower case."""

    def __init__(self, scope: dict[str, Any], receive: Any) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.query: str = scope["query_string"].decode("latin-1")
        client = scope.get("client")
        self.address = f"{client[0]}:{client[1]}" if client else ""
        self._headers = scope["headers"]
        self._receive = receive

    @cached_property
    def headers(self) -> dict[str, str]:
        """The request headers."""
        return {name.decode("latin-1"): value.decode("latin-1") for name, value in self._headers}

    async def body(self, limit: int) -> bytes | None:
        """The whole body; None if it is larger than ``limit`` bytes, of which no more is kept."""
        parts: list[bytes] = []
        size = 0
        while True:
            event = await self._receive()
            if event["type"] == "http.disconnect":
                return b""
            parts.append(event.get("body", b""))
            size += len(parts[-1])
            if size > limit:
                return None
            if not event.get("more_body"):
                return b"".join(parts)


class Response:
    """One HTTP response, whole."""

    def __init__(self, status: int, body: bytes, content_type: str) -> None:
        self.status = status
        self.body = body
        self.content_type = content_type

    async def send(self, send: Any, headers: list[tuple[bytes, bytes]], *, with_body: bool) -> None:
        """Send it with ``headers`` beside its own."""
        own = [
            (b"content-type", self.content_type.encode()),
            (b"content-length", str(len(self.body)).encode()),
        ]
        await send({"type": "http.response.start", "status": self.status, "headers": own + headers})
        await send({"type": "http.response.body", "body": self.body if with_body else b""})


def json_response(content: Any, *, status: int = 200) -> Response:
    """``content`` as JSON."""
    return Response(status, orjson.dumps(content), "application/json; charset=utf-8")


def text_response(status: int, text: str) -> Response:
    """A line of plain text."""
    return Response(status, f"{text}\n".encode(), "text/plain; charset=utf-8")
