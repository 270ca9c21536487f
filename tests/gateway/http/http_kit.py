"""Servers with an HTTP API, and a client for it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import httpx
import pytest

from deepstream_protocol.message import Message
from deepstream_protocol.topics import EventAction, RpcAction, Topic
from tests.raw_client import RawClient
from tests.servers import Server, configuration, migrated_database

ALL_RECORD_RULES = ("create", "read", "write", "delete", "listen", "notify")
RULES: dict[str, Any] = {
    "record": {
        "*": dict.fromkeys(ALL_RECORD_RULES, True),
        "no/*": dict.fromkeys(ALL_RECORD_RULES, False),
        "of/$owner": {"create": True, "read": "user.id === $owner", "write": "user.id === $owner"},
        "guarded/*": {"create": True, "read": True, "write": "_('guard').open === true"},
    },
    "event": {
        "*": dict.fromkeys(["publish", "subscribe", "listen"], True),
        "no/*": dict.fromkeys(["publish", "subscribe", "listen"], False),
        "small/*": {"publish": "data.size < 10", "subscribe": True, "listen": True},
    },
    "rpc": {
        "*": {"provide": True, "request": True},
        "no/*": {"provide": False, "request": False},
        "small/*": {"provide": True, "request": "data.size < 10"},
    },
    "presence": {"*": {"allow": True}, "no/*": {"allow": False}},
}
WITH_RULES = {"permission": {"type": "config", "options": {"permissions": RULES}}}


def http_configuration(options: Mapping[str, Any] | None = None, **sections: Any) -> dict[str, Any]:
    """A configuration with the HTTP endpoint on, with these options."""
    config = configuration(**sections)
    config["connectionEndpoints"].append({"type": "http", "options": dict(options or {})})
    return config


@contextmanager
def running(
    kind: str, factory: pytest.TempPathFactory, config: Mapping[str, Any], **options: Any
) -> Iterator[Server]:
    """A server of this kind, on a database of its own."""
    template = factory.getbasetemp() / "http-template"
    if not template.exists():
        template.mkdir()
        migrated_database(template)
    database = template / "template.sqlite3"
    with Server(kind, factory.mktemp(kind), template=database, config=config, **options) as server:
        yield server


def command(kind: str, **properties: Any) -> dict[str, Any]:
    """A command such as ``record read``."""
    topic, action = kind.split()
    return {"topic": topic, "action": action, **properties}


EMIT = command("event emit", eventName="e")


class Api:
    """The HTTP API of a server, as a client uses it."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.http = client

    @classmethod
    @asynccontextmanager
    async def of(cls, server: Server) -> AsyncIterator[Api]:
        async with httpx.AsyncClient(base_url=server.http_url, timeout=20) as client:
            yield cls(client)

    async def post(self, content: Any, path: str = "/api", **headers: str) -> httpx.Response:
        """POST JSON; text and bytes go out as they are."""
        body = content if isinstance(content, str | bytes) else json.dumps(content)
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.post(path, content=body, headers={"content-type": "application/json"} | given)

    async def send(self, *commands: Any, **fields: Any) -> dict[str, Any]:
        """The whole answer to commands, which must be one."""
        response = await self.post({"body": list(commands), **fields})
        assert response.status_code == 200, response.text
        assert response.headers["content-type"] == "application/json; charset=utf-8"
        found = response.json()
        assert isinstance(found, dict)
        assert len(found["body"]) == len(commands)
        return found

    async def reply(self, kind: str, **properties: Any) -> dict[str, Any]:
        """The reply to one command."""
        answer = await self.send(command(kind, **properties))
        (reply,) = answer["body"]
        assert answer["result"] == ("SUCCESS" if reply["success"] else "FAILURE")
        assert isinstance(reply, dict)
        return reply


async def subscribe(client: RawClient, *names: str) -> None:
    """Subscribe a client to events."""
    await client.send(Message(Topic.EVENT, EventAction.SUBSCRIBE, names=list(names)))
    await client.expect(action=EventAction.SUBSCRIBE, is_ack=True)


async def provide(client: RawClient, *names: str) -> None:
    """Let a client provide procedures."""
    await client.send(Message(Topic.RPC, RpcAction.PROVIDE, names=list(names)))
    await client.expect(action=RpcAction.PROVIDE, is_ack=True)


async def asked(client: RawClient) -> Message:
    """The next request to a provider."""
    return await client.expect(topic=Topic.RPC, action=RpcAction.REQUEST)


async def answer(client: RawClient, request: Message, action: RpcAction, **fields: Any) -> None:
    """Say something of the call that ``request`` began."""
    message = Message(Topic.RPC, action, name=request.name, correlation_id=request.correlation_id, **fields)
    await client.send(message)
