"""The operators' WebSocket on a real server: who gets in, what is shown, and that nothing can be written."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from deepstream_protocol.message import Message
from deepstream_protocol.topics import (
    AuthAction,
    EventAction,
    PresenceAction,
    RecordAction,
    RpcAction,
    Topic,
)
from tests.gateway.live.operators_kit import database_with_operators, operator_socket
from tests.raw_client import RawClient
from tests.servers import Server

pytestmark = pytest.mark.xdist_group("operators")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Mapping[str, str]]]:
    folder = tmp_path_factory.mktemp("operators")
    template, keys = database_with_operators(folder)
    with Server("fast", folder / "server", template=template) as server:
        yield server, keys


@pytest.fixture
def server(made: tuple[Server, Any]) -> Server:
    return made[0]


@pytest.fixture
def keys(made: tuple[Server, Mapping[str, str]]) -> Mapping[str, str]:
    return made[1]


async def refused(socket: RawClient) -> None:
    await socket.challenge()
    await socket.send(Message(Topic.AUTH, AuthAction.REQUEST, data="{}"))
    await socket.expect(topic=Topic.AUTH, action=AuthAction.AUTH_UNSUCCESSFUL)


async def follow(socket: RawClient, name: str) -> None:
    await socket.send(Message(Topic.EVENT, EventAction.SUBSCRIBE, names=[name]))
    await socket.expect(topic=Topic.EVENT, action=EventAction.SUBSCRIBE, is_ack=True)


async def told(socket: RawClient, name: str) -> Any:
    message = await socket.expect(topic=Topic.EVENT, action=EventAction.EMIT, name=name)
    return message.value()


# Who gets in


@pytest.mark.parametrize("user", [None, "uma", "made up"])
async def test_who_is_no_staff_is_refused(server: Server, keys: Mapping[str, str], user: str | None) -> None:
    key = None if user is None else keys.get(user, "0" * 32)
    async with operator_socket(server, key) as socket:
        await refused(socket)


async def test_a_page_of_a_foreign_origin_is_refused(server: Server, keys: Mapping[str, str]) -> None:
    async with operator_socket(server, keys["ada"], origin="https://evil.example") as socket:
        await refused(socket)


async def test_a_password_does_not_help_without_a_session(server: Server) -> None:
    async with operator_socket(server, None) as socket:
        await socket.challenge()
        data = '{"username": "ada", "password": "x"}'
        await socket.send(Message(Topic.AUTH, AuthAction.REQUEST, data=data))
        await socket.expect(topic=Topic.AUTH, action=AuthAction.AUTH_UNSUCCESSFUL)


# What may be looked at


async def test_a_feed_begins_with_what_there_is_and_goes_on_with_every_change(
    server: Server, keys: Mapping[str, str]
) -> None:
    name = 'clients.list?{"user":"feeder"}'
    async with operator_socket(server, keys["vic"]) as socket, RawClient.connect(server.url) as client:
        await socket.login()
        await follow(socket, name)
        first = await told(socket, name)
        [node] = first["nodes"]
        assert first == {"nodes": {node: {"total": 0, "complete": True, "clients": []}}, "failed": {}}
        await client.login({"username": "feeder"})
        assert (await told(socket, name))["nodes"][node]["clients"][0]["user"] == "feeder"


async def test_who_comes_later_gets_what_the_others_have(server: Server, keys: Mapping[str, str]) -> None:
    name = 'events.names?{"search":"nothing is called so"}'
    async with operator_socket(server, keys["vic"]) as one, operator_socket(server, keys["ada"]) as other:
        for socket in (one, other):
            await socket.login()
        await follow(one, name)
        first = await told(one, name)
        await other.send(Message(Topic.EVENT, EventAction.SUBSCRIBE, names=[name]))
        message = await other.expect(topic=Topic.EVENT, action=EventAction.EMIT)
        assert message.value() == first


async def test_a_feed_of_one_node_says_when_that_is_not_there(
    server: Server, keys: Mapping[str, str]
) -> None:
    name = 'clients.get?{"node":"elsewhere","client":1}'
    async with operator_socket(server, keys["vic"]) as socket:
        await socket.login()
        await follow(socket, name)
        answer = await told(socket, name)
        assert answer["nodes"] == {}
        assert "elsewhere" in answer["failed"]["elsewhere"]


@pytest.mark.parametrize(
    ("user", "name"),
    [
        ("ned", "clients.list"),
        ("ned", 'record.read?{"name":"a"}'),
        ("ada", "record.delete"),
        ("ada", "clients.disconnect"),
        ("ada", "clients.list?no json"),
        ("ada", "clients.list?[1]"),
        ("ada", "news"),
    ],
)
async def test_what_is_no_feed_or_not_permitted_is_denied(
    server: Server, keys: Mapping[str, str], user: str, name: str
) -> None:
    async with operator_socket(server, keys[user]) as socket:
        await socket.login()
        await socket.send(Message(Topic.EVENT, EventAction.SUBSCRIBE, names=[name]))
        await socket.expect(topic=Topic.EVENT, action=EventAction.MESSAGE_DENIED, name=name)


async def test_wrong_arguments_are_told_in_the_feed(server: Server, keys: Mapping[str, str]) -> None:
    name = 'clients.list?{"colour":"red"}'
    async with operator_socket(server, keys["ada"]) as socket:
        await socket.login()
        await follow(socket, name)
        [why] = (await told(socket, name))["failed"].values()
        assert "unexpected keyword argument 'colour'" in why


async def test_a_page_has_only_so_many_feeds(server: Server, keys: Mapping[str, str]) -> None:
    names = [f'events.names?{{"search":"{number}"}}' for number in range(21)]
    async with operator_socket(server, keys["ada"]) as socket:
        await socket.login()
        await socket.send(Message(Topic.EVENT, EventAction.SUBSCRIBE, names=names))
        await socket.expect(topic=Topic.EVENT, action=EventAction.MESSAGE_DENIED, name=names[-1])


async def test_a_record_is_read_and_followed_but_not_made(server: Server, keys: Mapping[str, str]) -> None:
    async with operator_socket(server, keys["vic"]) as socket, RawClient.connect(server.url) as client:
        await socket.login()
        await client.login({"username": "writer"})
        ask = Message(Topic.RECORD, RecordAction.SUBSCRIBECREATEANDREAD, names=["looked/at"])
        await socket.send(ask)
        await socket.expect(topic=Topic.RECORD, action=RecordAction.SUBSCRIBEANDREAD, is_ack=True)
        absent = {"name": "looked/at", "version": -1, "data": "{}"}
        await socket.expect(topic=Topic.RECORD, action=RecordAction.READ_RESPONSE, **absent)
        write = {"name": "looked/at", "data": '{"a":1}', "version": -1}
        await client.send(Message(Topic.RECORD, RecordAction.CREATEANDUPDATE, **write))
        update = await socket.expect(topic=Topic.RECORD, action=RecordAction.UPDATE, name="looked/at")
        assert update.value() == {"a": 1}


async def test_who_may_not_view_records_is_denied_them(server: Server, keys: Mapping[str, str]) -> None:
    async with operator_socket(server, keys["ned"]) as socket:
        await socket.login()
        await socket.send(Message(Topic.RECORD, RecordAction.READ, name="looked/at"))
        await socket.expect(topic=Topic.RECORD, action=RecordAction.MESSAGE_DENIED)


# Nothing can be written, and nobody is seen


@pytest.mark.parametrize(
    ("message", "denial"),
    [
        (Message(Topic.EVENT, EventAction.EMIT, name="a", data="1"), EventAction.MESSAGE_DENIED),
        (
            Message(Topic.RECORD, RecordAction.CREATEANDUPDATE, name="a", data="{}", version=-1),
            RecordAction.MESSAGE_DENIED,
        ),
        (Message(Topic.RECORD, RecordAction.DELETE, name="a"), RecordAction.MESSAGE_DENIED),
        (Message(Topic.RPC, RpcAction.PROVIDE, names=["a"]), RpcAction.MESSAGE_DENIED),
    ],
)
async def test_even_an_administrator_cannot_write_here(
    server: Server, keys: Mapping[str, str], message: Message, denial: int
) -> None:
    async with operator_socket(server, keys["ada"]) as socket:
        await socket.login()
        await socket.send(message)
        await socket.expect(topic=message.topic, action=denial)
        await socket.quiet()


async def test_operators_are_not_online_and_not_among_the_clients(
    server: Server, keys: Mapping[str, str]
) -> None:
    async with operator_socket(server, keys["ada"]) as socket, RawClient.connect(server.url) as client:
        await socket.login()
        await client.login({"username": "alone"})
        await client.send(Message(Topic.PRESENCE, PresenceAction.QUERY_ALL))
        answer = await client.expect(topic=Topic.PRESENCE, action=PresenceAction.QUERY_ALL_RESPONSE)
        assert "ada" not in (answer.names or [])
        name = 'clients.list?{"search":"ad"}'
        await follow(socket, name)
        assert [value["total"] for value in (await told(socket, name))["nodes"].values()] == [0]


async def test_an_event_of_a_client_that_is_called_like_a_feed_is_another_thing(
    server: Server, keys: Mapping[str, str]
) -> None:
    name = "presence.online"
    async with operator_socket(server, keys["ada"]) as socket, RawClient.connect(server.url) as client:
        await socket.login()
        await client.login({"username": "prankster"})
        await client.send(Message(Topic.EVENT, EventAction.SUBSCRIBE, names=[name]))
        await client.expect(topic=Topic.EVENT, action=EventAction.SUBSCRIBE, is_ack=True)
        await follow(socket, name)
        assert "nodes" in await told(socket, name)
        await client.quiet()
        await client.send(Message(Topic.EVENT, EventAction.EMIT, name=name, data=json.dumps({"fake": 1})))
        await client.quiet()
        await socket.quiet()


async def test_a_deactivated_operator_does_not_get_in(server: Server, keys: Mapping[str, str]) -> None:
    server.sql("UPDATE auth_user SET is_active = 0 WHERE username = 'oli'")
    async with operator_socket(server, keys["oli"]) as socket:
        await refused(socket)


# On another server


async def test_pages_are_live_on_plain_asgi_too(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("daphne")
    template, keys = database_with_operators(folder)
    with Server("daphne", folder / "server", template=template) as server:
        async with operator_socket(server, keys["vic"]) as socket:
            await socket.login()
            await follow(socket, "nodes.status")
            [status] = (await told(socket, "nodes.status"))["nodes"].values()
            assert status["endpoints"]["/deepstream"] == 0
