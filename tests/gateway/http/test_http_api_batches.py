"""Many commands, many requests, slow answers and clients that leave: order, bounds, nothing left."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from deepstream_protocol.message import Message
from deepstream_protocol.topics import EventAction, RecordAction, RpcAction, Topic
from tests.gateway.http.http_kit import (
    EMIT,
    WITH_RULES,
    Api,
    answer,
    asked,
    command,
    http_configuration,
    provide,
    running,
    subscribe,
)
from tests.raw_client import RawClient
from tests.servers import Server

TIMEOUT = 0.5
PATIENT_CALLS = {"rpc": {"ackTimeout": 60_000, "responseTimeout": 60_000}}
TIMED_OUT = {
    "success": False,
    "error": "Request exceeded timeout before a response was received.",
    "errorTopic": "connection",
    "errorEvent": "HTTP_REQUEST_TIMEOUT",
}


@pytest.fixture(scope="module", params=["fast", "daphne"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(request.param, tmp_path_factory, http_configuration(**WITH_RULES)) as one:
        yield one


@pytest.fixture(scope="module", params=["fast", "daphne"])
def hasty(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose HTTP requests have little time, and whose calls have plenty."""
    config = http_configuration({"requestTimeout": TIMEOUT * 1000}, **PATIENT_CALLS)
    with running(request.param, tmp_path_factory, config) as one:
        yield one


@pytest.fixture
async def hasty_api(hasty: Server) -> AsyncIterator[Api]:
    async with Api.of(hasty) as one:
        yield one


@pytest.fixture
async def client(server: Server) -> AsyncIterator[RawClient]:
    async with RawClient.connect(server.url) as one:
        await one.login()
        yield one


@pytest.fixture
async def hasty_client(hasty: Server) -> AsyncIterator[RawClient]:
    async with RawClient.connect(hasty.url) as one:
        await one.login()
        yield one


def emission(number: int) -> dict[str, object]:
    return command("event emit", eventName="numbers", data=number)


# Order


async def test_5000_events_arrive_in_order_and_in_half_a_second(
    api: Api, client: RawClient, server: Server
) -> None:
    await subscribe(client, "numbers")
    for _ in range(3):  # the machine may have been busy with something else
        begun = time.monotonic()
        answered = await api.send(*map(emission, range(5000)))
        elapsed = time.monotonic() - begun
        assert answered["result"] == "SUCCESS"
        for number in range(5000):
            await client.expect(action=EventAction.EMIT, data=str(number))
        if server.kind == "daphne" or elapsed < 0.5:
            return
    pytest.fail(f"took {elapsed:.2f} s")


async def test_others_are_served_while_a_large_batch_is_carried_out(api: Api, client: RawClient) -> None:
    await subscribe(client, "numbers", "e")
    large = asyncio.create_task(api.send(*map(emission, range(10_000))))

    async def emit_meanwhile() -> None:
        while not large.done():
            await api.send(EMIT)

    others = asyncio.create_task(emit_meanwhile())
    while (await client.receive()).data != "0":
        pass
    names = set()
    while (event := await client.receive()).data != "9999":
        names.add(event.name)
    assert "e" in names
    await asyncio.gather(large, others)


async def test_commands_for_one_record_are_carried_out_in_order(api: Api) -> None:
    commands = []
    for number in range(1, 101):
        commands.append(command("record write", recordName="log", path="n", data=number, version=number))
        commands.append(command("record read", recordName="log"))
        commands.append(command("record head", recordName="log"))
    replies = (await api.send(*commands, command("record delete", recordName="log")))["body"]
    assert replies[:-1:3] == [{"success": True}] * 100
    assert [reply["data"]["n"] for reply in replies[1::3]] == list(range(1, 101))
    assert [reply["version"] for reply in replies[2::3]] == list(range(1, 101))
    assert (await api.reply("record head", recordName="log"))["version"] == -1


async def test_a_rule_that_has_to_be_loaded_does_not_change_the_order(api: Api, server: Server) -> None:
    """The write waits for its rule; the read behind it, which waits for none, sees what it wrote."""
    for name in ("guarded/1", "guarded/2"):
        server.sql("DELETE FROM records_record WHERE name = 'guard'")
        await api.reply("record notify", recordNames=["guard"])
        server.sql(
            "INSERT INTO records_record (name, version, data, created_at, updated_at)"
            " VALUES ('guard', 1, '{\"open\":true}', '2020-01-01', '2020-01-01')"
        )
        await api.reply("record notify", recordNames=["guard"])
        written, read = (
            await api.send(
                command("record write", recordName=name, data={"a": 1}),
                command("record read", recordName=name),
            )
        )["body"]
        assert (written, read) == ({"success": True}, {"success": True, "version": 1, "data": {"a": 1}})


