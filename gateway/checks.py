"""What `manage.py check`, and every command that begins with it, says about the configuration."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register


@register
def database_is_known(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """The configuration says which database is meant."""
    return [
        Error(
            problem,
            hint="Correct it, or set DATABASE_URL, which wins; `manage.py deepstream check` shows all.",
            id="deepstream.E001",
        )
        for problem in settings.DEEPSTREAM_PROBLEMS
    ]
