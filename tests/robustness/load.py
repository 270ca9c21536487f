"""Fifty writers of all kinds of writes and some subscribers: the load under which a server is killed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

import orjson

from deepstream_protocol.message import Message
from deepstream_protocol.topics import RecordAction, Topic
from tests.robustness.client import Client
from tests.robustness.ledger import Document, Ledger, OwnRecord, SharedRecord, applied
from tests.servers import Server

IN_FLIGHT = 4
KEYS = ("a", "b", "c", "d")
OWN_SHARE = 0.7
OBSERVERS = 6

OWN_KINDS = (
    RecordAction.UPDATE, RecordAction.PATCH, RecordAction.PATCH, RecordAction.ERASE, RecordAction.PATCH_MULTI,
    RecordAction.CREATEANDPATCH, RecordAction.CREATEANDUPDATE,
)  # fmt: skip
UPSERTS = (RecordAction.CREATEANDPATCH, RecordAction.CREATEANDUPDATE)
CHANGES = (RecordAction.UPDATE, RecordAction.PATCH, RecordAction.ERASE, RecordAction.PATCH_MULTI)


class Writer:
    """Keeps a few acknowledged writes in flight: most to its own record, the others to shared ones."""

    def __init__(self, client: Client, number: int, ledger: Ledger, chance: random.Random) -> None:
        self.in_flight = 0
        self._client = client
        self._ledger = ledger
        self._own = ledger.own[number]
        self._key = f"w{number}"
        self._number = 0
        self._chance = chance
        self._versions: dict[str, int] = {}

    def start(self, number: int) -> None:
        """Write, counting on from ``number``; each answer makes room for the next write."""
        self._number = number
        for _ in range(IN_FLIGHT):
            self._write()

    @property
    def number(self) -> int:
        """The number that was last written to a shared record."""
        return self._number

    def _write(self) -> None:
        if self._chance.random() < OWN_SHARE:
            self._write_own()
        else:
            self._write_shared(self._chance.choice(self._ledger.shared))

    def _write_own(self) -> None:
        record = self._own
        kind = self._chance.choice(OWN_KINDS if record.version else UPSERTS)
        version = -1 if kind in UPSERTS else record.version + 1
        message = Message(Topic.RECORD, kind, name=record.name, version=version)
        self._fill(message, record.version + 1)
        made = record.send(message)
        self._send(message, lambda answer: self._on_own(record, made, answer))

    def _fill(self, message: Message, value: Any) -> None:
        """Give ``message`` the path and data that its action takes, with ``value`` in it."""
        if message.action in (RecordAction.UPDATE, RecordAction.CREATEANDUPDATE):
            message.data = orjson.dumps({key: value for key in KEYS if self._chance.random() < 0.5}).decode()
        elif message.action == RecordAction.PATCH_MULTI:
            paths = self._chance.sample(KEYS, 2)
            message.data = orjson.dumps([{"path": path, "data": value} for path in paths]).decode()
        else:
            message.path = self._chance.choice(KEYS)
            message.data = None if message.action == RecordAction.ERASE else str(value)

    def _on_own(self, record: OwnRecord, version: int, answer: Message) -> None:
        if answer.action != RecordAction.WRITE_ACKNOWLEDGEMENT:
            self._ledger.faults.append(f"{record.name}: {version} was answered with {answer!r}")
            return
        record.acknowledged = max(record.acknowledged, version)
        self._ledger.acknowledged += 1

    def _write_shared(self, record: SharedRecord) -> None:
        """Either whatever version comes next, or one that is guessed and may be taken."""
        self._number = number = self._number + 1
        kind = self._chance.choice((RecordAction.CREATEANDPATCH, RecordAction.PATCH))
        version = -1 if kind == RecordAction.CREATEANDPATCH else self._versions.get(record.name, 0) + 1
        message = Message(Topic.RECORD, kind, name=record.name, version=version, path=self._key)
        message.data = str(number)
        self._send(message, lambda answer: self._on_shared(record, number, answer))

    def _on_shared(self, record: SharedRecord, number: int, answer: Message) -> None:
        if answer.action == RecordAction.WRITE_ACKNOWLEDGEMENT:
            record.acknowledged[self._key] = max(record.acknowledged.get(self._key, 0), number)
            self._ledger.acknowledged += 1
        elif answer.action == RecordAction.VERSION_EXISTS:
            record.rejected.setdefault(self._key, set()).add(number)
            self._versions[record.name] = answer.version or 0
            self._ledger.refused += 1
            self._ledger.see(record.name, answer.version or 0, orjson.loads(answer.data or "{}"))
        else:
            self._ledger.faults.append(f"{record.name}: answered with {answer!r}")

    def _send(self, message: Message, then: Callable[[Message], None]) -> None:
        self.in_flight += 1
        answer = self._client.write(message)
        answer.add_done_callback(lambda done: self._on_answer(done, then))

    def _on_answer(self, answer: asyncio.Future[Message], then: Callable[[Message], None]) -> None:
        if answer.exception() is not None:
            return  # the server is gone, and this write may be stored or not
        self.in_flight -= 1
        then(answer.result())
        if not self._client.transport.is_closing():
            self._write()


class Observer:
    """A subscriber that follows records as a client does, and tells the ledger each version it gets."""

    def __init__(self, client: Client, names: list[str], ledger: Ledger) -> None:
        self._client = client
        self._names = names
        self._ledger = ledger
        self._states: dict[str, tuple[int, Document]] = {}
        client.on_message = self._on_message

    async def subscribe(self) -> None:
        """Subscribe, and wait until every record was read."""
        last = self._client.next(lambda _: len(self._states) == len(self._names) - 1)
        message = Message(Topic.RECORD, RecordAction.SUBSCRIBECREATEANDREAD, names=self._names)
        self._client.ask(message)
        await last
        await self._client.ping()

    def _on_message(self, message: Message) -> None:
        if message.action == RecordAction.READ_RESPONSE:
            self._take(message.name or "", message.version or 0, orjson.loads(message.data or ""))
        elif message.action in CHANGES and not message.is_ack:
            name = message.name or ""
            version, document = self._states[name]
            if message.version != version + 1:
                self._ledger.faults.append(f"{name}: {message.version} followed {version}")
            self._take(name, message.version or 0, applied(message, document))

    def _take(self, name: str, version: int, document: Document) -> None:
        self._states[name] = version, document
        self._ledger.see(name, version, document)


class Load:
    """The writers and observers of one life of a server."""

    def __init__(self, server: Server, ledger: Ledger, chance: random.Random) -> None:
        self._server = server
        self._ledger = ledger
        self._chance = chance
        self.clients: list[Client] = []
        self.writers: list[Writer] = []

    async def begin(self, number: int) -> None:
        """Connect everybody, subscribe the observers, then have the writers count on from ``number``."""
        port, own = self._server.port, self._ledger.own
        count = len(own)
        self.clients = await asyncio.gather(*(Client.login(port) for _ in range(OBSERVERS + count)))
        observers = [
            Observer(client, [*self._watched(index)], self._ledger)
            for index, client in enumerate(self.clients[:OBSERVERS])
        ]
        await asyncio.gather(*(observer.subscribe() for observer in observers))
        self.writers = [
            Writer(client, index, self._ledger, self._chance)
            for index, client in enumerate(self.clients[OBSERVERS:])
        ]
        for writer in self.writers:
            writer.start(number)

    def _watched(self, observer: int) -> list[str]:
        """All shared records; of the own ones two in ``OBSERVERS``, so that each has two observers."""
        turns = (observer, (observer + 1) % OBSERVERS)
        own = [record.name for index, record in enumerate(self._ledger.own) if index % OBSERVERS in turns]
        return [*own, *(record.name for record in self._ledger.shared)]

    async def end(self) -> list[int]:
        """Wait until every connection is gone; the close codes."""
        return await asyncio.gather(*(client.closed for client in self.clients))

    @property
    def in_flight(self) -> int:
        """Writes that were sent and not answered."""
        return sum(writer.in_flight for writer in self.writers)

    @property
    def number(self) -> int:
        """A number that no writer has written yet."""
        return max(writer.number for writer in self.writers) + 1
