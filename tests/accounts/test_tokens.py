"""Tokens in Django's session table."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db import OperationalError
from django.utils import timezone

from accounts import tokens as module
from accounts.django_user import user_of
from accounts.tokens import CLEARING_INTERVAL, LIFETIME, REMEMBERED, Tokens, TokensUnavailable
from pubsub.user import User

pytestmark = pytest.mark.django_db(transaction=True)

ANN = User("ann", client_data={"colour": "red"}, server_data={"roles": ["a", "b"]})


class Clock:
    """A time that passes only by ``advance``, but begins now: the database has a clock of its own."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tokens(clock: Clock) -> Tokens:
    return Tokens(now=clock)


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A database that fails."""

    def fail(*_: Any, **__: Any) -> None:
        raise OperationalError("database is locked")

    with monkeypatch.context() as patch:
        patch.setattr(Session.objects, "filter", fail)
        patch.setattr(SessionStore, "_get_session_from_db", fail)
        patch.setattr(SessionStore, "create", fail)
        yield


def same(user: User | None, other: User) -> bool:
    fields = ("id", "is_authenticated", "client_data", "server_data")
    return user is not None and all(getattr(user, field) == getattr(other, field) for field in fields)


async def forget(token: str) -> None:
    await Session.objects.filter(session_key=token).adelete()


async def test_a_token_stands_for_all_that_is_known_of_its_user(tokens: Tokens) -> None:
    for user in (ANN, User("open", is_authenticated=False), User(None), User("ü", client_data=[1, None])):
        token = await tokens.issue(user)
        assert same(await tokens.user(token), user)
        assert same(await Tokens().user(token), user), "for other nodes too"


async def test_a_token_says_nothing_of_its_user(tokens: Tokens) -> None:
    token = await tokens.issue(ANN)
    assert (len(token), token.isalnum()) == (32, True)
    assert token != await tokens.issue(ANN)


@pytest.mark.parametrize(
    "token", ["", "unknown", "a" * 32, "ä" * 32, "a" * 10_000, "a.b.c", "x\x00y", "' --"]
)
async def test_what_was_not_issued_is_nobodys(tokens: Tokens, token: str) -> None:
    assert await tokens.user(token) is None


async def test_the_session_of_a_browser_is_no_token(tokens: Tokens) -> None:
    session = SessionStore()
    session["_auth_user_id"] = "1"
    await session.acreate()
    assert await tokens.user(str(session.session_key)) is None


async def test_a_token_expires_after_its_lifetime(tokens: Tokens, clock: Clock) -> None:
    token = await tokens.issue(ANN)
    clock.advance(LIFETIME - REMEMBERED / 2 - 1)
    assert same(await tokens.user(token), ANN)
    clock.advance(REMEMBERED / 2 + 2)
    assert await tokens.user(token) is None, "though it was remembered"


async def test_a_token_does_not_outlive_the_login_it_stands_for(tokens: Tokens, clock: Clock) -> None:
    token = await tokens.issue(User("ann", expires_at=clock() + 5))
    assert same(await tokens.user(token), User("ann"))
    clock.advance(6)
    assert await tokens.user(token) is None


async def test_what_the_database_takes_for_expired_is_expired(tokens: Tokens) -> None:
    token = await tokens.issue(ANN)
    await Session.objects.filter(session_key=token).aupdate(expire_date=timezone.now() - timedelta(seconds=1))
    assert await tokens.user(token) is None


async def test_a_token_is_looked_up_once_in_a_while(tokens: Tokens, clock: Clock) -> None:
    token = await tokens.issue(ANN)
    assert await tokens.user(token) is await tokens.user(token)
    await forget(token)
    clock.advance(REMEMBERED - 1)
    assert same(await tokens.user(token), ANN)
    clock.advance(1)
    assert await tokens.user(token) is None


async def test_a_bounded_number_of_tokens_is_remembered(
    tokens: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_REMEMBERED", 2)
    issued = [await tokens.issue(User(name)) for name in ("a", "b", "c")]
    for token in issued:
        await tokens.user(token)
        await forget(token)
    assert [await tokens.user(token) is not None for token in issued] == [False, True, True]


async def test_what_has_expired_is_removed_now_and_then(tokens: Tokens, clock: Clock) -> None:
    old = [await tokens.issue(ANN) for _ in range(2)]
    await Session.objects.filter(session_key__in=old).aupdate(
        expire_date=timezone.now() - timedelta(seconds=1)
    )
    await tokens.issue(ANN)
    assert await Session.objects.acount() == 3, "not at every login"
    clock.advance(CLEARING_INTERVAL)
    await tokens.issue(ANN)
    assert await Session.objects.acount() == 2


@pytest.mark.usefixtures("broken")
async def test_a_database_that_fails_is_said_to(tokens: Tokens) -> None:
    with pytest.raises(TokensUnavailable, match="database is locked"):
        await tokens.user("a" * 32)
    for _ in range(2):
        with pytest.raises(TokensUnavailable, match="database is locked"):
            await tokens.issue(ANN)


async def test_a_database_that_does_not_answer_is_not_waited_for(
    tokens: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.02)
    loop, released = asyncio.get_running_loop(), asyncio.Event()

    def wait(_: SessionStore) -> None:
        asyncio.run_coroutine_threadsafe(released.wait(), loop).result()

    monkeypatch.setattr(SessionStore, "_get_session_from_db", wait)
    with pytest.raises(TokensUnavailable, match="does not answer"):
        await tokens.user("a" * 32)
    released.set()


# Django's users


@sync_to_async
def django_user(**fields: Any) -> Any:
    return get_user_model().objects.create_user("ann", password="secret", **fields)


@sync_to_async
def as_logged_in(user: Any) -> User:
    return user_of(user)


async def test_a_django_users_token_shows_what_is_true_now(tokens: Tokens, clock: Clock) -> None:
    user = await django_user()
    token = await tokens.issue(await as_logged_in(user))
    group = await Group.objects.acreate(name="editors")
    await user.groups.aadd(group)
    found = await tokens.user(token)
    assert found is not None
    assert (found.id, found.server_data["groups"]) == ("ann", ["editors"])


@pytest.mark.parametrize("change", [{"is_active": False}, {"is_staff": True}, {"password": "another"}])
async def test_a_django_user_who_was_changed_has_to_log_in_again(
    tokens: Tokens, clock: Clock, change: dict[str, Any]
) -> None:
    user = await django_user()
    token = await tokens.issue(await as_logged_in(user))
    assert await tokens.user(token) is not None
    await get_user_model().objects.filter(pk=user.pk).aupdate(**change)
    clock.advance(REMEMBERED)
    assert await tokens.user(token) is None


async def test_a_django_user_who_was_deleted_is_nobody(tokens: Tokens) -> None:
    user = await django_user()
    token = await tokens.issue(await as_logged_in(user))
    await user.adelete()
    assert await tokens.user(token) is None


async def test_a_token_keeps_no_password(tokens: Tokens) -> None:
    user = await django_user()
    token = await tokens.issue(await as_logged_in(user))
    session = await Session.objects.aget(session_key=token)
    assert user.password not in str(session.get_decoded())
