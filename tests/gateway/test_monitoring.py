"""Figures of a running server: by HTTP, in the log, and what they count."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

import httpx
import pytest

from deepstream_protocol.message import Message
from deepstream_protocol.topics import EventAction, RecordAction, RpcAction, Topic
from gateway import application as application_module
from gateway.lifeline import Lifeline
from tests.accounts.kit import Serving, heard, login, serving
from tests.raw_client import RawClient

pytestmark = pytest.mark.django_db(transaction=True)

OPEN = {"type": "http", "options": {"allowOpenPermissions": True}}
GUARDED = {"type": "http", "options": {"url": "/figures", "headerKey": "X-Key", "headerValue": "tell me"}}
RULES = {
    "record": {"*": {"create": True, "read": True, "write": True}},
    "event": {"*": {"publish": True, "subscribe": True}, "mute": {"publish": False}},
    "rpc": {"*": {"request": True}},
    "presence": {"*": {"allow": True}},
}


async def figures(server: Serving, path: str = "/monitoring", **headers: str) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        return await client.get(f"http://{server.host}{path}", headers=headers)


async def test_what_clients_do_is_counted_by_topic_and_action(tmp_path: Path) -> None:
    permission = {"type": "config", "options": {"permissions": RULES}}
    async with serving(tmp_path, monitoring=OPEN, permission=permission) as server:
        async with RawClient.connect(server.url) as client:
            await client.login({"username": "ann"})
            await client.send(Message(Topic.EVENT, EventAction.SUBSCRIBE, names=["news"], correlation_id="1"))
            await client.receive()
            await client.send(Message(Topic.EVENT, EventAction.EMIT, name="mute", data="1"))
            await client.receive()
            await client.send(
                Message(
                    Topic.RECORD,
                    RecordAction.CREATEANDUPDATE,
                    name="a",
                    version=-1,
                    data="{}",
                    correlation_id="2",
                    is_write_ack=True,
                )
            )
            await client.receive()
            await client.send(Message(Topic.RPC, RpcAction.REQUEST, name="no", correlation_id="3", data="1"))
            await client.receive()
            found = (await figures(server)).json()
        again = (await figures(server)).json()

    assert found["received"] == {
        "CONNECTION": {"CHALLENGE": 1},
        "AUTH": {"REQUEST": 1},
        "EVENT": {"SUBSCRIBE": 1, "EMIT": 1},
        "RECORD": {"CREATEANDUPDATE": 1},
        "RPC": {"REQUEST": 1},
    }
    assert found["errors"] == {"MESSAGE_DENIED": 1, "NO_RPC_PROVIDER": 1}
    assert found["denials"] == 1
    assert found["send"]["RECORD"] == {"WRITE_ACKNOWLEDGEMENT": 1}
    assert found["logins"] == {"websocket": {"allowed": 1, "declined": 0}}
    assert found["stateMetrics"]["EVENT_SUBSCRIPTIONS"] == 1
    assert found["connections"]["now"] == found["connections"]["opened"] == 1
    assert found["deliveries"] == 6
    assert found["bytes"]["received"] > 6 * 10
    assert found["bytes"]["sent"] > 6 * 4
    assert found["store"]["rows"] == found["store"]["commits"]["count"] == 1
    assert found["clusterSize"] == 1
    assert again["received"] == {}
    assert again["from"] == found["to"]


async def test_refused_logins_and_the_http_api_are_counted_too(tmp_path: Path) -> None:
    auth = {"type": "file", "options": {"hash": False, "users": {"ann": {"password": "tiger"}}}}
    endpoints = [{"type": "ws-binary"}, {"type": "http"}]
    async with serving(tmp_path, monitoring=OPEN, auth=auth, connectionEndpoints=endpoints) as server:
        await login(server.url, {"username": "ann", "password": "lion"})
        body = [{"topic": "event", "action": "emit", "eventName": "news", "data": 1}]
        async with httpx.AsyncClient() as client:
            for password in ("tiger", "lion"):
                data = {"username": "ann", "password": password}
                await client.post(f"http://{server.host}/api", json={"authData": data, "body": body})
        found = (await figures(server)).json()

    assert found["logins"] == {
        "websocket": {"allowed": 0, "declined": 1},
        "http": {"allowed": 1, "declined": 1},
    }
    assert found["received"]["EVENT"] == {"EMIT": 1}


async def test_an_action_that_does_not_exist_is_answered_and_counted_nowhere(tmp_path: Path) -> None:
    async with serving(tmp_path, monitoring=OPEN) as server:
        async with RawClient.connect(server.url) as client:
            await client.login()
            await client.send(Message(Topic.EVENT, 5000, name="x"))
            assert (await client.receive()).original_action == 5000
        found = (await figures(server)).json()

    assert "EVENT" not in found["received"]


async def test_the_page_is_there_for_the_right_header_alone(tmp_path: Path) -> None:
    async with serving(tmp_path, monitoring=[GUARDED]) as server:
        wrong = [
            await figures(server, "/figures"),
            await figures(server, "/figures", **{"X-Key": "tell"}),
            await figures(server, "/figures", **{"X-Other": "tell me"}),
        ]
        right = await figures(server, "/figures", **{"X-Key": "tell me"})
        async with httpx.AsyncClient() as client:
            posted = await client.post(f"http://{server.host}/figures", headers={"X-Key": "tell me"})
            elsewhere = await client.get(f"http://{server.host}/health-check")

    assert [answer.status_code for answer in wrong] == [404, 404, 404]
    assert right.status_code == 200
    assert right.headers["cache-control"] == "no-store"
    assert right.json()["clusterSize"] == 1
    assert (posted.status_code, posted.headers["allow"]) == (405, "GET")
    assert elsewhere.status_code == 200


async def test_without_monitoring_there_is_no_page(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        answer = await figures(server, host="localhost")
    assert answer.status_code == 404


async def test_figures_come_in_the_log_at_intervals_under_their_key(tmp_path: Path) -> None:
    monitoring = [{"type": "log", "options": {"logInterval": 20, "monitoringKey": "FIGURES"}}, OPEN]
    lines: list[logging.LogRecord] = []

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record)

    logger, ear = logging.getLogger("deepstream.monitoring"), Ear()
    logger.addHandler(ear)
    try:
        async with serving(tmp_path, monitoring=monitoring) as server:
            async with heard("FIGURES | Monitoring stats for"):
                await login(server.url, {"username": "ann"})
            async with heard('"allowed":1'):
                await login(server.url, {"username": "ann"})
    finally:
        logger.removeHandler(ear)
    key, text, content = lines[0].getMessage().split(" | ", 2)
    found: dict[str, Any] = json.loads(content)

    assert key == "FIGURES"
    assert text.startswith("Monitoring stats for ")
    assert set(found) == {"FIGURES", "from", "to"}
    assert {"errors", "received", "send", "logins", "stateMetrics"} <= set(found["FIGURES"])


# What the server depends on


class Health:
    """Answers what a test says, and lets it wait until it was asked."""

    def __init__(self) -> None:
        self.problem: str | None = None
        self.asked = asyncio.Event()

    async def __call__(self) -> str | None:
        self.asked.set()
        return self.problem

    async def again(self, times: int = 3) -> None:
        for _ in range(times):
            self.asked.clear()
            async with asyncio.timeout(10):
                await self.asked.wait()


async def test_what_is_down_for_long_is_lost_and_said_once(caplog: pytest.LogCaptureFixture) -> None:
    health, lost = Health(), asyncio.Event()
    calls: list[None] = []

    def on_lost() -> None:
        calls.append(None)
        lost.set()

    lifeline = Lifeline(health, on_lost, interval=0.002, patience=0.02)
    try:
        await health.again()
        assert calls == []
        health.problem = "the store does not answer"
        async with asyncio.timeout(10):
            await lost.wait()
        await health.again()
        assert len(calls) == 1
        health.problem = None
        await health.again()
        assert [record.levelname for record in caplog.records] == ["ERROR", "CRITICAL", "WARNING"]
        health.problem = "the store does not answer"
        lost.clear()
        async with asyncio.timeout(10):
            await lost.wait()
        assert len(calls) == 2
    finally:
        await lifeline.close()


async def test_a_look_that_fails_counts_as_a_problem_and_is_not_the_last(
    caplog: pytest.LogCaptureFixture,
) -> None:
    lost, looked = asyncio.Event(), asyncio.Event()
    answers = iter([OSError("odd")] * 20)

    async def problem() -> str | None:
        if (error := next(answers, None)) is not None:
            raise error
        looked.set()
        return None

    lifeline = Lifeline(problem, lost.set, interval=0.001, patience=0.005)
    try:
        async with asyncio.timeout(10):
            await lost.wait()
            await looked.wait()
    finally:
        await lifeline.close()
    assert any("OSError: odd" in record.getMessage() for record in caplog.records)


async def test_what_comes_back_soon_is_not_lost() -> None:
    health = Health()
    calls: list[None] = []
    lifeline = Lifeline(health, lambda: calls.append(None), interval=0.001, patience=60)
    try:
        health.problem = "the store does not answer"
        await health.again(5)
        health.problem = None
        await health.again(2)
    finally:
        await lifeline.close()
    assert calls == []


@pytest.mark.parametrize("wanted", [True, False])
async def test_the_process_is_ended_only_where_that_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: bool
) -> None:
    signals: list[tuple[int, int]] = []
    monkeypatch.setattr(application_module.os, "kill", lambda *what: signals.append(what))
    async with serving(tmp_path, exitOnFatalError=wanted) as server:
        server.application._lost()
        assert server.application.has_failed is wanted
    assert bool(signals) is wanted
