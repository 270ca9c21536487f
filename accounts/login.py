"""Logging in: what a strategy is asked and what it answers (CONFIG.md, Login strategies)."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pubsub.connection import User


@dataclass(frozen=True, slots=True)
class LoginRequest:
    """What a client shows: the login data it sent, its address, and the request headers it came with."""

    data: Mapping[str, Any]
    address: str = ""
    headers: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """A login that was refused; ``reason`` is sent to the client as JSON, None sends nothing."""

    reason: Any = None


Outcome = User | Refused | None
"""Who logged in, a refusal, or None: this strategy does not know the user, so ask the next."""


class LoginStrategy(Protocol):
    """One way to find out who a client is."""

    def login(self, request: LoginRequest) -> Outcome | Awaitable[Outcome]:
        """Decide about ``request``; awaitable only if something outside must be asked."""


class Login:
    """Strategies asked in order; a client that none of them knows is refused."""

    def __init__(self, strategies: Sequence[LoginStrategy]) -> None:
        self._strategies = strategies

    def login(self, request: LoginRequest) -> User | Refused | Awaitable[User | Refused]:
        """The first answer; at once as long as no strategy has to wait."""
        for index, strategy in enumerate(self._strategies):
            outcome = strategy.login(request)
            if inspect.isawaitable(outcome):
                return self._login_later(outcome, request, index + 1)
            if outcome is not None:
                return outcome
        return Refused()

    async def _login_later(
        self, pending: Awaitable[Outcome], request: LoginRequest, following: int
    ) -> User | Refused:
        outcome = await pending
        if outcome is not None:
            return outcome
        rest = Login(self._strategies[following:]).login(request)
        return await rest if inspect.isawaitable(rest) else rest


class OpenLogin:
    """Strategy ``none``: everyone is let in, under the ``username`` of their choice or as ``open``."""

    def login(self, request: LoginRequest) -> User:
        """Never refuses."""
        username = request.data.get("username")
        if isinstance(username, str) and username:
            return User(username)
        return User("open", is_authenticated=False)
