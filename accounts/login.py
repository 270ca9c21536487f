"""Logging in: what a strategy is asked and what it answers (CONFIG.md, Login strategies)."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pubsub.user import User


@dataclass(slots=True)
class LoginRequest:
    """What a client shows: the login data it sent, its address, and the request headers it came with.

    ``session_key`` is that of the Django session of a browser on a page of this very server. Not frozen,
    because that would triple what making one costs.
    """

    data: Mapping[str, Any]
    address: str = ""
    headers: Mapping[str, str] | None = None
    session_key: str | None = None

    @property
    def host(self) -> str:
        """The address without its port."""
        return self.address.rpartition(":")[0]


@dataclass(frozen=True, slots=True)
class Refused:
    """A login that was refused; ``reason`` is sent to the client as JSON, None sends nothing.

    ``is_wrong`` is false when that is no fault of the login data, as when who should decide is not there.
    """

    reason: Any = None
    is_wrong: bool = True


DECIDED = (User, Refused)
"""What a login comes to; all else of it is still to be awaited."""


@dataclass(frozen=True, slots=True)
class PassOn:
    """Not for this strategy: the next is asked; without one, the client is refused with ``reason``."""

    reason: Any = None


Outcome = User | Refused | PassOn | None
"""Who logged in, a refusal, or, as ``PassOn`` or None, a client that the strategy does not know."""

MISSING_CREDENTIALS = PassOn({"error": "missing authentication parameter: username or/and password"})
"""What the reference server says to this too."""


def credentials(data: Mapping[str, Any]) -> tuple[str, str] | PassOn:
    """The ``username`` and ``password`` of login data, both text that is not empty."""
    username, password = data.get("username"), data.get("password")
    if isinstance(username, str) and isinstance(password, str) and username and password:
        return username, password
    return MISSING_CREDENTIALS


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
        return self._ask(request, 0)

    def _ask(self, request: LoginRequest, first: int) -> User | Refused | Awaitable[User | Refused]:
        for index in range(first, len(self._strategies)):
            outcome = self._strategies[index].login(request)
            if isinstance(outcome, DECIDED):
                return outcome
            if inspect.isawaitable(outcome):
                return self._ask_later(outcome, request, index + 1)
            if isinstance(outcome, PassOn) and len(self._strategies) == 1:
                return Refused(outcome.reason)
        return Refused()

    async def _ask_later(
        self, pending: Awaitable[Outcome], request: LoginRequest, following: int
    ) -> User | Refused:
        outcome = await pending
        if isinstance(outcome, DECIDED):
            return outcome
        if isinstance(outcome, PassOn) and len(self._strategies) == 1:
            return Refused(outcome.reason)
        rest = self._ask(request, following)
        return rest if isinstance(rest, DECIDED) else await rest


class OpenLogin:
    """Strategy ``none``: everyone is let in, under the ``username`` of their choice or as ``open``."""

    def login(self, request: LoginRequest) -> User:
        """Never refuses."""
        username = request.data.get("username")
        if isinstance(username, str) and username:
            return User(username)
        return User("open", is_authenticated=False)
