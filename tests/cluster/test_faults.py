"""Nodes are killed and restarted, Redis and PostgreSQL go and come back, and nobody loses anything."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import orjson
import pytest

from deepstream_protocol.message import Message
from deepstream_protocol.topics import PresenceAction, RecordAction, RpcAction, Topic
from tests.cluster.conftest import StartFleet
from tests.cluster.fleet import QUICK, Fleet
from tests.cluster.population import Observer, Writer, hears, is_whole, living, read, until
from tests.robustness.client import Client
from tests.robustness.crowd import Crowd

pytestmark = [pytest.mark.postgres, pytest.mark.redis, pytest.mark.xdist_group("cluster-faults")]

WRITERS = 30
NODE_TIMEOUT = QUICK["nodeTimeout"] / 1000
ROUNDS = int(os.environ.get("CLUSTER_ROUNDS") or 3)
OUTAGE = 5.0
RECOVERY = 3.0
"""Seconds after which nothing may remind of an outage."""

WHOLE = 2.0
"""Seconds in which a node that was cut off is whole again."""

GRACE = 2.0
"""Seconds from a node's timeout until everybody is told what follows from its end."""

LOCALLY = 5.0
"""Seconds that what concerns one node may take while others cannot be reached."""

STORED = "SELECT name, version, data FROM records_record WHERE name LIKE 'own/%%'"


@pytest.fixture(scope="module")
def module_fleet(start_fleet: StartFleet) -> Fleet:
    return start_fleet(stoppable=True, options=QUICK)


@pytest.fixture
def fleet(module_fleet: Fleet) -> Fleet:
    """The module's nodes, all of them alive."""
    module_fleet.start()
    return module_fleet


