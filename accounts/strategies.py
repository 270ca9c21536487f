"""The login strategies of a configuration, and what they hold open."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Protocol

from accounts.django_user import DjangoUser
from accounts.django_users import DjangoLogin
from accounts.jwt import JwtLogin
from accounts.login import Login, LoginStrategy, OpenLogin
from accounts.passwords import HashSettings, Passwords
from accounts.stored_users import StorageLogin
from accounts.throttle import ThrottledLogin
from accounts.users_file import FileLogin, Users
from accounts.webhook import WebhookLogin
from deepstream_project.config import Config
from deepstream_project.config_login import (
    AuthStrategy,
    DjangoOptions,
    FileOptions,
    HttpOptions,
    JwtOptions,
    StorageOptions,
)
from records.pipelines import Pipelines


class Surroundings(Protocol):
    """What strategies need of the node, which is made after them."""

    def pipelines(self) -> Pipelines:
        """The way of records."""

    def close_users(self, is_meant: Callable[[DjangoUser], bool], reason: str) -> None:
        """Close the connections of those Django users."""

    def signed_out(self, key: str) -> None:
        """The Django user with this primary key signed out at this node."""

    def guessed(self, host: str, user: str, *, is_wrong: bool) -> None:
        """A login of this user from this address was wrong here, or the first right one after such."""


class Strategies:
    """Makes the configured strategies; ``close`` gives back the threads and sockets that they use.

    ``files`` are users that can be read again: where they are, and what to give them to. ``reserved`` are
    beginnings of the names of records that hold passwords. Made in the event loop that logins come in.
    """

    def __init__(self, config: Config, surroundings: Surroundings) -> None:
        self._surroundings = surroundings
        self._headers = _headers_of(config)
        self._owned = AsyncExitStack()
        self.files: list[tuple[Path, Callable[[Users], None]]] = []
        self.reserved: tuple[str, ...] = ()
        login = Login([self._make(one) for one in config.auth])
        self.login = ThrottledLogin(login, config.login_throttle, on_guess=surroundings.guessed)

    async def close(self) -> None:
        """No login is decided any more."""
        await self._owned.aclose()

    def _make(self, strategy: AuthStrategy) -> LoginStrategy:
        match strategy.options:
            case FileOptions() as options:
                return self._file(options)
            case StorageOptions() as options:
                self.reserved += (options.table + options.table_split_char,)
                return StorageLogin(options, self._passwords(options), self._surroundings.pipelines)
            case HttpOptions() as options:
                return self._owning(WebhookLogin(options, self._headers))
            case JwtOptions() as options:
                return self._owning(JwtLogin(options))
            case DjangoOptions():
                strategy_of_django = DjangoLogin(
                    self._surroundings.close_users, self._surroundings.signed_out
                )
                self._owned.callback(strategy_of_django.close)
                return strategy_of_django
        return OpenLogin()

    def _file(self, options: FileOptions) -> FileLogin:
        made = FileLogin(options.users.content, self._passwords(options))
        if options.users.path is not None:
            self.files.append((options.users.path, made.replace))
        return made

    def _passwords(self, settings: HashSettings) -> Passwords:
        passwords = Passwords(settings)
        self._owned.callback(passwords.close)
        return passwords

    def _owning(self, strategy: WebhookLogin | JwtLogin) -> LoginStrategy:
        self._owned.push_async_callback(strategy.close)
        return strategy


def _headers_of(config: Config) -> frozenset[str]:
    """The request headers that an operator lets strategies see, on whichever way they come."""
    endpoints = (config.endpoints.binary, config.endpoints.json, config.endpoints.text)
    return frozenset(config.http.headers).union(*(one.headers for one in endpoints if one))
