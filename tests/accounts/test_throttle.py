"""Slowing down who guesses passwords (docs/configuration.md, ``loginThrottle``)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from pathlib import Path

import pytest

from accounts import throttle
from accounts.login import Login, LoginRequest, Outcome, Refused
from accounts.throttle import ThrottledLogin
from deepstream_project.config_login import LoginThrottle
from pubsub.user import User
from tests.accounts.kit import is_accepted, is_refused, login, serving
from tests.accounts.test_file import FILE, USERS

HERE, ELSEWHERE = "10.0.0.1:1000", "10.0.0.2:1000"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Strategy:
    """Lets in who says ``right``; decides later when there is a gate, and counts how many wait at it."""

    def __init__(self, gate: asyncio.Event | None = None) -> None:
        self.gate = gate
        self.deciding = 0
        self.most = 0

    def login(self, request: LoginRequest) -> Outcome | Awaitable[Outcome]:
        return self._decide(request) if self.gate is None else self._decide_later(request, self.gate)

    def _decide(self, request: LoginRequest) -> Outcome:
        match request.data.get("password"):
            case "right":
                return User("ann")
            case "unavailable":
                return Refused(is_wrong=False)
        return Refused()

    async def _decide_later(self, request: LoginRequest, gate: asyncio.Event) -> Outcome:
        self.deciding += 1
        self.most = max(self.most, self.deciding)
        await gate.wait()
        self.deciding -= 1
        return self._decide(request)


class Throttled:
    """A throttled login whose waits are written down instead of slept through."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, strategy: Strategy | None = None) -> None:
        self.clock = Clock()
        self.waits: list[float] = []
        settings = LoginThrottle(attempts=3, interval=60.0, delay=1.0)
        self.login = ThrottledLogin(Login([strategy or Strategy()]), settings, clock=self.clock)
        real = asyncio.sleep

        async def sleep(delay: float) -> None:
            self.waits.append(delay)
            await real(0)

        monkeypatch.setattr(throttle.asyncio, "sleep", sleep)  # type: ignore[attr-defined]

    async def attempt(self, password: str, address: str = HERE, user: str = "ann") -> bool:
        request = LoginRequest({"username": user, "password": password}, address)
        outcome = self.login.login(request)
        return isinstance(await outcome if isinstance(outcome, Awaitable) else outcome, User)


@pytest.fixture
def throttled(monkeypatch: pytest.MonkeyPatch) -> Throttled:
    return Throttled(monkeypatch)


async def test_the_first_wrong_logins_are_free_and_each_further_one_waits_longer(
    throttled: Throttled,
) -> None:
    for _ in range(6):
        assert not await throttled.attempt("wrong")
    assert throttled.waits == [1.0, 2.0, 3.0]


async def test_there_is_a_longest_wait_and_a_right_password_is_still_let_in(throttled: Throttled) -> None:
    for _ in range(40):
        await throttled.attempt("wrong")
    assert max(throttled.waits) == 10.0
    assert await throttled.attempt("right")
    assert throttled.waits[-1] == 10.0
    throttled.waits.clear()
    assert not await throttled.attempt("wrong")
    assert throttled.waits == [], "who was right starts anew"


async def test_other_users_and_other_addresses_do_not_wait(throttled: Throttled) -> None:
    for _ in range(3):
        await throttled.attempt("wrong")
    assert await throttled.attempt("right", address=ELSEWHERE)
    assert await throttled.attempt("right", user="bob")
    assert throttled.waits == []
    assert not await throttled.attempt("wrong", address="10.0.0.1:2000")
    assert throttled.waits == [1.0], "the port says nothing about who it is"


async def test_wrong_logins_are_forgotten_after_the_interval(throttled: Throttled) -> None:
    for _ in range(4):
        await throttled.attempt("wrong")
    throttled.clock.now += 61
    throttled.waits.clear()
    await throttled.attempt("wrong")
    assert throttled.waits == []


