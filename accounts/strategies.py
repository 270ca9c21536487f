"""The login strategies of a configuration, and what they hold open."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack

from accounts.file import FileLogin
from accounts.login import Login, LoginStrategy, OpenLogin
from accounts.passwords import Passwords
from deepstream_project.config_login import AuthStrategy, FileOptions


class Strategies:
    """Makes the configured strategies; ``close`` gives back the threads and sockets that they use."""

    def __init__(self, configured: Sequence[AuthStrategy]) -> None:
        self._owned = AsyncExitStack()
        self.files: list[tuple[FileOptions, FileLogin]] = []
        self.login = Login([self._make(one) for one in configured])

    async def close(self) -> None:
        """No login is decided any more."""
        await self._owned.aclose()

    def _make(self, strategy: AuthStrategy) -> LoginStrategy:
        match strategy.options:
            case FileOptions() as options:
                return self._file(options)
        return OpenLogin()

    def _file(self, options: FileOptions) -> FileLogin:
        passwords = Passwords(options)
        self._owned.callback(passwords.close)
        made = FileLogin(options.users.content, passwords)
        self.files.append((options, made))
        return made
