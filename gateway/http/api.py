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
from accounts.tokens import Tokens, TokensUnavailable
from accounts.webhook import WebhookUser
from deepstream_project.config import Config
from deepstream_project.config_network import HttpApiConfig
from gateway.caller import Caller
from gateway.http.batch import Batch
from gateway.http.commands import Command, InvalidCommand, parse
from gateway.http.messages import (
    ClientGone,
    HttpError,
    Request,
    Response,
    json_response,
    not_allowed,
    text_response,
)
from gateway.http.origins import Origins, preflight
from gateway.http.replies import Reply, status_of
from gateway.node import Node
from monitoring.metrics import HTTP
from pubsub.user import User

log = logging.getLogger("deepstream.http")

Handler = Callable[[Request], Awaitable[Response]]


class HttpApi:
    """Serves the API's paths if it is configured; all others go to ``application``."""

    def __init__(
        self, config: Config, node: Callable[[], Node], application: Callable[..., Awaitable[None]]
    ) -> None:
        self._http = config.http
        self._settings = config.endpoints.http_api or HttpApiConfig()
        self._node = node
        self._application = application
        self._tokens = Tokens()
        self._origins = Origins(config.http.origins, allow_all=config.http.allow_all_origins)
        self._routes = {} if config.endpoints.http_api is None else self._all_routes()

    def _all_routes(self) -> dict[str, dict[str, Handler]]:
        settings = self._settings
        routes: dict[str, dict[str, Handler]] = {settings.post_path: {"POST": self._post}}
        routes.setdefault(settings.get_path, {}).update(GET=self._get, HEAD=self._get)
        if settings.enable_auth_endpoint:
            routes.setdefault(settings.auth_path, {})["POST"] = self._authenticate
        return routes

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Serve one HTTP request."""
        handlers = self._routes.get(scope["path"])
        if handlers is None:
            await self._application(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            response = await self._answer(request, handlers)
        except ClientGone:
            return
        await response.send(send, self._origins.headers(request), with_body=request.method != "HEAD")

    async def _answer(self, request: Request, handlers: Mapping[str, Handler]) -> Response:
        if not self._origins.are_welcome(request):
            return text_response(403, f'Origin "{request.headers["origin"]}" is forbidden.')
        if request.method == "OPTIONS":
            return preflight()
        handler = handlers.get(request.method)
        if handler is None:
            return not_allowed(request.method, (*handlers, "OPTIONS"))
        if self._node().is_stopping:
            return text_response(503, "The server is stopping: try again later.")
        return await _answered(handler, request)

    # The three routes

    async def _post(self, request: Request) -> Response:
        """``POST /api``: carry out the commands of ``body`` and reply to each."""
        content = await self._json(request)
        commands = _commands_of(content)
        replies = await self._run(commands, await self._user(content, request), request)
        done = sum(bool(reply["success"]) for reply in replies)
        result = "SUCCESS" if done == len(replies) else "PARTIAL_SUCCESS" if done else "FAILURE"
        return json_response({"result": result, "body": replies})

    async def _get(self, request: Request) -> Response:
        """``GET /api?recordName=…`` (ours): one record; the token as ``Authorization: Bearer``."""
        names = parse_qs(request.query).get("recordName")
        if names is None or len(names) != 1:
            raise HttpError(400, "Name one record: ?recordName=NAME")
        user = await self._user(_bearer(request), request)
        command = parse({"topic": "record", "action": "read", "recordName": names[0]})
        (reply,) = await self._run([command], user, request)
        return json_response(reply, status=status_of(reply))

    async def _authenticate(self, request: Request) -> Response:
        """``POST /api/auth``: a token for login data."""
        content = await self._json(request)
        user = await self._log_in(content, request, "Invalid authentication data.")
        given = user.token if isinstance(user, WebhookUser) else None
        found: Reply = {"token": given or await self._tokens.issue(user)}
        if user.client_data is not None:
            found["clientData"] = user.client_data
        return json_response(found)

    # Who asks

    async def _user(self, content: Mapping[str, Any], request: Request) -> User:
        """By ``authData``, by ``token``, or without either."""
        data, token = content.get("authData", {}), content.get("token", "-")
        if not isinstance(data, dict):
            raise HttpError(400, 'Invalid message: the "authData" parameter must be an object')
        if not isinstance(token, str) or not token:
            raise HttpError(400, 'Invalid message: the "token" parameter must be a non-empty string')
        if "authData" in content and not self._settings.allow_auth_data:
            raise HttpError(400, "Authentication using authData is disabled. Try using a token instead.")
        if "token" in content and "authData" not in content:
            return await self._user_of_token(token, request)
        return await self._log_in(data, request, "Unsuccessful authentication attempt.")

    async def _user_of_token(self, token: str, request: Request) -> User:
        """One of ours, or one that a login strategy knows, as that of a JWT or of a login service."""
        user = await self._tokens.user(token)
        if user is None:
            text = "The token is not valid, or no longer: log in again."
            user = await self._log_in({"token": token}, request, text)
            if not user.is_authenticated:  # whoever lets everybody in did not look at it
                raise _unauthorized(text)
        return user

    async def _log_in(self, data: Mapping[str, Any], request: Request, refusal: str) -> User:
        headers, metrics = request.chosen_headers(self._http.headers), self._node().metrics
        outcome = self._node().login.login(LoginRequest(data, request.address, headers))
        if inspect.isawaitable(outcome):
            outcome = await outcome
        if isinstance(outcome, Refused):
            shown = f": {dict(data)}" if self._settings.log_invalid_auth_data else ""
            metrics.logins[HTTP].refused += 1
            log.info("%s: login refused%s", request.address, shown, extra={"event": "login-refused"})
            reason = "" if outcome.reason is None else f" {orjson.dumps(outcome.reason).decode()}"
            raise _unauthorized(refusal + reason)
        metrics.logins[HTTP].accepted += 1
        return outcome

    # What is asked

    async def _json(self, request: Request) -> dict[str, Any]:
        """The object in the body; nothing counts as an empty one."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise HttpError(415, 'Invalid "Content-Type" header. Supported media types: "application/json"')
        body = await self._body(request)
        try:
            content = orjson.loads(body or b"{}")
        except ValueError as error:
            raise HttpError(400, f"Failed to parse body of request: {error}") from None
        if not isinstance(content, dict):
            raise HttpError(400, "Invalid message: the request must be an object.")
        return content

    async def _body(self, request: Request) -> bytes:
        try:
            async with asyncio.timeout(self._settings.request_timeout):
                return await request.body(self._http.max_message_size)
        except TimeoutError:
            raise HttpError(
                408, "The request did not arrive in time.", ((b"connection", b"close"),)
            ) from None

    async def _run(self, commands: list[Command], user: User, request: Request) -> list[Reply]:
        headers = request.chosen_headers(self._http.headers)
        received = self._node().metrics.received
        for command in commands:
            received[command.message.topic][command.message.action] += 1

        def caller() -> Caller:
            return Caller(self._node(), user, address=request.address, headers=headers)

        return await Batch(commands, caller).run(self._settings.request_timeout)


