"""Tests of the ASGI application: what goes where, and how long the node lives."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from deepstream_project.config import Config
from deepstream_project.config_network import HttpConfig
from deepstream_protocol.message import Message
from deepstream_protocol.topics import AuthAction, ConnectionAction, RecordAction, Topic
from gateway.application import Application
from pubsub.connection import Connection
from tests.gateway.asgi_kit import Connected
from tests.gateway.node_kit import ACCEPT, CHALLENGE
from tests.pubsub.kit import DEADLINE
from tests.records.kit import acknowledged

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def application() -> AsyncIterator[Application]:
    application = Application(Config())
    try:
        yield application
    finally:
        async with asyncio.timeout(DEADLINE):
            await application.stop()


async def started(application: Application) -> Connected:
    """The application's lifespan, after its startup."""
    lifespan = Connected(application, {"type": "lifespan"})
    lifespan.tell({"type": "lifespan.startup"})
    assert await lifespan.hear() == {"type": "lifespan.startup.complete"}
    return lifespan


async def shut_down(lifespan: Connected) -> None:
    lifespan.tell({"type": "lifespan.shutdown"})
    assert await lifespan.hear() == {"type": "lifespan.shutdown.complete"}
    await lifespan.ended()


async def get(application: Application, path: str, method: str = "GET") -> tuple[int, bytes]:
    """The status and body of an HTTP answer."""
    scope: dict[str, Any] = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"localhost")],
        "client": ("10.0.0.1", 5000),
        "server": ("localhost", 80),
    }
    request = Connected(application, scope)
    request.tell({"type": "http.request", "body": b"", "more_body": False})
    start = await request.hear()
    body = b""
    while (part := await request.hear()).get("more_body"):
        body += part.get("body", b"")
    body += part.get("body", b"")
    await request.ended()
    return start["status"], body


def write(version: int, id: str) -> Message:
    return Message(
        Topic.RECORD,
        RecordAction.CREATEANDUPDATE,
        name="r",
        version=version,
        data="[1]",
        correlation_id=id,
        is_write_ack=True,
    )


async def logged_in(application: Application) -> Connected:
    socket = await Connected.websocket(application).open()
    socket.say(CHALLENGE, Message(Topic.AUTH, AuthAction.REQUEST, data="{}"))
    assert await socket.message() == ACCEPT
    assert (await socket.message()).action == AuthAction.AUTH_SUCCESSFUL
    return socket


async def test_the_node_lives_as_long_as_the_server(application: Application) -> None:
    assert application.node is None
    lifespan = await started(application)
    node = application.node
    assert node is not None
    assert not node.is_stopping
    await shut_down(lifespan)
    assert node.is_stopping


async def test_without_a_lifespan_the_first_socket_makes_the_node(application: Application) -> None:
    first, second = await logged_in(application), await logged_in(application)
    assert application.node is not None
    assert len(list(application.node.sessions())) == 2
    for socket in (first, second):
        socket.leave()
        await socket.ended()


async def test_what_a_client_writes_is_in_the_database_when_it_is_acknowledged(
    application: Application,
) -> None:
    lifespan = await started(application)
    socket = await logged_in(application)
    socket.say(write(-1, "1"))
    assert await socket.message() == acknowledged("r", "1")
    assert application._store is not None
    version, text, _ = (await application._store.load(["r"]))["r"]
    assert (version, text) == (1, "[1]")
    socket.leave()
    await socket.ended()
    await shut_down(lifespan)


async def test_what_was_written_before_the_server_stopped_is_there_when_it_starts_again() -> None:
    for version in (1, 2, 3):
        application = Application(Config())
        lifespan = await started(application)
        socket = await logged_in(application)
        socket.say(write(version, "1"))
        assert await socket.message() == acknowledged("r", "1")
        stopping = asyncio.create_task(shut_down(lifespan))
        assert (await socket.hear())["type"] == "websocket.close"
        socket.leave()
        await socket.ended()
        await stopping


async def test_stopping_twice_does_nothing_more(application: Application) -> None:
    await started(application)
    await application.stop()
    await application.stop()


@pytest.mark.parametrize("path", ["/deepstream", "/deepstream-json", "/deepstream-v3"])
async def test_each_wire_has_its_path(application: Application, path: str) -> None:
    socket = await Connected.websocket(application, path).open()
    socket.leave()
    await socket.ended()


async def test_a_websocket_to_any_other_path_is_closed(application: Application) -> None:
    socket = Connected.websocket(application, "/elsewhere")
    assert (await socket.hear())["type"] == "websocket.close"
    await socket.ended()


async def test_the_health_check_is_answered_before_django_while_the_server_can_serve(
    application: Application,
) -> None:
    lifespan = await started(application)
    status, body = await get(application, "/health-check")
    assert (status, orjson.loads(body)) == (200, {"status": "ok"})
    assert await get(application, "/health-check", "HEAD") == (200, b"")
    await shut_down(lifespan)
    status, body = await get(application, "/health-check")
    assert status == 503
    assert "stopping" in orjson.loads(body)["reason"]


async def test_the_health_check_has_the_path_of_the_configuration() -> None:
    settings = dataclasses.replace(Config(), http=HttpConfig(health_check_path="/alive"))
    application = Application(settings)
    assert (await get(application, "/alive"))[0] == 200
    assert (await get(application, "/health-check"))[0] == 404
    await application.stop()


async def test_all_other_paths_are_djangos(application: Application) -> None:
    assert (await get(application, "/no-such-page"))[0] == 404
    status, body = await get(application, "/")
    assert status == 200
    assert b"<html" in body


def reject_everyone(connection: Connection, challenge: Message) -> Message:
    """A challenge hook."""
    return Message(Topic.CONNECTION, ConnectionAction.REDIRECT, url="ws://elsewhere")


async def test_a_hook_of_the_settings_answers_the_challenge(
    application: Application, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.DEEPSTREAM_CHALLENGE_HOOK = f"{__name__}.reject_everyone"
    socket = await Connected.websocket(application).open()
    socket.say(CHALLENGE)
    assert (await socket.message()).url == "ws://elsewhere"
    assert (await socket.hear())["type"] == "websocket.close"
    socket.leave()
    await socket.ended()
