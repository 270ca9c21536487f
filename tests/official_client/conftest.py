"""Which servers the official clients judge, and the fixtures that start them.

``OFFICIAL_CLIENT_SERVERS=reference`` (a list, by default ``fast,daphne``) runs the same scenarios
against the npm server, to tell a wrong scenario from a wrong server.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.official_client.reference import DIFFERENCES, NO_JSON
from tests.official_client.scenarios import WIRES, Runner
from tests.servers import NODE_FOLDER, Server, configuration, migrated_database

KINDS = os.environ.get("OFFICIAL_CLIENT_SERVERS", "fast,daphne").split(",")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give every test that takes a ``runner`` or a ``kind`` each server, and each wire format."""
    if {"runner", "server", "kind"} & set(metafunc.fixturenames):
        metafunc.parametrize("kind", KINDS, scope="module")
    if "runner" in metafunc.fixturenames:
        metafunc.parametrize("wire", getattr(metafunc.module, "WIRES", WIRES), scope="module")


@pytest.fixture(scope="session")
def node() -> None:
    """Skip what needs Node.js and the packages in tests/node where they are absent."""
    if shutil.which("node") is None:
        pytest.skip("needs node on the PATH")
    if not (NODE_FOLDER / "node_modules" / "@deepstream" / "client").is_dir():
        pytest.skip("needs node packages: run `npm ci` in tests/node")


@pytest.fixture(scope="session")
def template_database(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """Return a function that gives the session's migrated SQLite file, made when first asked for."""
    folder = tmp_path_factory.mktemp("template")

    def database() -> Path:
        path = folder / "template.sqlite3"
        return path if path.exists() else migrated_database(folder)

    return database


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    """The server's configuration; a test module overrides it with its own."""
    return configuration()


@pytest.fixture(scope="module")
def files() -> Mapping[str, str]:
    """Files beside the configuration; a test module overrides it with its own."""
    return {}


@pytest.fixture(scope="session")
def start(
    node: None, template_database: Callable[[], Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Server]:
    """Return a function that gives a server of a kind in a folder of its own, to be entered."""

    def started(kind: str, config: dict[str, Any], files: Mapping[str, str]) -> Server:
        template = None if kind == "reference" else template_database()
        return Server(kind, tmp_path_factory.mktemp(kind), template=template, config=config, files=files)

    return started


@pytest.fixture(scope="session")
def plain(start: Callable[..., Server]) -> Iterator[Callable[[str], Server]]:
    """Return a function that gives the running server of a kind for modules that configure nothing.

    They share it as they share a cluster's nodes in ``tests/cluster``: none minds what others leave behind.
    """
    with ExitStack() as stack:
        yield cache(lambda kind: stack.enter_context(start(kind, configuration(), {})))


@pytest.fixture(scope="module")
def server(
    kind: str,
    config: dict[str, Any],
    files: Mapping[str, str],
    start: Callable[..., Server],
    plain: Callable[[str], Server],
) -> Iterator[Server]:
    """One server for all of a module's scenarios."""
    if config == configuration() and not files:
        yield plain(kind)
        return
    with start(kind, config, files) as server:
        yield server


@pytest.fixture(scope="module")
def runner(request: pytest.FixtureRequest, server: Server, wire: str) -> Iterator[Runner]:
    """The Node process that plays ``MODULE``, a test module's constant, against its server."""
    runner = Runner(request.module.MODULE, server, wire, server.folder / f"node-{wire}.log")
    yield runner
    runner.close()


@pytest.fixture
def play(request: pytest.FixtureRequest, runner: Runner, kind: str, wire: str) -> Callable[[str], None]:
    """Play a scenario; on the reference server one where it differs from the protocol must fail."""

    def run(sentence: str) -> None:
        if kind == "reference":
            if wire == "json":
                pytest.skip(NO_JSON)
            if reason := DIFFERENCES.get(sentence):
                request.applymarker(pytest.mark.xfail(reason=reason, strict=True))
        runner.run(sentence)

    return run
