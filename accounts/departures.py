"""Django users who were deactivated, changed or signed out: their connections end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.signals import user_logged_out
from django.db.models.signals import m2m_changed, post_delete, post_save

from accounts.django_user import DjangoUser, standing_of

SESSION_ENDS = 1.0
"""Seconds from Django's word that a user signs out until the session is gone."""

CloseUsers = Callable[[Callable[[DjangoUser], bool], str], None]


class Departures:
    """Hears of changes that are made through Django in this process, from whichever thread.

    What is changed by plain SQL, by ``update()`` of a query or in another process is seen a little later, by
    ``accounts.standing``; only of who signs out nothing can be seen but the end of one session, so
    ``on_signed_out`` is told the user's key as text.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        close_users: CloseUsers,
        on_signed_out: Callable[[str], None],
    ) -> None:
        self._loop = loop
        self._close_users = close_users
        self._on_signed_out_here = on_signed_out
        self._timers: list[asyncio.TimerHandle] = []
        model = get_user_model()
        self._connected: list[tuple[Any, Callable[..., None], Any]] = [
            (user_logged_out, self._on_signed_out, None),
            (post_save, self._on_saved, model),
            (post_delete, self._on_deleted, model),
        ]
        if hasattr(model, "groups"):
            self._connected.append((m2m_changed, self._on_groups, model.groups.through))
        for signal, receiver, sender in self._connected:
            signal.connect(receiver, sender=sender)

    def close(self) -> None:
        """Hear nothing any more."""
        for signal, receiver, sender in self._connected:
            signal.disconnect(receiver, sender=sender)
        for timer in self._timers:
            timer.cancel()

    def _on_signed_out(self, *, user: AbstractBaseUser | None, **_: Any) -> None:
        if user is not None:
            key = user.pk
            self._end(lambda one: one.key == key, "signed out")
            # Django says so before it ends the session: a client that was quick to come back is in again.
            self._loop.call_soon_threadsafe(self._end_again, lambda one: one.key == key, "signed out")
            self._loop.call_soon_threadsafe(self._on_signed_out_here, str(key))

    def _on_saved(self, *, instance: AbstractBaseUser, created: bool, **_: Any) -> None:
        if not created:
            key, standing = instance.pk, standing_of(instance)
            self._end(lambda one: one.key == key and one.standing != standing, "the user was changed")

    def _on_deleted(self, *, instance: AbstractBaseUser, **_: Any) -> None:
        key = instance.pk
        self._end(lambda one: one.key == key, "the user was deleted")

    def _on_groups(self, *, instance: Any, action: str, pk_set: set[Any] | None, **_: Any) -> None:
        """Groups of a user changed, or, seen from the other side, users of a group."""
        if not action.startswith("post_"):
            return
        if isinstance(instance, get_user_model()):
            key = instance.pk
            self._end(lambda one: one.key == key, "the user's groups were changed")
        elif pk_set is None:
            name = instance.name
            self._end(lambda one: name in one.server_data["groups"], "the user's groups were changed")
        else:
            keys = frozenset(pk_set)
            self._end(lambda one: one.key in keys, "the user's groups were changed")

    def _end_again(self, is_meant: Callable[[DjangoUser], bool], reason: str) -> None:
        """Close once more when the session is surely over."""
        self._timers = [timer for timer in self._timers if timer.when() > self._loop.time()]
        self._timers.append(self._loop.call_later(SESSION_ENDS, self._close_users, is_meant, reason))

    def _end(self, is_meant: Callable[[DjangoUser], bool], reason: str) -> None:
        """Close in the event loop, whose connections these are."""
        self._loop.call_soon_threadsafe(self._close_users, is_meant, reason)
