"""``cluster.announce`` against the node of this process, from its event loop and from another thread."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from django.apps import apps

from cluster import announce
from cluster.operations import Here
from deepstream_protocol.message import Message
from deepstream_protocol.topics import EventAction, RecordAction, RpcAction, Topic
from gateway.node import Node
from gateway.operations import LoneOperator, Operations
from tests.gateway.node_kit import Peer, running


@pytest_asyncio.fixture
async def node() -> AsyncIterator[Node]:
    """A node that ``announce`` finds in this process."""
    app = apps.get_app_config("cluster")
    async with running() as node:
        app.here = Here(LoneOperator("one", Operations(node)), asyncio.get_running_loop())  # type: ignore[attr-defined]
        try:
            yield node
        finally:
            app.here = None  # type: ignore[attr-defined]


async def test_a_record_is_written_read_patched_erased_and_deleted(node: Node) -> None:
    await announce.awrite("a/1", {"x": 1, "y": 2})
    await announce.awrite("a/1", 5, path="z[1]")
    await announce.aerase("a/1", "y")
    assert await announce.aread("a/1") == announce.Record("a/1", 3, {"x": 1, "z": [None, 5]})
    await announce.adelete("a/1")
    assert await announce.aread("a/1") is None


async def test_synchronous_code_in_another_thread_does_the_same(node: Node) -> None:
    def work() -> announce.Record | None:
        announce.write("a/1", {"x": 1}, author="ann")
        announce.erase("a/1", "x")
        return announce.read("a/1")

    assert await asyncio.to_thread(work) == announce.Record("a/1", 2, {})


async def test_subscribers_get_what_is_written_and_emitted(node: Node) -> None:
    client = Peer(node).log_in("bob")
    client.send(Message(Topic.RECORD, RecordAction.SUBSCRIBECREATEANDREAD, names=["a/1"]))
    client.send(Message(Topic.EVENT, EventAction.SUBSCRIBE, names=["news"]))
    await client.idle()
    client.take()
    await announce.awrite("a/1", {"x": 1})
    await announce.aemit("news", [1])
    written, emitted = client.take()
    assert (written.action, written.version, written.value()) == (RecordAction.UPDATE, 1, {"x": 1})
    assert (emitted.name, emitted.value()) == ("news", [1])


async def test_a_stale_version_is_a_conflict_that_shows_what_is_stored(node: Node) -> None:
    await announce.awrite("a/1", {"x": 1})
    with pytest.raises(announce.Conflict) as conflict:
        await announce.awrite("a/1", {"x": 2}, version=1)
    assert (conflict.value.version, conflict.value.data) == (1, {"x": 1})


async def test_a_call_is_answered_by_a_provider_or_says_why_not(node: Node) -> None:
    with pytest.raises(announce.NotFound):
        await announce.acall("add", [1, 2])
    client = Peer(node).log_in("bob")
    client.send(Message(Topic.RPC, RpcAction.PROVIDE, names=["add"]))
    client.take()
    call = asyncio.ensure_future(announce.acall("add", [1, 2]))
    request = await client.next()
    answer = {"name": "add", "correlation_id": request.correlation_id}
    client.send(Message(Topic.RPC, RpcAction.ACCEPT, **answer))
    client.send(Message(Topic.RPC, RpcAction.RESPONSE, data="3", **answer))
    assert await call == 3
    call = asyncio.ensure_future(announce.acall("add", "x"))
    request = await client.next()
    answer = {"name": "add", "correlation_id": request.correlation_id}
    client.send(Message(Topic.RPC, RpcAction.REQUEST_ERROR, data='"no numbers"', **answer))
    with pytest.raises(announce.CallFailed) as failed:
        await call
    assert failed.value.data == "no numbers"


async def test_what_cannot_be_is_refused_with_a_reason(node: Node) -> None:
    with pytest.raises(announce.AnnounceError, match="no operation 'dance'"):
        await announce.aperform("dance")
    with pytest.raises(announce.AnnounceError, match=r"record\.read: missing a required argument: 'name'"):
        await announce.aperform("record.read")
    with pytest.raises(announce.AnnounceError, match="no JSON"):
        await announce.awrite("a/1", {"x": object()})
    with pytest.raises(announce.AnnounceError, match="is the name possible"):
        await announce.awrite("a\x00", {})


async def test_every_node_is_asked_and_each_answers_for_itself(node: Node) -> None:
    outcomes = await announce.aperform_everywhere("record.read", name="none")
    assert {name: outcome.get() for name, outcome in outcomes.items()} == {"one": None}


async def test_without_a_server_the_reason_says_what_to_do() -> None:
    with pytest.raises(announce.NoServer, match="REDIS_URL"):
        await announce.aread("a/1")
