"""What is no proper request to the HTTP API, and which pages may send one."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from tests.gateway.http.http_kit import EMIT, Api, command, http_configuration, running
from tests.servers import Server

LIMIT = 1024 * 1024
GOOD, FOREIGN = "https://good.example", "https://foreign.example"


@pytest.fixture(scope="module", params=["fast", "daphne"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(request.param, tmp_path_factory, http_configuration()) as one:
        yield one


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for the pages of one origin; rpc is off, and paths are of its own."""
    config = http_configuration(
        {"postPath": "/commands", "getPath": "/records", "enableAuthEndpoint": False},
        httpServer={"options": {"allowAllOrigins": False, "origins": [GOOD], "maxMessageSize": 1000}},
        enabledFeatures={"rpc": False, "event": False},
    )
    with running("fast", tmp_path_factory, config) as one:
        yield one


@pytest.fixture
async def strict_api(strict: Server) -> AsyncIterator[Api]:
    async with Api.of(strict) as one:
        yield one


def assert_text(response: httpx.Response, status: int, text: str) -> None:
    assert (response.status_code, response.text) == (status, text + "\n")
    assert response.headers["content-type"] == "text/plain; charset=utf-8"


# Commands that are none


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (None, "a command must be an object"),
        ("emit", "a command must be an object"),
        ([], "a command must be an object"),
        ({"topic": "event"}, "property 'action' is required, and must be a text"),
        ({"action": "emit"}, "property 'topic' is required, and must be a text"),
        ({"topic": ["event"], "action": "emit"}, "property 'topic' is required, and must be a text"),
        (command("event emit"), "property 'eventName' is required for topic 'event'"),
        (command("event emit", eventName=""), "property 'eventName' must be a text that is not empty"),
        (command("event emit", eventName=3), "property 'eventName' must be a text that is not empty"),
        (command("event emit", eventName="e", name="f"), "property 'name' is unknown for topic 'event'"),
        (command("rpc make", rpcName=None), "property 'rpcName' must be a text that is not empty"),
        (
            command("record read", recordName="r", version=1),
            "property 'version' is unknown for topic 'record'",
        ),
        (command("record write", recordName="r"), "property 'data' is required for topic 'record'"),
        (command("record write", recordName="r", path="a"), "property 'data' is required for topic 'record'"),
        (command("record write", recordName="r", data=1), "property 'data' must be an object or an array"),
        (command("record write", recordName="r", data=None), "property 'data' must be an object or an array"),
        (
            command("record write", recordName="r", data=1, path=""),
            "property 'path' must be a text that is not empty",
        ),
        *[
            (
                command("record write", recordName="r", data={}, version=version),
                "property 'version' must be a whole number from -1 on",
            )
            for version in (-2, 1.5, "1", None, True, 2**31)
        ],
        (command("record notify", recordNames="r"), "property 'recordNames' must be a list of texts"),
        (command("record notify", recordNames=[1]), "property 'recordNames' must be a list of texts"),
        (command("list write", listName="l", data={}), "property 'data' must be a list of texts"),
        (command("list write", listName="l", data=["a", 1]), "property 'data' must be a list of texts"),
        (
            command("list write", listName="l", data=[], path="a"),
            "property 'path' is unknown for topic 'list'",
        ),
        (command("presence query", names={"a": 1}), "property 'names' must be a list of texts"),
        (command("presence query", parameters=[]), "property 'parameters' is unknown for topic 'presence'"),
    ],
    ids=repr,
)
async def test_a_bad_command_is_refused_with_its_index_and_the_reason(
    api: Api, bad: Any, reason: str
) -> None:
    response = await api.post({"body": [EMIT, bad]})
    assert_text(response, 400, f"Failed to parse JIF object at index 1. Reason: {reason}")


async def test_an_unknown_command_is_told_what_there_is(api: Api) -> None:
    response = await api.post({"body": [command("list head", listName="l")]})
    assert response.status_code == 400
    assert "index 0. Reason: there is no 'list head', but: event emit, rpc make, " in response.text


async def test_nothing_is_done_if_one_command_is_bad(api: Api) -> None:
    await api.post({"body": [command("record write", recordName="undone", data={}), None]})
    assert (await api.reply("record head", recordName="undone"))["version"] == -1


async def test_data_that_is_nested_too_deeply_is_refused(api: Api) -> None:
    data = "[" * 600 + "]" * 600
    body = json.dumps({"body": [EMIT | {"data": "HERE"}]}).replace('"HERE"', data)
    response = await api.post(body)
    reason = "property 'data' must be less deeply nested"
    assert_text(response, 400, f"Failed to parse JIF object at index 0. Reason: {reason}")


