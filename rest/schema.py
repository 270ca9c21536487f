"""The OpenAPI description and the page to browse it."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import HttpResponseBase
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView
from rest_framework.exceptions import NotAuthenticated
from rest_framework.renderers import TemplateHTMLRenderer
from rest_framework.request import Request

from rest.problems import MEDIA_TYPE

EVERYWHERE = (400, 401, 403, 406, 429, 500, 503, 504)
"""Statuses that any endpoint may answer with."""

WITH_BODY = (413, 415)
"""Statuses that any endpoint which takes a body may answer with."""

ANY_JSON: dict[str, Any] = {"description": "Any JSON value."}
CONTAINER: dict[str, Any] = {
    "oneOf": [{"type": "object", "additionalProperties": True}, {"type": "array", "items": {}}],
    "description": "The record's data: a JSON object or array.",
}
PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "Problem details (RFC 9457).",
    "properties": {
        "type": {"type": "string", "description": "about:blank, or urn:deepstream: and what went wrong."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What is wrong, and what to do."},
        "errors": {
            "type": "array",
            "description": "What is wrong with which field, if that is what is wrong.",
            "items": {
                "type": "object",
                "properties": {"field": {"type": "string"}, "detail": {"type": "string"}},
                "required": ["field", "detail"],
            },
        },
    },
    "required": ["type", "title", "status", "detail"],
    "additionalProperties": True,
}

NAME = OpenApiParameter(
    "name",
    OpenApiTypes.STR,
    OpenApiParameter.PATH,
    description="The name: any characters, percent-encoded as UTF-8; slashes need not be.",
)

ETAG = OpenApiParameter(
    "ETag",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    response=True,
    description="The record's version, quoted.",
)


def problem_statuses(*statuses: int) -> dict[int, Any]:
    """Responses for ``extend_schema``: problems beyond those that are everywhere."""
    return {status: {"description": HTTPStatus(status).phrase} for status in statuses}


def add_problems(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """A hook of drf-spectacular: answers from 400 on are problems, and the usual ones are everywhere."""
    result.setdefault("components", {}).setdefault("schemas", {})["Problem"] = PROBLEM
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for path in result["paths"].values():
        for operation in path.values():
            responses = operation["responses"]
            usual = EVERYWHERE + (WITH_BODY if "requestBody" in operation else ())
            for status in sorted({*usual, *(int(code) for code in responses if int(code) >= 400)}):
                given = responses.get(str(status), {})
                described = given.get("description") or HTTPStatus(status).phrase
                responses[str(status)] = {**given, "description": described, "content": content}
    return result


class Description(SpectacularAPIView):
    """The description, as YAML or JSON by the Accept header."""


@extend_schema(exclude=True)
class Docs(SpectacularSwaggerView):
    """The page, by Swagger UI; its requests go out with the session of who looks at it."""

    renderer_classes = [TemplateHTMLRenderer]  # noqa: RUF012
    url_name = "rest:schema"

    def handle_exception(self, exc: Exception) -> Any:
        """Who is nobody logs in first."""
        if isinstance(exc, NotAuthenticated):
            return self._log_in(self.request)
        return super().handle_exception(exc)

    def _log_in(self, request: Request) -> HttpResponseBase:
        return redirect_to_login(request.get_full_path(), reverse("admin:login"))
