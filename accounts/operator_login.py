"""Logging in as an operator: by the session of a browser that shows the admin, and only as staff."""

from __future__ import annotations

from collections.abc import Awaitable

from django.contrib.auth import get_user_model

from accounts.django_user import DjangoUser
from accounts.django_users import DjangoLogin, by_session
from accounts.login import LoginRequest, Outcome, PassOn, Refused
from pubsub.user import User

NOBODY = Refused({"error": "Log in to the admin first, as staff"})


class OperatorLogin(DjangoLogin):
    """What the operators' socket asks, whatever ``auth`` of the configuration says.

    ``server_data["permissions"]`` of the user are those that Django knows, as in ``accounts.roles``.
    """

    def login(self, request: LoginRequest) -> Outcome | Awaitable[Outcome]:
        """Without a session, refused at once."""
        if not request.session_key:
            return NOBODY
        return self._as_staff(request.session_key)

    async def _as_staff(self, session_key: str) -> Outcome:
        user = await self._call(_staff_by_session, session_key)
        return NOBODY if user is None or isinstance(user, PassOn) else user


def is_operator(user: User) -> bool:
    """Whether ``user`` came by this login; what clients' logins know of them is JSON, which has no sets."""
    known = user.server_data
    return isinstance(known, dict) and isinstance(known.get("permissions"), frozenset)


def _staff_by_session(session_key: str) -> Outcome:
    user = by_session(session_key)
    if not isinstance(user, DjangoUser) or not user.server_data["isStaff"]:
        return NOBODY
    account = get_user_model()._default_manager.get(pk=user.key)
    user.server_data["permissions"] = frozenset(account.get_all_permissions())
    return user