async def test_what_is_nobodys_fault_does_not_count(throttled: Throttled) -> None:
    for _ in range(10):
        await throttled.attempt("unavailable")
    assert throttled.waits == []
    assert len(throttled.login) == 0


async def test_data_that_names_nobody_is_not_slowed_down(throttled: Throttled) -> None:
    for _ in range(10):
        assert isinstance(throttled.login.login(LoginRequest({"token": "x"}, HERE)), Refused)
    assert len(throttled.login) == 0


async def test_many_at_once_are_no_way_around_it(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = asyncio.Event()
    strategy = Strategy(gate)
    throttled = Throttled(monkeypatch, strategy)
    attempts = [asyncio.create_task(throttled.attempt("wrong")) for _ in range(20)]
    await asyncio.sleep(0)
    assert not any(attempt.done() for attempt in attempts)
    gate.set()
    assert await asyncio.gather(*attempts) == [False] * 20
    assert strategy.most <= 4
    assert len([wait for wait in throttled.waits if wait > 0]) >= 16


async def test_memory_is_bounded(throttled: Throttled, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "MAX_GUESSERS", 100)
    for number in range(300):
        await throttled.attempt("wrong", user=f"user-{number}")
        for _ in range(2):
            await throttled.attempt("wrong", user="watched")
    assert len(throttled.login) == 100
    throttled.waits.clear()
    await throttled.attempt("wrong", user="watched")
    assert throttled.waits == [10.0], "those who go on are not the ones that are forgotten"


async def test_who_gives_up_waiting_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    throttled = Throttled(monkeypatch, Strategy(asyncio.Event()))
    attempts = [asyncio.create_task(throttled.attempt("right")) for _ in range(5)]
    await asyncio.sleep(0)
    assert len(throttled.login) == 1
    for attempt in attempts:
        attempt.cancel()
    await asyncio.gather(*attempts, return_exceptions=True)
    assert len(throttled.login) == 0


async def test_nodes_that_tell_each_other_count_together(monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = [Throttled(monkeypatch), Throttled(monkeypatch)]
    for node, other in (nodes, reversed(nodes)):
        node.login._on_guess = tell(other.login)
    for node in (nodes[0], nodes[1], nodes[0]):
        assert not await node.attempt("wrong")
    assert nodes[0].waits == nodes[1].waits == []
    assert not await nodes[1].attempt("wrong")
    assert nodes[1].waits == [1.0], "two of the three were wrong elsewhere"
    assert await nodes[0].attempt("right")
    nodes[1].waits.clear()
    assert not await nodes[1].attempt("wrong")
    assert nodes[1].waits == [], "who was right starts anew everywhere"
    assert [len(node.login) for node in nodes] == [1, 1]


def tell(other: ThrottledLogin) -> throttle.OnGuess:
    """What one node tells another is counted there, and not told on."""

    def on_guess(host: str, user: str, *, is_wrong: bool) -> None:
        other.count((host, user), is_wrong=is_wrong)

    return on_guess


@pytest.mark.django_db(transaction=True)
async def test_a_server_slows_down_one_client_and_serves_the_others(tmp_path: Path) -> None:
    slow = {"attempts": 2, "delay": 150}
    async with serving(tmp_path, files={"users.json": USERS}, auth=[FILE], loginThrottle=slow) as server:
        loop = asyncio.get_running_loop()
        wrong = {"username": "ann", "password": "wrong"}
        for _ in range(2):
            assert is_refused(await login(server.url, wrong))
        begun = loop.time()
        waiting = asyncio.create_task(login(server.url, {"username": "ann", "password": "tiger"}))
        assert is_accepted(await login(server.url, {"username": "bob", "password": "lion"}))
        assert not waiting.done()
        assert is_accepted(await waiting, {"theme": "dark"})
        assert loop.time() - begun >= 0.15
