"""The servers that scripts are played against, one of each kind and setting, started when first needed."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.conftest import require
from tests.reference.settings import FILES, configured
from tests.servers import NODE_FOLDER, Server, migrated_database

Servers = Callable[[str, str], Server]


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Give the running server of a kind and a setting."""
    running: dict[tuple[str, str], Server] = {}
    templates: list[Path] = []

    def template() -> Path:
        if not templates:
            templates.append(migrated_database(tmp_path_factory.mktemp("template")))
        return templates[0]

    with ExitStack() as stack:

        def get(kind: str, setting: str) -> Server:
            if kind == "reference":
                require(shutil.which("node"), "node on the PATH")
                installed = (NODE_FOLDER / "node_modules" / "@deepstream" / "server").is_dir()
                require(installed, "the reference server: run `npm ci` in tests/node")
            if (kind, setting) not in running:
                server = Server(
                    kind,
                    tmp_path_factory.mktemp(f"{kind}-{setting}"),
                    template=None if kind == "reference" else template(),
                    config=configured(kind, setting),
                    files=FILES,
                )
                running[kind, setting] = stack.enter_context(server)
            return running[kind, setting]

        yield get
