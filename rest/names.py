"""Names as the tail of a path: whatever comes after the last fixed part, slashes and line breaks too."""

from __future__ import annotations

from urllib.parse import quote, unquote_to_bytes

from rest_framework.request import Request

from rest.problems import Problem


class NameConverter:
    """Django's path converter for such a name: any text that is not empty."""

    regex = r"[\s\S]+"

    def to_python(self, value: str) -> str:
        """The name; ASGI has taken the percent-encoding away."""
        return value

    def to_url(self, value: str) -> str:
        """The name, as Django encodes it further."""
        return value


def encoded(name: str) -> str:
    """``name`` as a path's tail in an address."""
    return quote(name, safe="")


def refuse_broken_path(request: Request) -> None:
    """Refuse a path that is no UTF-8: it would reach us with other characters in it."""
    scope = getattr(request._request, "scope", {})
    try:
        unquote_to_bytes(scope.get("raw_path") or b"").decode()
    except UnicodeDecodeError:
        raise Problem(400, "The path is no UTF-8: percent-encode the UTF-8 bytes of the name.") from None
