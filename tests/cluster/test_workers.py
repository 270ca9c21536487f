"""``deepstream start --workers N``: several processes on one port and one SQLite file, as one server."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack, closing
from io import StringIO
from pathlib import Path
from typing import Any

import orjson
import pytest
from channels.layers import InMemoryChannelLayer
from django.core.management import CommandError, call_command

from deepstream_project.backends import layers_on
from deepstream_protocol.message import Message
from deepstream_protocol.topics import RecordAction, Topic
from tests.cluster.backing import Redis
from tests.cluster.fleet import Assembly
from tests.cluster.population import Counter, hears, until
from tests.robustness.client import Client
from tests.robustness.crowd import Crowd
from tests.robustness.vitals import Vitals
from tests.servers import ROOT, Server, configuration, django_environment, migrated_database

pytestmark = [pytest.mark.redis, pytest.mark.xdist_group("cluster-workers")]

WORKERS = 2
CLIENTS, TIMES = 30, 4
DEADLINE = 30.0
RULES = """\
record: {"*": {create: true, read: true, write: true, delete: true, listen: true, notify: true}}
event: {"*": {publish: true, subscribe: true, listen: true}}
rpc: {"*": {provide: true, request: true}}
presence: {"*": {allow: true}}
"""


class Team:
    """A server with several workers; ``one`` is its parent."""

    def __init__(self, folder: Path, redis: Redis) -> None:
        config = configuration(
            clusterNode={"name": "redis", "options": {"url": redis.url}},
            serverName="team",
            permission={"type": "config", "options": {"permissions": "fileLoad(permissions.yml)"}},
        )
        flags = ("--workers", str(WORKERS))
        files = {"permissions.yml": RULES}
        self.one = Server("fast", folder, config=config, files=files, arguments=flags)
        self._assembly = Assembly(redis.url)

    def start(self) -> None:
        """Have all workers serve."""
        if not self.one.is_running():
            self.one.start()
        self.settle()

    def settle(self) -> None:
        """Wait until all workers know each other."""
        self._assembly.settle(WORKERS)

    def close(self) -> None:
        """End it."""
        if self.one.is_running():
            self.one.stop()
        self._assembly.close()

    @property
    def pids(self) -> list[int]:
        """The processes of the workers."""
        return children(self.one.pid)


def children(pid: int) -> list[int]:
    """The children of a process."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_alive(pid: int) -> bool:
    """Whether there is such a process, and it is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture(scope="module")
def module_team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    folder = tmp_path_factory.mktemp("team")
    with Redis(folder / "redis") as redis:
        team = Team(folder / "server", redis)
        yield team
        team.close()


@pytest.fixture
def team(module_team: Team) -> Team:
    """The module's server, with all its workers."""
    module_team.start()
    return module_team


async def reach_all(stack: AsyncExitStack, team: Team, count: int) -> list[Client]:
    """``count`` clients of all workers."""
    before = {pid: Vitals(pid).descriptors for pid in team.pids}
    crowd = await stack.enter_async_context(Crowd(team.one.port))
    clients = await crowd.login_many(count)
    assert all(Vitals(pid).descriptors > number for pid, number in before.items()), "a worker got nobody"
    return clients


async def test_workers_share_the_port_and_a_sqlite_database_as_one_server(team: Team) -> None:
    names = ["counter/a", "counter/b"]
    async with AsyncExitStack() as stack:
        clients = await reach_all(stack, team, CLIENTS)
        for name in names:
            create = Message(
                Topic.RECORD, RecordAction.CREATEANDUPDATE, name=name, version=-1, data='{"n":0}'
            )
            await clients[0].write(create)
        counters = [Counter(client, random.Random()) for client in clients]
        async with asyncio.timeout(2 * DEADLINE):
            await asyncio.gather(*(counter.increment(names, TIMES) for counter in counters))
        for client in clients[1:5]:
            await hears(clients[0], client, DEADLINE)
    rows = team.one.sql("SELECT version, data FROM records_record WHERE name LIKE 'counter/%'")
    number = CLIENTS * TIMES
    assert [(version, orjson.loads(data)) for version, data in rows] == [(number + 1, {"n": number})] * 2


async def test_a_worker_that_dies_is_started_again_and_the_others_go_on(team: Team) -> None:
    async with AsyncExitStack() as stack:
        clients = await reach_all(stack, team, CLIENTS)
        victim, *others = team.pids
        os.kill(victim, signal.SIGKILL)
        await until(lambda: any(client.closed.done() for client in clients), "the loss", DEADLINE)
        left = [client for client in clients if not client.closed.done()]  # the next ones may be lost as well
        answers = await asyncio.gather(*(client.ping() for client in left), return_exceptions=True)
        survivors = [client for client, answer in zip(left, answers, strict=True) if answer is None]
        assert survivors
        await until(lambda: len(team.pids) == WORKERS and victim not in team.pids, "another one", DEADLINE)
        await asyncio.to_thread(team.settle)
        assert set(others) < set(team.pids)
        await asyncio.gather(*(client.ping() for client in survivors))


