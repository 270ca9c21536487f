"""Tests of logging in: strategies are asked in order, and only who is known gets in."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

import pytest

from accounts.login import Login, LoginRequest, OpenLogin, Outcome, PassOn, Refused, credentials
from pubsub.user import User

JANE, JOE = User("jane"), User("joe")
REQUEST = LoginRequest({"username": "jane"})


class Strategy:
    """Answers ``outcome``, at once or when awaited, and keeps what it was asked."""

    def __init__(self, outcome: Outcome | Exception, *, waits: bool = False) -> None:
        self._outcome = outcome
        self._waits = waits
        self.asked: list[LoginRequest] = []

    def login(self, request: LoginRequest) -> Any:
        self.asked.append(request)
        return self._later() if self._waits else self._now()

    def _now(self) -> Outcome:
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return self._outcome

    async def _later(self) -> Outcome:
        await asyncio.sleep(0)
        return self._now()


async def outcome_of(*strategies: Strategy) -> Any:
    outcome = Login(strategies).login(REQUEST)
    return await outcome if inspect.isawaitable(outcome) else outcome


@pytest.fixture(params=[False, True], ids=["at once", "awaited"])
def answering(request: pytest.FixtureRequest) -> Callable[[Outcome], Strategy]:
    """Makes strategies that answer at once, or those that must be waited for."""
    return lambda outcome: Strategy(outcome, waits=request.param)


async def test_the_user_that_a_strategy_knows_is_in_and_no_further_one_is_asked(
    answering: Callable[[Outcome], Strategy],
) -> None:
    first, second = answering(JANE), answering(JOE)
    assert await outcome_of(first, second) is JANE
    assert (first.asked, second.asked) == ([REQUEST], [])


async def test_a_refusal_is_final(answering: Callable[[Outcome], Strategy]) -> None:
    second = answering(JOE)
    assert await outcome_of(answering(Refused({"why": 1})), second) == Refused({"why": 1})
    assert second.asked == []


@pytest.mark.parametrize("unknown", [None, PassOn(), PassOn("a reason")])
async def test_who_one_strategy_does_not_know_is_left_to_the_next(
    answering: Callable[[Outcome], Strategy], unknown: Outcome
) -> None:
    third = Strategy(JOE)
    assert await outcome_of(answering(unknown), answering(unknown), third) is JOE
    assert third.asked == [REQUEST]


@pytest.mark.parametrize("unknown", [None, PassOn()])
async def test_whom_nobody_knows_is_refused(
    answering: Callable[[Outcome], Strategy], unknown: Outcome
) -> None:
    assert await outcome_of(answering(unknown), answering(unknown)) == Refused()
    assert await outcome_of(answering(unknown)) == Refused()
    assert await outcome_of() == Refused()


async def test_a_single_strategy_says_why_it_does_not_know_the_client(
    answering: Callable[[Outcome], Strategy],
) -> None:
    assert await outcome_of(answering(PassOn({"error": "x"}))) == Refused({"error": "x"})


async def test_a_login_that_waits_for_nothing_is_decided_at_once() -> None:
    assert Login([Strategy(None), Strategy(JANE)]).login(REQUEST) is JANE


@pytest.mark.parametrize("waits", [False, True])
async def test_a_strategy_that_fails_lets_nobody_in(waits: bool) -> None:
    second = Strategy(JOE)
    with pytest.raises(RuntimeError, match="a mistake"):
        await outcome_of(Strategy(RuntimeError("a mistake"), waits=waits), second)
    assert second.asked == []


@pytest.mark.parametrize("data", [{}, {"username": ""}, {"username": 7}, {"username": None}, {"user": "x"}])
def test_without_a_username_everybody_is_open_and_nobody_in_particular(data: dict[str, Any]) -> None:
    user = OpenLogin().login(LoginRequest(data))
    assert (user.id, user.is_authenticated) == ("open", False)
    assert (user.client_data, user.server_data) == (None, None)


def test_an_open_login_takes_the_username_of_the_clients_choice() -> None:
    user = OpenLogin().login(LoginRequest({"username": "jane", "password": "whatever"}))
    assert (user.id, user.is_authenticated) == ("jane", True)


def test_credentials_are_two_texts() -> None:
    assert credentials({"username": "jane", "password": "x", "more": 1}) == ("jane", "x")


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"username": "jane"},
        {"password": "x"},
        {"username": "", "password": "x"},
        {"username": "jane", "password": ""},
        {"username": 1, "password": "x"},
        {"username": "jane", "password": ["x"]},
    ],
)
def test_anything_else_is_no_credentials_and_says_so(data: dict[str, Any]) -> None:
    outcome = credentials(data)
    assert isinstance(outcome, PassOn)
    assert "username or/and password" in outcome.reason["error"]
