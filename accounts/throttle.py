"""Slowing down who guesses passwords (docs/configuration.md, ``loginThrottle``)."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Protocol

from accounts.login import Login, LoginRequest, Refused
from pubsub.user import User

MAX_GUESSERS = 10_000
"""Pairs of address and user that are remembered; beyond, the one that was quiet longest is forgotten."""

MOST_DELAYS = 10
"""How many times ``delay`` a login waits at most."""

NAMES = ("username", "email", "user", "id")
"""What login data may call the user. Data without any, as a token, is nothing that can be guessed."""

Key = tuple[str, str]
"""Address, without its port, and user."""


class OnGuess(Protocol):
    """Hears of a guess."""

    def __call__(self, host: str, user: str, *, is_wrong: bool) -> None:
        """A login of ``user`` from ``host`` was wrong, or the first right one after such."""


class ThrottleSettings(Protocol):
    """Section ``loginThrottle``; durations in seconds."""

    @property
    def attempts(self) -> int:
        """Wrong logins that are free."""

    @property
    def interval(self) -> float:
        """How long a wrong login counts."""

    @property
    def delay(self) -> float:
        """How much longer each further one waits than the one before."""


class _Guesser:
    """One address trying one user's passwords: when it was wrong, and whose turn it is to try."""

    __slots__ = ("turns", "users", "wrong")

    def __init__(self, parallel: int) -> None:
        self.wrong: list[float] = []
        self.turns = asyncio.Semaphore(parallel)
        self.users = 0


class ThrottledLogin(Login):
    """A login that makes an address wait before it may try the same user again, once it was wrong too often.

    Whoever comes from elsewhere or asks for another user does not wait. At most ``attempts`` logins of a
    pair are decided at the same time, so that many at once are no way around it. ``on_guess`` hears of what
    is counted here, for the other nodes, whose guesses come by ``count``.
    """

    def __init__(
        self,
        login: Login,
        settings: ThrottleSettings,
        *,
        on_guess: OnGuess = lambda host, user, *, is_wrong: None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._login = login
        self._settings = settings
        self._on_guess = on_guess
        self._clock = clock
        self._guessers: dict[Key, _Guesser] = {}

    def __len__(self) -> int:
        return len(self._guessers)

    def login(self, request: LoginRequest) -> User | Refused | Awaitable[User | Refused]:
        """At once if nothing has to wait."""
        key = _key_of(request)
        if key is None:
            return self._login.login(request)
        guesser = self._guessers.get(key)
        if guesser is not None and (guesser.users or self._delay(guesser)):
            return self._wait(key, guesser, request)
        outcome = self._login.login(request)
        if inspect.isawaitable(outcome):
            return self._decide_later(key, outcome)
        self._note(key, outcome)
        return outcome

    async def _decide_later(self, key: Key, pending: Awaitable[User | Refused]) -> User | Refused:
        """The first of its pair: it takes a turn, so that those behind it line up."""
        guesser = self._guesser(key)
        guesser.users += 1
        try:
            async with guesser.turns:
                outcome = await pending
                self._note(key, outcome)
        finally:
            self._leave(key, guesser)
        return outcome

    async def _wait(self, key: Key, guesser: _Guesser, request: LoginRequest) -> User | Refused:
        guesser.users += 1
        try:
            async with guesser.turns:
                if delay := self._delay(guesser):
                    await asyncio.sleep(delay)
                outcome = self._login.login(request)
                if inspect.isawaitable(outcome):
                    outcome = await outcome
                self._note(key, outcome)
        finally:
            self._leave(key, guesser)
        return outcome

    def _delay(self, guesser: _Guesser) -> float:
        """Seconds that the next login has to wait."""
        settings = self._settings
        latest = self._clock() - settings.interval
        guesser.wrong = [moment for moment in guesser.wrong if moment > latest]
        excess = len(guesser.wrong) - settings.attempts + 1
        return settings.delay * min(max(excess, 0), MOST_DELAYS)

    def _note(self, key: Key, outcome: User | Refused) -> None:
        is_wrong = isinstance(outcome, Refused) and outcome.is_wrong
        was_wrong = (guesser := self._guessers.get(key)) is not None and bool(guesser.wrong)
        if is_wrong or (was_wrong and isinstance(outcome, User)):
            self.count(key, is_wrong=is_wrong)
            self._on_guess(*key, is_wrong=is_wrong)

    def count(self, key: Key, *, is_wrong: bool) -> None:
        """A login of this pair was wrong, or right, be it here or at another node."""
        if is_wrong:
            guesser = self._guesser(key)
            guesser.wrong.append(self._clock())
            del guesser.wrong[: -self._settings.attempts - MOST_DELAYS]
        elif (known := self._guessers.get(key)) is not None:
            known.wrong.clear()
            self._forget_if_idle(key, known)

    def _guesser(self, key: Key) -> _Guesser:
        """The pair's entry, from now on the latest one."""
        guesser = self._guessers.pop(key, None) or _Guesser(self._settings.attempts)
        if len(self._guessers) >= MAX_GUESSERS:
            del self._guessers[next(iter(self._guessers))]
        self._guessers[key] = guesser
        return guesser

    def _leave(self, key: Key, guesser: _Guesser) -> None:
        guesser.users -= 1
        self._forget_if_idle(key, guesser)

    def _forget_if_idle(self, key: Key, guesser: _Guesser) -> None:
        if not guesser.wrong and not guesser.users and self._guessers.get(key) is guesser:
            del self._guessers[key]


def _key_of(request: LoginRequest) -> Key | None:
    """Address (without its port) and user; None if no user is named."""
    data = request.data
    for name in NAMES if data else ():
        if isinstance(user := data.get(name), str) and user:
            return request.host, user[:200]
    return None
