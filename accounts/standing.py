"""Whether the Django users who are connected still are who they were when they logged in."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

from django.conf import settings
from django.contrib.auth import get_user_model
from django.utils.module_loading import import_string

from accounts.django_user import DjangoUser, groups_of, standing_of

log = logging.getLogger("deepstream.login")

INTERVAL = 5.0
"""Seconds between two looks at the database."""

CHUNK = 500
"""Users or sessions in one query."""

T = TypeVar("T")


class Standing:
    """Looks at all of ``users()`` in a few queries now and then, and closes those who may be here no longer.

    That finds what nobody tells this process: changes in other processes, by ``update()``, by plain SQL.
    ``in_thread`` calls a function where it may wait for the database.
    """

    def __init__(
        self,
        users: Callable[[], Sequence[DjangoUser]],
        close_users: Callable[[Callable[[DjangoUser], bool], str], None],
        in_thread: Callable[..., Awaitable[Any]],
    ) -> None:
        self._users = users
        self._close_users = close_users
        self._in_thread = in_thread
        self._task = asyncio.get_running_loop().create_task(self._run())

    def close(self) -> None:
        """Look no more."""
        self._task.cancel()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(INTERVAL)
            if users := self._users():
                try:
                    gone = await self._in_thread(departed, users)
                except Exception as error:  # noqa: BLE001 - whatever a database says: the next look may work
                    log.warning("The users cannot be looked at: %s", error)
                    continue
                if gone:
                    self._close_users(gone.__contains__, "the user was changed or signed out")


def departed(users: Sequence[DjangoUser]) -> set[DjangoUser]:
    """Those of ``users`` who are gone, changed, in other groups, or whose session is over."""
    model = get_user_model()
    has_groups = hasattr(model, "groups")
    now: dict[Any, tuple[Any, ...]] = {}
    for keys in _chunks({user.key for user in users}):
        found = model._default_manager.filter(pk__in=keys)
        for account in found.prefetch_related("groups") if has_groups else found:
            now[account.pk] = (standing_of(account), groups_of(account))
    ended = _ended({user.session_key for user in users if user.session_key is not None})
    return {
        user
        for user in users
        if now.get(user.key) != (user.standing, user.server_data["groups"]) or user.session_key in ended
    }


def _ended(keys: set[str]) -> set[str]:
    """Those sessions that are over, as far as the database keeps them."""
    store = import_string(f"{settings.SESSION_ENGINE}.SessionStore")
    if not hasattr(store, "get_model_class"):
        return set()
    sessions = store.get_model_class().objects
    found: set[str] = set()
    for some in _chunks(keys):
        found.update(sessions.filter(session_key__in=some).values_list("session_key", flat=True))
    return keys - found


def _chunks(values: Iterable[T]) -> Iterator[list[T]]:
    iterator = iter(values)
    while chunk := list(islice(iterator, CHUNK)):
        yield chunk
