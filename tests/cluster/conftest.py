"""Clusters of server processes, on a Redis and a database of their own."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.cluster.fleet import Fleet, fleet_in
from tests.conftest import require
from tests.servers import NODE_FOLDER

StartFleet = Callable[..., Fleet]


@pytest.fixture(scope="session")
def node() -> None:
    """Needed by what official clients play."""
    require(shutil.which("node"), "node on the PATH")
    require(
        (NODE_FOLDER / "node_modules" / "@deepstream" / "client").is_dir(),
        "node packages: run `npm ci` in tests/node",
    )


@pytest.fixture(scope="module")
def start_fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartFleet]:
    """Start a cluster (see ``fleet_in``); it ends with the module's last test."""
    with ExitStack() as stack:

        def start(**options: Any) -> Fleet:
            return stack.enter_context(fleet_in(tmp_path_factory.mktemp("fleet"), **options))

        yield start
