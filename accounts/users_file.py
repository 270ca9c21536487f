"""Strategy ``file``: the users of users.yml (CONFIG.md, Login strategies)."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from pathlib import Path
from typing import Any

from accounts.login import LoginRequest, Outcome, PassOn, Refused, credentials
from accounts.passwords import Passwords
from deepstream_project.config import ConfigError
from deepstream_project.config_document import read_document
from deepstream_project.config_file import LoadedFile
from deepstream_project.config_login import users as users_of
from deepstream_project.config_place import Place, Report
from pubsub.user import User

Users = Mapping[str, Mapping[str, Any]]
"""Users by name, each ``{password, serverData, clientData}``."""


def read_users(path: Path) -> Users:
    """The users that are in a file now; raises ``ConfigError`` with all that is wrong."""
    document = read_document(path)
    report = Report(document)
    found: LoadedFile = Place(report).read(users_of, LoadedFile(path, document.values))
    if report.problems:
        raise ConfigError(*report.problems)
    users: Users = found.content
    return users


class FileLogin:
    """Lets in the users of a file, the whole of which can be replaced."""

    def __init__(self, users: Users, passwords: Passwords) -> None:
        self._users = users
        self._passwords = passwords

    def replace(self, users: Users) -> None:
        """Let in ``users`` from now on; who is logged in stays."""
        self._users = users

    def login(self, request: LoginRequest) -> Outcome | Awaitable[Outcome]:
        """Pass on whom the file does not know; refuse a wrong password."""
        given = credentials(request.data)
        if isinstance(given, PassOn):
            return given
        username, password = given
        user = self._users.get(username)
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
