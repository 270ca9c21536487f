"""What operators did, in Django's admin log: the one way in for pages and the REST API."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model

from accounts.models import LiveServer

__all__ = ["ADDITION", "CHANGE", "DELETION", "write_down"]

LONGEST_NAME = 200
"""Characters of a name that the log's lists show."""


def write_down(
    user: Any,
    flag: int,
    name: str,
    text: str,
    *,
    model: type[Model] = LiveServer,
    key: object = None,
) -> None:
    """Log what ``user`` did to ``name``: ``flag`` is ADDITION, CHANGE or DELETION, ``text`` says what.

    ``model`` and ``key`` say which row it is about; what is live and has no row is about the server.
    """
    LogEntry.objects.create(
        user_id=user.pk,
        content_type=ContentType.objects.get_for_model(model, for_concrete_model=False),
        object_id=_kept(name) if key is None else str(key),
        object_repr=_kept(name)[:LONGEST_NAME],
        action_flag=flag,
        change_message=_kept(text),
    )


def _kept(text: str) -> str:
    """``text`` without what some database cannot keep."""
    return text.replace("\0", "\N{SYMBOL FOR NULL}").encode(errors="replace").decode()