async def test_deletions_and_new_beginnings_of_a_record_are_told_apart(api: Api) -> None:
    write = command("record write", recordName="again", data={}, version=1)
    delete = command("record delete", recordName="again")
    replies = (await api.send(*[write, delete] * 60))["body"]
    assert replies == [{"success": True}] * 120


async def test_one_slow_command_holds_up_no_other(api: Api, client: RawClient) -> None:
    await provide(client, "slow")
    await subscribe(client, "numbers")
    batch = asyncio.create_task(
        api.send(
            command("rpc make", rpcName="slow"),
            command("record write", recordName="besides", data={}),
            emission(1),
        )
    )
    request = await asked(client)
    await client.expect(action=EventAction.EMIT, data="1")
    await client.send(
        Message(request.topic, RpcAction.ACCEPT, name="slow", correlation_id=request.correlation_id)
    )
    await answer(client, request, RpcAction.RESPONSE, data="1")
    assert (await batch)["result"] == "SUCCESS"


async def test_calls_of_the_same_name_each_get_their_own_answer(api: Api, client: RawClient) -> None:
    await provide(client, "double")
    batch = asyncio.create_task(
        api.send(*[command("rpc make", rpcName="double", data=number) for number in range(200)])
    )
    requests = [await asked(client) for _ in range(200)]
    for request in reversed(requests):
        await answer(client, request, RpcAction.RESPONSE, data=str(2 * request.value()))
    assert [reply["data"] for reply in (await batch)["body"]] == [2 * number for number in range(200)]


async def test_thousands_of_records_in_one_request(api: Api) -> None:
    names = [f"many/{number}" for number in range(2500)]
    written = await api.send(
        *[command("record write", recordName=name, data={"name": name}) for name in names]
    )
    assert written["result"] == "SUCCESS"
    read = await api.send(*[command("record read", recordName=name) for name in names])
    assert [reply["data"]["name"] for reply in read["body"]] == names


# Many requests


async def test_many_requests_go_over_one_connection(api: Api) -> None:
    opened = []

    async def trace(name: str, _: object) -> None:
        if name == "connection.connect_tcp.complete":
            opened.append(name)

    for _ in range(50):
        body = json.dumps({"body": [EMIT]})
        headers = {"content-type": "application/json"}
        response = await api.http.post("/api", content=body, headers=headers, extensions={"trace": trace})
        assert response.status_code == 200
    assert len(opened) == 1


async def test_a_connection_goes_on_after_errors(api: Api) -> None:
    opened = []

    async def trace(name: str, _: object) -> None:
        if name == "connection.connect_tcp.complete":
            opened.append(name)

    for content in (b"{", b" " * (1024 * 1024 + 1), b"{}"):
        headers = {"content-type": "application/json"}
        await api.http.post("/api", content=content, headers=headers, extensions={"trace": trace})
    assert len(opened) == 1


async def test_a_hundred_requests_at_once(api: Api) -> None:
    async def one(number: int) -> None:
        name = f"at-once/{number % 10}"
        answered = await api.send(
            command("record write", recordName=name, path=f"n{number}", data=number),
            command("record read", recordName=name),
        )
        assert answered["body"][1]["data"][f"n{number}"] == number

    await asyncio.gather(*map(one, range(100)))
    found = await api.send(*[command("record read", recordName=f"at-once/{number}") for number in range(10)])
    assert [len(reply["data"]) for reply in found["body"]] == [10] * 10


# Time


async def test_a_call_that_takes_too_long_fails_alone(hasty_api: Api, hasty_client: RawClient) -> None:
    await provide(hasty_client, "never", "soon")
    await subscribe(hasty_client, "e")
    begun = time.monotonic()
    batch = asyncio.create_task(
        hasty_api.send(
            command("rpc make", rpcName="never"),
            EMIT,
            command("record write", recordName="r", data={}),
            command("rpc make", rpcName="soon"),
        )
    )
    received = {message.name: message for message in [await hasty_client.receive() for _ in range(3)]}
    await answer(hasty_client, received["soon"], RpcAction.RESPONSE, data="1")
    answered = await batch
    assert answered == {
        "result": "PARTIAL_SUCCESS",
        "body": [TIMED_OUT, {"success": True}, {"success": True}, {"success": True, "data": 1}],
    }
    assert TIMEOUT <= time.monotonic() - begun < TIMEOUT + 5


