"""A message about one name stays refused whatever else its author puts into it."""

from __future__ import annotations

from pathlib import Path

import pytest

from deepstream_protocol.message import Message
from deepstream_protocol.topics import EventAction, RecordAction, RpcAction, Topic
from tests.raw_client import RawClient
from tests.servers import Server, configuration

CLOSED = {
    "*": {"create": False, "read": True, "write": False, "delete": False, "listen": True, "notify": True}
}
RULES = {
    "record": CLOSED,
    "event": {"*": {"publish": False, "subscribe": True, "listen": True}},
    "rpc": {"*": {"provide": True, "request": False}},
    "presence": {"*": {"allow": True}},
}


@pytest.mark.parametrize(
    ("message", "denied"),
    [
        (Message(Topic.EVENT, EventAction.EMIT, data="1"), EventAction.MESSAGE_DENIED),
        (
            Message(Topic.RECORD, RecordAction.CREATEANDUPDATE, data="{}", version=-1),
            RecordAction.MESSAGE_DENIED,
        ),
        (Message(Topic.RECORD, RecordAction.DELETE), RecordAction.MESSAGE_DENIED),
        (Message(Topic.RPC, RpcAction.REQUEST, correlation_id="1"), RpcAction.MESSAGE_DENIED),
    ],
    ids=["emit", "upsert", "delete", "request"],
)
async def test_stray_names_do_not_open_the_door(tmp_path: Path, message: Message, denied: int) -> None:
    config = configuration(permission={"type": "config", "options": {"permissions": RULES}})
    message.name, message.names = "secret", ["another", "secret"]
    with Server("fast", tmp_path, config=config) as server:
        async with RawClient.connect(server.url) as listener, RawClient.connect(server.url) as client:
            for one in (listener, client):
                await one.login()
            await listener.send(
                Message(Topic.EVENT, EventAction.SUBSCRIBE, names=["secret"], correlation_id="s")
            )
            await listener.receive()
            await client.send(message)
            reply = await client.receive()
            assert (reply.topic, reply.action, reply.name) == (message.topic, denied, "secret")
            await client.quiet()
            await listener.quiet()
