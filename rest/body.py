"""Bodies of requests: JSON, bounded, and exactly what the client sent."""

from __future__ import annotations

from typing import Any

import orjson
from django.conf import settings
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.request import Request
from rest_framework.serializers import BaseSerializer

from rest.problems import Problem

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"


class Absent:
    """There is no body."""


ABSENT = Absent()


def media_type(request: Request) -> str:
    """The body's type without parameters, in lower case."""
    return str(request.content_type or "").partition(";")[0].strip().lower()


def read_json(request: Request, *types: str) -> Any:
    """The value in the body, ``ABSENT`` if there is none; of one of ``types``, by default JSON.

    REST framework would take a body without Content-Length for none, and a client that streams would
    overwrite a record with nothing.
    """
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    text = request._request.read(limit + 1 if limit else -1)
    if not text:
        return ABSENT
    if limit and len(text) > limit:
        raise Problem(413, f"The body has more than {limit} bytes.")
    allowed = types or (JSON,)
    if media_type(request) not in allowed:
        raise UnsupportedMediaType(
            request.content_type,
            f"The Content-Type must be {' or '.join(allowed)}, not {media_type(request)!r}.",
        )
    try:
        return orjson.loads(text)
    except ValueError as error:
        raise Problem(400, f"The body is no JSON: {error}.", kind="invalid") from None


def required_json(request: Request, *types: str) -> Any:
    """As ``read_json``, but there must be a body."""
    value = read_json(request, *types)
    if value is ABSENT:
        raise Problem(400, "The request needs a body of JSON.", kind="invalid")
    return value


def validated(serializer: type[BaseSerializer[Any]], value: Any) -> dict[str, Any]:
    """``value`` as ``serializer`` reads it; raises ValidationError with all that is wrong."""
    reader = serializer(data=value)
    reader.is_valid(raise_exception=True)
    found: dict[str, Any] = reader.validated_data
    return found