async def test_a_request_takes_no_longer_however_many_commands_wait(
    hasty_api: Api, hasty_client: RawClient
) -> None:
    await provide(hasty_client, "never")
    begun = time.monotonic()
    answered = await hasty_api.send(*[command("rpc make", rpcName="never")] * 3000)
    assert answered == {"result": "FAILURE", "body": [TIMED_OUT] * 3000}
    assert time.monotonic() - begun < TIMEOUT + 5


async def test_an_answer_after_the_time_is_over_harms_nobody(hasty_api: Api, hasty_client: RawClient) -> None:
    await provide(hasty_client, "late")
    assert await hasty_api.reply("rpc make", rpcName="late") == TIMED_OUT
    request = await asked(hasty_client)
    await answer(hasty_client, request, RpcAction.RESPONSE, data="1")
    await hasty_client.quiet()


async def test_a_body_that_does_not_arrive_in_time_is_given_up(hasty: Server) -> None:
    if hasty.kind == "daphne":
        pytest.skip("Daphne itself waits for the whole body before it calls the application")
    reader, writer = await asyncio.open_connection("127.0.0.1", hasty.port)
    writer.write(head(1000) + b'{"body"')
    assert (await reader.readline()).startswith(b"HTTP/1.1 408 ")
    rest = await reader.read()
    assert b"connection: close" in rest
    assert rest.endswith(b"The request did not arrive in time.\n")
    writer.close()
    await writer.wait_closed()


# Clients that leave


def head(length: int) -> bytes:
    return (
        "POST /api HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n"
        f"Content-Length: {length}\r\n\r\n"
    ).encode()


async def leave(server: Server, data: bytes) -> None:
    """Send ``data`` and be gone."""
    _, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(data)
    await writer.drain()
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


async def test_clients_that_leave_in_the_middle_of_a_body_harm_nobody(api: Api, server: Server) -> None:
    before = len(server.log.read_text())
    for _ in range(20):
        await leave(server, head(1000) + b'{"body": [')
    assert (await api.send(EMIT))["result"] == "SUCCESS"
    logged = server.log.read_text()[before:]
    assert "Traceback" not in logged
    assert "ERROR" not in logged


async def test_what_was_asked_for_is_done_though_the_client_leaves(
    api: Api, server: Server, client: RawClient
) -> None:
    await client.send(Message(Topic.RECORD, RecordAction.SUBSCRIBE, names=["left"]))
    await client.expect(action=RecordAction.SUBSCRIBE, is_ack=True)
    body = json.dumps({"body": [command("record write", recordName="left", data={"a": 1})]}).encode()
    await leave(server, head(len(body)) + body)
    await client.expect(action=RecordAction.UPDATE, name="left", version=1)
    assert (await api.reply("record read", recordName="left"))["data"] == {"a": 1}


async def test_a_call_of_a_client_that_left_ends_quietly(
    hasty: Server, hasty_api: Api, hasty_client: RawClient
) -> None:
    await provide(hasty_client, "abandoned")
    before = len(hasty.log.read_text())
    body = json.dumps({"body": [command("rpc make", rpcName="abandoned")]}).encode()
    await leave(hasty, head(len(body)) + body)
    request = await asked(hasty_client)
    await answer(hasty_client, request, RpcAction.RESPONSE, data="1")
    await hasty_client.quiet()
    assert (await hasty_api.send(EMIT))["result"] == "SUCCESS"
    logged = hasty.log.read_text()[before:]
    assert "Traceback" not in logged
    assert "ERROR" not in logged


# The end


async def test_a_server_that_stops_answers_what_is_under_way(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with running("fast", tmp_path_factory, http_configuration(**PATIENT_CALLS)) as server:
        async with Api.of(server) as api, RawClient.connect(server.url) as client:
            await client.login()
            await provide(client, "under-way")
            call = asyncio.create_task(api.reply("rpc make", rpcName="under-way"))
            request = await asked(client)
            await answer(client, request, RpcAction.ACCEPT)
            await client.quiet()
            begun = time.monotonic()
            await asyncio.to_thread(server.stop)
            assert time.monotonic() - begun < 8
            assert (await call)["errorEvent"] == RpcAction.RESPONSE_TIMEOUT
