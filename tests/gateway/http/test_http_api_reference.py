"""The same HTTP requests to the reference server and to this one, and the differences on purpose."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from deepstream_protocol.topics import RpcAction
from tests.conftest import require
from tests.gateway.http.http_kit import (
    EMIT,
    Api,
    answer,
    asked,
    command,
    http_configuration,
    provide,
    running,
)
from tests.raw_client import RawClient
from tests.reference.settings import RULES
from tests.servers import NODE_FOLDER, ROOT, Server

Answer = tuple[int, Any]
"""Status, and the JSON or the text."""


@dataclass(frozen=True)
class Case:
    """A request; ``instead`` is what the reference answers if it differs, and ``reason`` why that is."""

    title: str
    content: Any
    path: str = "/api"
    headers: Mapping[str, str] = field(default_factory=dict)
    instead: Answer | None = None
    reason: str = ""


def of(kind: str, **properties: Any) -> dict[str, Any]:
    return {"body": [command(kind, **properties)]}


def one(**reply: Any) -> Answer:
    return 200, {"result": "SUCCESS" if reply["success"] else "FAILURE", "body": [reply]}


def conflict(event: int, version: int, data: Any, what: str = "exists") -> Answer:
    error = f'Record update failed. Version {version} {what} for record "r".'
    shown = {"currentVersion": version, "currentData": data}
    return one(success=False, error=error, errorTopic="record", errorEvent=event, **shown)


def write(data: Any, **properties: Any) -> dict[str, Any]:
    return of("record write", recordName="r", data=data, **properties)


TIMED_OUT = one(
    success=False,
    error="Request exceeded timeout before a response was received.",
    errorTopic="connection",
    errorEvent="HTTP_REQUEST_TIMEOUT",
)
NO_LIST = (400, 'Invalid message: the "body" parameter must exist.')
NOT_JSON = (400, "Failed to parse body of request: …")
JIF = (400, "Failed to parse JIF object at index 0. …")
DONE = one(success=True)

CASES = [
    # Commands
    Case("an event", of("event emit", eventName="e", data={"a": 1})),
    Case("an event without data", of("event emit", eventName="e")),
    Case("a denied event", of("event emit", eventName="no/1")),
    Case("an event whose rule fails", of("event emit", eventName="fails/1", data={}),
         instead=one(success=False, error="Message denied. Action 'emit' is not permitted.",
                     errorTopic="event", errorEvent="MESSAGE_DENIED", errorAction="emit"),
         reason="whoever wrote the rule should hear that it fails, as over a socket"),
    Case("a call that nobody provides", of("rpc make", rpcName="none", data=1)),
    Case("a denied call", of("rpc make", rpcName="no/1")),
    Case("a call whose rule fails", of("rpc make", rpcName="fails/1", data={}),
         instead=one(success=False, error="An error occurred: MESSAGE_PERMISSION_ERROR.",
                     errorTopic="rpc", errorEvent=106, errorParams="fails/1"),
         reason="the text says that it was a rule, and of which action"),
    Case("a record that is missing", of("record read", recordName="r")),
    Case("the head of one that is missing", of("record head", recordName="r")),
    Case("a new record", write({"a": 1})),
    Case("a record", of("record read", recordName="r")),
    Case("a record's head", of("record head", recordName="r")),
    Case("a version that exists", write({"a": 2}, version=1)),
    Case("version -1", write({"a": 3}, version=-1)),
    Case("a path", write(5, path="b.c")),
    Case("null at a path", write(None, path="b.d")),
    Case("the path of a version that exists", write(5, path="b.c", version=1)),
    Case("a version too high", write({"a": 2}, version=9),
         instead=conflict(108, 4, {"a": 2}, "is not valid"),
         reason="currentData is what is stored, not what the asker sent"),
    Case("another new record", of("record write", recordName="s", data={"a": 1})),
    Case("version 0", of("record write", recordName="s", data={"a": 2}, version=0), instead=DONE,
         reason="0 is a version, not none: it overwrites what it does not know there"),
    Case("a path of a record that is missing", of("record write", recordName="p", path="x", data=1)),
    Case("what that made", of("record read", recordName="p")),
    Case("an array", of("record write", recordName="a", data=[1])),
    *[Case(f"a denied {kind}", of(kind, **{name: value}, **more))
      for kind, name, value, more in (
          ("record read", "recordName", "no/r", {}), ("record head", "recordName", "no/r", {}),
          ("record delete", "recordName", "no/r", {}), ("record notify", "recordNames", ["no/r"], {}),
          ("record write", "recordName", "no/r", {"data": {}}), ("list read", "listName", "no/l", {}))],
    Case("a denied path", of("record write", recordName="no/r", path="a", data=1)),
    Case("a record that may not be created", of("record write", recordName="nocreate/r", data={})),
    Case("a notification", of("record notify", recordNames=["p", "missing"])),
    Case("a notification of nothing", of("record notify", recordNames=[]), instead=TIMED_OUT,
         reason="nothing to do is done"),
    Case("a deletion", of("record delete", recordName="r")),
    Case("another one", of("record delete", recordName="r")),
    Case("a list", of("list write", listName="l", data=["a", "b"])),
    Case("what is in it", of("list read", listName="l")),
    Case("its deletion", of("list delete", listName="l")),
    Case("a list that is missing", of("list read", listName="l")),
    Case("everybody who is online", of("presence query")),
    Case("who of these is online", of("presence query", names=["ann", "bob"])),
    Case("who of nobody is online", of("presence query", names=[])),
    Case("a denied presence query", of("presence query", names=["no/a"])),
    Case("success and failure", {"body": [EMIT, command("record read", recordName="missing")]}),
    # What is no command
    *[Case(f"a bad command: {bad!r}", {"body": [bad]})
      for bad in (
          None, "emit", [], {"topic": "event"}, {"action": "emit"}, command("event emit"),
          command("event emit", eventName=""), command("event emit", eventName=1),
          command("event emit", eventName="e", more=1), command("event make"),
          command("list head", listName="l"),
          command("record write", recordName="r"), command("record write", recordName="r", data="x"),
          command("record write", recordName="r", data={}, version=-2),
          command("record write", recordName="r", data={}, version=1.5),
          command("list write", listName="l", data=[1]), command("presence query", parameters=[]))],
    Case("an empty path", write(1, path=""),
         instead=one(success=False, error="An error occurred: undefined.", errorTopic="record",
                     errorEvent=116, errorParams="r"),
         reason="an empty path is none: a bad command, like an empty name"),
    # What is no request
    *[Case(f"no commands: {content!r}", content)
      for content in ({}, "", {"body": []}, {"body": {}}, {"body": "x"}, "{", b"\xff", '"x', "[")],
    Case("a list of commands", [EMIT], instead=NO_LIST, reason="the text says what is wrong"),
    Case("text", '"x"', instead=NOT_JSON, reason="it is JSON, but no object"),
    Case("another type", {"body": [EMIT]}, headers={"content-type": "text/plain"}),
    Case("type with charset", {"body": [EMIT]}, headers={"content-type": "application/json; charset=utf-8"}),
    Case("the largest request", '{"body":[{"topic":"event","action":"emit","eventName":"e"}]}'.ljust(2**20)),
    Case("one byte more", " " * (2**20 + 1), instead=NOT_JSON, reason="413 is the status for this"),
    # Who asks
    Case("login data", {"body": [EMIT], "authData": {"username": "ann"}}),
    Case("login data that is none", {"body": [EMIT], "authData": "ann"}),
    Case("a token that is none", {"body": [EMIT], "token": 3}),
    Case("an empty token", {"body": [EMIT], "token": ""}),
    Case("an unknown token", {"body": [EMIT], "token": "abc"}, instead=DONE,
         reason="where everybody is let in too: its owner would go on as nobody once it has expired"),
    Case("a login", {}, "/api/auth", instead=(200, {}),
         reason="there tokens are the login service's alone, here every login has one"),
    Case("a login that is no JSON", "{", "/api/auth"),
]  # fmt: skip


TITLES = [case.title for case in CASES]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Server]]:
    """This server and the reference, set up alike."""
    require(shutil.which("node"), "node on the PATH")
    installed = (NODE_FOLDER / "node_modules" / "@deepstream" / "server").is_dir()
    require(installed, "the reference server: run `npm ci` in tests/node")
    config = http_configuration(
        {"requestTimeout": 1500, "postPath": "/api", "authPath": "/api/auth", "getPath": "/api"},
        permission={"type": "config", "options": {"permissions": RULES}},
    )
    storage = ROOT / "tests" / "reference" / "memory_storage.cjs"
    with_storage = config | {"storage": {"path": str(storage), "options": {}}}
    with (
        running("fast", tmp_path_factory, config) as ours,
        running("reference", tmp_path_factory, with_storage) as theirs,
    ):
        yield ours, theirs


@pytest.fixture(scope="module")
def answers(both: tuple[Server, Server]) -> list[dict[str, Answer]]:
    """What each server answered to all cases, sent in their order."""
    return [asyncio.run(_play(server)) for server in both]


async def _play(server: Server) -> dict[str, Answer]:
    async with Api.of(server) as api:
        return {
            case.title: _comparable(await api.post(case.content, case.path, **case.headers)) for case in CASES
        }


def _comparable(response: httpx.Response) -> Answer:
    """What both servers must agree in: of texts, not what comes from a JSON parser or a schema."""
    if response.headers["content-type"].startswith("application/json"):
        content = response.json()
        for reply in content.get("body", ()):
            if reply.get("errorTopic") != "event":
                reply.pop("errorAction", None)  # which is told more often here
        return response.status_code, content
    for known in (JIF[1], NOT_JSON[1]):
        if response.text.startswith(known.removesuffix(" …")):
            return response.status_code, known
    return response.status_code, response.text.strip()


@pytest.mark.parametrize("case", CASES, ids=TITLES)
def test_the_reference_answers_the_same_but_for_the_differences(
    answers: list[dict[str, Answer]], case: Case
) -> None:
    ours, theirs = (found[case.title] for found in answers)
    if case.instead is None:
        assert ours == theirs
    else:
        assert theirs == case.instead
        assert ours != theirs, "this is no difference any more"


def test_every_difference_has_its_reason() -> None:
    assert [case.title for case in CASES if (case.instead is None) is not (case.reason == "")] == []
    assert len(set(TITLES)) == len(TITLES)


async def test_a_provider_is_answered_for_alike(both: tuple[Server, Server]) -> None:
    for server in both:
        async with Api.of(server) as api, RawClient.connect(server.url) as client:
            await client.login()
            await provide(client, "f")
            replies = []
            for action, data in ((RpcAction.RESPONSE, "[1]"), (RpcAction.REQUEST_ERROR, '"oh"')):
                call = asyncio.create_task(api.reply("rpc make", rpcName="f"))
                request = await asked(client)
                await answer(client, request, RpcAction.ACCEPT)
                await answer(client, request, action, data=data)
                replies.append(await call)
            assert replies == [
                {"success": True, "data": [1]},
                {"success": False, "error": "oh", "errorTopic": "rpc"},
            ]


async def test_pages_are_answered_alike(both: tuple[Server, Server]) -> None:
    asking = {
        "origin": "https://page.example",
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type",
    }
    for server in both:
        async with Api.of(server) as api:
            response = await api.http.options("/api", headers=asking)
            assert response.status_code == 204
            assert response.headers["access-control-allow-origin"] == "*"
            assert response.headers["access-control-allow-methods"] == "GET, POST, OPTIONS"
            refused = await api.http.put("/api")
            assert refused.status_code == 405
            assert refused.text.startswith("Unsupported method")
