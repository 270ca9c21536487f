"""The public keys of token issuers, fetched from a URL and kept (RFC 7517)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from time import monotonic

import httpx
import jwt

log = logging.getLogger("deepstream.login")

LIFETIME = 300.0
"""Seconds for which keys are taken as they were fetched; withdrawn ones are good for no longer."""

COOLDOWN = 10.0
"""Seconds between two fetches, however many tokens with unknown keys come in."""

TIMEOUT = 5.0
"""Seconds that a fetch may take."""

MAX_SIZE = 1024 * 1024
"""Bytes of a key set."""


class JwksUnavailable(Exception):
    """The keys could not be fetched, and there are none that are fresh enough."""


class KeySet:
    """The keys by their id, fetched again when they are old or one is unknown; one fetch at a time."""

    def __init__(self, url: str, *, clock: Callable[[], float] = monotonic) -> None:
        self._url = url
        self._clock = clock
        self._keys: dict[str | None, jwt.PyJWK] = {}
        self._fetched_at = self._tried_at = float("-inf")
        self._fetching = asyncio.Lock()
        self._client = httpx.AsyncClient(timeout=TIMEOUT, trust_env=False)

    async def close(self) -> None:
        """Close the connection."""
        await self._client.aclose()

    def peek(self, key_id: str | None) -> jwt.PyJWK | None:
        """The key if it can be had without waiting."""
        return self._keys.get(key_id) if self._clock() < self._fetched_at + LIFETIME else None

    async def get(self, key_id: str | None) -> jwt.PyJWK | None:
        """The key, None if the issuer has none of this id; raises ``JwksUnavailable``."""
        async with self._fetching:
            key = self.peek(key_id)
            if key is None and self._clock() >= self._tried_at + COOLDOWN:
                await self._fetch()
                key = self.peek(key_id)
        if self._clock() >= self._fetched_at + LIFETIME:
            raise JwksUnavailable(self._url)
        return key

    async def _fetch(self) -> None:
        self._tried_at = self._clock()
        try:
            async with asyncio.timeout(TIMEOUT):
                keys = jwt.PyJWKSet.from_json(await self._read()).keys
        except (httpx.HTTPError, TimeoutError, jwt.PyJWTError, ValueError) as error:
            log.error("The keys of tokens cannot be fetched: %s: %s", type(error).__name__, error)
            return
        self._fetched_at = self._clock()
        self._keys = {key.key_id: key for key in keys}
        if len(keys) == 1:
            self._keys[None] = keys[0]  # a token need not say which key it is signed with if there is one

    async def _read(self) -> str:
        async with self._client.stream("GET", self._url) as answer:
            answer.raise_for_status()
            body = b""
            async for chunk in answer.aiter_bytes():
                body += chunk
                if len(body) > MAX_SIZE:
                    raise ValueError("the key set is too large")
        return body.decode()
