"""Rules that are replaced while the server runs (VALVE.md, last paragraph; CONFIG.md, command line)."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from deepstream_protocol.message import Message
from deepstream_protocol.topics import (
    ConnectionAction,
    EventAction,
    PresenceAction,
    RecordAction,
    RpcAction,
    Topic,
)
from gateway.rules import reloading
from gateway.rules.in_force import Rules
from gateway.rules.reloading import Reloading, Source
from permissions.ruleset import RuleSet
from permissions.verdict import AllowEverything, Denial, Verdict
from pubsub.user import User
from tests.accounts.kit import Serving, heard, serving
from tests.raw_client import RawClient
from tests.servers import Server, configuration

OPEN = """
record: {"*": {create: true, read: true, write: true, delete: true, listen: true, notify: true}}
event: {"*": {publish: true, subscribe: true, listen: true}}
rpc: {"*": {provide: true, request: true}}
presence: {"*": {allow: true}}
"""
CLOSED = """
record: {"*": {read: true}, "secret/*": {read: false}, "public*": {listen: true}}
event: {"*": {publish: true, subscribe: true}, "secret/*": {subscribe: false}}
rpc: {"*": {request: true, provide: true}, "secret/*": {provide: false}}
presence: {"*": {allow: "name === 'ann'"}}
"""
PERMISSION = {"type": "config", "options": {"permissions": "fileLoad(permissions.yml)"}}


@asynccontextmanager
async def under(rules: str, folder: Path, **sections: Any) -> AsyncIterator[Serving]:
    async with serving(folder, files={"permissions.yml": rules}, permission=PERMISSION, **sections) as server:
        yield server


async def replace(server: Serving, folder: Path, rules: str, until: str = "Rules: read again") -> None:
    async with heard(until):
        (folder / "permissions.yml").write_text(rules)
        server.application.reload()


async def ask(client: RawClient, topic: Topic, action: int, names: Iterable[str]) -> None:
    """Send a bulk request and take in all answers up to its acknowledgement."""
    await client.send(Message(topic, action, names=list(names), correlation_id="1"))
    while not (await client.receive()).is_ack:
        pass


async def denials(client: RawClient) -> set[tuple[int, int | None, str | None]]:
    """Topic, refused action and name of all that the client was told up to now; all must be denials."""
    await client.send(Message(Topic.CONNECTION, ConnectionAction.PING))
    found = set()
    while (message := await client.receive()).topic != Topic.CONNECTION:
        assert message.is_error
        assert message.correlation_id is None
        assert message.action in (
            EventAction.MESSAGE_DENIED, RecordAction.MESSAGE_DENIED,
            RpcAction.MESSAGE_DENIED, PresenceAction.MESSAGE_DENIED,
        )  # fmt: skip
        found.add((message.topic, message.original_action, message.name))
    return found


pytestmark = pytest.mark.django_db(transaction=True)


async def test_what_the_new_rules_refuse_is_taken_away_and_the_client_told(tmp_path: Path) -> None:
    async with under(OPEN, tmp_path) as server, RawClient.connect(server.url) as client:
        await client.login({"username": "ann"})
        names = ["secret/1", "public/1"]
        await ask(client, Topic.EVENT, EventAction.SUBSCRIBE, names)
        await ask(client, Topic.RECORD, RecordAction.SUBSCRIBE, names)
        await ask(client, Topic.RPC, RpcAction.PROVIDE, names)
        await ask(client, Topic.PRESENCE, PresenceAction.SUBSCRIBE, ["ann", "bob"])
        await ask(client, Topic.PRESENCE, PresenceAction.SUBSCRIBE_ALL, [])
        for topic, action in ((Topic.EVENT, EventAction.LISTEN), (Topic.RECORD, RecordAction.LISTEN)):
            for pattern in ("secret/.*", "public.*"):
                await client.send(Message(topic, action, name=pattern))
                while not (await client.receive()).is_ack:
                    pass

        await replace(server, tmp_path, CLOSED)

        assert await denials(client) == {
            (Topic.EVENT, EventAction.SUBSCRIBE, "secret/1"),
            (Topic.RECORD, RecordAction.SUBSCRIBE, "secret/1"),
            (Topic.RPC, RpcAction.PROVIDE, "secret/1"),
            (Topic.PRESENCE, PresenceAction.SUBSCRIBE, "bob"),
            (Topic.PRESENCE, PresenceAction.SUBSCRIBE_ALL, None),
            (Topic.EVENT, EventAction.LISTEN, "secret/.*"),
            (Topic.EVENT, EventAction.LISTEN, "public.*"),
            (Topic.RECORD, RecordAction.LISTEN, "secret/.*"),
        }
        node = server.application.node
        assert node is not None
        for subscriptions in (node.events.subscriptions, node.records.subscriptions, node.rpc.providers):
            assert set(subscriptions.names()) == {"public/1"}
        assert set(node.presence.by_user.names()) == {"ann"}
        assert set(node.presence.to_all.names()) == set()


async def test_nothing_more_arrives_on_what_was_taken_away(tmp_path: Path) -> None:
    async with (
        under(OPEN, tmp_path) as server,
        RawClient.connect(server.url) as client,
        RawClient.connect(server.url) as author,
    ):
        await client.login({"username": "bob"})
        await author.login({"username": "ann"})
        await ask(client, Topic.EVENT, EventAction.SUBSCRIBE, ["secret/1", "public/1"])
        await replace(server, tmp_path, CLOSED)
        await denials(client)
        for name in ("secret/1", "public/1"):
            await author.send(Message(Topic.EVENT, EventAction.EMIT, name=name, data="1"))
        await author.quiet()
        await client.expect(topic=Topic.EVENT, action=EventAction.EMIT, name="public/1")
        await client.quiet()


async def test_of_a_thousand_subscriptions_exactly_the_refused_are_taken_away(tmp_path: Path) -> None:
    async with under(OPEN, tmp_path) as server, AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(RawClient.connect(server.url)) for _ in range(100)]
        for number, client in enumerate(clients):
            await client.login({"username": f"user-{number}"})
            names = [f"secret/{number}-{i}" for i in range(3)] + [f"public/{number}-{i}" for i in range(7)]
            await ask(client, Topic.EVENT, EventAction.SUBSCRIBE, names)

        await replace(server, tmp_path, CLOSED, until="300 subscriptions of 100 clients refused")

        for number, client in enumerate(clients):
            names = {f"secret/{number}-{i}" for i in range(3)}
            assert await denials(client) == {(Topic.EVENT, EventAction.SUBSCRIBE, name) for name in names}
        node = server.application.node
        assert node is not None
        assert len(node.events.subscriptions.names()) == 700


async def test_rules_that_need_a_record_are_asked_with_it(tmp_path: Path) -> None:
    async with under(OPEN, tmp_path) as server, RawClient.connect(server.url) as client:
        await client.login({"username": "ann"})
        for name, owner in (("mine", "ann"), ("theirs", "bob")):
            data = f'{{"owner":"{owner}"}}'
            upsert = Message(Topic.RECORD, RecordAction.CREATEANDUPDATE, name=name, version=-1, data=data)
            await client.send(upsert)
        await ask(client, Topic.RECORD, RecordAction.SUBSCRIBE, ["mine", "theirs"])
        await ask(client, Topic.EVENT, EventAction.SUBSCRIBE, ["mine", "theirs"])
        node = server.application.node
        assert node is not None
        await node.records.drain()
        for name in ("mine", "theirs"):
            node.records.pipelines.of(name).reader.forget(name)
        rules = OPEN.replace("read: true", "read: oldData.owner === user.id").replace(
            "subscribe: true", "subscribe: _(name).owner === user.id"
        )

        await replace(server, tmp_path, rules)

        assert await denials(client) == {
            (Topic.RECORD, RecordAction.SUBSCRIBE, "theirs"),
            (Topic.EVENT, EventAction.SUBSCRIBE, "theirs"),
        }


async def test_a_file_with_an_error_leaves_the_rules_in_force_and_says_where_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with under(CLOSED, tmp_path) as server, RawClient.connect(server.url) as client:
        await client.login({"username": "ann"})
        broken = OPEN.replace("subscribe: true", 'subscribe: "true &&"')
        for text in (broken, "record: {", OPEN.replace("rpc:", "rcp:")):
            await replace(server, tmp_path, text, until="those before stay in force")
        await client.send(Message(Topic.EVENT, EventAction.SUBSCRIBE, names=["secret/1"], correlation_id="1"))
        await client.expect(topic=Topic.EVENT, action=EventAction.MESSAGE_DENIED, name="secret/1")
    logged = capsys.readouterr().err
    assert "permissions.yml:3: event, *, subscribe, line 1, column 8" in logged
    assert "not valid YAML" in logged
    assert "there is no section 'rcp'" in logged


async def test_rules_in_the_configuration_itself_are_read_again_too(tmp_path: Path) -> None:
    rules = {"record": {"*": {"read": True}}, "event": {"*": {"subscribe": True}}}
    rules |= {"rpc": {"*": {"request": True}}, "presence": {"*": {"allow": True}}}
    permission = {"type": "config", "options": {"permissions": rules}}
    async with (
        serving(tmp_path, permission=permission) as server,
        RawClient.connect(server.url) as client,
    ):
        await client.login({"username": "ann"})
        await ask(client, Topic.EVENT, EventAction.SUBSCRIBE, ["news"])
        async with heard("Rules: read again"):
            config = tmp_path / "config.json"
            config.write_text(config.read_text().replace('{"subscribe": true}', '{"subscribe": false}'))
            server.application.reload()
        assert await denials(client) == {(Topic.EVENT, EventAction.SUBSCRIBE, "news")}


class Undecided:
    """Rules whose answer comes when it is given."""

    def __init__(self) -> None:
        self.answer: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()

    def check(self, user: User, message: Message) -> asyncio.Future[Verdict]:
        return self.answer


class NoRecords:
    def peek(self, name: str) -> None:
        return None

    async def load(self, names: Any) -> None:
        raise AssertionError("nothing needs to be loaded")


def test_rules_that_allow_everything_give_way_to_others_to_who_watches_and_to_what_is_reserved() -> None:
    denied = {"a/1": Denial.DENIED}

    class Refusing:
        def check(self, user: User, message: Message) -> Verdict:
            return denied

    ann, read = User("ann"), Message(Topic.RECORD, RecordAction.READ, name="a/1")
    rules = Rules(AllowEverything())
    heard_of: list[Any] = []
    rules.on_denied = lambda *told: heard_of.append(told)
    assert rules.check(ann, read) is None
    rules.watch(lambda rules: Refusing())
    assert rules.check(ann, read) == denied
    rules.watch(None)
    assert rules.check(ann, read) is None
    rules.replace(Refusing())
    assert rules.check(ann, read) == denied
    rules.replace(AllowEverything())
    assert rules.check(ann, read) is None
    assert heard_of == [(ann, read, denied)] * 2
    assert Rules(AllowEverything(), reserved=("a/",)).check(ann, read) == denied


async def test_a_question_that_waits_is_answered_by_the_rules_of_its_end() -> None:
    before = Undecided()
    rules = Rules(before)
    message = Message(Topic.EVENT, EventAction.SUBSCRIBE, names=["secret/1", "public"])
    verdict = rules.check(User("ann"), message)
    assert not isinstance(verdict, dict | None)
    document = {
        "record": {"*": {"read": True}},
        "event": {"*": {"subscribe": True}, "secret/*": {"subscribe": False}},
        "rpc": {"*": {"request": True}},
        "presence": {"*": {"allow": True}},
    }
    rules.replace(RuleSet(document, records=NoRecords()))
    before.answer.set_result(None)
    assert await verdict == {"secret/1": Denial.DENIED}


async def test_a_subscription_that_waits_for_its_record_meanwhile_does_not_slip_through(
    tmp_path: Path,
) -> None:
    async with under(OPEN, tmp_path) as server, RawClient.connect(server.url) as client:
        await client.login({"username": "ann"})
        node = server.application.node
        assert node is not None
        reader = node.records.pipelines.of("secret/1").reader
        store, asked, go = reader._store, asyncio.Event(), asyncio.Event()

        class Slow:
            async def load(self, names: Any) -> Any:
                asked.set()
                await go.wait()
                return await store.load(names)

        reader._store = Slow()  # type: ignore[assignment]
        subscription = Message(Topic.RECORD, RecordAction.SUBSCRIBEANDREAD, names=["secret/1"])
        await client.send(subscription)
        await asked.wait()
        async with heard("Rules: read again"):
            (tmp_path / "permissions.yml").write_text(CLOSED)
            async with heard("New rules are in force"):
                server.application.reload()
            go.set()
        await client.send(Message(Topic.CONNECTION, ConnectionAction.PING))
        told = []
        while (message := await client.receive()).topic != Topic.CONNECTION:
            told.append(message.action)
        # It was allowed to read, and no longer is by the time it would have subscribed.
        assert RecordAction.READ_RESPONSE in told
        assert RecordAction.MESSAGE_DENIED in told
        assert list(node.records.subscriptions.names()) == []


def source_at(path: Path, read: Any, use: Any) -> Source:
    return Source("Rules", path, read, use)


async def test_a_change_of_the_file_is_seen_and_one_that_changes_nothing_is_not(tmp_path: Path) -> None:
    path = tmp_path / "rules.yml"
    path.write_text("1")
    used: asyncio.Queue[str] = asyncio.Queue()
    watching = Reloading([source_at(path, path.read_text, used.put_nowait)], interval=0.005)
    try:
        os.utime(path, ns=(1, 1))
        path.write_text("2")
        assert await asyncio.wait_for(used.get(), 5) == "2"
        replacement = tmp_path / "new"
        replacement.write_text("3")
        replacement.rename(path)
        assert await asyncio.wait_for(used.get(), 5) == "3"
        os.utime(path, ns=(2, 2))
        path.unlink()
        path.write_text("4")
        assert await asyncio.wait_for(used.get(), 5) in ("4", "")
    finally:
        await watching.close()


async def test_a_touched_file_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "rules.yml"
    path.write_text("1")
    looked = asyncio.Event()
    loop, real = asyncio.get_running_loop(), reloading._look
    used: list[str] = []
    watching = Reloading([source_at(path, path.read_text, used.append)], interval=0.005)

    def look(path: Path) -> Any:
        found = real(path)
        loop.call_soon_threadsafe(looked.set)
        return found

    monkeypatch.setattr(reloading, "_look", look)
    for moment in (1, 2):  # the second look comes after whatever followed from the first one
        looked.clear()
        os.utime(path, ns=(moment, moment))
        await asyncio.wait_for(looked.wait(), 5)
    await watching.close()
    assert used == []


def test_sighup_and_a_change_of_the_file_reload_a_running_server(tmp_path: Path) -> None:
    config = configuration(permission=PERMISSION)

    async def scenario(server: Server) -> None:
        async with RawClient.connect(server.url) as client:
            await client.login({"username": "ann"})
            await ask(client, Topic.EVENT, EventAction.SUBSCRIBE, ["secret/1", "public/1"])
            (tmp_path / "permissions.yml").write_text(CLOSED)
            os.kill(server.pid, signal.SIGHUP)
            denied = {"topic": Topic.EVENT, "action": EventAction.MESSAGE_DENIED}
            await client.expect(**denied, name="secret/1", original_action=EventAction.SUBSCRIBE)
            # And without a signal: the file is looked at every other second.
            (tmp_path / "permissions.yml").write_text(CLOSED.replace("secret/*", "*c/*"))
            await client.expect(timeout=10, **denied, name="public/1")
            await client.quiet()

    with Server("fast", tmp_path, config=config, files={"permissions.yml": OPEN}) as server:
        asyncio.run(scenario(server))
        assert "Rules: read again" in server.log.read_text()
