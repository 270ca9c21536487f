"""The HTTP API at ``/api``: batches of commands, logins for tokens (PROTOCOL.md section 10)."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qs

import orjson

from accounts.login import LoginRequest, Refused
from accounts.tokens import Tokens
from deepstream_project.config import Config
from gateway import http_commands
from gateway.caller import Caller
from gateway.http_commands import InvalidCommand, Reply
from gateway.http_messages import Request, Response, json_response, text_response
from gateway.node import Node
from pubsub.connection import User

log = logging.getLogger("deepstream.http")

MAX_PARALLEL = 100
"""Commands of one request that wait for their answers at the same time."""


class _Failure(Exception):
    """A request that is answered with a status and a text."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class HttpApi:
    """Serves the API's paths; all others go to ``application``."""

    def __init__(
        self, config: Config, node: Callable[[], Node], application: Callable[..., Awaitable[None]]
    ) -> None:
        self._http = config.http
        self._settings = config.endpoints.http_api
        self._node = node
        self._application = application
        self._tokens = Tokens()
        self._routes: dict[tuple[str, str], Callable[[Request], Awaitable[Response]]] = {}
        if (settings := self._settings) is not None:
            self._routes[settings.post_path, "POST"] = self._post
            self._routes[settings.get_path, "GET"] = self._get
            if settings.enable_auth_endpoint:
                self._routes[settings.auth_path, "POST"] = self._authenticate
        self._paths = {path for path, _ in self._routes}

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Serve one HTTP request."""
        if scope["path"] not in self._paths:
            await self._application(scope, receive, send)
            return
        request = Request(scope, receive)
        response = await self._answer(request)
        await response.send(send, self._cors(request), with_body=request.method != "HEAD")

    async def _answer(self, request: Request) -> Response:
        if not self._is_welcome(request.headers.get("origin")):
            return text_response(403, "This origin is not allowed.")
        if request.method == "OPTIONS":
            return Response(200, b"", "text/plain")
        handler = self._routes.get((request.path, request.method))
        if handler is None:
            return text_response(405, f"{request.method} is not possible here.")
        try:
            return await handler(request)
        except _Failure as failure:
            return text_response(failure.status, str(failure))

    # The three routes

    async def _post(self, request: Request) -> Response:
        """``POST /api``: run the commands of ``body`` and answer each."""
        content = await self._json(request)
        commands = _commands_of(content)
        user = await self._user(content, request)
        replies = await self._run(commands, user, request)
        done = sum(bool(reply["success"]) for reply in replies)
        result = "SUCCESS" if done == len(replies) else "PARTIAL_SUCCESS" if done else "FAILURE"
        return json_response({"result": result, "body": replies})

    async def _get(self, request: Request) -> Response:
        """``GET /api?recordName=…``: one record, or 404 (ours); the token as ``Authorization: Bearer``."""
        names = parse_qs(request.query).get("recordName")
        if not names:
            raise _Failure(400, "Name a record: ?recordName=…")
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        user = await self._user({"token": token} if scheme.lower() == "bearer" else {}, request)
        command = {"topic": "record", "action": "read", "recordName": names[0]}
        (reply,) = await self._run([command], user, request)
        return json_response(reply, status=200 if reply["success"] else _status_of(reply))

    async def _authenticate(self, request: Request) -> Response:
        """``POST /api/auth``: a token for login data."""
        content = await self._json(request)
        user = await self._log_in(content, request)
        found: Reply = {"token": await self._tokens.issue(user)}
        if user.client_data is not None:
            found["clientData"] = user.client_data
        return json_response(found)

    # Who asks

    async def _user(self, content: Mapping[str, Any], request: Request) -> User:
        token, data = content.get("token"), content.get("authData")
        if token is not None:
            user = await self._tokens.user(token) if isinstance(token, str) else None
            if user is None:
                raise _Failure(401, "The token is not valid, or no longer.")
            return user
        if data is not None:
            if self._settings is None or not self._settings.allow_auth_data:
                raise _Failure(400, "Authentication with authData is not allowed: get a token.")
            if not isinstance(data, dict):
                raise _Failure(400, "authData must be an object.")
        return await self._log_in(data or {}, request)

    async def _log_in(self, data: Mapping[str, Any], request: Request) -> User:
        outcome = self._node().login.login(LoginRequest(data, request.address, request.headers))
        if inspect.isawaitable(outcome):
            outcome = await outcome
        if isinstance(outcome, Refused):
            shown = f": {dict(data)}" if self._settings and self._settings.log_invalid_auth_data else ""
            log.info("%s: login refused%s", request.address, shown)
            reason = "" if outcome.reason is None else f" {orjson.dumps(outcome.reason).decode()}"
            raise _Failure(401, f"Invalid authentication data.{reason}")
        return outcome

    # What is asked

    async def _json(self, request: Request) -> dict[str, Any]:
        if request.headers.get("content-type", "").split(";")[0].strip() != "application/json":
            raise _Failure(415, 'Invalid "Content-Type" header. Supported media types: "application/json"')
        body = await request.body(self._http.max_message_size)
        if body is None:
            raise _Failure(413, f"The request body is larger than {self._http.max_message_size} bytes.")
        try:
            content = orjson.loads(body)
        except ValueError as error:
            raise _Failure(400, f"Failed to parse body of request: {error}") from None
        if not isinstance(content, dict):
            raise _Failure(400, "Invalid message: the request must be an object.")
        return content

    async def _run(self, commands: list[Any], user: User, request: Request) -> list[Reply]:
        """Run all commands: events in their order, whatever has an answer to wait for beside them."""
        assert self._settings is not None
        timeout = self._settings.request_timeout
        slots = asyncio.Semaphore(MAX_PARALLEL)
        replies: list[Reply] = [{} for _ in commands]

        async def run(position: int, command: Any, caller: Caller) -> None:
            replies[position] = await http_commands.run(caller, command, timeout)

        async def run_beside(position: int, command: Any) -> None:
            async with slots:
                await run(position, command, self._caller(user, request))

        emitter = self._caller(user, request)
        async with asyncio.TaskGroup() as group:
            for position, command in enumerate(commands):
                if command["topic"] == "event":
                    await run(position, command, emitter)
                else:
                    group.create_task(run_beside(position, command))
        return replies

    def _caller(self, user: User, request: Request) -> Caller:
        return Caller(self._node(), user, address=request.address, headers=request.headers)

    # Origins

    def _is_welcome(self, origin: str | None) -> bool:
        return origin is None or self._http.allow_all_origins or origin in self._http.origins

    def _cors(self, request: Request) -> list[tuple[bytes, bytes]]:
        origin = request.headers.get("origin")
        if self._http.allow_all_origins:
            allowed = "*"
        elif origin is not None and origin in self._http.origins:
            allowed = origin
        else:
            return []
        headers = {"access-control-allow-origin": allowed, "vary": "Origin"}
        if request.method == "OPTIONS":
            headers["access-control-allow-methods"] = "POST, GET, OPTIONS"
            headers["access-control-allow-headers"] = "Content-Type, Authorization, X-Requested-With"
            headers["access-control-max-age"] = "86400"
        return [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]


def _commands_of(content: Mapping[str, Any]) -> list[Any]:
    if "body" not in content:
        raise _Failure(400, 'Invalid message: the "body" parameter must exist.')
    commands = content["body"]
    if not isinstance(commands, list) or not commands:
        raise _Failure(400, 'Invalid message: the "body" parameter must be a non-empty array of Objects.')
    for position, command in enumerate(commands):
        try:
            http_commands.check(command)
        except InvalidCommand as error:
            text = f"Failed to parse JIF object at index {position}. Reason: {error}"
            raise _Failure(400, text) from None
    return commands


def _status_of(reply: Reply) -> int:
    """The HTTP status of a failed read."""
    return {107: 404, 114: 403, 115: 403}.get(reply["errorEvent"], 503)
