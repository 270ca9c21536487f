"""The HTTP API on a node in this process: faults, a store that fails, the end, and what is left."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from accounts.login import LoginRequest, Refused
from accounts.tokens import Tokens, TokensUnavailable
from accounts.webhook import WebhookUser
from deepstream_project.config import Config
from deepstream_project.config_network import HttpConfig
from deepstream_protocol.topics import RecordAction
from gateway.caller import Caller
from gateway.http.api import HttpApi
from gateway.node import Node
from permissions.verdict import AllowEverything
from pubsub.cluster import SingleNode
from pubsub.connection import Connection
from pubsub.user import User
from records.storage import StoreError
from tests.gateway.http.http_kit import EMIT, Api, command
from tests.records.kit import StoreDouble


class Logins:
    """Answers logins as a test says, and keeps what was shown."""

    def __init__(self) -> None:
        self.outcome: User | Refused | Exception = User("ann")
        self.requests: list[LoginRequest] = []

    def login(self, request: LoginRequest) -> User | Refused:
        self.requests.append(request)
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


class Memory(Tokens):
    """Tokens without a database."""

    def __init__(self) -> None:
        super().__init__()
        self.issued: dict[str, User] = {}
        self.is_broken = False

    async def issue(self, user: User) -> str:
        token = f"ours{len(self.issued)}"
        self.issued[token] = user
        return token

    async def user(self, token: str) -> User | None:
        if self.is_broken:
            raise TokensUnavailable("locked")
        return self.issued.get(token)


@pytest.fixture
def store() -> StoreDouble:
    return StoreDouble({"r": (1, '{"a":1}')})


@pytest.fixture
def logins() -> Logins:
    return Logins()


@pytest.fixture
async def node(store: StoreDouble, logins: Logins) -> AsyncIterator[Node]:
    made = Node(
        Config(http=HttpConfig(headers=("x-tenant", "x-other"))),
        store=store,
        cluster=SingleNode(),
        permissions=lambda records: AllowEverything(),
        login=logins,  # type: ignore[arg-type]
    )
    yield made
    await made.stop()


async def nothing_else(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError(f"{scope['path']} is no path of the API")


@pytest.fixture
def application(node: Node, monkeypatch: pytest.MonkeyPatch) -> HttpApi:
    monkeypatch.setattr("gateway.http.api.Tokens", Memory)
    return HttpApi(node.config, lambda: node, nothing_else)


@pytest.fixture
async def api(application: HttpApi) -> AsyncIterator[Api]:
    transport = httpx.ASGITransport(application)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield Api(client)


# What fails


async def test_a_fault_in_one_command_fails_that_command_alone(
    api: Api, node: Node, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(connection: Connection, message: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setitem(node.rpc.actions, 2, fail)
    answered = await api.send(EMIT, command("rpc make", rpcName="f"), command("record read", recordName="r"))
    assert [reply["success"] for reply in answered["body"]] == [True, False, True]
    assert answered["body"][1] == {
        "success": False,
        "error": "The server made a mistake; its log says which.",
        "errorTopic": "connection",
        "errorEvent": "INTERNAL_ERROR",
    }
    assert "ZeroDivisionError" in caplog.text


async def test_a_fault_in_the_login_is_500_and_is_logged(
    api: Api, logins: Logins, caplog: pytest.LogCaptureFixture
) -> None:
    logins.outcome = ZeroDivisionError()
    for path in ("/api", "/api/auth"):
        response = await api.post({"body": [EMIT]}, path)
        assert (response.status_code, response.text) == (
            500,
            "The server made a mistake; its log says which.\n",
        )
        assert response.headers["access-control-allow-origin"] == "*"
    assert caplog.text.count("ZeroDivisionError") == 2


@pytest.mark.parametrize(
    ("kind", "properties", "event"),
    [
        ("record read", {"recordName": "x"}, RecordAction.RECORD_LOAD_ERROR),
        ("record head", {"recordName": "x"}, RecordAction.RECORD_LOAD_ERROR),
        ("record write", {"recordName": "x", "data": {}}, RecordAction.RECORD_UPDATE_ERROR),
        ("record delete", {"recordName": "x"}, RecordAction.RECORD_DELETE_ERROR),
        ("record notify", {"recordNames": ["x"]}, RecordAction.RECORD_NOTIFY_ERROR),
    ],
)
async def test_a_store_that_fails_is_an_error_of_the_record(
    api: Api, store: StoreDouble, kind: str, properties: dict[str, Any], event: RecordAction
) -> None:
    store.load_errors.append(StoreError("gone"))
    reply = await api.reply(kind, **properties)
    assert (reply["success"], reply["errorTopic"], reply["errorEvent"]) == (False, "record", int(event))
    assert "The store did not" in reply["error"]


async def test_get_from_a_store_that_fails_is_503(api: Api, store: StoreDouble) -> None:
    store.load_errors.append(StoreError("gone"))
    assert (await api.http.get("/api?recordName=x")).status_code == 503


async def test_tokens_that_cannot_be_checked_are_503(api: Api, application: HttpApi) -> None:
    application._tokens.is_broken = True  # type: ignore[attr-defined]
    response = await api.post({"body": [EMIT], "token": "ours0"})
    assert (response.status_code, response.text) == (503, "Tokens cannot be checked now: try again later.\n")


async def test_a_node_that_stops_takes_no_more_requests(api: Api, node: Node) -> None:
    await node.stop()
    response = await api.post({"body": [EMIT]})
    assert (response.status_code, response.text) == (503, "The server is stopping: try again later.\n")


# Who asks


async def test_strategies_see_address_and_only_the_headers_that_they_may(api: Api, logins: Logins) -> None:
    data = {"username": "ann"}
    await api.post({"authData": data, "body": [EMIT]}, x_tenant="a", cookie="secret=1")
    (request,) = logins.requests
    assert (request.data, request.headers) == (data, {"x-tenant": "a"})
    assert request.address == "127.0.0.1:123"
    assert request.session_key is None


async def test_the_reason_of_a_refusal_is_told(api: Api, logins: Logins) -> None:
    logins.outcome = Refused({"error": "the moon is full"})
    for path, text in (
        ("/api", "Unsuccessful authentication attempt."),
        ("/api/auth", "Invalid authentication data."),
    ):
        response = await api.post({"body": [EMIT]}, path)
        assert (response.status_code, response.text) == (401, text + ' {"error":"the moon is full"}\n')


async def test_login_data_stays_out_of_the_log(
    api: Api, logins: Logins, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    logins.outcome = Refused()
    await api.post({"authData": {"password": "hidden"}, "body": [EMIT]})
    await api.post({"token": "hidden", "body": [EMIT]})
    assert "login refused" in caplog.text
    assert "hidden" not in caplog.text


async def test_the_token_of_a_login_service_is_the_token(api: Api, logins: Logins) -> None:
    logins.outcome = WebhookUser("ann", token="theirs", client_data={"a": 1})
    response = await api.post({"username": "ann"}, "/api/auth")
    assert response.json() == {"token": "theirs", "clientData": {"a": 1}}
    assert (await api.send(EMIT, token="theirs"))["result"] == "SUCCESS"
    assert logins.requests[-1].data == {"token": "theirs"}


async def test_a_login_service_that_gives_no_token_gets_ours(api: Api, logins: Logins) -> None:
    logins.outcome = WebhookUser("ann")
    token = (await api.post({}, "/api/auth")).json()["token"]
    logins.outcome = Refused()
    assert (await api.send(EMIT, token=token))["result"] == "SUCCESS"


# Clients that leave


async def receive_of(application: HttpApi, *events: dict[str, Any]) -> list[dict[str, Any]]:
    """What is sent for a POST of which the server hears these events, and then nothing more."""
    left, sent = list(events), []

    async def receive() -> dict[str, Any]:
        return left.pop(0) if left else await asyncio.Future()

    async def send(event: dict[str, Any]) -> None:
        sent.append(event)

    headers = [(b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": "/api", "query_string": b"", "headers": headers}
    await application(scope, receive, send)
    return sent


async def test_nothing_is_answered_to_who_left_in_the_middle_of_a_body(
    application: HttpApi, logins: Logins
) -> None:
    half = {"type": "http.request", "body": b'{"body"', "more_body": True}
    assert await receive_of(application, half, {"type": "http.disconnect"}) == []
    assert await receive_of(application, {"type": "http.disconnect"}) == []
    assert logins.requests == []


async def test_a_body_may_come_in_parts(application: HttpApi) -> None:
    parts = [b'{"body": [{"topic": "event", "action"', b"", b': "emit", "eventName": "e"}]}']
    events = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    start, body = await receive_of(application, *events, {"type": "http.request"})
    assert (start["status"], body["body"]) == (200, b'{"result":"SUCCESS","body":[{"success":true}]}')


# What is left


def alive(kind: type) -> int:
    gc.collect()
    return sum(type(one) is kind for one in gc.get_objects())


async def test_requests_leave_nothing_behind(api: Api, node: Node, store: StoreDouble) -> None:
    async def one(number: int) -> None:
        await api.send(
            EMIT,
            command("rpc make", rpcName="none"),
            command("record write", recordName=f"w{number}", path="a", data=number),
            command("record read", recordName=f"w{number}"),
            command("record read", recordName=f"missing{number}"),
            command("record delete", recordName=f"w{number}"),
            command("record notify", recordNames=["r"]),
            command("presence query"),
        )

    await one(0)
    before = (alive(Connection), alive(Caller), len(asyncio.all_tasks()))
    await asyncio.gather(*map(one, range(1, 200)))
    await asyncio.sleep(0)
    assert (alive(Connection), alive(Caller), len(asyncio.all_tasks())) == before
    assert node.rpc.calls_in_flight() == 0
    assert list(node.records.subscriptions.names()) == []
    assert node.presence.online() == []
