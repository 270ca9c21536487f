"""A client that was away asks for the versions of what it has, and misses nothing from then on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from deepstream_protocol.message import Message
from deepstream_protocol.topics import RecordAction, Topic
from tests.robustness.client import Client
from tests.robustness.conftest import Report, StartServer
from tests.robustness.crowd import logged_in
from tests.servers import Server

pytestmark = pytest.mark.xdist_group("robustness")

RECORDS = 300
WRITERS = 10
MISSING = [f"missing/{number}" for number in range(20)]


def kill_and_start(server: Server) -> None:
    """A crash."""
    server.kill()
    server.start()


AWAY: dict[str, Callable[[Server], None]] = {"restarted": Server.restart, "killed": kill_and_start}


def name_of(number: int) -> str:
    """The name of a record of this test."""
    return f"resume/{number}"


def upsert(number: int, value: int) -> Message:
    """A write of whatever version comes next."""
    message = Message(Topic.RECORD, RecordAction.CREATEANDPATCH, name=name_of(number), version=-1, path="n")
    message.data = str(value)
    return message


class Versions:
    """What a client is told of versions: where it starts, and what follows."""

    def __init__(self, client: Client) -> None:
        self.heads: dict[str, int] = {}
        self.latest: dict[str, int] = {}
        self.faults: list[str] = []
        self._client = client
        client.on_message = self._on_message

    async def ask(self, names: list[str]) -> None:
        """SUBSCRIBEANDHEAD, until each name has its version."""
        complete = self._client.next(lambda message: self._will_have(message) >= len(names))
        await self._client.ask(Message(Topic.RECORD, RecordAction.SUBSCRIBEANDHEAD, names=names))
        if len(self.heads) < len(names):
            await complete

    def _will_have(self, message: Message) -> int:
        return len(self.heads.keys() | _heads(message).keys())

    def _on_message(self, message: Message) -> None:
        for name, version in _heads(message).items():
            if name in self.heads:
                self.faults.append(f"{name} has two heads")
            self.heads[name] = self.latest[name] = version
        if message.action in (RecordAction.PATCH, RecordAction.UPDATE) and not message.is_ack:
            name, version = message.name or "", message.version or 0
            if version != self.latest.get(name, version) + 1:
                self.faults.append(f"{name}: {version} followed {self.latest.get(name)}")
            self.latest[name] = version


def _heads(message: Message) -> dict[str, int]:
    if message.action == RecordAction.HEAD_RESPONSE_BULK:
        return message.versions or {}
    if message.action == RecordAction.HEAD_RESPONSE:
        return {message.name or "": -1 if message.version is None else message.version}
    return {}


def stored(server: Server) -> dict[str, int]:
    """The versions in the database."""
    return dict(server.sql("SELECT name, version FROM records_record WHERE name LIKE 'resume/%'"))


async def write_some(server: Server) -> None:
    """Bring records to different versions."""
    async with logged_in(server.port, WRITERS) as clients:
        answers = [
            clients[number % WRITERS].write(upsert(number, value))
            for number in range(RECORDS)
            for value in range(1 + number % 5)
        ]
        assert {a.action for a in await asyncio.gather(*answers)} == {RecordAction.WRITE_ACKNOWLEDGEMENT}


@pytest.mark.parametrize("go_away", AWAY.values(), ids=AWAY)
async def test_after_a_restart_the_heads_are_what_was_stored_and_missing_records_have_none(
    start_server: StartServer, go_away: Callable[[Server], None]
) -> None:
    server = start_server()
    await write_some(server)
    before = stored(server)
    go_away(server)
    async with logged_in(server.port, 2) as [resumed, writer]:
        for number in range(0, RECORDS, 7):  # some are in memory again, most are not
            await writer.write(upsert(number, 99))
            before[name_of(number)] += 1
        versions = Versions(resumed)
        await versions.ask([*before, *MISSING])
        assert versions.heads == before | dict.fromkeys(MISSING, -1)
        for number in range(RECORDS):
            await writer.write(upsert(number, 100))
        await resumed.ping()
        expected = {name: version + 1 for name, version in before.items()} | dict.fromkeys(MISSING, -1)
        assert versions.latest == expected
        assert not versions.faults


async def write_on(client: Client, numbers: range, done: asyncio.Event) -> None:
    """Write to records in turn until the others have seen enough."""
    value = 0
    while not done.is_set():
        value += 1
        await asyncio.gather(*(client.write(upsert(number, value)) for number in numbers))


async def test_clients_that_resume_while_others_write_see_every_version_after_their_head_once(
    start_server: StartServer, report: Report
) -> None:
    server = start_server()
    await write_some(server)
    server.restart()
    async with logged_in(server.port, 2 * WRITERS) as clients:
        writers, resumed = clients[:WRITERS], [Versions(client) for client in clients[WRITERS:]]
        done = asyncio.Event()
        share = RECORDS // WRITERS
        writing = [
            asyncio.create_task(write_on(writer, range(i * share, (i + 1) * share), done))
            for i, writer in enumerate(writers)
        ]
        names = [name_of(number) for number in range(RECORDS)]
        for versions in resumed:
            await versions.ask(names)
        done.set()
        await asyncio.gather(*writing)
        await asyncio.gather(*(client.ping() for client in clients))
        final = stored(server)
        report("versions seen", sum(sum(v.latest.values()) - sum(v.heads.values()) for v in resumed))
        for versions in resumed:
            assert not versions.faults, versions.faults[:5]
            assert versions.latest == final
