"""HTTP requests and responses over ASGI, as far as the API's paths need them."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from functools import cached_property
from typing import Any

import orjson

Headers = tuple[tuple[bytes, bytes], ...]


class ClientGone(Exception):
    """The client left before all of its request was here: nobody waits for an answer."""


class HttpError(Exception):
    """A request that is answered with a status and a line of text."""

    def __init__(self, status: int, text: str, headers: Headers = ()) -> None:
        super().__init__(text)
        self.status = status
        self.headers = headers


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

    def chosen_headers(self, names: Iterable[str]) -> dict[str, str] | None:
        """Those of ``names`` that came along, for who may see no others; None if no names are given."""
        return {name: self.headers[name] for name in names if name in self.headers} or None

    async def body(self, limit: int) -> bytes:
        """The body, unpacked; raises HttpError if it has more than ``limit`` bytes, packed or not."""
        encoding = self.headers.get("content-encoding", "identity").lower()
        if encoding not in ("identity", "gzip", "deflate"):
            raise HttpError(415, f'Content-Encoding "{encoding}" is not supported: use gzip or none.')
        body = await self._whole(limit)
        return body if encoding == "identity" else _unpacked(body, limit)

    async def _whole(self, limit: int) -> bytes:
        parts: list[bytes] = []
        size = 0
        while True:
            event = await self._receive()
            if event["type"] == "http.disconnect":
                raise ClientGone
            parts.append(event.get("body", b""))
            size += len(parts[-1])
            if size > limit:
                raise _too_large(limit)
            if not event.get("more_body"):
                return b"".join(parts)


def _unpacked(body: bytes, limit: int) -> bytes:
    """What was packed with gzip or zlib; no more of it is unpacked than is allowed."""
    unpacking = zlib.decompressobj(zlib.MAX_WBITS | 32)
    try:
        unpacked = unpacking.decompress(body, limit + 1)
    except zlib.error as error:
        raise HttpError(400, f"Failed to parse body of request: {error}.") from None
    if len(unpacked) > limit:
        raise _too_large(limit)
    if not unpacking.eof:
        raise HttpError(400, "Failed to parse body of request: the packed data ends too early.")
    return unpacked


def _too_large(limit: int) -> HttpError:
    return HttpError(413, f"The request body is larger than {limit} bytes: send fewer commands at a time.")


class Response:
    """One HTTP response, whole; ``headers`` beside its type and length."""

    def __init__(self, status: int, body: bytes, content_type: str, headers: Headers = ()) -> None:
        self.status = status
        self.body = body
        self.content_type = content_type
        self.headers = headers

    async def send(self, send: Any, headers: Headers = (), *, with_body: bool = True) -> None:
        """Send it, with ``headers`` of the sender's own."""
        own: Headers = () if self.status == 204 else self._about_the_body()
        start = {"status": self.status, "headers": [*own, *self.headers, *headers]}
        await send({"type": "http.response.start", **start})
        await send({"type": "http.response.body", "body": self.body if with_body else b""})

    def _about_the_body(self) -> Headers:
        length = str(len(self.body)).encode()
        return (b"content-type", self.content_type.encode()), (b"content-length", length)


def json_response(content: Any, *, status: int = 200) -> Response:
    """``content`` as JSON."""
    return Response(status, orjson.dumps(content), "application/json; charset=utf-8")


def text_response(status: int, text: str, headers: Headers = ()) -> Response:
    """A line of plain text."""
    return Response(status, f"{text}\n".encode(), "text/plain; charset=utf-8", headers)


def not_allowed(method: str, allowed: Iterable[str]) -> Response:
    """405, which says what is possible instead (RFC 9110, 15.5.6)."""
    supported = ", ".join(allowed)
    text = f"Unsupported method {method}. Supported methods: {supported}"
    return text_response(405, text, ((b"allow", supported.encode()),))