async def _answered(handler: Handler, request: Request) -> Response:
    """What ``handler`` answers, or why it cannot."""
    try:
        return await handler(request)
    except HttpError as error:
        return text_response(error.status, str(error), error.headers)
    except TokensUnavailable as error:
        log.error("Tokens cannot be read or written: %s", error)
        return text_response(503, "Tokens cannot be checked now: try again later.")
    except ClientGone:
        raise
    except Exception:
        log.exception("%s %s failed", request.method, request.path)
        return text_response(500, "The server made a mistake; its log says which.")


def _unauthorized(text: str) -> HttpError:
    return HttpError(401, text, ((b"www-authenticate", b"Bearer"),))


def _bearer(request: Request) -> dict[str, str]:
    """``token`` from the request's headers, if it carries one."""
    header = request.headers.get("authorization")
    if header is None:
        return {}
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise _unauthorized('The header must be "Authorization: Bearer TOKEN".')
    return {"token": token.strip()}


def _commands_of(content: Mapping[str, Any]) -> list[Command]:
    if "body" not in content:
        raise HttpError(400, 'Invalid message: the "body" parameter must exist.')
    given = content["body"]
    if not isinstance(given, list) or not given:
        text = 'Invalid message: the "body" parameter must be a non-empty array of Objects.'
        raise HttpError(400, text)
    commands = []
    for position, command in enumerate(given):
        try:
            commands.append(parse(command))
        except InvalidCommand as error:
            text = f"Failed to parse JIF object at index {position}. Reason: {error}"
            raise HttpError(400, text) from None
    return commands
