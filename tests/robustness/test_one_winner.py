"""One winner: of all who write the same version of a record, exactly one is accepted."""

from __future__ import annotations

import asyncio
import itertools
import time

import orjson
import pytest

from deepstream_protocol.message import Message
from deepstream_protocol.topics import RecordAction, Topic
from tests.robustness.client import Client
from tests.robustness.conftest import Report
from tests.robustness.crowd import logged_in
from tests.servers import Server

pytestmark = pytest.mark.xdist_group("robustness")

RIVALS = 100
ROUNDS = 10
COUNTERS = 50
INCREMENTS = 10

_names = (f"contested/{number}" for number in itertools.count())


@pytest.fixture
def name() -> str:
    """A record that no other test knows."""
    return next(_names)


async def create(client: Client, name: str, text: str) -> None:
    """Store the record at version 1."""
    message = Message(Topic.RECORD, RecordAction.CREATEANDUPDATE, name=name, version=1, data=text)
    assert (await client.write(message)).action == RecordAction.WRITE_ACKNOWLEDGEMENT


def stored(server: Server, name: str) -> tuple[int, object]:
    """Version and data of a record in the database."""
    [(version, text)] = server.sql("SELECT version, data FROM records_record WHERE name = ?", name)
    return version, orjson.loads(text)


def rival_write(name: str, version: int, author: int) -> Message:
    """A whole or a partial write, by which its author can be told."""
    if author % 2:
        data = orjson.dumps({"author": author}).decode()
        return Message(Topic.RECORD, RecordAction.UPDATE, name=name, version=version, data=data)
    return Message(
        Topic.RECORD, RecordAction.PATCH, name=name, version=version, path="author", data=str(author)
    )


@pytest.mark.parametrize("wire", ["binary", "json"])
async def test_of_a_hundred_writers_of_one_version_one_is_accepted_and_the_others_get_its_data(
    server: Server, report: Report, name: str, wire: str
) -> None:
    winners = []
    async with logged_in(server.port, RIVALS, wire) as clients:
        await create(clients[0], name, '{"author":-1}')
        for version in range(2, ROUNDS + 2):
            asked = [client.write(rival_write(name, version, index)) for index, client in enumerate(clients)]
            answers = await asyncio.gather(*asked)
            won = [
                index
                for index, answer in enumerate(answers)
                if answer.action == RecordAction.WRITE_ACKNOWLEDGEMENT
            ]
            assert len(won) == 1
            winners += won
            assert stored(server, name) == (version, {"author": won[0]})
            for index, answer in enumerate(answers):
                if index not in won:
                    assert_lost(answer, version, won[0])
    report("winners", winners)


def assert_lost(answer: Message, version: int, winner: int) -> None:
    """The answer is a conflict from which a client can merge: the winner's version and data."""
    assert answer.action == RecordAction.VERSION_EXISTS
    assert answer.version == version
    assert answer.value() == {"author": winner}
    assert answer.original_action in (RecordAction.UPDATE, RecordAction.PATCH)
    assert answer.is_write_ack


async def test_subscribers_see_each_contested_version_once_and_as_it_was_won(
    server: Server, name: str
) -> None:
    async with logged_in(server.port, RIVALS + 1) as [observer, *clients]:
        await create(clients[0], name, "{}")
        seen: list[tuple[int | None, object]] = []
        observer.on_message = lambda message: (
            seen.append((message.version, message.value()))
            if message.action == RecordAction.UPDATE and not message.is_ack
            else None
        )
        await observer.ask(Message(Topic.RECORD, RecordAction.SUBSCRIBE, names=[name]))
        expected = []
        for version in range(2, ROUNDS + 2):
            asked = [
                client.write(rival_write(name, version, 2 * index + 1))
                for index, client in enumerate(clients)
            ]
            answers = await asyncio.gather(*asked)
            won = [
                index for index, answer in enumerate(answers) if answer.action != RecordAction.VERSION_EXISTS
            ]
            expected += [(version, {"author": 2 * index + 1}) for index in won]
        await observer.ping()
    assert seen == expected
    assert len(seen) == ROUNDS


async def increment(client: Client, name: str, times: int) -> int:
    """Count up as clients do that know nothing of each other; how often another one was faster."""
    version, value, conflicts = 1, 0, 0
    while times:
        message = Message(Topic.RECORD, RecordAction.PATCH, name=name, version=version + 1, path="count")
        message.data = str(value + 1)
        answer = await client.write(message)
        if answer.action == RecordAction.WRITE_ACKNOWLEDGEMENT:
            version, value, times = version + 1, value + 1, times - 1
        else:
            assert answer.action == RecordAction.VERSION_EXISTS, answer
            version, value, conflicts = answer.version or 0, answer.value()["count"], conflicts + 1
    return conflicts


async def test_a_counter_that_fifty_clients_increment_ends_at_the_number_of_increments(
    server: Server, report: Report, name: str
) -> None:
    started = time.perf_counter()
    async with logged_in(server.port, COUNTERS) as clients:
        await create(clients[0], name, '{"count":0}')
        conflicts = await asyncio.gather(*(increment(client, name, INCREMENTS) for client in clients))
    report("conflicts", sum(conflicts))
    report("seconds", f"{time.perf_counter() - started:.1f}")
    assert sum(conflicts) > COUNTERS
    total = COUNTERS * INCREMENTS
    assert stored(server, name) == (1 + total, {"count": total})
