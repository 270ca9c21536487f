"""Strategy ``django``: Django's users, by password or by the session of a browser (CONFIG.md)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from weakref import WeakSet

from django.conf import settings
from django.contrib.auth import authenticate, get_user, get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.sessions.backends.base import SessionBase
from django.db import DatabaseError, close_old_connections
from django.http import HttpRequest
from django.utils.module_loading import import_string

from accounts.departures import Departures
from accounts.django_user import DjangoUser, user_of
from accounts.login import LoginRequest, Outcome, PassOn, Refused, credentials
from accounts.standing import Standing

THREADS = 2
"""Logins looked up at the same time: Django's hashes are made to take long."""

T = TypeVar("T")

UNAVAILABLE = Refused({"error": "The users cannot be read"}, is_wrong=False)


class DjangoLogin:
    """Asks Django's authentication backends in threads of its own, where no page has to wait for them.

    ``close_users(is_meant, reason)`` closes the connections of users who may no longer have them;
    ``on_signed_out(key)`` hears of who signs out here, for the other nodes.
    """

    def __init__(
        self,
        close_users: Callable[[Callable[[DjangoUser], bool], str], None],
        on_signed_out: Callable[[str], None] = lambda key: None,
    ) -> None:
        self._executor = ThreadPoolExecutor(THREADS, thread_name_prefix="django-login")
        self._departures = Departures(asyncio.get_running_loop(), close_users, on_signed_out)
        self._users: WeakSet[DjangoUser] = WeakSet()
        self._standing = Standing(lambda: list(self._users), close_users, self._in_thread)

    def close(self) -> None:
        """End the threads, and watch no users any more."""
        self._standing.close()
        self._departures.close()
        self._executor.shutdown(wait=False, cancel_futures=True)

    def login(self, request: LoginRequest) -> Outcome | Awaitable[Outcome]:
        """By the browser's session unless a ``username`` is given."""
        if "username" not in request.data and request.session_key:
            return self._call(by_session, request.session_key)
        given = credentials(request.data)
        return given if isinstance(given, PassOn) else self._call(_by_password, *given)

    async def _call(self, function: Callable[..., Outcome], *arguments: str) -> Outcome:
        try:
            outcome = await self._in_thread(function, *arguments)
        except DatabaseError:
            return UNAVAILABLE
        if isinstance(outcome, DjangoUser):
            self._users.add(outcome)
        return outcome

    async def _in_thread(self, function: Callable[..., T], *arguments: Any) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, _with_database, function, *arguments)


def _with_database(function: Callable[..., T], *arguments: Any) -> T:
    """Call ``function`` with a database connection that is alive, and give it back."""
    close_old_connections()
    try:
        return function(*arguments)
    finally:
        close_old_connections()


def _by_password(username: str, password: str) -> Outcome:
    """Django runs its hasher for a user that there is not, too."""
    user = authenticate(None, username=username, password=password)
    if user is not None:
        return user_of(user)
    users = get_user_model()._default_manager
    is_known = users.filter(**{get_user_model().USERNAME_FIELD: username}).exists()
    return Refused() if is_known else None


def by_session(session_key: str) -> Outcome:
    """The user that a page of this server would see; the session stays as it is."""
    store: SessionBase = import_string(f"{settings.SESSION_ENGINE}.SessionStore")(session_key)
    request = HttpRequest()
    request.session = _Snapshot(store.load())  # type: ignore[assignment]
    user = get_user(request)
    if not isinstance(user, AbstractBaseUser) or not user.is_active:
        return PassOn({"error": "The session is over: log in"})
    expires_at = store.get_expiry_date().timestamp()
    return user_of(user, expires_at=expires_at, session_key=session_key)


class _Snapshot(dict[str, Any]):
    """A session's content for ``get_user``, which would change a session that it finds outdated."""

    def flush(self) -> None:
        """Stay."""

    def cycle_key(self) -> None:
        """Stay: the browser would not hear of a new key."""
