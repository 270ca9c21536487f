"""SIGTERM: what was accepted is settled and answered, everybody is told, and the process ends (CONFIG.md)."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time

import pytest

from deepstream_protocol.message import Message
from deepstream_protocol.topics import RecordAction, Topic
from tests.robustness.client import Client, Lost
from tests.robustness.conftest import Report, StartServer
from tests.robustness.crowd import logged_in
from tests.robustness.failing_store import STORED, locked
from tests.robustness.ledger import Ledger
from tests.robustness.load import Load
from tests.robustness.vitals import until
from tests.servers import Server

pytestmark = pytest.mark.xdist_group("robustness")

WRITERS = 50
WRITES = 20
FLOODERS, FLOOD = 10, 100
SECONDS_TO_STOP = 5.0
LONGEST_LIFE = 0.5


async def refuses_connections(port: int) -> bool:
    """Whether nobody takes a connection to ``port``."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionError:
        return True
    writer.transport.abort()
    return False


async def stop(server: Server) -> tuple[int, float]:
    """End the server with SIGTERM; its exit status and how many seconds it took."""
    started = time.perf_counter()
    status = await asyncio.to_thread(server.stop)
    return status, time.perf_counter() - started


async def test_writers_that_never_pause_are_closed_with_1001_and_all_that_was_acknowledged_is_stored(
    start_server: StartServer, report: Report
) -> None:
    server = start_server()
    ledger = Ledger(own=WRITERS, shared=5)
    load = Load(server, ledger, random.Random())
    await load.begin(0)
    async with asyncio.timeout(LONGEST_LIFE * 10):
        await until_acknowledged(load, ledger, 500)
    stopping = asyncio.create_task(stop(server))
    codes = await load.end()
    status, seconds = await stopping
    report("writes acknowledged", ledger.acknowledged)
    report("writes in flight at the end", load.in_flight)
    report("seconds", f"{seconds:.2f}")
    assert set(codes) == {1001}
    assert status == 0
    assert seconds < SECONDS_TO_STOP
    ledger.compare(server.sql(STORED))
    assert not ledger.faults, ledger.faults[:5]


async def until_acknowledged(load: Load, ledger: Ledger, count: int) -> None:
    """Wait until the load's writers got ``count`` acknowledgements."""
    while ledger.acknowledged < count:
        await load.clients[0].ping()


async def write_all(clients: list[Client]) -> list[asyncio.Future[Message]]:
    """Have each client send its writes; return when the server has taken all of them."""
    answers = []
    for number, client in enumerate(clients):
        for version in range(1, WRITES + 1):
            message = Message(Topic.RECORD, RecordAction.CREATEANDPATCH, name=f"burst/{number}", path="n")
            message.version, message.data = version, str(version)
            answers.append(client.write(message))
    await asyncio.gather(*(client.ping() for client in clients))
    return answers


async def test_writes_taken_before_the_signal_are_acknowledged_before_the_goodbye(
    start_server: StartServer, report: Report
) -> None:
    server = start_server()
    async with logged_in(server.port, WRITERS) as clients:
        with locked(server):
            answers = await write_all(clients)
            assert not any(answer.done() for answer in answers)
            stopping = asyncio.create_task(stop(server))
            async with asyncio.timeout(SECONDS_TO_STOP):
                while not await refuses_connections(server.port):
                    pass  # each attempt waits for an answer
            assert not any(client.closed.done() for client in clients)
        actions = {answer.action for answer in await asyncio.gather(*answers)}
        codes = {await client.closed for client in clients}
    status, seconds = await stopping
    report("writes in flight at the signal", len(answers))
    report("seconds", f"{seconds:.2f}")
    assert actions == {RecordAction.WRITE_ACKNOWLEDGEMENT}
    assert codes == {1001}
    assert status == 0
    rows = server.sql(STORED)
    assert len(rows) == WRITERS
    assert {(version, data) for _, version, data in rows} == {(WRITES, f'{{"n":{WRITES}}}')}


async def flood(client: Client, name: str) -> None:
    """Write without an end and without waiting for anything but the server's having read it."""
    with contextlib.suppress(Lost):
        while True:
            for number in range(FLOOD):
                message = Message(Topic.RECORD, RecordAction.CREATEANDPATCH, name=name, version=-1, path="n")
                message.data = str(number)
                client.send(message)
            await client.ping()


async def test_writers_that_flood_the_server_do_not_delay_the_end(
    start_server: StartServer, report: Report
) -> None:
    server = start_server()
    async with logged_in(server.port, FLOODERS) as clients:
        floods = [asyncio.create_task(flood(client, f"flood/{i}")) for i, client in enumerate(clients)]
        while len(server.sql(STORED)) < FLOODERS:
            await clients[0].ping()
        status, seconds = await stop(server)
        codes = {await client.closed for client in clients}
        await asyncio.gather(*floods)
    report("seconds", f"{seconds:.2f}")
    assert status == 0
    assert seconds < SECONDS_TO_STOP
    assert codes == {1001}


async def test_clients_that_do_not_answer_the_goodbye_delay_the_end_by_seconds_at_most(
    start_server: StartServer, report: Report
) -> None:
    server = start_server()
    async with logged_in(server.port, WRITERS) as clients:
        for client in clients:
            client.transport.pause_reading()
        status, seconds = await stop(server)
        for client in clients:
            client.transport.resume_reading()
    report("seconds", f"{seconds:.2f}")
    assert status == 0
    assert seconds < SECONDS_TO_STOP


async def test_half_open_sockets_do_not_delay_the_end(start_server: StartServer, report: Report) -> None:
    server = start_server()
    silent = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(20)]
    for _, writer in silent[10:]:
        writer.write(b"GET /deepstream HTTP/1.1\r\nHost: te")
    await until(lambda: server.is_healthy(), SECONDS_TO_STOP, "the server has taken them")
    status, seconds = await stop(server)
    report("seconds", f"{seconds:.2f}")
    for _, writer in silent:
        writer.transport.abort()
    assert status == 0
    assert seconds < SECONDS_TO_STOP


async def test_a_server_that_was_stopped_starts_again_with_all_it_had(
    start_server: StartServer,
) -> None:
    server = start_server()
    async with logged_in(server.port, 5) as clients:
        await asyncio.gather(*await write_all(clients))
    before = server.sql(STORED)
    assert server.stop() == 0
    server.start()
    async with logged_in(server.port, 1) as [client]:
        found = client.next(lambda message: message.action == RecordAction.READ_RESPONSE)
        client.send(Message(Topic.RECORD, RecordAction.READ, name="burst/0"))
        assert (await found).version == WRITES
    assert server.sql(STORED) == before
