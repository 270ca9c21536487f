"""Tests of readers and writers at the same time: nobody misses a version, and of each there is one."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import orjson
import pytest

from deepstream_protocol.message import Message
from deepstream_protocol.paths import erase_path, set_path
from deepstream_protocol.topics import RecordAction
from records.storage import Committed, Row, StoreError
from tests.pubsub.kit import DEADLINE, Client
from tests.records.kit import StoreDouble, World, acknowledged, turns

NAMES = ("a", "b", "c")


class Slow(StoreDouble):
    """Takes any number of turns for each call, and works at any of them; every fifth commit fails."""

    def __init__(self, chance: random.Random, *, fails: bool = True) -> None:
        super().__init__()
        self._chance = chance
        self._fails = fails
        self._commits = 0

    async def load(self, names: Collection[str]) -> Mapping[str, tuple[int, str, int]]:
        await self._some_turns()
        found = await super().load(list(names))
        await self._some_turns()
        return found

    async def commit(self, rows: Sequence[Row]) -> Committed:
        await self._some_turns()
        self._commits += 1
        if self._fails and self._commits % 5 == 0:
            raise StoreError("down")
        refused = await super().commit(rows)
        await self._some_turns()
        return refused

    async def _some_turns(self) -> None:
        await turns(self._chance.choice((0, 0, 1, 2, 3, 5, 8)))


class Replica:
    """What a subscriber holds of each record by what it was sent, as an official client works it out."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.held: dict[str, tuple[int, Any]] = {}
        self.applied = 0

    def catch_up(self) -> None:
        for message in self.client.take():
            if message.action in self._TAKES:
                self._TAKES[message.action](self, message.name or "", message)

    def _read(self, name: str, message: Message) -> None:
        shown = (message.version, message.value())
        if self.held.get(name) == (-1, {}) and shown == (0, {}):
            self.held[name] = shown  # an empty creation is told to its author alone
        assert self.held.setdefault(name, shown) == shown, "a read showed what was not broadcast"

    def _changed(self, name: str, message: Message) -> None:
        assert name in self.held, "an update came before the state that it is an update of"
        version, value = self.held[name]
        assert message.version == max(version, 0) + 1, "a version was left out or came twice"
        match message.action:
            case RecordAction.UPDATE:
                value = message.value()
            case RecordAction.PATCH if message.data is not None:
                value = set_path(value, message.path or "", message.value())
            case _:
                value = erase_path(value, message.path or "")
        self.held[name] = (message.version, value)
        self.applied += 1

    def _deleted(self, name: str, message: Message) -> None:
        del self.held[name]

    _TAKES = {  # noqa: RUF012
        RecordAction.READ_RESPONSE: _read,
        RecordAction.UPDATE: _changed,
        RecordAction.PATCH: _changed,
        RecordAction.ERASE: _changed,
        RecordAction.DELETED: _deleted,
    }


def write_something(world: World, writer: Client, chance: random.Random) -> None:
    name, version = chance.choice(NAMES), chance.choice((-1, -1, -1, 1, 2, 5))
    data = orjson.dumps(chance.randrange(1000)).decode()
    path = chance.choice(("x", "y.z", "l[2]"))
    match chance.randrange(12):
        case 0 | 1:
            world.write(writer, name, version, f'{{"x":{data}}}', "1")
        case 2 | 3 | 4:
            world.write(writer, name, version, data, "1", path=path)
        case 5:
            world.say(writer, RecordAction.ERASE, name=name, version=version, path=path)
        case 6 | 7:
            fields = {"name": name, "version": version, "path": path, "data": data}
            world.say(writer, RecordAction.CREATEANDPATCH, **fields)
        case 8:
            world.say(writer, RecordAction.CREATEANDUPDATE, name=name, version=version, data="{}")
        case 9:
            world.say(writer, RecordAction.SUBSCRIBECREATEANDREAD, names=[name])
            world.say(writer, RecordAction.UNSUBSCRIBE, names=[name])
        case 10 if chance.random() < 0.3:
            world.say(writer, RecordAction.DELETE, name=name)
        case _:
            world.say(writer, RecordAction.READ, name=name)


