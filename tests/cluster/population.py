"""Clients of a cluster who, when their node is gone, go on at another one, as a client library would."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Any

import orjson

from deepstream_protocol.message import Message
from deepstream_protocol.topics import EventAction, RecordAction, Topic
from tests.robustness.client import Client, Lost
from tests.robustness.ledger import Document, applied

PAUSE = 0.05
"""Seconds until a client whose connection was refused tries the next address."""

DEADLINE = 20.0
CHANGES = (RecordAction.UPDATE, RecordAction.PATCH, RecordAction.ERASE, RecordAction.PATCH_MULTI)
"""What subscribers hear of a write."""


async def until(
    condition: Callable[[], bool], what: str | Callable[[], str], deadline: float = DEADLINE
) -> None:
    """Return once ``condition`` holds, which other processes bring about and tell nobody."""
    try:
        async with asyncio.timeout(deadline):
            while not condition():  # noqa: ASYNC110
                await asyncio.sleep(0.005)
    except TimeoutError:
        raise AssertionError(
            f"not within {deadline} s: {what if isinstance(what, str) else what()}"
        ) from None


class Resident:
    """A client with a home among ``ports`` that it leaves only when it must.

    ``settle_in`` is called with each new connection: to subscribe, to provide.
    """

    def __init__(
        self, ports: Sequence[int], home: int, settle_in: Callable[[Client], Awaitable[None]] | None = None
    ) -> None:
        self.client: Client
        self.moves = 0
        self.at = 0
        self._addresses = itertools.cycle([*ports[home:], *ports[:home]])
        self._settle_in = settle_in
        self._living: asyncio.Task[None] | None = None
        self.is_home = asyncio.Event()

    async def move_in(self) -> None:
        """Connect, and stay connected."""
        self._living = asyncio.create_task(self._live())
        async with asyncio.timeout(DEADLINE):
            await self.is_home.wait()

    async def leave(self) -> None:
        """Disconnect for good."""
        if self._living is not None:
            self._living.cancel()
            await asyncio.gather(self._living, return_exceptions=True)

    async def _live(self) -> None:
        while True:
            self.at = next(self._addresses)
            try:
                self.client = await Client.login(self.at)
                if self._settle_in is not None:
                    await self._settle_in(self.client)
            except (OSError, TimeoutError):  # nobody is there, or not for long
                await asyncio.sleep(PAUSE)
                continue
            self.is_home.set()
            try:
                await self.client.closed
            finally:
                self.is_home.clear()
                self.client.close()
            self.moves += 1


class Writer(Resident):
    """Counts in a record of its own, and knows which numbers were acknowledged."""

    def __init__(self, ports: Sequence[int], home: int, name: str) -> None:
        super().__init__(ports, home)
        self.name = name
        self.sent = self.acknowledged = self.refused = 0
        self._is_ending = False
        self._writing: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Write without an end, each number when the one before was answered."""
        await self.move_in()
        self._writing = asyncio.create_task(self._write())

    async def end(self) -> None:
        """Write no more once the last write is answered, and leave."""
        self._is_ending = True
        if self._writing is not None:
            async with asyncio.timeout(DEADLINE):
                await self._writing
        await self.leave()

    async def _write(self) -> None:
        while not self._is_ending:
            self.sent += 1
            await self.is_home.wait()
            with contextlib.suppress(Lost):
                answer = await self.client.write(_whole(self.name, self.sent))
                if answer.action == RecordAction.WRITE_ACKNOWLEDGEMENT:
                    self.acknowledged = self.sent
                else:
                    assert answer.action == RecordAction.RECORD_UPDATE_ERROR, answer
                    self.refused += 1


def _whole(name: str, number: int) -> Message:
    """A write of a record in which every part says the same, so that half of it would be seen."""
    data = orjson.dumps({"a": number, "b": [number], "c": {"d": number}}).decode()
    return Message(Topic.RECORD, RecordAction.CREATEANDUPDATE, name=name, version=-1, data=data)


