"""The health check: 200 only while the server can serve."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from accounts.login import Login, OpenLogin
from deepstream_project.config import Config, RecordConfig
from gateway.health import HealthCheck
from gateway.node import Node
from permissions.verdict import AllowEverything
from pubsub.cluster import SingleNode
from records.storage import StoreError
from tests.gateway.http.http_kit import Api, running
from tests.records.kit import StoreDouble
from tests.servers import Server, configuration

STORE_TIMEOUT = 0.05


@pytest.fixture
def store() -> StoreDouble:
    return StoreDouble()


@pytest.fixture
async def node(store: StoreDouble) -> AsyncIterator[Node]:
    made = Node(
        Config(record=RecordConfig(storage_retrieval_timeout=STORE_TIMEOUT)),
        store=store,
        cluster=SingleNode(),
        permissions=lambda records: AllowEverything(),
        login=Login([OpenLogin()]),  # type: ignore[arg-type]
    )
    yield made
    store.load_gate.open()
    await made.stop()


async def nothing_here(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 404, "headers": []})
    await send({"type": "http.response.body", "body": b"the application"})


@pytest.fixture
async def client(node: Node) -> AsyncIterator[httpx.AsyncClient]:
    check = HealthCheck("/health-check", lambda: node, nothing_here)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(check), base_url="http://any.host") as one:
        yield one


async def assert_unavailable(client: httpx.AsyncClient, reason: str) -> None:
    response = await client.get("/health-check")
    assert response.status_code == 503
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    assert response.json() == {"status": "unavailable", "reason": reason}


async def test_a_node_whose_store_answers_is_healthy(client: httpx.AsyncClient) -> None:
    response = await client.get("/health-check?verbose=1")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})
    assert response.headers["cache-control"] == "no-store"


async def test_a_store_that_fails_is_unavailable_until_it_works_again(
    client: httpx.AsyncClient, store: StoreDouble
) -> None:
    store.load_errors.append(StoreError("no such table"))
    await assert_unavailable(client, "the store fails: no such table")
    assert (await client.get("/health-check")).status_code == 200


async def test_a_store_that_does_not_answer_is_unavailable_soon(
    client: httpx.AsyncClient, store: StoreDouble
) -> None:
    store.load_gate.close()
    begun = time.monotonic()
    await assert_unavailable(client, "the store does not answer")
    assert STORE_TIMEOUT <= time.monotonic() - begun < STORE_TIMEOUT + 2


async def test_a_node_that_stops_is_unavailable(client: httpx.AsyncClient, node: Node) -> None:
    await node.stop()
    await assert_unavailable(client, "the server is stopping")


async def test_head_is_get_without_the_body(client: httpx.AsyncClient, store: StoreDouble) -> None:
    healthy = await client.head("/health-check")
    assert (healthy.status_code, healthy.content) == (200, b"")
    store.load_errors.append(StoreError("gone"))
    assert (await client.head("/health-check")).status_code == 503


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
async def test_other_methods_are_refused(client: httpx.AsyncClient, method: str) -> None:
    response = await client.request(method, "/health-check")
    assert (response.status_code, response.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("path", ["/", "/health-check/", "/health-check/x"])
async def test_other_paths_belong_to_the_application(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(path)).text == "the application"


# Real servers


@pytest.fixture(scope="module", params=["fast", "daphne"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(request.param, tmp_path_factory, configuration()) as one:
        yield one


@pytest.fixture
async def api(server: Server) -> AsyncIterator[Api]:
    async with Api.of(server) as one:
        yield one


async def test_a_server_whose_table_is_missing_is_unavailable_until_it_is_back(
    api: Api, server: Server
) -> None:
    assert (await api.http.get("/health-check")).json() == {"status": "ok"}
    server.sql("ALTER TABLE records_record RENAME TO elsewhere")
    try:
        response = await api.http.get("/health-check")
    finally:
        server.sql("ALTER TABLE elsewhere RENAME TO records_record")
    assert response.status_code == 503
    assert "no such table: records_record" in response.json()["reason"]
    assert (await api.http.get("/health-check")).status_code == 200


async def test_whatever_host_is_asked_for_answers(api: Api) -> None:
    response = await api.http.get("/health-check", headers={"host": "balancer.internal"})
    assert response.status_code == 200


async def test_many_checks_at_once_take_no_time(api: Api) -> None:
    begun = time.monotonic()
    responses = await asyncio.gather(*(api.http.get("/health-check") for _ in range(100)))
    assert {response.status_code for response in responses} == {200}
    assert time.monotonic() - begun < 5


async def test_a_node_that_the_others_cannot_hear_is_unavailable(node: Node) -> None:
    problems: list[str | None] = [None, "the channel layer was silent for 5 s", None]
    check = HealthCheck("/health-check", lambda: node, nothing_here, lambda: problems.pop(0))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(check), base_url="http://any.host") as client:
        assert (await client.get("/health-check")).status_code == 200
        await assert_unavailable(client, "the channel layer was silent for 5 s")
        assert (await client.get("/health-check")).status_code == 200
