"""Servers for old clients, ours of both kinds; a test module overrides ``config`` and ``files``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.servers import Server, configuration, migrated_database

KINDS = ("fast", "daphne")


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file."""
    return migrated_database(tmp_path_factory.mktemp("template"))


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    return configuration()


@pytest.fixture(scope="module")
def files() -> Mapping[str, str]:
    return {}


@pytest.fixture(scope="module", params=KINDS)
def server(
    request: pytest.FixtureRequest,
    config: dict[str, Any],
    files: Mapping[str, str],
    template: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Server]:
    """One server for all tests of a module."""
    folder = tmp_path_factory.mktemp(request.param)
    with Server(request.param, folder, template=template, config=config, files=files) as server:
        yield server
        assert server.is_healthy(), server.log_tail()


@pytest.fixture
def wrong_kind(server: Server) -> int:
    """The close code for a frame of the wrong kind: Daphne sends none of those below 3000 but 1000."""
    return 4003 if server.kind == "daphne" else 1003


@pytest.fixture
def policy(server: Server) -> int:
    """The close code for what is against the rules."""
    return 4008 if server.kind == "daphne" else 1008
