"""What a browser that opens a WebSocket is logged in as, by its cookie."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http.cookie import parse_cookie
from django.utils.http import is_same_domain


def session_key_of(scope: Mapping[str, Any]) -> str | None:
    """The key of the Django session in the cookie, unless a page of a foreign origin opened the socket.

    A browser sends cookies along whatever page it shows, and says which in ``Origin``: without that look,
    any page could speak here in the name of the user.
    """
    headers = dict(scope["headers"])
    if b"cookie" not in headers:
        return None
    cookie = headers[b"cookie"].decode("latin-1")
    if settings.SESSION_COOKIE_NAME not in cookie:
        return None
    origin = headers.get(b"origin")
    if origin is not None and not _is_ours(origin.decode("latin-1"), headers.get(b"host", b"")):
        return None
    return parse_cookie(cookie).get(settings.SESSION_COOKIE_NAME) or None


def _is_ours(origin: str, host: bytes) -> bool:
    """Whether ``origin`` is this server, or one that ``CSRF_TRUSTED_ORIGINS`` names."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    if not parts.netloc:
        return False
    if parts.netloc.lower() == host.decode("latin-1").lower():
        return True
    trusted = map(urlsplit, settings.CSRF_TRUSTED_ORIGINS)
    return any(_is_covered(parts.scheme, parts.netloc, one) for one in trusted)


def _is_covered(scheme: str, netloc: str, trusted: Any) -> bool:
    pattern = trusted.netloc.removeprefix("*") if trusted.netloc.startswith("*.") else trusted.netloc
    return scheme == trusted.scheme and is_same_domain(netloc, pattern)
