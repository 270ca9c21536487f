"""A Django user as the server and its rules see it."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser

from pubsub.user import User


class DjangoUser(User):
    """``key`` is the primary key; ``standing`` is what was true of the user at the login.

    A change of the standing (password, active, staff, superuser) ends the connections that rest on it, and
    so does the end of the session that ``session_key`` names.
    """

    __slots__ = ("__weakref__", "key", "session_key", "standing")

    def __init__(
        self,
        id: str,
        *,
        key: Any,
        standing: tuple[Any, ...],
        session_key: str | None = None,
        **known: Any,
    ) -> None:
        super().__init__(id, **known)
        self.key = key
        self.standing = standing
        self.session_key = session_key


def user_of(
    user: AbstractBaseUser, *, expires_at: float | None = None, session_key: str | None = None
) -> DjangoUser:
    """What the rules get as ``user.data``: id, groups, isStaff, isSuperuser; reads the database."""
    server_data = {
        "id": user.pk if isinstance(user.pk, int) else str(user.pk),
        "groups": groups_of(user),
        "isStaff": bool(getattr(user, "is_staff", False)),
        "isSuperuser": bool(getattr(user, "is_superuser", False)),
    }
    return DjangoUser(
        user.get_username(),
        key=user.pk,
        standing=standing_of(user),
        server_data=server_data,
        expires_at=expires_at,
        session_key=session_key,
    )


def groups_of(user: AbstractBaseUser) -> list[str]:
    """The names of the user's groups; reads the database unless they are prefetched."""
    groups = getattr(user, "groups", None)
    return [] if groups is None else sorted(group.name for group in groups.all())


def standing_of(user: AbstractBaseUser) -> tuple[Any, ...]:
    """See ``DjangoUser``."""
    staff, superuser = (getattr(user, name, False) for name in ("is_staff", "is_superuser"))
    return (user.get_username(), user.password, user.is_active, staff, superuser)
