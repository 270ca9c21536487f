"""``cluster.announce`` in a process that is no server: live clients of every node hear of what it does."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio

from deepstream_protocol.message import Message
from deepstream_protocol.topics import EventAction, RecordAction, RpcAction, Topic
from tests.cluster.conftest import StartFleet
from tests.cluster.fleet import Fleet
from tests.robustness.client import Client
from tests.robustness.crowd import Crowd
from tests.servers import ROOT, django_environment

pytestmark = [pytest.mark.postgres, pytest.mark.redis, pytest.mark.xdist_group("cluster-door")]

DEADLINE = 60.0
SYNC = """
from cluster import announce
announce.write("door/a", {"n": 1})
announce.write("door/a", 2, path="n", version=2)
announce.emit("door", "sync")
print(announce.call("door/twice", 21), announce.read("door/a"))
"""
ASYNC = """
import asyncio
from cluster import announce
async def work():
    await announce.awrite("door/a", {"n": 1})
    await announce.awrite("door/a", 2, path="n", version=2)
    await announce.aemit("door", "sync")
    print(await announce.acall("door/twice", 21), await announce.aread("door/a"))
asyncio.run(work())
"""
TRANSACTIONS = """
from django.contrib.auth.models import Group
from django.db import transaction
from cluster import announce
try:
    with transaction.atomic():
        Group.objects.create(name="never")
        transaction.on_commit(lambda: announce.emit("door", "never"))
        raise RuntimeError
except RuntimeError:
    pass
with transaction.atomic():
    Group.objects.create(name="made")
    made = Group.objects.filter(name__in=["never", "made"])
    transaction.on_commit(lambda: announce.write("door/a", {"made": made.get().name}))
    transaction.on_commit(lambda: announce.emit("door", "made"))
    announce.emit("door", "at once")
print(announce.read("door/a"))
"""


@pytest.fixture(scope="module")
def fleet(start_fleet: StartFleet) -> Fleet:
    return start_fleet(size=2)


@pytest_asyncio.fixture
async def clients(fleet: Fleet) -> AsyncIterator[list[Client]]:
    """One at each node: subscribed to the record and the event, and the first provides the call."""
    async with AsyncExitStack() as stack:
        made = [await (await stack.enter_async_context(Crowd(port))).login() for port in fleet.ports]
        await made[0].ask(Message(Topic.RPC, RpcAction.PROVIDE, names=["door/twice"]))
        for client in made:
            await client.ask(Message(Topic.EVENT, EventAction.SUBSCRIBE, names=["door"]))
            await client.ask(Message(Topic.RECORD, RecordAction.SUBSCRIBECREATEANDREAD, names=["door/a"]))
        await asyncio.to_thread(fleet.settle)
        yield made
        gone = made[1].next(is_about(Topic.RECORD, RecordAction.DELETED))
        made[0].send(Message(Topic.RECORD, RecordAction.DELETE, name="door/a"))
        await gone


async def elsewhere(fleet: Fleet, code: str) -> str:
    """What ``code`` prints in a process of its own that knows Redis and the database."""
    environment = os.environ | django_environment(fleet.folder / "unused", fleet.folder / "var")
    environment |= {"DATABASE_URL": fleet.database, "REDIS_URL": fleet.redis.url}
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", code],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def is_about(topic: Topic, action: int) -> Callable[[Message], bool]:
    return lambda message: (message.topic, message.action) == (topic, action) and not message.is_ack


def provide(client: Client) -> asyncio.Future[Message]:
    """Double what the next call asks to have doubled."""
    call = client.next(is_about(Topic.RPC, RpcAction.REQUEST))

    def answer(request: asyncio.Future[Message]) -> None:
        message = request.result()
        reply = {"name": message.name, "correlation_id": message.correlation_id}
        client.send(Message(Topic.RPC, RpcAction.ACCEPT, **reply))
        client.send(Message(Topic.RPC, RpcAction.RESPONSE, data=str(2 * message.value()), **reply))

    call.add_done_callback(answer)
    return call


@pytest.mark.parametrize("code", [SYNC, ASYNC], ids=["sync", "async"])
async def test_a_process_that_is_no_server_writes_emits_and_calls(
    fleet: Fleet, clients: list[Client], code: str
) -> None:
    heard = [client.next(is_about(Topic.EVENT, EventAction.EMIT)) for client in clients]
    patched = [client.next(is_about(Topic.RECORD, RecordAction.PATCH)) for client in clients]
    provide(clients[0])
    async with asyncio.timeout(DEADLINE):
        assert await elsewhere(fleet, code) == "42 Record(name='door/a', version=2, data={'n': 2})"
        assert [message.value() for message in await asyncio.gather(*heard)] == ["sync"] * 2
        assert [message.version for message in await asyncio.gather(*patched)] == [2] * 2


async def test_what_is_announced_on_commit_is_heard_after_it_and_never_without_it(
    fleet: Fleet, clients: list[Client]
) -> None:
    heard: list[object] = []
    is_event = is_about(Topic.EVENT, EventAction.EMIT)

    def is_the_last(message: Message) -> bool:
        if is_event(message):
            heard.append(message.value())
        return heard[-1:] == ["made"]

    over = clients[1].next(is_the_last)
    async with asyncio.timeout(DEADLINE):
        printed = await elsewhere(fleet, TRANSACTIONS)
        await over
    assert heard == ["at once", "made"]
    assert printed == "Record(name='door/a', version=1, data={'made': 'made'})"
