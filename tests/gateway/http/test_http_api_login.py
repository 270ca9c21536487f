"""Who asks: login data, tokens and refusals over HTTP (PROTOCOL.md section 10)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator

import jwt
import pytest

from deepstream_protocol.message import Message
from deepstream_protocol.topics import PresenceAction, Topic
from tests.gateway.http.http_kit import EMIT, RULES, Api, command, http_configuration, running
from tests.raw_client import RawClient
from tests.reference.settings import USERS
from tests.servers import Server

PASSWORDS = [{"type": "file", "options": {"users": "fileLoad(users.yml)"}}]
PERMISSION = {"type": "config", "options": {"permissions": RULES}}
ANN = {"username": "ann", "password": "secret"}
INVALID = "The token is not valid, or no longer: log in again."
LACKING = ' {"error":"missing authentication parameter: username or/and password"}'
SIGNING_KEY = "a key that is long enough for HMAC and SHA-256"


@pytest.fixture(scope="module", params=["fast", "daphne"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    config = http_configuration({"logInvalidAuthData": True}, auth=PASSWORDS, permission=PERMISSION)
    with running(request.param, tmp_path_factory, config, files={"users.yml": USERS}) as one:
        yield one


@pytest.fixture(scope="module")
def second_server(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Another process on the database of the first, which takes no login data with commands."""
    config = http_configuration({"allowAuthData": False}, auth=PASSWORDS, permission=PERMISSION)
    shared = {"DATABASE_URL": f"sqlite:///{server.database}"}
    with running("fast", tmp_path_factory, config, files={"users.yml": USERS}, environment=shared) as one:
        yield one


@pytest.fixture
async def second(second_server: Server) -> AsyncIterator[Api]:
    async with Api.of(second_server) as one:
        yield one


async def token_of(api: Api, data: dict[str, str] = ANN) -> str:
    response = await api.post(data, "/api/auth")
    assert response.status_code == 200
    token = response.json()["token"]
    assert isinstance(token, str)
    return token


async def assert_refused(api: Api, path: str, content: object, text: str, status: int = 401) -> None:
    response = await api.post(content, path)
    assert (response.status_code, response.text) == (status, text + "\n")
    assert ("www-authenticate" in response.headers) is (status == 401)


# Login data with the commands


async def test_commands_may_carry_login_data(api: Api) -> None:
    written = await api.send(command("record write", recordName="of/ann", data={}), authData=ANN)
    assert written["result"] == "SUCCESS"


async def test_nothing_is_done_for_who_is_refused(api: Api) -> None:
    write = {"body": [command("record write", recordName="x", data={})]}
    await assert_refused(api, "/api", write, "Unsuccessful authentication attempt." + LACKING)
    wrong = write | {"authData": ANN | {"password": "wrong"}}
    await assert_refused(api, "/api", wrong, "Unsuccessful authentication attempt.")
    found = await api.send(command("record head", recordName="x"), authData=ANN)
    assert found["body"] == [{"success": True, "version": -1}]


async def test_a_user_that_is_not_known_is_refused_in_the_same_words(api: Api) -> None:
    content = {"body": [EMIT], "authData": {"username": "zoe", "password": "secret"}}
    await assert_refused(api, "/api", content, "Unsuccessful authentication attempt.")


@pytest.mark.parametrize("data", ["ann", ["ann"], None, 1])
async def test_login_data_that_is_no_object_is_a_bad_request(api: Api, data: object) -> None:
    text = 'Invalid message: the "authData" parameter must be an object'
    await assert_refused(api, "/api", {"body": [EMIT], "authData": data}, text, 400)


async def test_login_data_with_commands_can_be_forbidden(second: Api) -> None:
    text = "Authentication using authData is disabled. Try using a token instead."
    await assert_refused(second, "/api", {"body": [EMIT], "authData": ANN}, text, 400)


async def test_login_data_decides_where_there_is_a_token_too(api: Api) -> None:
    assert (await api.send(EMIT, authData=ANN, token="not a token"))["result"] == "SUCCESS"


# Logins for a token


