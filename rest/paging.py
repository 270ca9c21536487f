"""Pages by cursor: each begins where the last one ended, whatever came or went in between."""

from __future__ import annotations

from typing import Any

from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request


class CursorPages(CursorPagination):
    """Pages of ``limit`` rows, with the addresses of those before and after."""

    page_size = 100
    max_page_size = 1000
    page_size_query_param = "limit"
    page_size_query_description = "Rows of a page: 1 to 1000, by default 100."
    cursor_query_description = "Where the page begins: from next or previous of another page."

    def get_page_size(self, request: Request) -> int:
        """The rows of a page; raises ValidationError for a limit that cannot be."""
        text = request.query_params.get("limit")
        if text is None:
            return self.page_size
        if not (text.isascii() and text.isdigit() and len(text) < 9 and 1 <= int(text) <= self.max_page_size):
            raise ValidationError({"limit": f"Must be a whole number of 1 to {self.max_page_size}."})
        return int(text)

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any] | None:
        """See CursorPagination; a made-up cursor may hold what its field cannot."""
        try:
            return super().paginate_queryset(queryset, request, view)
        except (ValueError, OverflowError):
            raise ValidationError({"cursor": "Is none that was given out."}) from None

    def decode_cursor(self, request: Request) -> Cursor | None:
        """The cursor; raises ValidationError for one that was not given out."""
        try:
            cursor = super().decode_cursor(request)
        except NotFound:
            raise ValidationError({"cursor": "Is none that was given out."}) from None
        if cursor is not None and "\0" in str(cursor.position or ""):
            raise ValidationError({"cursor": "Is none that was given out."})
        return cursor

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """For the description; drf-spectacular asks for it."""
        described: list[dict[str, Any]] = super().get_schema_operation_parameters(view)
        limit = {"type": "integer", "minimum": 1, "maximum": self.max_page_size, "default": self.page_size}
        return [
            {**one, "schema": limit} if one["name"] == self.page_size_query_param else one
            for one in described
        ]
