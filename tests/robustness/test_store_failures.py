"""The store is locked, full or read-only: writes say so, all else goes on, and nothing is half written."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

import orjson
import pytest

from deepstream_protocol.message import Message
from deepstream_protocol.topics import RecordAction, Topic
from tests.robustness.client import Client
from tests.robustness.conftest import Report, StartServer
from tests.robustness.crowd import logged_in
from tests.robustness.failing_store import READ_ONLY, full_disk, locked, refusing
from tests.robustness.pulse import Latencies, Pulse
from tests.robustness.unharmed import P99_IN_ALL
from tests.servers import Server

pytestmark = pytest.mark.xdist_group("robustness")

BUSY_TIMEOUT = 1
"""Seconds that the server's database waits for a lock."""

PATIENT = 20
"""The same for a server whose database is to wait until the lock is released, however slow the machine."""

KEPT = "SELECT name, version, data FROM records_record WHERE name LIKE 'kept/%' ORDER BY name"
WRITERS = 10
READS = 100

Failure = Callable[[Server], AbstractContextManager[None]]


@pytest.fixture(scope="module")
def module_server(start_server: StartServer) -> Server:
    """A server whose database gives up soon."""
    return start_server(database=f"timeout={BUSY_TIMEOUT}")


def update(number: int, version: int) -> Message:
    """A whole write that its record's version can be told from."""
    text = orjson.dumps({"version": version}).decode()
    return Message(Topic.RECORD, RecordAction.UPDATE, name=f"kept/{number}", version=version, data=text)


def batch(number: int, version: int) -> Message:
    """A write of several paths, all or nothing."""
    text = orjson.dumps([{"path": path, "data": version} for path in ("version", "a", "b")]).decode()
    message = Message(Topic.RECORD, RecordAction.PATCH_MULTI, name=f"kept/{number}", version=version)
    message.data = text
    return message


async def write_first(clients: list[Client]) -> list[int]:
    """Write every client's record; the versions that they have then."""
    versions = []
    quiet = Message(Topic.RECORD, RecordAction.CREATEANDUPDATE, name="quiet", version=-1, data="{}")
    await clients[0].write(quiet)
    for number, client in enumerate(clients):
        made = Message(Topic.RECORD, RecordAction.CREATEANDUPDATE, name=f"kept/{number}", version=-1)
        made.data = "{}"
        await client.write(made)
        head = client.next(lambda message: message.action == RecordAction.HEAD_RESPONSE)
        client.send(Message(Topic.RECORD, RecordAction.HEAD, name=f"kept/{number}"))
        versions.append((await head).version or 0)
    return versions


async def watch(client: Client) -> list[tuple[str | None, int | None]]:
    """Subscribe to every record; the list that each version that comes is put into."""
    names = [f"kept/{number}" for number in range(WRITERS)]
    await client.ask(Message(Topic.RECORD, RecordAction.SUBSCRIBE, names=names))
    seen: list[tuple[str | None, int | None]] = []
    client.on_message = lambda message: (
        seen.append((message.name, message.version))
        if message.version is not None and message.action != RecordAction.READ_RESPONSE
        else None
    )
    return seen


async def read_times(client: Client) -> Latencies:
    """Read a record that is in memory and that nobody writes, again and again."""
    latencies = Latencies()
    for _ in range(READS):
        read = client.next(lambda message: message.action == RecordAction.READ_RESPONSE)
        started = time.perf_counter()
        client.send(Message(Topic.RECORD, RecordAction.READ, name="quiet"))
        await read
        latencies.add(time.perf_counter() - started, 0.0)
    return latencies


@pytest.mark.parametrize("failure", [locked, full_disk], ids=["locked", "full disk"])
@pytest.mark.parametrize("write", [update, batch], ids=["whole", "batch"])
async def test_writes_to_a_failing_store_answer_with_an_error_and_leave_no_trace(
    server: Server, report: Report, failure: Failure, write: Callable[[int, int], Message]
) -> None:
    async with logged_in(server.port, WRITERS + 1) as [observer, *clients]:
        versions = await write_first(clients)
        seen = await watch(observer)
        before = server.sql(KEPT)
        async with Pulse.beating(server.port, writes=False) as pulse:
            with failure(server):
                asked = [c.write(write(i, versions[i] + 1)) for i, c in enumerate(clients)]
                reads = await read_times(observer)
                answers = await asyncio.gather(*asked)
                await pulse.beats(20)
        assert {answer.action for answer in answers} == {RecordAction.RECORD_UPDATE_ERROR}
        assert all(a.is_error and a.is_write_ack and a.original_action == write(0, 1).action for a in answers)
        assert [answer.name for answer in answers] == [f"kept/{number}" for number in range(WRITERS)]
        assert server.sql(KEPT) == before
        again = await asyncio.gather(*(c.write(write(i, versions[i] + 1)) for i, c in enumerate(clients)))
        assert {answer.action for answer in again} == {RecordAction.WRITE_ACKNOWLEDGEMENT}
        await observer.ping()
        assert sorted(seen) == sorted((f"kept/{i}", version + 1) for i, version in enumerate(versions))
    report("events meanwhile", pulse.events)
    report("cached reads meanwhile", reads)
    assert not pulse.lost
    assert pulse.events.at(0.99) < P99_IN_ALL
    assert reads.at(0.99) < P99_IN_ALL
    assert server.is_healthy()


