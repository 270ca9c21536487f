"""Servers for this folder's tests, and the numbers that they print."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import uvloop

from tests.conftest import require
from tests.servers import Server, configuration, migrated_database

Report = Callable[[str, object], None]
StartServer = Callable[..., Server]


def pytest_asyncio_loop_factories(
    item: pytest.Item,
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """uvloop for this folder: the clients of a test shall not be slower than the server."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture
def report(request: pytest.FixtureRequest, record_property: Callable[[str, object], None]) -> Report:
    """Print a measured value (shown by ``-s`` or ``-rA``) and keep it in the test's properties."""

    def tell(key: str, value: object) -> None:
        record_property(key, str(value))
        print(f"{request.node.name}: {key}: {value}")

    return tell


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database, to be copied."""
    return migrated_database(tmp_path_factory.mktemp("template"))


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    """The servers' configuration; a test module overrides it with its own."""
    return configuration()


@pytest.fixture(scope="module")
def start_server(
    template: Path, config: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StartServer]:
    """Start a server on a database of its own (options as in a URL); it ends with the module's last test."""
    require(sys.platform == "linux", "Linux's /proc, to see what a process holds")
    with ExitStack() as stack:

        def start(*, database: str = "", copied_from: Path = template) -> Server:
            folder = tmp_path_factory.mktemp("server")
            url = f"sqlite:///{folder / 'deepstream.sqlite3'}?{database}"
            server = Server(
                "fast", folder, template=copied_from, config=config, environment={"DATABASE_URL": url}
            )
            return stack.enter_context(server)

        yield start


@pytest.fixture(scope="module")
def module_server(start_server: StartServer) -> Server:
    """One server for a whole module."""
    return start_server()


@pytest.fixture
def server(module_server: Server) -> Server:
    """The module's server, started again where an earlier test left it ill: each test stands for itself."""
    if not module_server.is_running():
        module_server.start()
    elif not module_server.is_healthy():
        module_server.kill()
        module_server.start()
    return module_server