class Load:
    """Writers and observers on all nodes, and what they know when it is over."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self.names = [f"own/{number}" for number in range(WRITERS)]
        self.writers = [Writer(fleet.ports, n % len(fleet.nodes), name) for n, name in enumerate(self.names)]
        self.observers = [Observer(fleet.ports, n, self.names) for n in range(len(fleet.nodes))]

    async def stored(self) -> dict[str, tuple[int, dict[str, int]]]:
        """What is stored of each record."""
        rows = await asyncio.to_thread(self._fleet.sql, STORED)
        return {name: (version, orjson.loads(text)) for name, version, text in rows}

    async def assert_nothing_is_lost(self) -> None:
        """What was acknowledged by now is stored, and whole."""
        promised = {writer.name: writer.acknowledged for writer in self.writers}
        stored = await self.stored()
        for name, number in promised.items():
            document = stored.get(name, (0, {"a": 0, "b": [0], "c": {"d": 0}}))[1]
            assert document["a"] >= number, f"{name}: {number} was acknowledged, {document} is stored"
            assert is_whole(document), document

    async def progress(self, deadline: float = 10.0) -> None:
        """Wait until each writer had a write acknowledged that it begins now."""
        goals = {writer: writer.sent for writer in self.writers}
        await until(
            lambda: all(writer.acknowledged > goal for writer, goal in goals.items()),
            lambda: f"no progress of {[w.name for w, goal in goals.items() if w.acknowledged <= goal]}",
            deadline,
        )

    async def end(self, deadline: float = RECOVERY) -> None:
        """Stop writing; all observers come to see what is stored, and nobody saw a gap."""
        await asyncio.gather(*(writer.end() for writer in self.writers))
        await self.assert_nothing_is_lost()
        stored = await self.stored()

        def differing() -> list[str]:
            return [
                f"{name}: {observer.states.get(name)} at {observer.at}, {state} is stored"
                for observer in self.observers
                for name, state in stored.items()
                if observer.states.get(name) != state
            ]

        await until(lambda: not differing(), lambda: "\n".join(differing()), deadline)
        assert not [gap for observer in self.observers for gap in observer.gaps]


@asynccontextmanager
async def loaded(fleet: Fleet) -> AsyncIterator[Load]:
    """A cluster that is written to on all nodes."""
    load = Load(fleet)
    async with living(*load.observers, *load.writers):
        await load.progress()
        yield load


class Ghost:
    """A client at a node that is about to be killed, and two on the others that mind it.

    It is online, provides a call and, as a listener, a record. The ``watcher`` holds that record and waits
    for the call's answer; the ``heir`` listens as well, but too late to provide.
    """

    def __init__(self, name: str, *, ghost: Client, watcher: Client, heir: Client) -> None:
        self.name = name
        self.fed = f"{name}/fed"
        self._pattern = f"^{name}/.*$"
        self._ghost, self._watcher, self._heir = ghost, watcher, heir

    async def appear(self, fleet: Fleet) -> None:
        """Have everything as it is before the node is killed."""
        name, found = self.name, RecordAction.SUBSCRIPTION_FOR_PATTERN_FOUND
        asked = self._ghost.next(lambda message: message.action == found)
        await self._ghost.ask(Message(Topic.RPC, RpcAction.PROVIDE, names=[name]))
        self._listen(self._ghost)
        await self._watcher.ask(Message(Topic.PRESENCE, PresenceAction.SUBSCRIBE, names=[name]))
        provided = self._hears(RecordAction.SUBSCRIPTION_HAS_PROVIDER)
        await self._watcher.ask(Message(Topic.RECORD, RecordAction.SUBSCRIBECREATEANDREAD, names=[self.fed]))
        await asked
        self._accept(self._ghost)
        await provided
        self._listen(self._heir)
        await self._heir.ping()
        await asyncio.to_thread(fleet.settle)
        call = self._ghost.next(lambda message: message.action == RpcAction.REQUEST)
        self.answer = self._watcher.next(lambda message: message.action == RpcAction.RESPONSE_TIMEOUT)
        accepted = self._watcher.next(lambda message: message.action == RpcAction.ACCEPT)
        self._watcher.send(Message(Topic.RPC, RpcAction.REQUEST, name=name, correlation_id=name))
        request = await call
        self._ghost.send(
            Message(Topic.RPC, RpcAction.ACCEPT, name=name, correlation_id=request.correlation_id)
        )
        await accepted

    async def vanish(self) -> None:
        """Return when the watcher and the heir were told all that follows from its end."""
        left = self._hears(PresenceAction.PRESENCE_LEAVE)
        unprovided = self._hears(RecordAction.SUBSCRIPTION_HAS_NO_PROVIDER)
        asked = self._heir.next(lambda message: message.action == RecordAction.SUBSCRIPTION_FOR_PATTERN_FOUND)
        await asyncio.gather(self.answer, left, unprovided, asked)
        provided = self._hears(RecordAction.SUBSCRIPTION_HAS_PROVIDER)
        self._accept(self._heir)
        await provided
        nobody = self._watcher.next(lambda message: message.action == RpcAction.NO_RPC_PROVIDER)
        self._watcher.send(Message(Topic.RPC, RpcAction.REQUEST, name=self.name, correlation_id="again"))
        await nobody

    def _hears(self, action: int) -> asyncio.Future[Message]:
        names = (self.name, self.fed)
        return self._watcher.next(
            lambda message: message.action == action and not message.is_ack and message.name in names
        )

    def _listen(self, client: Client) -> None:
        client.send(Message(Topic.RECORD, RecordAction.LISTEN, name=self._pattern, correlation_id="l"))

    def _accept(self, client: Client) -> None:
        client.send(
            Message(Topic.RECORD, RecordAction.LISTEN_ACCEPT, name=self._pattern, subscription=self.fed)
        )


async def test_a_node_killed_under_load_is_missed_in_time_and_nothing_acknowledged_is_lost(
    fleet: Fleet, record_property: Callable[[str, object], None]
) -> None:
    async with loaded(fleet) as load:
        for number in range(ROUNDS):
            victim = number % len(fleet.nodes)
            ports = fleet.ports[victim:] + fleet.ports[:victim]
            name = f"ghost{number}"
            clients = [await Client.login(ports[0], username=name)]
            clients += [await Client.login(port) for port in ports[1:]]
            ghost = Ghost(name, ghost=clients[0], watcher=clients[1], heir=clients[2])
            await ghost.appear(fleet)
            moving = [writer for writer in load.writers if writer.at == ports[0]]
            vanishing = asyncio.create_task(ghost.vanish())
            killed_at = asyncio.get_running_loop().time()
            fleet.nodes[victim].kill()
            async with asyncio.timeout(NODE_TIMEOUT + GRACE):
                await vanishing
            record_property(f"seconds {number}", asyncio.get_running_loop().time() - killed_at)
            assert moving
            await load.progress()
            await load.assert_nothing_is_lost()
            for client in clients:
                client.close()
            await asyncio.to_thread(fleet.start)
        await load.end()


async def test_while_redis_is_gone_each_node_goes_on_and_all_agree_when_it_is_back(fleet: Fleet) -> None:
    async with AsyncExitStack() as stack:
        crowds = [await stack.enter_async_context(Crowd(port)) for port in fleet.ports]
        pairs = [await crowd.login_many(2) for crowd in crowds]
        load = await stack.enter_async_context(loaded(fleet))
        await asyncio.to_thread(fleet.redis.stop)
        since = asyncio.get_running_loop().time()
        while asyncio.get_running_loop().time() < since + OUTAGE:
            await asyncio.gather(*(hears(*pair, LOCALLY) for pair in pairs))
            await load.progress(LOCALLY)
        await asyncio.to_thread(fleet.redis.start)
        async with asyncio.timeout(RECOVERY):
            around = zip(pairs, pairs[1:] + pairs[:1], strict=True)
            await asyncio.gather(*(hears(here[0], there[1], RECOVERY) for here, there in around))
            await load.end()
        for name in load.names[:5]:
            answers = [await read(client, name) for client, _ in pairs]
            assert len({(answer.version, answer.data) for answer in answers}) == 1, answers


async def test_a_node_that_stood_still_for_longer_than_its_timeout_is_whole_in_time(fleet: Fleet) -> None:
    name, pid = "still", fleet.nodes[1].pid
    async with AsyncExitStack() as stack:
        writer = await (await stack.enter_async_context(Crowd(fleet.ports[0]))).login()
        still = await Client.login(fleet.ports[1], username="still")
        stack.callback(still.close)
        observer = Observer(fleet.ports, 1, [name])
        await stack.enter_async_context(living(observer))
        await asyncio.to_thread(fleet.settle)

        def hears(client: Client, action: int, user: str) -> asyncio.Future[Message]:
            return client.next(lambda said: (said.action, said.name, said.is_ack) == (action, user, None))

        gone = hears(writer, PresenceAction.PRESENCE_LEAVE, "still")
        await writer.ask(Message(Topic.PRESENCE, PresenceAction.SUBSCRIBE, names=["still"]))
        await still.ask(Message(Topic.PRESENCE, PresenceAction.SUBSCRIBE, names=["new"]))
        os.kill(pid, signal.SIGSTOP)
        try:
            async with asyncio.timeout(NODE_TIMEOUT + GRACE):
                await gone
            write = Message(
                Topic.RECORD, RecordAction.CREATEANDPATCH, name=name, version=-1, path="a", data="1"
            )
            await writer.write(write)
            stack.callback((await Client.login(fleet.ports[2], username="new")).close)
            back = hears(writer, PresenceAction.PRESENCE_JOIN, "still")
            came = hears(still, PresenceAction.PRESENCE_JOIN, "new")
        finally:
            os.kill(pid, signal.SIGCONT)
        async with asyncio.timeout(WHOLE):
            await asyncio.gather(back, came)
            await until(lambda: observer.states[name] == (1, {"a": 1}), lambda: str(observer.states), WHOLE)
        assert not observer.moves


async def test_while_postgresql_is_gone_writes_are_refused_and_nothing_is_half_written(fleet: Fleet) -> None:
    assert fleet.postgres is not None
    async with AsyncExitStack() as stack:
        crowds = [await stack.enter_async_context(Crowd(port)) for port in fleet.ports]
        pairs = [await crowd.login_many(2) for crowd in crowds]
        load = await stack.enter_async_context(loaded(fleet))
        refused = {writer: writer.refused for writer in load.writers}
        await asyncio.to_thread(fleet.postgres.stop)
        try:
            since = asyncio.get_running_loop().time()
            await until(lambda: all(writer.refused > count for writer, count in refused.items()), "refusals")
            while asyncio.get_running_loop().time() < since + OUTAGE:
                around = zip(pairs, pairs[1:] + pairs[:1], strict=True)
                await asyncio.gather(*(hears(here[0], there[1], LOCALLY) for here, there in around))
        finally:
            await asyncio.to_thread(fleet.postgres.start)
        await load.progress()
        assert not any(writer.moves for writer in load.writers)
        await load.end()


async def test_all_nodes_are_restarted_one_after_the_other_under_load(fleet: Fleet) -> None:
    async with loaded(fleet) as load:
        for node in fleet.nodes:
            assert await asyncio.to_thread(node.stop) == 0
            await load.progress()
            await asyncio.to_thread(node.start)
        await load.assert_nothing_is_lost()
        await asyncio.to_thread(fleet.settle)
        assert all(writer.moves for writer in load.writers)
        assert not any(writer.refused for writer in load.writers)
        await load.end()
