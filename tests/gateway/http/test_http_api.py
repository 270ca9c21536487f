"""Every command of the HTTP API against real servers (PROTOCOL.md section 10)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from deepstream_protocol.message import Message
from deepstream_protocol.topics import EventAction, PresenceAction, RecordAction, RpcAction, Topic
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

QUICK = {"rpc": {"ackTimeout": 200, "responseTimeout": 200}}


@pytest.fixture(scope="module", params=["fast", "daphne"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(request.param, tmp_path_factory, http_configuration(**WITH_RULES, **QUICK)) as one:
        yield one


@pytest.fixture
async def client(server: Server) -> AsyncIterator[RawClient]:
    async with RawClient.connect(server.url) as one:
        await one.login({"username": "ann"})
        yield one


# Events


async def test_an_emitted_event_reaches_subscribers(api: Api, client: RawClient) -> None:
    await subscribe(client, "news")
    assert await api.reply("event emit", eventName="news", data={"a": [1, None]}) == {"success": True}
    event = await client.expect(topic=Topic.EVENT, action=EventAction.EMIT, name="news", correlation_id=None)
    assert event.value() == {"a": [1, None]}


async def test_an_event_without_data_has_none_and_null_is_data(api: Api, client: RawClient) -> None:
    await subscribe(client, "bare")
    await api.send(
        command("event emit", eventName="bare"), command("event emit", eventName="bare", data=None)
    )
    await client.expect(action=EventAction.EMIT, data=None)
    await client.expect(action=EventAction.EMIT, data="null")


async def test_a_denied_event_says_so_and_reaches_nobody(api: Api, client: RawClient) -> None:
    await subscribe(client, "small/a")
    assert await api.reply("event emit", eventName="small/a", data={"size": 11}) == {
        "success": False,
        "error": "Message denied. Action 'emit' is not permitted.",
        "errorTopic": "event",
        "errorEvent": "MESSAGE_DENIED",
        "errorAction": "emit",
    }
    await client.quiet()


async def test_the_data_of_an_event_is_seen_by_the_rules(api: Api) -> None:
    assert await api.reply("event emit", eventName="small/a", data={"size": 9}) == {"success": True}


async def test_a_rule_that_cannot_be_evaluated_denies_under_a_name_of_its_own(api: Api) -> None:
    reply = await api.reply("event emit", eventName="small/a")
    assert (reply["success"], reply["errorEvent"]) == (False, "MESSAGE_PERMISSION_ERROR")
    assert "could not be evaluated" in reply["error"]


# Procedures


async def test_a_call_gets_what_the_provider_returns(api: Api, client: RawClient) -> None:
    await provide(client, "add")
    call = asyncio.create_task(api.reply("rpc make", rpcName="add", data=[1, 2]))
    request = await asked(client)
    assert (request.name, request.data) == ("add", "[1,2]")
    await answer(client, request, RpcAction.ACCEPT)
    await answer(client, request, RpcAction.RESPONSE, data="3")
    assert await call == {"success": True, "data": 3}


async def test_a_call_may_have_no_data_and_return_none(api: Api, client: RawClient) -> None:
    await provide(client, "tick")
    call = asyncio.create_task(api.reply("rpc make", rpcName="tick"))
    request = await asked(client)
    assert request.data is None
    await answer(client, request, RpcAction.RESPONSE)
    assert await call == {"success": True, "data": None}


async def test_a_providers_error_is_the_error(api: Api, client: RawClient) -> None:
    await provide(client, "div")
    call = asyncio.create_task(api.reply("rpc make", rpcName="div", data=0))
    await answer(client, await asked(client), RpcAction.REQUEST_ERROR, data='{"why":"zero"}')
    assert await call == {"success": False, "error": {"why": "zero"}, "errorTopic": "rpc"}


async def test_a_call_without_a_provider_fails(api: Api) -> None:
    assert await api.reply("rpc make", rpcName="none") == {
        "success": False,
        "error": 'No provider was available to handle the RPC "none".',
        "errorTopic": "rpc",
        "errorEvent": int(RpcAction.NO_RPC_PROVIDER),
    }


async def test_a_call_that_the_only_provider_rejects_has_no_provider(api: Api, client: RawClient) -> None:
    await provide(client, "shy")
    call = asyncio.create_task(api.reply("rpc make", rpcName="shy"))
    await answer(client, await asked(client), RpcAction.REJECT)
    assert (await call)["errorEvent"] == RpcAction.NO_RPC_PROVIDER


@pytest.mark.parametrize(
    ("accepts", "event", "text"),
    [
        (False, RpcAction.ACCEPT_TIMEOUT, 'No provider accepted the RPC "slow" in time.'),
        (True, RpcAction.RESPONSE_TIMEOUT, 'The provider did not answer the RPC "slow" in time.'),
    ],
)
async def test_a_provider_that_is_too_slow_is_an_error(
    api: Api, client: RawClient, accepts: bool, event: RpcAction, text: str
) -> None:
    await provide(client, "slow")
    call = asyncio.create_task(api.reply("rpc make", rpcName="slow"))
    request = await asked(client)
    if accepts:
        await answer(client, request, RpcAction.ACCEPT)
    assert await call == {"success": False, "error": text, "errorTopic": "rpc", "errorEvent": int(event)}


async def test_a_denied_call_says_so(api: Api) -> None:
    assert await api.reply("rpc make", rpcName="small/f", data={"size": 10}) == {
        "success": False,
        "error": 'Message denied. Action "REQUEST" is not permitted.',
        "errorTopic": "rpc",
        "errorEvent": int(RpcAction.MESSAGE_DENIED),
        "errorAction": "REQUEST",
        "action": int(RpcAction.REQUEST),
    }


# Records


async def test_a_record_is_written_read_and_deleted(api: Api) -> None:
    data = {"a": {"b": [1, 2.5, "ü", None, True]}}
    assert await api.reply("record write", recordName="r", data=data) == {"success": True}
    assert await api.reply("record read", recordName="r") == {"success": True, "version": 1, "data": data}
    assert await api.reply("record head", recordName="r") == {"success": True, "version": 1}
    assert await api.reply("record delete", recordName="r") == {"success": True}
    assert await api.reply("record head", recordName="r") == {"success": True, "version": -1}


async def test_a_write_is_in_the_database_when_it_is_answered(api: Api, server: Server) -> None:
    await api.reply("record write", recordName="durable", data={"a": 1})
    rows = server.sql("SELECT version, data FROM records_record WHERE name = 'durable'")
    assert rows == [(1, '{"a":1}')]


async def test_reading_what_is_not_there_fails(api: Api) -> None:
    assert await api.reply("record read", recordName="missing") == {
        "success": False,
        "error": 'Record read failed. Record "missing" could not be found.',
        "errorTopic": "record",
        "errorEvent": 107,
    }


async def test_deleting_what_is_not_there_succeeds(api: Api) -> None:
    assert await api.reply("record delete", recordName="missing") == {"success": True}


async def test_subscribers_see_a_write_as_an_update(api: Api, client: RawClient) -> None:
    await api.reply("record write", recordName="seen", data={"a": 1})
    await client.send(Message(Topic.RECORD, RecordAction.SUBSCRIBEANDREAD, names=["seen"]))
    await client.expect(action=RecordAction.SUBSCRIBEANDREAD, is_ack=True)
    await client.expect(action=RecordAction.READ_RESPONSE, version=1)
    await api.reply("record write", recordName="seen", data={"a": 2})
    await client.expect(action=RecordAction.UPDATE, name="seen", version=2, data='{"a":2}')
    await api.reply("record write", recordName="seen", path="b[1]", data=None)
    await client.expect(action=RecordAction.PATCH, version=3, path="b[1]", data="null")
    await api.reply("record delete", recordName="seen")
    await client.expect(action=RecordAction.DELETED, name="seen")


async def test_a_path_write_changes_one_place_and_creates_what_is_missing(api: Api) -> None:
    assert await api.reply("record write", recordName="path", path="a.b", data=5) == {"success": True}
    assert await api.reply("record write", recordName="path", path="a.c", data=None) == {"success": True}
    assert (await api.reply("record read", recordName="path"))["data"] == {"a": {"b": 5, "c": None}}


async def test_the_next_version_is_accepted(api: Api) -> None:
    for version in (1, 2, -1, 4):
        written = await api.reply("record write", recordName="v", data={"v": version}, version=version)
        assert written == {"success": True}
    assert await api.reply("record read", recordName="v") == {
        "success": True,
        "version": 4,
        "data": {"v": 4},
    }


@pytest.mark.parametrize(
    ("version", "event", "what"), [(0, 102, "exists"), (2, 102, "exists"), (4, 108, "is not valid")]
)
async def test_another_version_is_a_conflict_that_shows_what_is_there(
    api: Api, version: int, event: int, what: str
) -> None:
    await api.reply("record delete", recordName="c")
    await api.send(*[command("record write", recordName="c", data={"n": n}) for n in (1, 2)])
    for extra in ({"data": {"mine": 1}}, {"data": 1, "path": "mine"}):
        assert await api.reply("record write", recordName="c", version=version, **extra) == {
            "success": False,
            "error": f'Record update failed. Version 2 {what} for record "c".',
            "errorTopic": "record",
            "errorEvent": event,
            "currentVersion": 2,
            "currentData": {"n": 2},
        }


@pytest.mark.parametrize(("version", "event"), [(0, 102), (2, 108)])
async def test_a_record_that_does_not_exist_is_as_good_as_empty_at_version_0(
    api: Api, version: int, event: int
) -> None:
    reply = await api.reply("record write", recordName="absent", data={"a": 1}, version=version)
    assert (reply["errorEvent"], reply["currentVersion"], reply["currentData"]) == (event, 0, {})
    assert await api.reply("record head", recordName="absent") == {"success": True, "version": -1}


async def test_a_dangerous_path_is_refused(api: Api) -> None:
    reply = await api.reply("record write", recordName="p", path="__proto__.x", data=1)
    assert (reply["errorTopic"], reply["errorEvent"]) == ("record", int(RecordAction.INVALID_MESSAGE_DATA))


@pytest.mark.parametrize(
    ("kind", "properties", "action"),
    [
        ("record read", {"recordName": "no/r"}, "READ"),
        ("record head", {"recordName": "no/r"}, "HEAD"),
        ("record delete", {"recordName": "no/r"}, "DELETE"),
        ("record notify", {"recordNames": ["yes", "no/r"]}, "NOTIFY"),
        ("record write", {"recordName": "no/r", "data": {}}, "CREATEANDUPDATE"),
        ("record write", {"recordName": "no/r", "path": "a", "data": 1}, "CREATEANDPATCH"),
        ("list read", {"listName": "no/l"}, "READ"),
        ("list write", {"listName": "no/l", "data": []}, "CREATEANDUPDATE"),
        ("list delete", {"listName": "no/l"}, "DELETE"),
    ],
)
async def test_what_the_rules_deny_of_records_is_denied(
    api: Api, kind: str, properties: dict[str, object], action: str
) -> None:
    assert await api.reply(kind, **properties) == {
        "success": False,
        "error": f'Message denied. Action "{action}" is not permitted.',
        "errorTopic": "record",
        "errorEvent": int(RecordAction.MESSAGE_DENIED),
        "errorAction": action,
        "action": int(RecordAction[action]),
    }


async def test_rules_know_who_asks(api: Api) -> None:
    write = command("record write", recordName="of/ann", data={})
    mine = await api.send(write, authData={"username": "ann"})
    theirs = await api.send(write, authData={"username": "bob"})
    assert (mine["result"], theirs["result"]) == ("SUCCESS", "FAILURE")


async def test_a_notification_shows_subscribers_what_was_changed_in_the_database(
    api: Api, client: RawClient, server: Server
) -> None:
    await api.reply("record write", recordName="noted", data={"a": 1})
    await client.send(Message(Topic.RECORD, RecordAction.SUBSCRIBE, names=["noted"]))
    await client.expect(action=RecordAction.SUBSCRIBE, is_ack=True)
    server.sql("UPDATE records_record SET version = 5, data = '{\"a\":2}' WHERE name = 'noted'")
    assert await api.reply("record notify", recordNames=["noted", "missing"]) == {"success": True}
    await client.expect(action=RecordAction.UPDATE, name="noted", version=5, data='{"a":2}')
    assert (await api.reply("record read", recordName="noted"))["data"] == {"a": 2}


async def test_a_notification_of_nothing_succeeds(api: Api) -> None:
    assert await api.reply("record notify", recordNames=[]) == {"success": True}


# Lists


async def test_a_list_is_written_read_and_deleted(api: Api) -> None:
    assert await api.reply("list write", listName="l", data=["a", "b"]) == {"success": True}
    assert await api.reply("list read", listName="l") == {"success": True, "version": 1, "data": ["a", "b"]}
    conflict = await api.reply("list write", listName="l", data=[], version=1)
    assert (conflict["currentVersion"], conflict["currentData"]) == (1, ["a", "b"])
    assert await api.reply("list write", listName="l", data=[], version=2) == {"success": True}
    assert await api.reply("list delete", listName="l") == {"success": True}
    assert (await api.reply("list read", listName="l"))["errorEvent"] == 107


# Presence


async def test_presence_tells_who_is_online(api: Api, client: RawClient) -> None:
    assert await api.reply("presence query") == {"success": True, "users": ["ann"]}
    asked_for = await api.reply("presence query", names=["ann", "bob"])
    assert asked_for == {"success": True, "users": {"ann": True, "bob": False}}
    assert await api.reply("presence query", names=[]) == {"success": True, "users": {}}


async def test_who_asks_over_http_is_not_online(api: Api, client: RawClient) -> None:
    await client.send(Message(Topic.PRESENCE, PresenceAction.SUBSCRIBE_ALL))
    await client.expect(action=PresenceAction.SUBSCRIBE_ALL, is_ack=True)
    queried = await api.send(
        command("presence query", names=["cat"]), command("presence query"), authData={"username": "cat"}
    )
    assert [reply["users"] for reply in queried["body"]] == [{"cat": False}, ["ann"]]
    await client.quiet()


async def test_a_denied_presence_query_says_so(api: Api) -> None:
    reply = await api.reply("presence query", names=["no/a", "ann"])
    assert (reply["errorTopic"], reply["errorEvent"], reply["errorAction"]) == ("presence", 102, "QUERY")


# Together


async def test_the_result_tells_whether_all_some_or_none_succeeded(api: Api) -> None:
    missing = command("record read", recordName="missing")
    for commands, result in (
        ([EMIT, EMIT], "SUCCESS"),
        ([EMIT, missing], "PARTIAL_SUCCESS"),
        ([missing, missing], "FAILURE"),
    ):
        assert (await api.send(*commands))["result"] == result


async def test_replies_come_in_the_order_of_the_commands(api: Api) -> None:
    await api.send(*[command("record write", recordName=f"o{n}", data={"n": n}) for n in range(20)])
    commands = [command("record read", recordName=f"o{n}") for n in range(20)]
    commands[5:5] = [EMIT, command("rpc make", rpcName="none")]
    replies = (await api.send(*commands))["body"]
    assert [reply.get("data", {}).get("n") for reply in replies] == [*range(5), None, None, *range(5, 20)]


async def test_each_command_is_denied_by_itself(api: Api) -> None:
    answered = await api.send(
        command("event emit", eventName="no/e"),
        command("event emit", eventName="yes"),
        command("record head", recordName="no/r"),
        command("record head", recordName="yes"),
    )
    assert [reply["success"] for reply in answered["body"]] == [False, True, False, True]
    assert answered["result"] == "PARTIAL_SUCCESS"