# Bodies that are none


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ({}, 'Invalid message: the "body" parameter must exist.'),
        ("", 'Invalid message: the "body" parameter must exist.'),
        ({"body": []}, 'Invalid message: the "body" parameter must be a non-empty array of Objects.'),
        (
            {"body": {"0": EMIT}},
            'Invalid message: the "body" parameter must be a non-empty array of Objects.',
        ),
        ({"body": None}, 'Invalid message: the "body" parameter must be a non-empty array of Objects.'),
        ([EMIT], "Invalid message: the request must be an object."),
        ("null", "Invalid message: the request must be an object."),
    ],
    ids=repr,
)
async def test_a_body_without_commands_is_refused(api: Api, content: Any, text: str) -> None:
    assert_text(await api.post(content), 400, text)


@pytest.mark.parametrize(
    "content",
    [b"{", b'{"body": [}', b"\xff", b'{"body": [NaN]}', b'{"x": "\\ud800"}', b'"', b"[" * 100_000],
    ids=lambda content: repr(content[:20]),
)
@pytest.mark.parametrize("path", ["/api", "/api/auth"])
async def test_a_body_that_is_no_json_is_refused(api: Api, path: str, content: bytes) -> None:
    response = await api.post(content, path)
    assert response.status_code == 400
    assert response.text.startswith("Failed to parse body of request: ")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""])
@pytest.mark.parametrize("path", ["/api", "/api/auth"])
async def test_only_json_is_taken(api: Api, path: str, kind: str) -> None:
    response = await api.post({"body": [EMIT]}, path, content_type=kind)
    text = 'Invalid "Content-Type" header. Supported media types: "application/json"'
    assert_text(response, 415, text)


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "Application/JSON"])
async def test_json_may_be_written_in_other_ways(api: Api, kind: str) -> None:
    assert (await api.post({"body": [EMIT]}, content_type=kind)).status_code == 200


def emission_of(size: int) -> bytes:
    """A request of so many bytes."""
    frame = json.dumps({"body": [EMIT | {"data": ""}]})
    return frame.replace('""', f'"{"x" * (size - len(frame))}"').encode()


async def test_a_body_of_the_largest_size_is_taken_and_one_byte_more_is_not(api: Api) -> None:
    assert (await api.post(emission_of(LIMIT))).status_code == 200
    refused = await api.post(emission_of(LIMIT + 1))
    assert_text(
        refused, 413, f"The request body is larger than {LIMIT} bytes: send fewer commands at a time."
    )
    assert (await api.post(emission_of(LIMIT))).status_code == 200


async def test_a_body_of_unknown_length_is_limited_too(api: Api) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(30):
            yield b" " * (LIMIT // 20)

    headers = {"content-type": "application/json"}
    assert (await api.http.post("/api", content=parts(), headers=headers)).status_code == 413


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
async def test_a_packed_body_is_unpacked(api: Api, encoding: str, pack: Any) -> None:
    packed = pack(json.dumps({"body": [EMIT]}).encode())
    assert (await api.post(packed, content_encoding=encoding)).status_code == 200
    cut = await api.post(packed[:-6], content_encoding=encoding)
    assert (cut.status_code, cut.text[:32]) == (400, "Failed to parse body of request:")


async def test_a_body_that_is_large_once_it_is_unpacked_is_refused(api: Api) -> None:
    assert (await api.post(gzip.compress(bytes(100 * LIMIT)), content_encoding="gzip")).status_code == 413


async def test_what_is_packed_in_an_unknown_way_is_refused(api: Api) -> None:
    response = await api.post(b"x", content_encoding="br")
    assert_text(response, 415, 'Content-Encoding "br" is not supported: use gzip or none.')


async def test_names_of_all_kinds_are_harmless(api: Api) -> None:
    for name in ("a b", "ü/€/😀", "x\u0000y", "%s", "'; --", "n" * 5000):
        replies = (
            await api.send(
                command("record read", recordName=name),
                command("record write", recordName=name, data={}),
                command("event emit", eventName=name),
                command("rpc make", rpcName=name),
            )
        )["body"]
        assert replies[2] == {"success": True}
        assert replies[0]["success"] is False
        response = await api.http.get("/api", params={"recordName": name})
        assert response.status_code in (200, 404, 503)
        assert response.json()["success"] is (replies[1]["success"])


# Methods and paths


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/api", "POST, GET, HEAD, OPTIONS"),
        ("DELETE", "/api", "POST, GET, HEAD, OPTIONS"),
        ("PATCH", "/api/auth", "POST, OPTIONS"),
        ("GET", "/api/auth", "POST, OPTIONS"),
    ],
)
async def test_other_methods_are_told_what_is_supported(
    api: Api, method: str, path: str, allowed: str
) -> None:
    response = await api.http.request(method, path)
    assert_text(response, 405, f"Unsupported method {method}. Supported methods: {allowed}")
    assert response.headers["allow"] == allowed


async def test_a_query_string_is_no_part_of_the_path(api: Api) -> None:
    assert (await api.post({"body": [EMIT]}, "/api?x=1")).status_code == 200


async def test_paths_that_are_not_configured_belong_to_django(strict_api: Api) -> None:
    for path in ("/api", "/api/auth", "/records/r"):
        assert (await strict_api.http.get(path)).status_code == 404


