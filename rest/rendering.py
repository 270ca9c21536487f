"""Answers as JSON: any value, as it is stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from rest_framework.renderers import BaseRenderer


class JsonRenderer(BaseRenderer):
    """JSON by orjson; None is no body, and ``NULL`` a null."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        """``data`` as bytes."""
        return b"" if data is None else orjson.dumps(data, default=str)


NULL = orjson.Fragment(b"null")
"""The answer of a call that returned null."""
