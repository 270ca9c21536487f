"""Tokens for HTTP: who logged in once can show a token instead, on any node, until it expires."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.sessions.backends.db import SessionStore

from pubsub.connection import User

LIFETIME = timedelta(hours=1)
"""How long a token is good for."""

_KEY = "deepstream user"


class Tokens:
    """Keeps a user under each token in Django's session table, which all nodes share."""

    async def issue(self, user: User) -> str:
        """A new token for ``user``."""
        return await sync_to_async(_create)(
            {
                "id": user.id,
                "is_authenticated": user.is_authenticated,
                "client_data": user.client_data,
                "server_data": user.server_data,
            }
        )

    async def user(self, token: str) -> User | None:
        """Whom ``token`` was issued to; None if it is none of ours, or expired."""
        found: dict[str, Any] | None = await sync_to_async(_load)(token)
        return None if found is None else User(found.pop("id"), **found)


def _create(user: dict[str, Any]) -> str:
    session = SessionStore()
    session[_KEY] = user
    session.set_expiry(LIFETIME)
    session.create()
    return str(session.session_key)


def _load(token: str) -> dict[str, Any] | None:
    found = SessionStore(token).get(_KEY) if token.isalnum() and len(token) <= 40 else None
    return dict(found) if isinstance(found, dict) else None
