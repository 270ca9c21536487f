"""A message about one name stays refused whatever else its author puts into it."""

from __future__ import annotations

from collections.abc import Iterator

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


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all of these: what is refused leaves nothing behind."""
    config = configuration(permission={"type": "config", "options": {"permissions": RULES}})
    with Server("fast", tmp_path_factory.mktemp("server"), config=config) as server:
        yield server


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
async def test_stray_names_do_not_open_the_door(server: Server, message: Message, denied: int) -> None:
    message.name, message.names = "secret", ["another", "secret"]
    async with RawClient.connect(server.url) as listener, RawClient.connect(server.url) as client:
        for one in (listener, client):
            await one.login()
        await listener.send(Message(Topic.EVENT, EventAction.SUBSCRIBE, names=["secret"], correlation_id="s"))
        await listener.receive()
        await client.send(message)
        reply = await client.receive()
        assert (reply.topic, reply.action, reply.name) == (message.topic, denied, "secret")
        await client.quiet()
        await listener.quiet()
