"""Several server processes that are one server: on a Redis and a database of the test's own."""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

from channels_redis.pubsub import RedisPubSubChannelLayer
from redis.exceptions import RedisError

from cluster.bus import GROUP
from tests.cluster.backing import Postgres, Redis, database, sql
from tests.servers import ROOT, Server, ServerFailed, configuration, django_environment

DEADLINE = 40.0
QUICK = {"heartbeatInterval": 300, "nodeTimeout": 1500}
"""Nodes that are missed sooner than by default (2 and 6 s)."""


def migrate(url: str, var: Path) -> None:
    """Make the tables in the database at ``url``."""
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    environment = os.environ | django_environment(var / "unused", var) | {"DATABASE_URL": url}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ServerFailed(f"migrate failed\n{done.stdout}{done.stderr}")


@cache
def migrated_once() -> str:
    """A database with the tables, for as long as this process: those of all fleets are copies of it.

    To migrate takes as long as to start a node.
    """
    keep = ExitStack()
    atexit.register(keep.close)
    url = keep.enter_context(database())
    with TemporaryDirectory() as folder:
        migrate(url, Path(folder))
    return url


class Fleet:
    """The nodes of one cluster, each on a port of its own; ``options`` are those of ``clusterNode``.

    As a context manager it is started on entering and stopped on leaving.
    """

    def __init__(
        self,
        folder: Path,
        *,
        redis: Redis,
        database: str,
        postgres: Postgres | None = None,
        size: int = 3,
        config: Mapping[str, Any] | None = None,
        files: Mapping[str, str] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self.folder = folder
        self.redis = redis
        self.database = database
        self.postgres = postgres
        self.nodes = [
            Server(
                "fast",
                folder / f"node{number}",
                template=Path(os.devnull),
                config=(config or configuration())
                | {
                    "serverName": f"node-{number}",
                    "clusterNode": {"name": "redis", "options": {"url": redis.url, **(options or {})}},
                },
                files=files,
                environment={"DATABASE_URL": database, "SECRET_KEY": "the same for all nodes of a cluster"},
            )
            for number in range(size)
        ]
        self._assembly = Assembly(redis.url)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._each(lambda node: node.stop() if node.is_running() else None)
        self._assembly.close()

    @property
    def urls(self) -> list[str]:
        """The WebSocket addresses, without a path."""
        return [node.url for node in self.nodes]

    @property
    def ports(self) -> list[int]:
        """The port of each node."""
        return [node.port for node in self.nodes]

    def start(self) -> None:
        """Start the nodes that do not run, and wait until all know each other."""
        self._each(lambda node: None if node.is_running() else node.start())
        self.settle()

    def kill(self) -> None:
        """End all nodes without a word."""
        self._each(Server.kill)

    def stop(self) -> None:
        """End all nodes as their operator does."""
        self._each(Server.stop)

    def roll(self) -> None:
        """Restart all nodes, one after the other."""
        for node in self.nodes:
            node.restart()
        self.settle()

    def settle(self) -> None:
        """Wait until each node knows what every other one said until now."""
        self._assembly.settle(sum(node.is_running() for node in self.nodes))

    def sql(self, statement: str, *parameters: Any) -> list[Any]:
        """Run a statement, with ``?`` for its parameters, behind the servers' backs; JSON comes as text."""
        rows = sql(self.database, statement.replace("?", "%s"), parameters)
        return [
            [json.dumps(value) if isinstance(value, dict | list) else value for value in row] for row in rows
        ]

    def write(self, name: str, text: str) -> None:
        """Write a file beside every node's configuration."""
        for node in self.nodes:
            (node.folder / name).write_text(text)

    def read(self, name: str) -> str:
        """A file beside the configuration."""
        return (self.nodes[0].folder / name).read_text()

    def is_running(self) -> bool:
        """Whether all nodes live."""
        return all(node.is_running() for node in self.nodes)

    def log_tail(self) -> str:
        """The end of what each node logged."""
        return "\n".join(node.log_tail() for node in self.nodes)

    def _each(self, act: Callable[[Server], object]) -> None:
        with ThreadPoolExecutor(len(self.nodes)) as pool:
            list(pool.map(act, self.nodes))


@contextmanager
def fleet_in(folder: Path, *, stoppable: bool = False, **options: Any) -> Iterator[Fleet]:
    """A cluster on a Redis and a database of its own; ``stoppable``: the PostgreSQL is its own as well."""
    with Redis(folder / "redis") as redis, ExitStack() as stack:
        postgres = stack.enter_context(Postgres()) if stoppable else None
        if postgres:
            url = postgres.url
            migrate(url, folder / "var")
        else:
            url = stack.enter_context(database(like=migrated_once()))
        fleet = Fleet(folder, redis=redis, database=url, postgres=postgres, **options)
        yield stack.enter_context(fleet)


class Assembly:
    """A process that is no node, as ``cluster.outside`` is one, which has all nodes ask each other something.

    Between two nodes nothing overtakes: who has answered knows all that was said to it before.
    """

    def __init__(self, redis: str) -> None:
        self._redis = redis
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._layer: RedisPubSubChannelLayer | None = None
        self._channel = ""

    def settle(self, count: int) -> None:
        """Return when ``count`` nodes are there, and each had the answer of every other one."""
        asyncio.run_coroutine_threadsafe(self._settle(count), self._loop).result(2 * DEADLINE)

    def close(self) -> None:
        """Disconnect."""
        asyncio.run_coroutine_threadsafe(self._leave(), self._loop).result(DEADLINE)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _settle(self, count: int) -> None:
        async with asyncio.timeout(DEADLINE):
            while not await self._try(count):  # noqa: ASYNC110 - nodes come by themselves
                await asyncio.sleep(0.02)

    async def _try(self, count: int) -> bool:
        if self._layer is None:
            self._layer = RedisPubSubChannelLayer(hosts=[self._redis], prefix="deepstream")
            self._channel = await self._layer.new_channel("test")
        try:
            return await self._is_settled(count)
        except RedisError:  # it was stopped since the last time
            await self._leave()
            return False

    async def _is_settled(self, count: int) -> bool:
        """Whether ``count`` nodes answered, each with an answer of all."""
        assert self._layer is not None
        await self._layer.group_send(GROUP, self._question("hello", everywhere=False))
        nodes = [answer["from"] for answer in await self._answers("hello", count)]
        for node in nodes:
            await self._layer.send(node, self._question("settle", everywhere=True))
        answers = await self._answers("settle", len(nodes))
        return len(nodes) == count and all(len(answer["outcomes"]) == count for answer in answers)

    async def _answers(self, id: str, count: int) -> list[dict[str, Any]]:
        """Up to ``count`` answers, as many as come within a second."""
        assert self._layer is not None
        found: list[dict[str, Any]] = []
        try:
            async with asyncio.timeout(1.0):
                while len(found) < count:
                    answer = await self._layer.receive(self._channel)
                    if answer["id"] == f"{id}-{self._round}":
                        found.append(answer)
        except TimeoutError:
            pass
        return found

    _round = 0

    def _question(self, id: str, *, everywhere: bool) -> dict[str, Any]:
        if id == "hello":
            self._round += 1
        return {
            "type": "deepstream.question",
            "id": f"{id}-{self._round}",
            "reply": self._channel,
            "operation": "node.hello",
            "arguments": b"{}",
            "node": None,
            "everywhere": everywhere,
            "timeout": DEADLINE,
        }

    async def _leave(self) -> None:
        layer, self._layer = self._layer, None
        if layer is not None:
            with suppress(RedisError):
                await layer.flush()
