"""A store that does what a test says, and a record handler on it with clients."""

from __future__ import annotations

import asyncio
import inspect
from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from deepstream_project.config import ListenConfig, RecordConfig
from deepstream_protocol.message import Message
from deepstream_protocol.topics import RecordAction, Topic
from pubsub.cluster import Cluster
from pubsub.connection import Flusher
from records.handler import RecordHandler
from records.storage import Committed, MemoryStore, RecordStore, Refusal, Row
from tests.pubsub.kit import DEADLINE, Client, RecordingCluster


class Gate:
    """Where calls wait while it is closed; ``arrived`` tells that one does."""

    def __init__(self) -> None:
        self._open = asyncio.Event()
        self._open.set()
        self._arrived = asyncio.Event()

    def close(self) -> None:
        self._open.clear()
        self._arrived.clear()

    def open(self) -> None:
        self._open.set()

    async def pass_through(self) -> None:
        if not self._open.is_set():
            self._arrived.set()
            await self._open.wait()

    async def arrived(self) -> None:
        """Wait until a call waits here."""
        async with asyncio.timeout(DEADLINE):
            await self._arrived.wait()


class StoreDouble:
    """A store in memory that can be held up, can fail, and into which others can write.

    Keeps the names of each load and the rows of each commit, but for the ids. What is in ``load_errors`` and
    ``commit_errors`` is raised by the next calls, None standing for a call that works; records in
    ``invalid`` cannot be stored.
    """

    def __init__(self, records: Mapping[str, tuple[int, str]] | None = None) -> None:
        self._truth = MemoryStore()
        for name, (version, text) in (records or {}).items():
            self.write_elsewhere(name, version, text)
        self.loads: list[list[str]] = []
        self.commits: list[list[Row]] = []
        self.load_gate, self.commit_gate = Gate(), Gate()
        self.load_errors: deque[Exception | None] = deque()
        self.commit_errors: deque[Exception | None] = deque()
        self.invalid: set[str] = set()

    async def load(self, names: Collection[str]) -> Mapping[str, tuple[int, str, int]]:
        self.loads.append(list(names))
        await self.load_gate.pass_through()
        if self.load_errors and (error := self.load_errors.popleft()) is not None:
            raise error
        return await self._truth.load(names)

    async def commit(self, rows: Sequence[Row]) -> Committed:
        self.commits.append([row._replace(id=0) for row in rows])
        await self.commit_gate.pass_through()
        if self.commit_errors and (error := self.commit_errors.popleft()) is not None:
            raise error
        refused = {row.name: Refusal.INVALID for row in rows if row.name in self.invalid}
        lost, made = await self._truth.commit([row for row in rows if row.name not in refused])
        return Committed({**refused, **lost}, made)

    def write_elsewhere(self, name: str, version: int, text: str) -> None:
        """Another node, or somebody with a database shell, writes ``name``."""
        _, _, id = self._truth._records.get(name) or (0, "", next(self._truth._ids))
        self._truth._records[name] = version, text, id

    def remove_elsewhere(self, name: str) -> None:
        """Another node, or somebody with a database shell, deletes ``name``."""
        del self._truth._records[name]

    def stored(self, name: str) -> tuple[int, str] | None:
        """Version and text of ``name`` as they are stored now."""
        found = self._truth._records.get(name)
        return None if found is None else found[:2]


class World:
    """A record handler and its clients; ``store`` is a ``StoreDouble`` unless another one is given."""

    def __init__(
        self,
        records: Mapping[str, tuple[int, str]] | None = None,
        *,
        store: RecordStore | None = None,
        cluster: Cluster | None = None,
        **options: Any,
    ) -> None:
        self.store: Any = store or StoreDouble(records)
        self.cluster: Any = cluster or RecordingCluster()
        self.handler = RecordHandler(
            self.store,
            self.cluster,
            RecordConfig(**options),
            ListenConfig(shuffle_providers=False),
            asyncio.get_running_loop(),
        )
        self._waiting: set[asyncio.Future[Any]] = set()
        self._flusher = Flusher(asyncio.get_running_loop().call_soon)

    def client(self, **options: Any) -> Client:
        return Client(flusher=self._flusher, **options)

    def say(self, client: Client, action: int, **fields: Any) -> asyncio.Future[Any] | None:
        """Have the message handled; what is returned ends when its author may send the next one."""
        pending = self.handler.actions.receive(client.connection, Message(Topic.RECORD, action, **fields))
        if not inspect.isawaitable(pending):
            return None
        future = asyncio.ensure_future(pending)
        self._waiting.add(future)
        future.add_done_callback(self._waiting.discard)
        return future

    async def ask(self, client: Client, action: int, **fields: Any) -> list[Message]:
        """Have the message handled, and return all that ``client`` was sent when everything is settled."""
        self.say(client, action, **fields)
        await self.settled()
        return client.take()

    async def settled(self) -> None:
        """Wait until nothing is under way."""
        async with asyncio.timeout(DEADLINE):
            while self._waiting:
                await asyncio.wait(self._waiting)
            await self.handler.drain()

    async def subscriber(self, *names: str, **options: Any) -> Client:
        """A client that has subscribed to and read ``names``, and was told all about that."""
        client = self.client(**options)
        await self.ask(client, RecordAction.SUBSCRIBEANDREAD, names=list(names))
        return client

    def write(
        self, client: Client, name: str, version: int, data: str = "{}", id: str | None = None, **fields: Any
    ) -> None:
        """UPDATE, or with ``path`` PATCH; with an ``id`` it wants a write acknowledgement."""
        action = RecordAction.PATCH if "path" in fields else RecordAction.UPDATE
        fields = {"name": name, "version": version, "data": data} | fields
        if id is not None:
            fields |= {"correlation_id": id, "is_write_ack": True}
        self.say(client, fields.pop("action", action), **fields)


def record(action: int, name: str | None = None, **fields: Any) -> Message:
    """A message about records."""
    message = Message(Topic.RECORD, action, **fields)
    if name is not None:
        message.name = name
    return message


def updated(name: str, version: int, data: str) -> Message:
    """What subscribers see of an UPDATE."""
    return record(RecordAction.UPDATE, name, version=version, data=data)


def patched(name: str, version: int, path: str, data: str | None = None) -> Message:
    """What subscribers see of a PATCH."""
    message = record(RecordAction.PATCH, name, version=version, path=path)
    if data is not None:
        message.data = data
    return message


def acknowledged(name: str, id: str) -> Message:
    """What the author of a write gets once it is stored."""
    return record(RecordAction.WRITE_ACKNOWLEDGEMENT, name, correlation_id=id, is_write_ack=True)


def read(name: str, version: int, data: str = "{}") -> Message:
    """The answer to a read."""
    return record(RecordAction.READ_RESPONSE, name, version=version, data=data)


def actions(messages: Iterable[Message]) -> list[int]:
    """The actions of ``messages``."""
    return [message.action for message in messages]


async def turns(count: int) -> None:
    """Let everybody else go on ``count`` times: races are made by chance, which draws the number."""
    for _ in range(count):
        await asyncio.sleep(0)
