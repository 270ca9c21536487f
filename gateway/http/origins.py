"""Which web pages may use the HTTP API (Fetch standard, CORS; PROTOCOL.md section 10)."""

from __future__ import annotations

from gateway.http.messages import Headers, Request, Response

_METHODS = b"GET, POST, OPTIONS"
_REQUEST_HEADERS = b"Content-Type, Authorization, Accept, X-Requested-With, X-HTTP-Method-Override"
_PREFLIGHT_LASTS = b"86400"


class Origins:
    """Pages of all origins, or only of those in ``allowed``.

    A request without ``Origin`` does not come from a foreign page, and is welcome in either case.
    """

    def __init__(self, allowed: tuple[str, ...], *, allow_all: bool) -> None:
        self._allowed = frozenset(allowed)
        self._allow_all = allow_all

    def are_welcome(self, request: Request) -> bool:
        """Whether the page that sends ``request``, if one does, may."""
        origin = request.headers.get("origin")
        return origin is None or self._allow_all or origin in self._allowed

    def headers(self, request: Request) -> Headers:
        """What lets a browser show the answer to the page that asked."""
        if self._allow_all:
            return ((b"access-control-allow-origin", b"*"),)
        vary = (b"vary", b"Origin")  # whether there is an Origin or not: caches must not mix them up
        origin = request.headers.get("origin")
        if origin not in self._allowed:
            return (vary,)
        return (b"access-control-allow-origin", origin.encode("latin-1")), vary


def preflight() -> Response:
    """What a browser is told that asks whether it may send a request."""
    headers = (
        (b"access-control-allow-methods", _METHODS),
        (b"access-control-allow-headers", _REQUEST_HEADERS),
        (b"access-control-max-age", _PREFLIGHT_LASTS),
    )
    return Response(204, b"", "text/plain", headers)
