"""The servers that are measured, each started as a process of its own in a fresh folder."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from benchmarks.load import Load
from deepstream_project.compiled import SWITCH
from tests.servers import Server, configuration, migrated_database

HEARTBEAT = 240_000
"""Milliseconds between pings: no load runs that long, so every frame that arrives belongs to it."""

WARN = 2
ENVIRONMENT = {"LOG_LEVEL": "WARNING", "NODE_ENV": "production"}


COMPILED = "compiled"
DAPHNE_COMPILED = "daphne-compiled"
CHANNELS = "channels"
FLOOR = "daphne-floor"
FAST_FLOOR = "fast-floor"

EVENTS_AND_LOGINS = frozenset(
    ("events-1-to-100", "events-1-to-1000", "events-50-to-100", "one-at-a-time", "paced-30000", "login")
)

ON_THE_FLOOR = EVENTS_AND_LOGINS | {"writes-acknowledged", "rpc-50-to-1"}
ON_THE_FAST_FLOOR = frozenset(("writes-acknowledged", "login"))


class ChannelsServer(Server):
    """A plain Channels application (benchmarks/channels_application.py) as a server."""

    def _command(self) -> list[str]:
        address = ["--host", "127.0.0.1", "--port", str(self.port)]
        quiet = ["--log-level", "warning", "--no-access-log", "--ws-ping-interval", str(HEARTBEAT // 1000)]
        return [
            sys.executable,
            "-m",
            "uvicorn",
            "benchmarks.channels_application:application",
            *address,
            *quiet,
        ]


class FloorServer(Server):
    """The least that an application on Daphne can be (benchmarks/floor_application.py) as a server."""

    def _command(self) -> list[str]:
        address = ["-b", "127.0.0.1", "-p", str(self.port)]
        return [
            sys.executable,
            "-m",
            "daphne",
            "-v",
            "0",
            *address,
            "benchmarks.floor_application:application",
        ]


class FastFloorServer(Server):
    """The least server in Python that stores writes (benchmarks/floor_server.py)."""

    def _command(self) -> list[str]:
        return [sys.executable, "-m", "benchmarks.floor_server", str(self.port)]


OTHER_SERVERS: dict[str, type[Server]] = {
    CHANNELS: ChannelsServer,
    FLOOR: FloorServer,
    FAST_FLOOR: FastFloorServer,
}
"""Kinds that are not those of the tests."""


@dataclass(frozen=True, slots=True)
class Target:
    """A kind of server (tests/servers.py) and what is different about it here.

    ``loads`` are the names of the loads that it understands, if not all. ``is_compiled``: it runs the
    compiled build, which has to be there.
    """

    name: str
    kind: str
    about: str
    http_service: str | None = None
    arguments: tuple[str, ...] = ()
    loads: frozenset[str] | None = None
    is_compiled: bool = False

    def takes(self, load: Load) -> bool:
        """Whether this server understands what ``load`` says."""
        return self.loads is None or load.name in self.loads

    @property
    def is_reference(self) -> bool:
        """Whether it is the npm server, which has to be installed."""
        return self.kind == "reference"

    @contextmanager
    def running(
        self, template: Callable[[], Path], *, server_class: type[Server] | None = None, **sections: Any
    ) -> Iterator[Server]:
        """A server with open rules that logs warnings only; ended, and its folder removed, on leaving.

        ``sections`` of the configuration are added to that. ``server_class``: for one that is run otherwise.
        """
        with TemporaryDirectory(prefix=f"benchmark-{self.name}-") as folder:
            server = (server_class or OTHER_SERVERS.get(self.kind, Server))(
                self.kind,
                Path(folder),
                template=None if self.is_reference else template(),
                config=configuration(endpoint={"heartbeatInterval": HEARTBEAT}, logLevel=WARN) | sections,
                arguments=self.arguments,
                environment=ENVIRONMENT | {SWITCH: str(int(self.is_compiled))},
            )
            if self.http_service is not None:
                _configure_reference(server.folder / "config.yml", self.http_service)
            server.start()
            try:
                yield server
            finally:
                server.kill()  # with thousands of connections open, and nothing to keep


def _configure_reference(path: Path, http_service: str) -> None:
    """Choose the HTTP service, and the log level by number: the reference server ignores it by name."""
    config: dict[str, Any] = yaml.safe_load(path.read_text())
    config["httpServer"]["type"] = http_service
    config["logLevel"] = WARN
    path.write_text(yaml.safe_dump(config))


class Template:
    """The migrated database that each server starts with a copy of; made when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path: Path | None = None

    def __call__(self) -> Path:
        """The path of the database."""
        if self._path is None:
            self._path = migrated_database(self._folder)
        return self._path


TARGETS = {
    target.name: target
    for target in (
        Target("fast", "fast", "manage.py deepstream start", arguments=("--log-level", "WARN")),
        Target(
            COMPILED,
            "fast",
            "the same with its compiled build",
            arguments=("--log-level", "WARN"),
            is_compiled=True,
        ),
        Target("daphne", "daphne", "the same application on Daphne", arguments=("-v", "0")),
        Target(
            DAPHNE_COMPILED,
            "daphne",
            "the same with the compiled build, on Daphne",
            arguments=("-v", "0"),
            is_compiled=True,
        ),
        Target("reference-ws", "reference", "the npm server on its ws service", http_service="default"),
        Target("reference-uws", "reference", "the npm server on its uws service", http_service="uws"),
        Target(
            FLOOR,
            FLOOR,
            "the least that an application on Daphne can do",
            loads=ON_THE_FLOOR,
        ),
        Target(
            FAST_FLOOR,
            FAST_FLOOR,
            "the least that a server in Python can do which stores",
            loads=ON_THE_FAST_FLOOR,
        ),
        Target(CHANNELS, CHANNELS, "a plain Channels application with group_send", loads=EVENTS_AND_LOGINS),
    )
}