async def test_a_login_gives_a_token_and_what_the_client_may_know(api: Api) -> None:
    response = await api.post(ANN, "/api/auth")
    assert response.status_code == 200
    content = response.json()
    assert content.pop("token")
    assert content == {"clientData": {"colour": "red"}}


@pytest.mark.parametrize(
    ("data", "reason"), [({}, LACKING), ("", LACKING), (ANN | {"password": "wrong"}, "")], ids=repr
)
async def test_a_refused_login_is_401_with_the_reason(api: Api, data: object, reason: str) -> None:
    await assert_refused(api, "/api/auth", data, "Invalid authentication data." + reason)


async def test_refused_login_data_is_logged_only_where_that_is_configured(
    api: Api, second: Api, server: Server, second_server: Server
) -> None:
    for one in (api, second):
        await one.post({"username": "ann", "password": "a-wrong-guess"}, "/api/auth")
    assert "a-wrong-guess" in server.log.read_text()
    assert "a-wrong-guess" not in second_server.log.read_text()
    assert "login refused" in second_server.log.read_text()


# Tokens


async def test_a_token_stands_for_its_user(api: Api, server: Server) -> None:
    token = await token_of(api)
    answered = await api.send(
        command("record write", recordName="of/ann", data={"by": "token"}),
        command("record write", recordName="of/bob", data={}),
        token=token,
    )
    assert [reply["success"] for reply in answered["body"]] == [True, False]


async def test_a_token_is_good_on_every_server_of_the_database(api: Api, second: Api) -> None:
    token = await token_of(api)
    read = command("record read", recordName="of/ann")
    await api.send(command("record write", recordName="of/ann", data={"a": 1}), token=token)
    assert (await second.send(read, token=token))["body"][0]["data"] == {"a": 1}
    theirs = await token_of(second, {"username": "bob", "password": "secret"})
    assert (await api.send(read, token=theirs))["body"][0]["errorEvent"] == 115


async def test_every_login_has_a_token_of_its_own(api: Api) -> None:
    assert len({await token_of(api) for _ in range(3)}) == 3


@pytest.mark.parametrize(
    "token", ["nonsense", "a" * 32, "a" * 100_000, "ä", "' OR 1=1 --", "a.b.c", "x\u0000y"]
)
async def test_an_unknown_token_is_refused(api: Api, token: str) -> None:
    await assert_refused(api, "/api", {"body": [EMIT], "token": token}, INVALID + LACKING)


@pytest.mark.parametrize("token", ["", None, 3, ["t"], {}])
async def test_what_is_no_token_is_a_bad_request(api: Api, token: object) -> None:
    text = 'Invalid message: the "token" parameter must be a non-empty string'
    await assert_refused(api, "/api", {"body": [EMIT], "token": token}, text, 400)


async def test_an_expired_token_is_refused(api: Api, server: Server) -> None:
    token = await token_of(api)
    server.sql("UPDATE django_session SET expire_date = '2020-01-01' WHERE session_key = ?", token)
    await assert_refused(api, "/api", {"body": [EMIT], "token": token}, INVALID + LACKING)


async def test_a_deleted_token_is_refused(api: Api, second: Api, server: Server) -> None:
    token = await token_of(api)
    server.sql("DELETE FROM django_session WHERE session_key = ?", token)
    for one in (api, second):
        await assert_refused(one, "/api", {"body": [EMIT], "token": token}, INVALID + LACKING)


async def test_without_its_table_tokens_cannot_be_checked_but_all_else_goes_on(
    api: Api, server: Server
) -> None:
    token = await token_of(api)
    server.sql("ALTER TABLE django_session RENAME TO elsewhere")
    try:
        text = "Tokens cannot be checked now: try again later."
        await assert_refused(api, "/api", {"body": [EMIT], "token": token}, text, 503)
        await assert_refused(api, "/api/auth", ANN, text, 503)
        assert (await api.send(EMIT, authData=ANN))["result"] == "SUCCESS"
    finally:
        server.sql("ALTER TABLE elsewhere RENAME TO django_session")
    assert (await api.send(EMIT, token=token))["result"] == "SUCCESS"