def is_whole(document: Document) -> bool:
    """Whether ``document`` is what one such write made."""
    return document == {"a": document["a"], "b": [document["a"]], "c": {"d": document["a"]}}


class Observer(Resident):
    """Follows records as a client does; ``states`` is what it believes they are."""

    def __init__(self, ports: Sequence[int], home: int, names: Collection[str]) -> None:
        super().__init__(ports, home, self._subscribe)
        self.states: dict[str, tuple[int, Document]] = {}
        self.gaps: list[str] = []
        self._names = list(names)

    async def _subscribe(self, client: Client) -> None:
        self.states.clear()
        client.on_message = self._hear
        client.ask(Message(Topic.RECORD, RecordAction.SUBSCRIBECREATEANDREAD, names=self._names))
        await until(lambda: len(self.states) == len(self._names) or client.closed.done(), "all records")
        await client.ping()

    def _hear(self, message: Message) -> None:
        name, version = message.name or "", message.version or 0
        if message.action == RecordAction.READ_RESPONSE:
            self.states[name] = version, orjson.loads(message.data or "")
        elif message.topic == Topic.RECORD and message.action in CHANGES and not message.is_ack:
            before, document = self.states[name]
            if message.action != RecordAction.UPDATE and version != before + 1:
                self.gaps.append(f"{name}: {version} followed {before}")
            self.states[name] = version, applied(message, document)


@asynccontextmanager
async def living(*residents: Resident) -> Any:
    """Residents who leave at the end, whatever comes."""
    try:
        await asyncio.gather(
            *(one.begin() if isinstance(one, Writer) else one.move_in() for one in residents)
        )
        yield residents
    finally:
        for one in residents:
            await (one.end() if isinstance(one, Writer) else one.leave())


async def read(client: Client, name: str) -> Message:
    """The record as the node of ``client`` has it."""
    answer = client.next(
        lambda message: message.action == RecordAction.READ_RESPONSE and message.name == name
    )
    client.send(Message(Topic.RECORD, RecordAction.READ, name=name))
    async with asyncio.timeout(DEADLINE):
        return await answer


class Counter:
    """A client that increments numbers as an application does: write the next version, merge, repeat."""

    def __init__(self, client: Client, chance: random.Random) -> None:
        self._client = client
        self._chance = chance
        self._states: dict[str, tuple[int, int]] = {}
        self.conflicts = 0

    async def increment(self, names: Sequence[str], times: int) -> None:
        """Add ``times`` to each of ``names``, in any order."""
        turns = [name for name in names for _ in range(times)]
        self._chance.shuffle(turns)
        for name in turns:
            await self._increment(name)

    async def _increment(self, name: str) -> None:
        while True:
            version, value = self._states.get(name, (0, 0))
            message = Message(Topic.RECORD, RecordAction.PATCH, name=name, version=version + 1, path="n")
            message.data = str(value + 1)
            answer = await self._client.write(message)
            if answer.action == RecordAction.WRITE_ACKNOWLEDGEMENT:
                self._states[name] = version + 1, value + 1
                return
            assert answer.action == RecordAction.VERSION_EXISTS, answer
            self.conflicts += 1
            self._states[name] = answer.version or 0, orjson.loads(answer.data or "{}").get("n", 0)


async def hears(speaker: Client, listener: Client, deadline: float) -> None:
    """An event of ``speaker`` reaches ``listener``, who subscribes to it now, within ``deadline`` seconds."""
    name = f"hello/{random.randrange(1 << 40)}"
    heard = listener.next(lambda message: message.action == EventAction.EMIT and message.name == name)
    listener.send(Message(Topic.EVENT, EventAction.SUBSCRIBE, names=[name], correlation_id="hello"))
    async with asyncio.timeout(deadline):
        await listener.ping()
        while not heard.done():
            speaker.send(Message(Topic.EVENT, EventAction.EMIT, name=name, data="1"))
            await asyncio.wait([heard], timeout=PAUSE)
