"""Strategy ``http``: a web service that decides (CONFIG.md, Login strategies)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from typing import Any

import httpx
import orjson

from accounts.login import LoginRequest, Outcome, Refused
from deepstream_project.config_login import HttpOptions
from pubsub.user import User

log = logging.getLogger("deepstream.login")

MAX_PARALLEL = 100
"""Requests under way at the same time; further logins wait for one to end."""

MAX_ANSWER = 1024 * 1024
"""Bytes of an answer."""

MAX_REASON = 1000
"""Characters of a text that a refused client is sent."""

UNAVAILABLE = Refused({"error": "AUTH_RETRY_ATTEMPTS_EXCEEDED"}, is_wrong=False)
"""What the reference server says to this too."""


class WebhookUser(User):
    """A user with the token that the web service gave, if it gave one."""

    __slots__ = ("token",)

    def __init__(self, id: str | None, *, token: str | None = None, **known: Any) -> None:
        super().__init__(id, **known)
        self.token = token


class WebhookLogin:
    """Posts login data to a URL; its status says whether the user is let in, its body who it is.

    ``headers`` are the names, in lower case, of the request headers that it is told. Redirects are not
    followed: they would carry passwords to where nobody configured.
    """

    def __init__(self, options: HttpOptions, headers: Iterable[str] = ()) -> None:
        self._options = options
        self._headers = frozenset(headers)
        self._slots = asyncio.Semaphore(MAX_PARALLEL)
        self._client = httpx.AsyncClient(
            timeout=options.request_timeout,
            limits=httpx.Limits(max_connections=MAX_PARALLEL, max_keepalive_connections=20),
            follow_redirects=False,
            trust_env=False,
        )

    async def close(self) -> None:
        """Close the connections to the web service."""
        await self._client.aclose()

    async def login(self, request: LoginRequest) -> Outcome:
        """Ask, and after a failure of the network or the service ask again."""
        options = self._options
        for attempts_left in range(options.retry_attempts, -1, -1):
            outcome = await self._ask(request)
            if outcome is not UNAVAILABLE or not attempts_left:
                return outcome
            await asyncio.sleep(options.retry_interval)
        return UNAVAILABLE

    async def _ask(self, request: LoginRequest) -> Outcome:
        options = self._options
        try:
            async with self._slots, asyncio.timeout(options.request_timeout):
                status, body = await self._post(request)
        except (httpx.HTTPError, TimeoutError) as error:
            log.warning("The login service cannot be asked: %s", type(error).__name__)
            return UNAVAILABLE
        if status in options.permitted_status_codes:
            return _user(body)
        if status in options.retry_status_codes:
            log.warning("The login service answers with status %d", status)
            return UNAVAILABLE
        return _refusal(status, body)

    async def _post(self, request: LoginRequest) -> tuple[int, Any]:
        """Status and body of the answer."""
        content = orjson.dumps(self._question(request), default=str)
        headers = {
            "accept": "application/json",
            "content-type": "application/json",
            **self._promoted(request.data),
        }
        async with self._client.stream(
            "POST", self._options.endpoint_url, content=content, headers=_encoded(headers)
        ) as answer:
            body = b""
            async for chunk in answer.aiter_bytes():
                body += chunk
                if len(body) > MAX_ANSWER:
                    raise httpx.ReadError("the answer is too large")
        return answer.status_code, _parsed(body)

    def _question(self, request: LoginRequest) -> dict[str, Any]:
        headers = request.headers or {}
        told = {name: value for name, value in headers.items() if name in self._headers}
        referer = headers.get("referer")
        connection = {"remoteAddress": request.host, "headers": told, "referer": referer}
        return {"connectionData": connection, "authData": request.data}

    def _promoted(self, data: Mapping[str, Any]) -> dict[str, str]:
        """Login data that is sent as headers too, as far as a header can say it."""
        found = {name: data[name] for name in self._options.promote_to_header if name in data}
        return {
            name: str(value)
            for name, value in found.items()
            if isinstance(value, str | int | float) and str(value).isprintable()
        }


def _encoded(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.strip().encode()) for name, value in headers.items()]


def _parsed(body: bytes) -> Any:
    """JSON, or text that is none."""
    try:
        return orjson.loads(body)
    except ValueError:
        return body.decode(errors="replace")


def _user(body: Any) -> User:
    """Whom the service let in: by an object, by an id, or without a name."""
    if not isinstance(body, dict):
        return WebhookUser(_id(body))
    token = body.get("token")
    return WebhookUser(
        _id(body.get("id")),
        client_data=body.get("clientData"),
        server_data=body.get("serverData"),
        token=token if isinstance(token, str) else None,
    )


def _id(given: Any) -> str | None:
    return None if given is None or given == "" else str(given)


def _refusal(status: int, body: Any) -> Refused:
    if 300 <= status < 400:
        log.warning("The login service redirects (status %d), which is not followed", status)
        return Refused()
    if isinstance(body, str) and body:
        return Refused({"error": body[:MAX_REASON]})
    return Refused(body if isinstance(body, dict) else None)