def subscribe(world: World, replica: Replica, chance: random.Random) -> asyncio.Future[Any] | None:
    action = chance.choice((RecordAction.SUBSCRIBEANDREAD, RecordAction.SUBSCRIBECREATEANDREAD))
    names = chance.sample(NAMES, chance.randint(1, 3))
    replica.catch_up()
    for name in names:
        if not world.handler.subscriptions.has(replica.client.connection, name):
            replica.held.pop(name, None)
    return world.say(replica.client, action, names=names)


@pytest.mark.parametrize("seed", range(40))
async def test_who_subscribes_at_any_moment_ends_with_what_is_stored(seed: int) -> None:
    chance = random.Random(seed)
    world = World(store=Slow(chance), cache_max_bytes=chance.choice((0, 1500, 1 << 20)))
    writers = [world.client() for _ in range(3)]
    replicas = [Replica(world.client()) for _ in range(4)]
    busy: dict[Replica, asyncio.Future[Any] | None] = {}
    for _ in range(250):
        write_something(world, chance.choice(writers), chance)
        replica = chance.choice(replicas)
        pending = busy.get(replica)
        if pending is None or pending.done():
            busy[replica] = subscribe(world, replica, chance)
        await turns(chance.choice((0, 0, 0, 1, 2, 4, 10)))
        chance.choice(replicas).catch_up()
    await world.settled()
    for replica in replicas:
        replica.catch_up()
        for name in NAMES:
            check_end(world, replica, name)
    assert sum(replica.applied for replica in replicas) > 50


def check_end(world: World, replica: Replica, name: str) -> None:
    if world.handler.subscriptions.has(replica.client.connection, name):
        version, text = world.store.stored(name) or (-1, "{}")
        held_version, held = replica.held[name]
        assert held == orjson.loads(text)
        assert held_version == version or (held_version, version) == (-1, 0)
    else:
        assert name not in replica.held


class Counter:
    """Increments a shared number as official clients do: on a conflict it merges and sends again."""

    def __init__(self, world: World, id: str) -> None:
        self._world, self._id = world, id
        self._client = world.client()
        self.conflicts = 0

    async def count(self, times: int) -> None:
        version, number = 0, 0
        for _ in range(times):
            number += 1
            while True:
                data = orjson.dumps({"n": number}).decode()
                self._world.write(self._client, "counter", version + 1, data, self._id)
                reply = await self._client.next()
                if reply == acknowledged("counter", self._id):
                    version += 1
                    break
                assert reply.action == RecordAction.VERSION_EXISTS
                self.conflicts += 1
                version, number = reply.version or 0, reply.value()["n"] + 1


@pytest.mark.parametrize("nodes", [1, 3])
@pytest.mark.parametrize("seed", range(5))
async def test_of_all_writers_of_a_version_one_wins_on_whichever_node_it_is(seed: int, nodes: int) -> None:
    store = Slow(random.Random(seed), fails=False)
    store.write_elsewhere("counter", 0, '{"n":0}')
    worlds = [World(store=store) for _ in range(nodes)]
    counters = [Counter(worlds[number % nodes], str(number)) for number in range(9)]
    async with asyncio.timeout(DEADLINE):
        await asyncio.gather(*(counter.count(10) for counter in counters))
    assert store.stored("counter") == (90, '{"n":90}')
    assert sum(counter.conflicts for counter in counters) > 0
    for world in worlds:
        await world.settled()


@pytest.mark.parametrize("seed", range(10))
async def test_every_write_is_answered_once_and_those_acknowledged_are_stored(seed: int) -> None:
    chance = random.Random(seed)
    world = World(store=Slow(chance), cache_max_bytes=0)
    writers = [world.client() for _ in range(5)]
    for name in NAMES:
        world.store.write_elsewhere(name, 0, "{}")
    for number in range(300):
        name = chance.choice(NAMES)
        world.write(chance.choice(writers), name, -1, "1", str(number), path=f"n{number}")
        await turns(chance.choice((0, 0, 0, 1, 5)))
    await world.settled()
    answers = [message for writer in writers for message in writer.take()]
    assert sorted(int(message.correlation_id or -1) for message in answers) == list(range(300))
    stored = {key for name in NAMES for key in orjson.loads(world.store.stored(name)[1])}
    assert stored == {
        f"n{message.correlation_id}"
        for message in answers
        if message.action == RecordAction.WRITE_ACKNOWLEDGEMENT
    }
    assert 0 < len(stored) < 300
    assert sum(world.store.stored(name)[0] for name in NAMES) == len(stored)