async def test_writes_that_wait_for_a_lock_are_accepted_once_it_is_released(
    start_server: StartServer, report: Report
) -> None:
    server = start_server(database=f"timeout={PATIENT}")
    async with logged_in(server.port, WRITERS + 1) as [observer, *clients]:
        versions = await write_first(clients)
        seen = await watch(observer)
        with locked(server):
            asked = [c.write(update(i, versions[i] + 1)) for i, c in enumerate(clients)]
            asked += [c.write(batch(i, versions[i] + 2)) for i, c in enumerate(clients)]
            await asyncio.gather(*(client.ping() for client in clients))
            reads = await read_times(observer)
            assert not any(answer.done() for answer in asked)
            assert not seen, "somebody saw what is not stored"
        answers = await asyncio.gather(*asked)
        await observer.ping()
    report("cached reads meanwhile", reads)
    assert {answer.action for answer in answers} == {RecordAction.WRITE_ACKNOWLEDGEMENT}
    assert len(seen) == 2 * WRITERS
    stored = {name: (version, orjson.loads(data)) for name, version, data in server.sql(KEPT)}
    for number, version in enumerate(versions):
        latest = version + 2
        assert stored[f"kept/{number}"] == (latest, {"version": latest, "a": latest, "b": latest})


async def test_a_record_that_the_database_refuses_fails_alone(server: Server) -> None:
    async with logged_in(server.port, WRITERS) as clients:
        versions = await write_first(clients)
        with refusing(server, "kept/3"):
            asked = [c.write(update(i, versions[i] + 1)) for i, c in enumerate(clients)]
            actions = [answer.action for answer in await asyncio.gather(*asked)]
        expected = [RecordAction.WRITE_ACKNOWLEDGEMENT] * WRITERS
        expected[3] = RecordAction.RECORD_UPDATE_ERROR
        assert actions == expected
        again = await clients[3].write(update(3, versions[3] + 1))
        assert again.action == RecordAction.WRITE_ACKNOWLEDGEMENT


async def test_a_creation_that_fails_is_answered_with_an_error_and_can_be_repeated(server: Server) -> None:
    async with logged_in(server.port, 1) as [client]:
        ask = Message(Topic.RECORD, RecordAction.SUBSCRIBECREATEANDREAD, names=["made/late"])
        failed = client.next(lambda message: message.action == RecordAction.RECORD_CREATE_ERROR)
        with locked(server):
            client.send(ask)
            assert (await failed).name == "made/late"
        read = client.next(lambda message: message.action == RecordAction.READ_RESPONSE)
        client.send(ask)
        assert (await read).version == 0


async def test_a_deletion_that_fails_is_answered_with_an_error_and_the_record_stays(server: Server) -> None:
    async with logged_in(server.port, 1) as [client]:
        [version] = await write_first([client])
        failed = client.next(lambda message: message.action == RecordAction.RECORD_DELETE_ERROR)
        with locked(server):
            client.send(Message(Topic.RECORD, RecordAction.DELETE, name="kept/0"))
            assert (await failed).name == "kept/0"
        assert (await client.write(update(0, version + 1))).action == RecordAction.WRITE_ACKNOWLEDGEMENT


async def test_a_read_only_database_serves_reads_and_events_and_refuses_writes(
    start_server: StartServer, report: Report
) -> None:
    writable = start_server()
    async with logged_in(writable.port, WRITERS) as clients:
        versions = await write_first(clients)
    before = writable.sql(KEPT)
    writable.stop()
    server = start_server(database=READ_ONLY, copied_from=writable.database)
    async with logged_in(server.port, WRITERS) as clients, Pulse.beating(server.port, writes=False) as pulse:
        answers = await asyncio.gather(*(c.write(update(i, versions[i] + 1)) for i, c in enumerate(clients)))
        await clients[0].ask(Message(Topic.RECORD, RecordAction.SUBSCRIBEANDREAD, names=["quiet"]))
        reads = await read_times(clients[0])
        await pulse.beats(20)
    assert {answer.action for answer in answers} == {RecordAction.RECORD_UPDATE_ERROR}
    assert not pulse.lost
    assert reads.at(0.99) < P99_IN_ALL
    assert server.sql(KEPT) == before
