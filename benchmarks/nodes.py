"""What a cluster that is measured consists of: server processes, a Redis and a database of their own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self
from uuid import uuid4

import redis
from channels_redis.core import RedisChannelLayer
from channels_redis.pubsub import RedisPubSubChannelLayer

from benchmarks.process import family
from benchmarks.target import ENVIRONMENT, HEARTBEAT, WARN
from tests.cluster.backing import Postgres, Redis, sql
from tests.cluster.fleet import migrate
from tests.servers import Server, configuration, migrated_database

LAYERS: dict[str, Any] = {"pubsub": RedisPubSubChannelLayer, "core": RedisChannelLayer}
STORAGES = ("sqlite", "postgres")


@dataclass(frozen=True, slots=True)
class Nodes:
    """The server processes of one cluster, and what they share, for as long as a round takes."""

    servers: Sequence[Server]
    layer: str
    redis_url: str
    redis_pids: Sequence[int]
    database_pids: Sequence[int]

    @property
    def urls(self) -> list[str]:
        """The address of each node."""
        return [server.url for server in self.servers]

    @property
    def pids(self) -> list[int]:
        """The process of each node."""
        return [server.pid for server in self.servers]

    def open_layer(self) -> Any:
        """A channel layer on which this process hears the nodes."""
        return LAYERS[self.layer](hosts=[self.redis_url], prefix="deepstream")


class Ground:
    """A Redis and a database that nobody else uses; as a context manager they run while it is entered."""

    def __init__(self, *, layer: str, storage: str) -> None:
        self._layer = layer
        self._storage = storage
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            enter = stack.enter_context
            self._folder = Path(enter(TemporaryDirectory(prefix="benchmark-cluster-")))
            self._redis, self._redis_pids = self._started(stack, lambda: Redis(self._folder / "redis"))
            self._postgres: Postgres | None = None
            self._database_pids: list[int] = []
            if self._storage == "postgres":
                self._postgres, self._database_pids = self._started(stack, Postgres)
                migrate(self._postgres.url, self._folder)
            else:
                self._template = migrated_database(self._folder)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @contextmanager
    def nodes(self, count: int) -> Iterator[Nodes]:
        """``count`` fresh processes on an empty database; on leaving they are killed."""
        with TemporaryDirectory(prefix="nodes-", dir=self._folder) as folder, ExitStack() as stack:
            redis.Redis.from_url(self._redis.url).flushall()
            url = stack.enter_context(self._database(Path(folder)))
            servers = [self._server(Path(folder) / f"node-{number}", url) for number in range(count)]
            with ThreadPoolExecutor(count) as pool:
                for server in servers:
                    stack.callback(_kill, server)
                list(pool.map(Server.start, servers))
            yield Nodes(servers, self._layer, self._redis.url, self._redis_pids, self._database_pids)

    @contextmanager
    def _database(self, folder: Path) -> Iterator[str]:
        """A copy of the migrated database."""
        if self._postgres is None:
            shutil.copyfile(self._template, folder / "shared.sqlite3")
            yield f"sqlite:///{folder / 'shared.sqlite3'}"
            return
        name = f"round_{uuid4().hex}"
        admin = self._postgres.url.removesuffix("postgres") + "template1"
        sql(admin, f"CREATE DATABASE {name} TEMPLATE postgres")
        try:
            yield self._postgres.url.removesuffix("postgres") + name
        finally:
            sql(admin, f"DROP DATABASE {name} WITH (FORCE)")

    def _server(self, folder: Path, database: str) -> Server:
        environment = ENVIRONMENT | {
            "DATABASE_URL": database,
            "REDIS_URL": self._redis.url,
            "SECRET_KEY": "the same for all nodes of a cluster",
        }
        if self._layer == "core":
            environment["DJANGO_SETTINGS_MODULE"] = "benchmarks.core_layer"
        return Server(
            "fast",
            folder,
            template=Path(os.devnull),
            config=configuration(endpoint={"heartbeatInterval": HEARTBEAT}, logLevel=WARN)
            | {"serverName": folder.name},
            arguments=("--log-level", "WARN"),
            environment=environment,
        )

    @staticmethod
    def _started(stack: ExitStack, make: Any) -> tuple[Any, list[int]]:
        """What ``make`` makes, entered, and the processes that this has started."""
        before = set(family(os.getpid()))
        made = stack.enter_context(make())
        return made, [min(set(family(os.getpid())) - before)]


def _kill(server: Server) -> None:
    if server.is_running():
        server.kill()