async def test_logins_of_many_at_once_each_get_their_own_user(api: Api) -> None:
    users = [{"username": name, "password": "secret"} for name in ("ann", "bob")] * 20
    tokens = await asyncio.gather(*(token_of(api, data) for data in users))
    assert len(set(tokens)) == len(users)
    for data, token in zip(users, tokens, strict=True):
        write = command("record write", recordName=f"of/{data['username']}", data={})
        assert (await api.send(write, token=token))["result"] == "SUCCESS"


async def test_a_user_with_a_token_is_not_online(api: Api, server: Server) -> None:
    async with RawClient.connect(server.url) as watcher:
        await watcher.login({"username": "bob", "password": "secret"})
        await watcher.send(Message(Topic.PRESENCE, PresenceAction.SUBSCRIBE_ALL))
        await watcher.expect(action=PresenceAction.SUBSCRIBE_ALL, is_ack=True)
        online = await api.send(command("presence query"), token=await token_of(api))
        assert online["body"] == [{"success": True, "users": ["bob"]}]
        await watcher.quiet()


# Tokens with GET


async def test_get_takes_the_token_as_a_header(api: Api) -> None:
    token = await token_of(api)
    await api.send(command("record write", recordName="of/ann", data={"b": 1}), token=token)
    for scheme in ("Bearer", "bearer"):
        response = await api.http.get(
            "/api?recordName=of/ann", headers={"authorization": f"{scheme} {token}"}
        )
        assert (response.status_code, response.json()["data"]) == (200, {"b": 1})


async def test_get_asks_the_rules(api: Api) -> None:
    headers = {"authorization": f"Bearer {await token_of(api)}"}
    response = await api.http.get("/api?recordName=of/bob", headers=headers)
    assert (response.status_code, response.json()["errorEvent"]) == (403, 115)


@pytest.mark.parametrize(
    ("headers", "text"),
    [
        ({}, "Unsuccessful authentication attempt." + LACKING),
        ({"authorization": "Bearer nonsense"}, INVALID + LACKING),
        ({"authorization": "Basic YW5uOnNlY3JldA=="}, 'The header must be "Authorization: Bearer TOKEN".'),
        ({"authorization": "Bearer"}, 'The header must be "Authorization: Bearer TOKEN".'),
    ],
    ids=repr,
)
async def test_get_without_a_good_token_is_refused(api: Api, headers: dict[str, str], text: str) -> None:
    response = await api.http.get("/api?recordName=of/ann", headers=headers)
    assert (response.status_code, response.text) == (401, text + "\n")
    assert response.headers["www-authenticate"] == "Bearer"


# Other logins


async def test_where_everybody_is_let_in_a_bad_token_is_bad_all_the_same(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with running("fast", tmp_path_factory, http_configuration()) as server:
        async with Api.of(server) as api:
            assert (await api.send(EMIT))["result"] == "SUCCESS"
            await assert_refused(api, "/api", {"body": [EMIT], "token": "nonsense"}, INVALID)
            token = await token_of(api, {"username": "cat"})
            assert (await api.send(EMIT, token=token))["result"] == "SUCCESS"


async def test_a_token_that_a_login_strategy_knows_is_good(tmp_path_factory: pytest.TempPathFactory) -> None:
    auth = [{"type": "jwt", "options": {"key": SIGNING_KEY, "algorithms": ["HS256"]}}]
    config = http_configuration({"allowAuthData": False}, auth=auth, permission=PERMISSION)
    with running("fast", tmp_path_factory, config) as server:
        async with Api.of(server) as api:
            good = jwt.encode({"sub": "ann"}, SIGNING_KEY)
            write = command("record write", recordName="of/ann", data={})
            assert (await api.send(write, token=good))["result"] == "SUCCESS"
            read = await api.http.get("/api?recordName=of/ann", headers={"authorization": f"Bearer {good}"})
            assert read.status_code == 200
            old = jwt.encode({"sub": "ann", "exp": 1}, SIGNING_KEY)
            refused = await api.post({"body": [write], "token": old})
            assert refused.status_code == 401
            assert json.loads(refused.text.removeprefix(INVALID)) == {"error": "The token has expired"}
