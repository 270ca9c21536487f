"""A Django user as the server and its rules see it."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser

from pubsub.connection import User


class DjangoUser(User):
    """``key`` is the primary key; ``standing`` is what was true of the user at the login.

    A change of the standing (password, active, staff, superuser) ends the connections that rest on it.
    """

    __slots__ = ("key", "standing")

    def __init__(self, id: str, *, key: Any, standing: tuple[Any, ...], **known: Any) -> None:
        super().__init__(id, **known)
        self.key = key
        self.standing = standing


def user_of(user: AbstractBaseUser, *, expires_at: float | None = None) -> DjangoUser:
    """What the rules get as ``user.data``: id, groups, isStaff, isSuperuser; reads the database."""
    groups = getattr(user, "groups", None)
    server_data = {
        "id": user.pk if isinstance(user.pk, int) else str(user.pk),
        "groups": [] if groups is None else sorted(groups.values_list("name", flat=True)),
        "isStaff": bool(getattr(user, "is_staff", False)),
        "isSuperuser": bool(getattr(user, "is_superuser", False)),
    }
    return DjangoUser(
        user.get_username(),
        key=user.pk,
        standing=standing_of(user),
        server_data=server_data,
        expires_at=expires_at,
    )


def standing_of(user: AbstractBaseUser) -> tuple[Any, ...]:
    """See ``DjangoUser``."""
    staff, superuser = (getattr(user, name, False) for name in ("is_staff", "is_superuser"))
    return (user.get_username(), user.password, user.is_active, staff, superuser)
