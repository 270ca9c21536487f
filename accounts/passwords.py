"""Passwords as users.yml has them: base64 of a PBKDF2 key, then the salt, which is base64 text itself."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import secrets
from collections.abc import Awaitable
from concurrent.futures import ThreadPoolExecutor
from math import ceil
from typing import Protocol

CHEAP_ROUNDS = 2000
"""Rounds of PBKDF2 that take about 2 ms; what takes more does not hold up the event loop."""

SALT_BYTES = 16

THREADS = 2
"""Logins hashed at the same time; more would only take the processor from the clients that are in."""


class HashSettings(Protocol):
    """CONFIG.md, ``hash``, ``iterations`` and ``keyLength`` of a login strategy."""

    @property
    def hash(self) -> str | None:
        """PBKDF2's digest; None for passwords in clear text."""

    @property
    def iterations(self) -> int:
        """PBKDF2's rounds."""

    @property
    def key_length(self) -> int:
        """Bytes of the key."""


class Passwords:
    """Makes and compares stored passwords, the expensive ones in threads of its own."""

    def __init__(self, settings: HashSettings) -> None:
        self._digest = settings.hash
        self._iterations = settings.iterations
        self._key_length = settings.key_length
        self._key_text_length = 4 * ceil(settings.key_length / 3)
        self._nobody = self._stored("", base64.b64encode(bytes(SALT_BYTES)).decode())
        self._executor = ThreadPoolExecutor(THREADS, thread_name_prefix="password") if self.is_slow else None

    @property
    def is_slow(self) -> bool:
        """Whether a comparison takes so long that it is made in a thread."""
        if self._digest is None:
            return False
        blocks = ceil(self._key_length / hashlib.new(self._digest).digest_size)
        return self._iterations * blocks > CHEAP_ROUNDS

    def is_possible(self, stored: str) -> bool:
        """Whether ``stored`` can be what ``hash`` made, by its form."""
        if self._digest is None:
            return bool(stored)
        try:
            key = base64.b64decode(stored[: self._key_text_length], validate=True)
        except ValueError:
            return False
        return len(key) == self._key_length

    def hash(self, password: str) -> str:
        """``password`` as it is stored, with a new salt; takes its time."""
        return self._stored(password, base64.b64encode(secrets.token_bytes(SALT_BYTES)).decode())

    def matches(self, password: str, stored: str | None) -> bool | Awaitable[bool]:
        """Whether ``password`` is the ``stored`` one; awaitable if that takes long.

        Takes as long for a wrong password as for a right one, and for None, a user that there is not.
        """
        if self._executor is None:
            return self._compare(password, stored)
        return asyncio.get_running_loop().run_in_executor(self._executor, self._compare, password, stored)

    def hash_soon(self, password: str) -> str | Awaitable[str]:
        """``hash``; awaitable if that takes long."""
        if self._executor is None:
            return self.hash(password)
        return asyncio.get_running_loop().run_in_executor(self._executor, self.hash, password)

    def close(self) -> None:
        """End the threads; what nobody has begun is dropped."""
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)

    def _compare(self, password: str, stored: str | None) -> bool:
        known = self._nobody if stored is None else stored
        made = self._stored(password, known[self._key_text_length :])
        return hmac.compare_digest(_bytes(made), _bytes(known)) and stored is not None

    def _stored(self, password: str, salt: str) -> str:
        if self._digest is None:
            return password
        key = hashlib.pbkdf2_hmac(
            self._digest, _bytes(password), _bytes(salt), self._iterations, self._key_length
        )
        return base64.b64encode(key).decode() + salt


def _bytes(text: str) -> bytes:
    """UTF-8; half a surrogate pair, which JSON can hold, is no reason to fail."""
    return text.encode("utf-8", "surrogatepass")
