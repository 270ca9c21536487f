"""Tokens for HTTP: who logged in once can show a token instead, on any node, until it expires."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeVar

import orjson
from django.contrib.auth import get_user_model
from django.contrib.sessions.backends.db import SessionStore
from django.db import DatabaseError, InterfaceError, close_old_connections

from accounts.django_user import DjangoUser, standing_of, user_of
from pubsub.user import User

LIFETIME = 3600.0
"""Seconds that a token is good for, unless the login that it stands for ends earlier."""

REMEMBERED = 10.0
"""Seconds for which a token is not looked up again; who was deactivated may come in for as long."""

MAX_REMEMBERED = 10_000
"""Tokens that are remembered."""

PATIENCE = 5.0
"""Seconds that the database may take."""

CLEARING_INTERVAL = 600.0
"""Seconds between two removals of what has expired."""

_KEY = "deepstream user"

T = TypeVar("T")


class TokensUnavailable(Exception):
    """The database does not answer, so nobody can say whose token it is."""


class _Holder(NamedTuple):
    """Whom a token was issued to, and until when, in seconds since 1970, it is good."""

    user: User
    expires_at: float


class Tokens:
    """Keeps a user under each token in Django's session table, which all nodes share.

    Both methods raise TokensUnavailable.
    """

    def __init__(self, *, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._remembered: dict[str, tuple[_Holder, float]] = {}
        self._next_clearing = 0.0

    async def issue(self, user: User) -> str:
        """A new token for ``user``."""
        now = self._now()
        expires_at = now + LIFETIME if user.expires_at is None else min(now + LIFETIME, user.expires_at)
        if now >= self._next_clearing:
            self._next_clearing = now + CLEARING_INTERVAL
            await _in_thread(SessionStore.clear_expired)
        return await _in_thread(lambda: _create(_kept(user), expires_at))

    async def user(self, token: str) -> User | None:
        """Whom ``token`` was issued to; None if it is none of ours, or no longer good."""
        now = self._now()
        holder, forgotten_at = self._remembered.get(token, (None, 0.0))
        if holder is None or forgotten_at <= now:
            self._remembered.pop(token, None)
            holder = await _in_thread(lambda: _load(token)) if _can_be_ours(token) else None
            if holder is not None:
                self._remember(token, holder)
        return None if holder is None or holder.expires_at <= now else holder.user

    def _remember(self, token: str, holder: _Holder) -> None:
        if len(self._remembered) >= MAX_REMEMBERED:
            del self._remembered[next(iter(self._remembered))]
        self._remembered[token] = holder, self._now() + REMEMBERED


async def _in_thread(function: Callable[[], T]) -> T:
    """What ``function`` returns, called where it may wait for the database."""
    try:
        async with asyncio.timeout(PATIENCE):
            return await asyncio.to_thread(_with_database, function)
    except TimeoutError:
        raise TokensUnavailable("the database does not answer") from None
    except (DatabaseError, InterfaceError) as error:
        raise TokensUnavailable(f"the database fails: {error}") from error


def _with_database(function: Callable[[], T]) -> T:
    """Call ``function`` with a database connection that is alive, and give it back."""
    close_old_connections()
    try:
        return function()
    finally:
        close_old_connections()


def _can_be_ours(token: str) -> bool:
    return token.isascii() and token.isalnum() and len(token) <= 40


def _create(kept: dict[str, Any], expires_at: float) -> str:
    session = SessionStore()
    session[_KEY] = orjson.dumps(kept).decode()
    session.set_expiry(datetime.fromtimestamp(expires_at, UTC))
    session.create()
    return str(session.session_key)


def _load(token: str) -> _Holder | None:
    session = SessionStore(token)
    kept = session.get(_KEY)
    if not isinstance(kept, str):
        return None  # a browser's session, or nothing
    user = _user(orjson.loads(kept))
    return None if user is None else _Holder(user, session.get_expiry_date().timestamp())


def _kept(user: User) -> dict[str, Any]:
    """What a token stands for. Of a Django user all but the identity is read again each time."""
    if isinstance(user, DjangoUser):
        return {"django": str(user.key), "standing": _digest(user.standing)}
    return {
        "id": user.id,
        "is_authenticated": user.is_authenticated,
        "client_data": user.client_data,
        "server_data": user.server_data,
    }


def _user(kept: dict[str, Any]) -> User | None:
    """None for a Django user who is gone, or was changed as ``DjangoUser`` says."""
    if "django" not in kept:
        return User(kept.pop("id"), **kept)
    user = get_user_model()._default_manager.filter(pk=kept["django"]).first()
    if user is None or _digest(standing_of(user)) != kept["standing"]:
        return None
    return user_of(user)


def _digest(standing: tuple[Any, ...]) -> str:
    """The standing as a text that says nothing of the password."""
    return hashlib.sha256(repr(standing).encode()).hexdigest()
