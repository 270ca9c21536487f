"""Strategy ``file``: the users of users.yml (CONFIG.md, Login strategies)."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Any

from accounts.login import Lacking, LoginRequest, Outcome, Refused, credentials
from accounts.passwords import Passwords
from pubsub.connection import User


class FileLogin:
    """Users by name, each ``{password, serverData, clientData}``; the whole of them can be replaced."""

    def __init__(self, users: Mapping[str, Mapping[str, Any]], passwords: Passwords) -> None:
        self.users = users
        self._passwords = passwords

    def login(self, request: LoginRequest) -> Outcome | Awaitable[Outcome]:
        """Pass on whom the file does not know; refuse a wrong password."""
        given = credentials(request.data)
        if isinstance(given, Lacking):
            return given
        username, password = given
        user = self.users.get(username)
        matches = self._passwords.matches(password, None if user is None else user["password"])
        if isinstance(matches, bool):
            return _outcome(username, user, matches)
        return _later(username, user, matches)


async def _later(username: str, user: Mapping[str, Any] | None, pending: Awaitable[bool]) -> Outcome:
    return _outcome(username, user, await pending)


def _outcome(username: str, user: Mapping[str, Any] | None, matches: bool) -> Outcome:
    if user is None:
        return None
    if not matches:
        return Refused()
    return User(username, client_data=user.get("clientData"), server_data=user.get("serverData"))
