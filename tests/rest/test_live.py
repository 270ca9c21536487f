"""What is live over REST: events, calls, presence, clients, nodes and figures."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import httpx
import pytest

from deepstream_protocol.topics import EventAction, RpcAction, Topic
from tests.gateway.http.http_kit import answer, asked, provide, subscribe
from tests.raw_client import RawClient
from tests.rest.kit import ok, path, problem
from tests.rest.test_records import ODD_NAMES
from tests.servers import Server


@pytest.fixture
def name() -> str:
    """A name that nobody else uses."""
    return f"rest/{uuid4().hex}"


async def sent(request: Any, *args: Any, **options: Any) -> httpx.Response:
    """Ask without blocking the clients of the test."""
    response = await asyncio.to_thread(request, *args, **options)
    assert isinstance(response, httpx.Response)
    return response


# Events


async def test_an_event_reaches_its_subscribers_with_whatever_data_it_has(
    rest: httpx.Client, server: Server, name: str
) -> None:
    async with RawClient.connect(server.url) as client:
        await client.login()
        await subscribe(client, name)
        for data in ({"a": [1]}, "text", 0, False, None):
            ok(await sent(rest.post, path("events", name), json=data), 204)
            event = await client.expect(topic=Topic.EVENT, action=EventAction.EMIT, name=name)
            assert event.value() == data
        ok(await sent(rest.post, path("events", name)), 204)
        assert (await client.expect(action=EventAction.EMIT, name=name)).value() is None


@pytest.mark.parametrize("odd", ODD_NAMES, ids=lambda odd: odd[:24])
async def test_an_event_may_have_any_name(rest: httpx.Client, server: Server, odd: str) -> None:
    async with RawClient.connect(server.url) as client:
        await client.login()
        await subscribe(client, odd)
        ok(await sent(rest.post, path("events", odd), json=1), 204)
        await client.expect(topic=Topic.EVENT, action=EventAction.EMIT, name=odd)


async def test_the_list_of_events_counts_their_subscribers(
    rest: httpx.Client, server: Server, name: str
) -> None:
    async with RawClient.connect(server.url) as one, RawClient.connect(server.url) as two:
        for client, names in ((one, (f"{name}/a", f"{name}/b")), (two, (f"{name}/b",))):
            await client.login()
            await subscribe(client, *names)
        found = ok(await sent(rest.get, "/events/", params={"search": name.upper()}))
        assert found == {
            "events": [
                {"name": f"{name}/b", "subscribers": 2, "nodes": {"one": 2}, "provided": False},
                {"name": f"{name}/a", "subscribers": 1, "nodes": {"one": 1}, "provided": False},
            ],
            "complete": True,
            "unanswered": [],
        }
        first = ok(await sent(rest.get, "/events/", params={"search": name, "limit": 1}))
        assert [row["name"] for row in first["events"]] == [f"{name}/b"]
        assert first["complete"] is False


# Calls


async def test_a_call_returns_what_the_provider_returned(
    rest: httpx.Client, server: Server, name: str
) -> None:
    async with RawClient.connect(server.url) as provider:
        await provider.login()
        await provide(provider, name)
        for given, result in (([1, 2], "3"), ("x", '{"y": null}'), (None, "null"), ({}, "false")):
            call = asyncio.ensure_future(sent(rest.post, path("rpc", name), json=given))
            request = await asked(provider)
            assert request.value() == given
            await answer(provider, request, RpcAction.ACCEPT)
            await answer(provider, request, RpcAction.RESPONSE, data=result)
            response = await call
            assert (response.status_code, response.json()) == (200, httpx.Response(200, text=result).json())


async def test_a_call_that_fails_says_why(rest: httpx.Client, server: Server, name: str) -> None:
    assert "No provider" in problem(await sent(rest.post, path("rpc", name), json=1), 404)["detail"]
    async with RawClient.connect(server.url) as provider:
        await provider.login()
        await provide(provider, name)
        call = asyncio.ensure_future(sent(rest.post, path("rpc", name), json=1))
        await answer(provider, await asked(provider), RpcAction.REQUEST_ERROR, data='"no numbers"')
        failed = problem(await call, 502)
        assert (failed["type"], failed["data"]) == ("urn:deepstream:call-failed", "no numbers")
        call = asyncio.ensure_future(sent(rest.post, f"{path('rpc', name)}?timeout=0.2", json=1))
        await asked(provider)
        assert problem(await call, 504)["type"] == "urn:deepstream:timeout"
    for timeout in ("0", "61", "soon", "nan"):
        found = problem(await sent(rest.post, f"{path('rpc', name)}?timeout={timeout}", json=1), 400)
        assert [one["field"] for one in found["errors"]] == ["timeout"]


async def test_the_list_of_procedures_counts_their_providers(
    rest: httpx.Client, server: Server, name: str
) -> None:
    async with RawClient.connect(server.url) as provider:
        await provider.login()
        await provide(provider, name)
        found = ok(await sent(rest.get, "/rpc/", params={"search": name}))
        assert found["procedures"] == [{"name": name, "providers": 1, "nodes": {"one": 1}}]


# Clients


ANN = {"username": "ann", "password": "tiger"}
BOB = {"username": "bob", "password": "lion"}


async def test_clients_are_listed_by_user_shown_and_disconnected(rest: httpx.Client, server: Server) -> None:
    async with RawClient.connect(server.url) as client:
        await client.login()
        await subscribe(client, f"clients/{uuid4().hex}")
        listed = ok(await sent(rest.get, "/clients/", params={"limit": 500}))
        assert listed["unanswered"] == []
        row = max(listed["clients"], key=lambda row: int(row["id"].partition("@")[0]))
        assert (row["node"], row["wire"], row["subscriptions"]) == ("one", "binary", 1)
        shown = ok(await sent(rest.get, path("clients", row["id"])))
        assert shown["id"] == row["id"]
        assert shown["events"]["total"] == 1
        ok(await sent(rest.delete, path("clients", row["id"]), params={"reason": "enough"}), 204)
        await client.closed()
        assert client.close_reason == "enough"
        problem(await sent(rest.get, path("clients", row["id"])), 404)
        problem(await sent(rest.delete, path("clients", row["id"])), 404)


async def test_clients_come_page_by_page_each_once(rest: httpx.Client, server: Server) -> None:
    connections = [RawClient.connect(server.url) for _ in range(5)]
    clients = [await one.__aenter__() for one in connections]
    try:
        for client in clients:
            await client.login()
        everything = ok(await sent(rest.get, "/clients/", params={"limit": 500}))["clients"]
        seen, page = [], ok(await sent(rest.get, "/clients/", params={"limit": 2}))
        while page["next"]:
            assert len(page["clients"]) == 2
            seen += page["clients"]
            page = ok(await sent(rest.get, page["next"]))
        seen += page["clients"]
        assert [row["id"] for row in seen] == [row["id"] for row in everything]
        assert len(seen) >= 5
    finally:
        for one in connections:
            await one.__aexit__(None, None, None)


@pytest.mark.parametrize(
    "id", ["x", "1", "@one", "1@two", "99999999999999999999@one", "٣@one", "999999999999@one"]
)
def test_a_client_that_there_is_not_is_a_404(rest: httpx.Client, id: str) -> None:
    problem(rest.get(path("clients", id)), 404)
    problem(rest.delete(path("clients", id)), 404)


def test_all_clients_are_never_disconnected_by_leaving_out_whom(rest: httpx.Client) -> None:
    assert problem(rest.delete("/clients/"), 400)["errors"][0]["field"] == "user"
    assert ok(rest.delete("/clients/", params={"user": "nobody has this name"})) == {
        "closed": 0,
        "unanswered": [],
    }


# Presence


async def test_who_is_online_is_told_and_a_user_can_be_disconnected_everywhere(
    rest: httpx.Client, server: Server
) -> None:
    async with (
        RawClient.connect(server.url) as one,
        RawClient.connect(server.url) as two,
        RawClient.connect(server.url) as bob,
    ):
        await one.login(ANN)
        await two.login(ANN)
        await bob.login(BOB)
        (row,) = ok(await sent(rest.get, "/presence/", params={"search": "AN"}))["users"]
        assert row == {"name": "ann", "connections": 2, "nodes": {"one": 2}}
        shown = ok(await sent(rest.get, path("presence", "ann")))
        assert (shown["online"], shown["connections"]) == (True, 2)
        listed = ok(await sent(rest.get, "/clients/", params={"user": "ann"}))["clients"]
        assert [row["user"] for row in listed] == ["ann", "ann"]
        query = {"user": "ann", "reason": "bye"}
        assert ok(await sent(rest.delete, "/clients/", params=query)) == {"closed": 2, "unanswered": []}
        await one.closed()
        await two.closed()
        assert (one.close_reason, two.close_reason) == ("bye", "bye")
        await bob.quiet()


def test_nobody_is_online_by_a_name_that_nobody_has(rest: httpx.Client) -> None:
    for odd in ODD_NAMES:
        assert ok(rest.get(path("presence", odd))) == {
            "name": odd,
            "online": False,
            "connections": 0,
            "nodes": {},
            "unanswered": [],
        }


# Nodes


def test_nodes_and_their_figures_are_told(rest: httpx.Client) -> None:
    (node,) = ok(rest.get("/nodes/"))["nodes"]
    assert (node["node"], node["server"]) == ("one", "one")
    (figures,) = ok(rest.get("/metrics/"))["nodes"]
    assert figures["node"] == "one"
    assert figures["deliveries"] >= 0
