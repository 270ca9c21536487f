"""A live server with an operator, a viewer and others, and HTTP clients that have their tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.official_client.users import AUTH, USERS
from tests.rest.kit import add_user, as_user
from tests.servers import Server, configuration, migrated_database

WHO = {
    "root": None,
    "vera": "viewer",
    "otto": "operator",
    "rita": "rule editor",
    "ada": "administrator",
}
"""The users, and the group of each; root may everything."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each server is started by one worker only."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            named = "rest-described" if item.path.stem == "test_description" else "rest"
            item.add_marker(pytest.mark.xdist_group(named))


def rest_server(folder: Path) -> Server:
    """A server with these users; its rules come from the database, and it has no limit of requests."""
    config = configuration(
        permission={"type": "database"},
        serverName="one",
        auth=[*AUTH, {"type": "none"}],
        record={"history": {"enabled": True}},
    )
    server = Server(
        "fast",
        folder,
        template=migrated_database(folder),
        config=config,
        files={"users.yml": USERS},
        environment={"REST_RATE": "0"},
    )
    for name, group in WHO.items():
        add_user(server, name, group)
    return server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for nearly all tests here."""
    with rest_server(tmp_path_factory.mktemp("rest")) as server:
        yield server


@pytest.fixture(scope="session")
def user(server: Server) -> Iterator[Callable[[str], httpx.Client]]:
    """A client for one of the users by name."""
    clients: dict[str, httpx.Client] = {}

    def client(name: str) -> httpx.Client:
        if name not in clients:
            clients[name] = as_user(server, name)
        return clients[name]

    yield client
    for one in clients.values():
        one.close()


@pytest.fixture
def rest(user: Callable[[str], httpx.Client]) -> httpx.Client:
    """The client of one who may everything."""
    return user("root")
