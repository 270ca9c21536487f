"""Strategy ``storage`` over a real server: users kept as records (CONFIG.md)."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from deepstream_protocol.message import Message
from deepstream_protocol.topics import AuthAction, RecordAction, Topic
from records.models import Record
from tests.accounts.kit import attempt, is_accepted, is_refused, login, serving
from tests.accounts.test_file import MISSING, OPTIONS, hashed
from tests.raw_client import RawClient

pytestmark = pytest.mark.django_db(transaction=True)

ANN = {"username": "ann", "password": "tiger"}


def storage(**options: Any) -> list[dict[str, Any]]:
    return [{"type": "storage", "options": {"table": "Users", **OPTIONS, **options}}]


async def store(name: str, data: Any) -> None:
    await sync_to_async(Record.objects.create)(name=name, version=1, data=data)


async def stored(name: str) -> Any:
    return await sync_to_async(lambda: Record.objects.get(name=name).data)()


async def test_a_user_is_a_record(tmp_path: Path) -> None:
    await store("Users/ann", {"password": hashed("tiger"), "clientData": {"a": 1}})
    async with serving(tmp_path, auth=storage()) as server:
        assert is_accepted(await login(server.url, ANN), {"a": 1})
        assert is_refused(await login(server.url, ANN | {"password": "wrong"}))
        assert is_refused(await login(server.url, ANN | {"username": "eve"}))
        assert is_refused(await login(server.url, {"username": "ann"}), MISSING)


@pytest.mark.parametrize("data", [{}, [], {"password": 1}, {"password": None}, {"password": ""}])
async def test_a_record_without_a_password_lets_nobody_in(tmp_path: Path, data: Any) -> None:
    await store("Users/ann", data)
    async with serving(tmp_path, auth=storage()) as server:
        assert is_refused(await login(server.url, ANN))
        assert is_refused(await login(server.url, {"username": "x" * 5000, "password": "tiger"}))


async def test_a_first_login_makes_the_user_where_that_is_on(tmp_path: Path) -> None:
    async with serving(tmp_path, auth=storage(createUser=True, tableSplitChar=":")) as server:
        assert is_accepted(await login(server.url, ANN))
        assert is_refused(await login(server.url, ANN | {"password": "wrong"}))
    record = await stored("Users:ann")
    assert record["username"] == "ann"
    assert "tiger" not in json.dumps(record)
    async with serving(tmp_path, auth=storage(tableSplitChar=":")) as restarted:
        assert is_accepted(await login(restarted.url, ANN))


async def test_of_two_first_logins_at_the_same_time_one_makes_the_user(tmp_path: Path) -> None:
    async with serving(tmp_path, auth=storage(createUser=True)) as server:
        passwords = ("tiger", "lion", "puma")
        answers = await asyncio.gather(
            *(login(server.url, {"username": "ann", "password": password}) for password in passwords)
        )
        accepted = [
            password
            for password, answer in zip(passwords, answers, strict=True)
            if answer.action == AuthAction.AUTH_SUCCESSFUL
        ]
        assert len(accepted) == 1
        assert is_accepted(await login(server.url, {"username": "ann", "password": accepted[0]}))


async def test_without_a_database_nobody_is_called_wrong(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, auth=storage(), record={"storageRetrievalTimeout": 1}) as server,
        RawClient.connect(server.url) as client,
    ):
        await client.challenge()
        reader = server.application.pipelines().of("Users/ann").reader

        async def nothing(names: Any) -> Any:
            await asyncio.Event().wait()

        reader._store = type("Stuck", (), {"load": staticmethod(nothing)})()  # type: ignore[assignment]
        answer = await attempt(client, ANN)
        assert is_refused(answer, {"error": "The users cannot be read"})


@pytest.mark.parametrize(
    "message",
    [
        Message(Topic.RECORD, RecordAction.SUBSCRIBEANDREAD, names=["Users/ann"]),
        Message(Topic.RECORD, RecordAction.SUBSCRIBECREATEANDREAD, names=["Users/new"]),
        Message(Topic.RECORD, RecordAction.READ, name="Users/ann"),
        Message(Topic.RECORD, RecordAction.READ, name="harmless", names=["Users/ann"]),
        Message(Topic.RECORD, RecordAction.UPDATE, name="Users/ann", names=["a"], version=2, data="{}"),
        Message(Topic.RECORD, RecordAction.CREATEANDUPDATE, name="Users/ann", version=-1, data="{}"),
        Message(Topic.RECORD, RecordAction.DELETE, name="Users/ann"),
        Message(Topic.RECORD, RecordAction.NOTIFY, names=["Users/ann"]),
    ],
    ids=lambda message: RecordAction(message.action).name,
)
async def test_no_client_sees_or_changes_a_user(tmp_path: Path, message: Message) -> None:
    user = {"password": hashed("tiger")}
    await store("Users/ann", user)
    async with serving(tmp_path, auth=storage()) as server, RawClient.connect(server.url) as client:
        await client.login(ANN)
        await client.send(message)
        refused = await client.expect(topic=Topic.RECORD, action=RecordAction.MESSAGE_DENIED)
        assert refused.name in ("Users/ann", "Users/new")
        await client.send(Message(Topic.RECORD, RecordAction.HEAD, name="Used"))
        while (answer := await client.receive()).action != RecordAction.HEAD_RESPONSE:
            assert answer.is_ack or answer.action == RecordAction.HEAD_RESPONSE_BULK
            assert answer.data is None
    assert await stored("Users/ann") == user
