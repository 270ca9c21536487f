"""Operations about one record and about many, and the deletion of old history."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import pytest
import pytest_asyncio
from django.db import DatabaseError

from accounts.django_user import DjangoUser
from cluster.operations import OperationError
from deepstream_project.config_history import HistoryConfig
from deepstream_protocol.message import Message
from deepstream_protocol.topics import RecordAction, Topic
from gateway.forgetting import Forgetting
from gateway.live.records import MOST_WRITES, LiveRecords
from gateway.node import Node
from gateway.operations import Operations
from records.history import History
from tests.gateway.node_kit import Peer, running
from tests.pubsub.kit import DEADLINE


@pytest_asyncio.fixture
async def node() -> AsyncIterator[Node]:
    async with running() as node:
        yield node


@pytest.fixture
def operations(node: Node) -> Operations:
    made = Operations(node)
    made.add(LiveRecords(node, made).operations())
    return made


async def subscribed(node: Node, username: str, name: str) -> Peer:
    client = Peer(node).log_in(username)
    client.connection.user.id = username
    client.send(Message(Topic.RECORD, RecordAction.SUBSCRIBECREATEANDREAD, names=[name]))
    await client.idle()
    return client


async def test_subscribers_and_the_provider_of_a_record_are_told(node: Node, operations: Operations) -> None:
    ann, bob = await subscribed(node, "ann", "a/1"), await subscribed(node, "bob", "a/1")
    cid = Peer(node).log_in("cid")
    cid.connection.user.id = "cid"
    cid.send(Message(Topic.RECORD, RecordAction.LISTEN, name="a/.*"))
    cid.send(Message(Topic.RECORD, RecordAction.LISTEN_ACCEPT, name="a/.*", subscription="a/1"))
    found = await operations.perform("records.watchers", {"name": "a/1"})
    assert found["subscribers"] == 2
    assert [(one["id"], one["user"]) for one in found["clients"]] == [
        (ann.connection.id, "ann"),
        (bob.connection.id, "bob"),
    ]
    assert (found["provider"]["user"], found["provider"]["pattern"]) == ("cid", "a/.*")
    assert (found["stored"], found["history"]) == (True, False)
    few = await operations.perform("records.watchers", {"name": "a/1", "limit": 1})
    assert (few["subscribers"], len(few["clients"])) == (2, 1)


async def test_operators_that_look_at_a_record_are_not_its_subscribers(
    node: Node, operations: Operations
) -> None:
    operator = await subscribed(node, "ada", "a")
    known = {"id": 1, "permissions": frozenset({"records.view_record"})}
    operator.connection.user = DjangoUser("ada", key=1, standing=(), server_data=known)
    assert (await operations.perform("records.watchers", {"name": "a"}))["subscribers"] == 0


async def test_many_records_are_written_and_each_says_why_it_was_not(
    node: Node, operations: Operations
) -> None:
    records = [["a", {"x": 1}], ["b", 5], ["c\0", {}], ["d", []]]
    answers = await operations.perform("records.write-many", {"records": records, "author": "ann"})
    assert [answer is None for answer in answers] == [True, False, False, True]
    answers = await operations.perform(
        "records.write-many", {"records": [["a", {"x": 2}], ["e", []]], "replace": False}
    )
    assert answers == ["exists already, in version 1", None]
    assert await operations.perform("record.read", {"name": "a"}) == {"version": 1, "data": {"x": 1}}
    answers = await operations.perform("records.delete-many", {"names": ["a", "none"]})
    assert answers == [None, None]
    assert await operations.perform("record.read", {"name": "a"}) is None


async def test_only_so_many_are_written_at_once(operations: Operations) -> None:
    names = [str(number) for number in range(MOST_WRITES + 2)]
    answers = await operations.perform("records.delete-many", {"names": names})
    assert answers[:MOST_WRITES] == [None] * MOST_WRITES
    assert all("at most" in answer for answer in answers[MOST_WRITES:])


async def test_what_is_no_list_of_records_is_an_error(operations: Operations) -> None:
    with pytest.raises(OperationError, match="missing a required argument"):
        await operations.perform("records.write-many", {})


class Forgetful(History):
    """A history whose deletions a test counts; the first one fails."""

    def __init__(self, enough: int) -> None:
        super().__init__(HistoryConfig(enabled=True), "one")
        self._left = enough
        self._loop = asyncio.get_running_loop()
        self.done = asyncio.Event()
        self.calls = 0

    def drop_old(self, using: str = "default", *, now: datetime | None = None) -> int:
        self.calls += 1
        if self.calls == self._left:
            self._loop.call_soon_threadsafe(self.done.set)
        if self.calls == 1:
            raise DatabaseError("no such luck")
        return 1


async def test_old_history_is_looked_for_again_and_again_until_the_end(caplog: Any) -> None:
    history = Forgetful(3)
    forgetting = Forgetting(history, interval=0.001)
    async with asyncio.timeout(DEADLINE):
        await history.done.wait()
    await forgetting.close()
    assert "old history stays for now: no such luck" in caplog.text
