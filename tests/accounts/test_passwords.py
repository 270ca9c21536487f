"""Passwords as users.yml has them (CONFIG.md, strategy ``file``)."""

from __future__ import annotations

import base64
import hashlib
import inspect
from collections.abc import Iterator

import pytest

from accounts.passwords import Passwords
from deepstream_project.config_login import HashOptions

CHEAP = HashOptions()
STRONG = HashOptions(hash="sha512", iterations=50_000, key_length=64)


@pytest.fixture(params=[CHEAP, STRONG], ids=["cheap", "strong"])
def passwords(request: pytest.FixtureRequest) -> Iterator[Passwords]:
    made = Passwords(request.param)
    yield made
    made.close()


async def answer(passwords: Passwords, password: str, stored: str | None) -> bool:
    found = passwords.matches(password, stored)
    return await found if inspect.isawaitable(found) else found


def test_a_hash_is_the_key_and_then_the_salt_whose_text_is_the_salt() -> None:
    stored = Passwords(CHEAP).hash("tiger")
    key, salt = stored[:44], stored[44:]
    assert len(base64.b64decode(salt, validate=True)) == 16
    made = hashlib.pbkdf2_hmac("md5", b"tiger", salt.encode(), 100, 32)
    assert base64.b64encode(made).decode() == key


def test_two_hashes_of_a_password_differ() -> None:
    passwords = Passwords(CHEAP)
    assert passwords.hash("tiger") != passwords.hash("tiger")


async def test_only_the_right_password_matches(passwords: Passwords) -> None:
    stored = passwords.hash("tiger")
    assert await answer(passwords, "tiger", stored)
    for wrong in ("Tiger", "tiger ", "", "ti\x00ger", "\ud800"):
        assert not await answer(passwords, wrong, stored)


async def test_nothing_matches_a_user_that_there_is_not(passwords: Passwords) -> None:
    for password in ("tiger", ""):
        assert not await answer(passwords, password, None)


@pytest.mark.parametrize("damaged", ["", "x", "ä", "=" * 44, "A" * 200])
async def test_a_damaged_hash_matches_nothing(passwords: Passwords, damaged: str) -> None:
    assert not await answer(passwords, "tiger", damaged)
    assert not passwords.is_possible(damaged[:44])


async def test_an_unknown_user_costs_as_many_rounds_as_a_wrong_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rounds: list[int] = []
    real = hashlib.pbkdf2_hmac

    def counted(digest: str, password: bytes, salt: bytes, iterations: int, length: int) -> bytes:
        rounds.append(iterations * length)
        return real(digest, password, salt, iterations, length)

    passwords = Passwords(CHEAP)
    stored = passwords.hash("tiger")
    monkeypatch.setattr(hashlib, "pbkdf2_hmac", counted)
    assert not passwords.matches("wrong", stored)
    assert not passwords.matches("wrong", None)
    assert rounds[0] == rounds[1]


def test_what_takes_long_is_compared_in_a_thread() -> None:
    assert not Passwords(CHEAP).is_slow
    assert Passwords(STRONG).is_slow
    # A long key is many blocks, each of which takes all rounds.
    assert Passwords(HashOptions(hash="md5", iterations=1000, key_length=1024)).is_slow


def test_clear_text_is_compared_as_it_is() -> None:
    passwords = Passwords(HashOptions(hash=None))
    assert passwords.matches("tiger", "tiger") is True
    assert passwords.matches("tige", "tiger") is False
    assert passwords.matches("", None) is False
