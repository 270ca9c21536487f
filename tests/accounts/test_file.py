"""Strategy ``file`` over a real server (CONFIG.md, Login strategies)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from accounts.passwords import Passwords
from accounts.users_file import read_users
from deepstream_project.config import ConfigError
from deepstream_project.config_login import HashOptions
from deepstream_protocol.message import Message
from deepstream_protocol.topics import EventAction, Topic
from tests.accounts.kit import attempt, heard, is_accepted, is_refused, login, serving
from tests.raw_client import RawClient

pytestmark = pytest.mark.django_db(transaction=True)

MISSING = {"error": "missing authentication parameter: username or/and password"}
OPTIONS = {"hash": "sha256", "iterations": 5000, "keyLength": 32}
FILE = {"type": "file", "options": {"users": "fileLoad(users.json)", **OPTIONS}}


def hashed(password: str) -> str:
    return Passwords(HashOptions(hash="sha256", iterations=5000, key_length=32)).hash(password)


USERS = json.dumps(
    {
        "ann": {"password": hashed("tiger"), "clientData": {"theme": "dark"}, "serverData": {"role": "boss"}},
        "bob": {"password": hashed("lion"), "serverData": {"role": "clerk"}},
    }
)
RULES = {
    "record": {"*": {"read": True}},
    "event": {"*": {"subscribe": "user.data.role === 'boss'"}},
    "rpc": {"*": {"request": True}},
    "presence": {"*": {"allow": True}},
}


async def test_client_data_goes_to_the_client_and_server_data_to_the_rules(tmp_path: Path) -> None:
    rules = {"type": "config", "options": {"permissions": RULES}}
    files = {"users.json": USERS}
    async with serving(tmp_path, files=files, auth=[FILE], permission=rules) as server:
        subscription = Message(Topic.EVENT, EventAction.SUBSCRIBE, names=["news"], correlation_id="1")
        for user, password, action in (
            ("ann", "tiger", EventAction.SUBSCRIBE),
            ("bob", "lion", EventAction.MESSAGE_DENIED),
        ):
            async with RawClient.connect(server.url) as client:
                success = await client.login({"username": user, "password": password})
                assert success.data == ('{"theme":"dark"}' if user == "ann" else None)
                await client.send(subscription)
                await client.expect(topic=Topic.EVENT, action=action)


async def test_refusals_say_no_more_than_they_must(tmp_path: Path) -> None:
    async with serving(tmp_path, files={"users.json": USERS}, auth=[FILE]) as server:
        assert is_refused(await login(server.url, {"username": "ann", "password": "wrong"}))
        assert is_refused(await login(server.url, {"username": "eve", "password": "tiger"}))
        for data in ({}, {"username": "ann"}, {"password": "tiger"}, {"username": 1, "password": "tiger"}):
            assert is_refused(await login(server.url, data), MISSING)


async def test_with_another_strategy_a_stranger_is_passed_on_and_a_wrong_password_is_not(
    tmp_path: Path,
) -> None:
    auth = [FILE, {"type": "none"}]
    async with serving(tmp_path, files={"users.json": USERS}, auth=auth) as server:
        assert is_accepted(await login(server.url, {"username": "eve", "password": "any"}))
        assert is_accepted(await login(server.url, {}))
        assert is_refused(await login(server.url, {"username": "ann", "password": "wrong"}))


async def test_refused_passwords_are_logged_only_where_that_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Not caplog, which is on the root logger: to make Django's application takes it off there.
    for asked_for in (False, True):
        folder = tmp_path / str(asked_for)
        folder.mkdir()
        endpoint = {"logInvalidAuthData": asked_for}
        async with serving(folder, files={"users.json": USERS}, auth=[FILE], endpoint=endpoint) as server:
            await login(server.url, {"username": "ann", "password": "sesame"})
        assert ("sesame" in capsys.readouterr().err) is asked_for


async def test_users_are_read_again_while_the_server_runs(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, files={"users.json": USERS}, auth=[FILE]) as server,
        RawClient.connect(server.url) as stays,
        RawClient.connect(server.url) as comes,
    ):
        await stays.login({"username": "bob", "password": "lion"})
        await comes.challenge()
        async with heard("Users: read again"):
            (tmp_path / "users.json").write_text(json.dumps({"eve": {"password": hashed("apple")}}))
            server.application.reload()
        await stays.quiet()
        assert is_refused(await attempt(comes, {"username": "ann", "password": "tiger"}))
        assert is_accepted(await attempt(comes, {"username": "eve", "password": "apple"}))


def test_a_broken_users_file_is_refused_with_its_problems(tmp_path: Path) -> None:
    path = tmp_path / "users.yml"
    for text, problem in (
        ("ann: {password: 1}", "user ann: needs a password, which is text"),
        ("- ann", "must hold keys and values"),
        ("ann: {", "not valid YAML"),
    ):
        path.write_text(text)
        with pytest.raises(ConfigError, match=problem):
            read_users(path)