async def test_the_paths_can_be_configured(strict_api: Api) -> None:
    written = await strict_api.post({"body": [command("record write", recordName="p", data={})]}, "/commands")
    assert written.json()["result"] == "SUCCESS"
    assert (await strict_api.http.get("/records?recordName=p")).json()["success"] is True
    assert (await strict_api.http.get("/commands?recordName=p")).headers["allow"] == "POST, OPTIONS"
    assert (await strict_api.post({}, "/records")).headers["allow"] == "GET, HEAD, OPTIONS"


async def test_the_limit_of_a_body_can_be_configured(strict_api: Api) -> None:
    assert (await strict_api.post(emission_of(1001), "/commands")).status_code == 413


@pytest.mark.parametrize(
    ("given", "section"),
    [(EMIT, "event"), (command("rpc make", rpcName="f"), "rpc")],
)
async def test_a_command_for_what_is_turned_off_fails_at_once(
    strict_api: Api, given: dict[str, Any], section: str
) -> None:
    response = await strict_api.post({"body": [given, command("record head", recordName="r")]}, "/commands")
    assert response.json() == {
        "result": "PARTIAL_SUCCESS",
        "body": [
            {
                "success": False,
                "error": f'This server does without it: "{section}" is off in enabledFeatures.',
                "errorTopic": "parser",
                "errorEvent": 1,
            },
            {"success": True, "version": -1},
        ],
    }


# Origins


async def test_pages_of_any_origin_are_served_by_default(api: Api) -> None:
    response = await api.post({"body": [EMIT]}, origin=FOREIGN)
    assert (response.status_code, response.headers["access-control-allow-origin"]) == (200, "*")


async def test_errors_can_be_read_by_the_page_that_made_them(api: Api) -> None:
    response = await api.post({}, origin=FOREIGN)
    assert (response.status_code, response.headers["access-control-allow-origin"]) == (400, "*")


PREFLIGHT = {"access-control-request-method": "POST", "access-control-request-headers": "content-type"}


async def preflight(api: Api, path: str, origin: str) -> httpx.Response:
    return await api.http.options(path, headers=PREFLIGHT | {"origin": origin})


@pytest.mark.parametrize("path", ["/api", "/api/auth"])
async def test_a_preflight_is_told_what_a_page_may_send(api: Api, path: str) -> None:
    response = await preflight(api, path, FOREIGN)
    assert (response.status_code, response.content) == (204, b"")
    assert response.headers["access-control-allow-origin"] == "*"
    assert response.headers["access-control-allow-methods"] == "GET, POST, OPTIONS"
    allowed = response.headers["access-control-allow-headers"].lower()
    assert {"content-type", "authorization"} <= set(allowed.split(", "))


async def test_a_foreign_page_is_refused_where_origins_are_listed(strict_api: Api) -> None:
    for response in (
        await strict_api.post({"body": [EMIT]}, "/commands", origin=FOREIGN),
        await strict_api.http.get("/records?recordName=r", headers={"origin": FOREIGN}),
        await preflight(strict_api, "/commands", FOREIGN),
    ):
        assert_text(response, 403, f'Origin "{FOREIGN}" is forbidden.')
        assert "access-control-allow-origin" not in response.headers


async def test_a_page_of_a_listed_origin_is_served(strict_api: Api) -> None:
    commands = {"body": [command("record head", recordName="r")]}
    for response, status in (
        (await strict_api.post(commands, "/commands", origin=GOOD), 200),
        (await preflight(strict_api, "/commands", GOOD), 204),
    ):
        assert response.status_code == status
        assert response.headers["access-control-allow-origin"] == GOOD
        assert response.headers["vary"] == "Origin"


async def test_what_is_no_page_needs_no_origin(strict_api: Api) -> None:
    response = await strict_api.http.get("/records?recordName=nothing")
    assert response.status_code == 404
    assert response.headers["vary"] == "Origin"


# GET


async def test_get_reads_a_record(api: Api) -> None:
    await api.reply("record write", recordName="a/b c", data={"a": 1})
    response = await api.http.get("/api", params={"recordName": "a/b c"})
    assert response.status_code == 200
    assert response.json() == {"success": True, "version": 1, "data": {"a": 1}}


async def test_head_is_get_without_the_body(api: Api) -> None:
    await api.reply("record write", recordName="headed", data={"a": 1})
    get = await api.http.get("/api?recordName=headed")
    head = await api.http.head("/api?recordName=headed")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == get.headers["content-length"]
    assert (await api.http.head("/api?recordName=not-there")).status_code == 404


async def test_get_of_what_is_not_there_is_404(api: Api) -> None:
    response = await api.http.get("/api?recordName=not-there")
    assert (response.status_code, response.json()["errorEvent"]) == (404, 107)


@pytest.mark.parametrize("query", ["", "?recordName=", "?name=r", "?recordName=a&recordName=b"])
async def test_get_wants_the_name_of_one_record(api: Api, query: str) -> None:
    assert_text(await api.http.get(f"/api{query}"), 400, "Name one record: ?recordName=NAME")