async def test_sigusr1_replaces_one_worker_after_the_other_and_somebody_always_listens(team: Team) -> None:
    before = set(team.pids)
    os.kill(team.one.pid, signal.SIGUSR1)
    lowest = WORKERS
    while before & set(team.pids):
        client = await Client.login(team.one.port)
        client.close()
        lowest = min(lowest, len(team.pids))
        await asyncio.sleep(0.01)
    assert lowest == WORKERS
    await until(lambda: len(team.pids) == WORKERS, "the end of the last one", DEADLINE)
    await asyncio.to_thread(team.settle)
    assert team.one.log_tail().count("All workers were restarted") >= 1


async def test_sighup_is_passed_on_to_all_workers(team: Team) -> None:
    def read_again() -> int:
        return team.one.log.read_text().count("New rules are in force")

    before = read_again()
    os.kill(team.one.pid, signal.SIGHUP)
    await until(lambda: read_again() == before + WORKERS, "all to read the rules again", DEADLINE)


async def test_sigterm_ends_all_workers_as_it_ends_one(team: Team) -> None:
    pids = team.pids
    async with AsyncExitStack() as stack:
        clients = await reach_all(stack, team, CLIENTS)
        assert await asyncio.to_thread(team.one.stop) == 0
        assert {await client.closed for client in clients} == {1001}
    assert not any(map(is_alive, pids))


async def test_the_workers_end_when_their_parent_is_killed(team: Team) -> None:
    pids = team.pids
    async with AsyncExitStack() as stack:
        clients = await reach_all(stack, team, CLIENTS)
        os.kill(team.one.pid, signal.SIGKILL)
        assert {await client.closed for client in clients} == {1001}
    await until(lambda: not any(map(is_alive, pids)), "the end of all", DEADLINE)


# What is refused


def refused(folder: Path, *flags: str, more: str = "") -> str:
    """Why ``deepstream start`` gives up before it starts anything."""
    (folder / "config.yml").write_text(f"showLogo: false\n{more}")
    with pytest.raises(CommandError) as refusal:
        call_command("deepstream", "start", "-c", str(folder), "--host", "127.0.0.1", *flags)
    return str(refusal.value)


class OtherLayer(InMemoryChannelLayer):
    """A channel layer that, for all the server knows, others can reach, and that is on no Redis."""


@pytest.fixture
def shared(settings: Any) -> None:
    """A channel layer that other processes could reach."""
    settings.CHANNEL_LAYERS = layers_on("redis://127.0.0.1:1/0")


def test_workers_without_a_way_between_them_are_refused(tmp_path: Path, settings: Any) -> None:
    settings.CHANNEL_LAYERS = layers_on(None)
    assert "Set REDIS_URL, or clusterNode" in refused(tmp_path, "--workers", "2", "--port", "0")


def test_fewer_than_one_worker_are_refused(tmp_path: Path, shared: None) -> None:
    assert "at least one" in refused(tmp_path, "--workers", "0", "--port", "0")


def test_workers_are_refused_where_the_kernel_does_not_spread_connections(
    tmp_path: Path, shared: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert "SO_REUSEPORT" in refused(tmp_path, "--workers", "2", "--port", "0")


def test_a_port_that_another_server_has_is_not_shared_with_it(tmp_path: Path, shared: None) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        assert "Choose another port with --port" in refused(tmp_path, "--workers", "2", "--port", port)


@pytest.mark.django_db
def test_records_that_are_never_stored_are_refused_where_several_processes_have_no_redis(
    tmp_path: Path, settings: Any
) -> None:
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "tests.cluster.test_workers.OtherLayer"}}
    prefixes, reason = "record: {storageExclusionPrefixes: [tmp/]}\n", "share such records through Redis"
    assert reason in refused(tmp_path, "--port", "0", more=prefixes)
    errors = StringIO()
    with pytest.raises(CommandError, match="1 problem"):
        call_command("deepstream", "check", "-c", str(tmp_path), stderr=errors)
    assert reason in errors.getvalue()


def test_if_no_worker_can_start_the_reason_is_logged_and_nothing_is_tried_again(tmp_path: Path) -> None:
    environment = os.environ | django_environment(tmp_path / "empty.sqlite3", tmp_path)
    environment |= {"REDIS_URL": "redis://127.0.0.1:1/0"}
    command = [sys.executable, "manage.py", "deepstream", "start", "--host", "127.0.0.1", "--port", "0"]
    done = subprocess.run(
        [*command, "--workers", "2"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 1
    assert "run `manage.py migrate` first" in done.stderr
    assert "did not start (exit status 1)" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_a_server_that_cannot_begin_does_not_blame_its_port(tmp_path: Path) -> None:
    """Here no rules are in force, though some were before."""
    database = migrated_database(tmp_path)
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(
            "INSERT INTO permissions_rule_set (state, source, content_hash, problems, author, comment,"
            " created_at, activated_by, activation_comment)"
            " VALUES ('past', '', '', '[]', '', '', '2026-01-01', '', '')"
        )
    (tmp_path / "config.yml").write_text("permission: {type: database}\n")
    done = subprocess.run(
        [sys.executable, "manage.py", "deepstream", "start", "-c", str(tmp_path), "--port", "0"],
        cwd=ROOT,
        env=os.environ | django_environment(database, tmp_path),
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert "No rule set is active in the database" in done.stderr
    assert done.stderr.splitlines()[-1] == "CommandError: The server did not start; the log above says why."
