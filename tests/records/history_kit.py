"""Databases with a history, and a record handler whose writes go into it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connections

from deepstream_project.config_history import HistoryConfig
from deepstream_protocol.topics import RecordAction
from pubsub.user import User
from records.history import History
from records.store import DatabaseStore
from tests.pubsub.kit import Client
from tests.records.kit import World
from tests.records.store_kit import postgresql_database


@pytest.fixture(scope="module")
def postgresql_with_history(django_db_blocker: Any) -> Iterator[str]:
    """The alias of a PostgreSQL database of this module's own."""
    with postgresql_database(django_db_blocker) as alias:
        yield alias


@pytest.fixture(
    params=[
        pytest.param("sqlite", marks=pytest.mark.django_db(transaction=True)),
        pytest.param("portable", marks=pytest.mark.django_db(transaction=True)),
        pytest.param("postgresql", marks=pytest.mark.postgres),
    ]
)
def using(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, django_db_blocker: Any
) -> Iterator[str]:
    """The alias of an empty database, one of each kind after the other."""
    if request.param != "postgresql":
        if request.param == "portable":
            monkeypatch.setattr("records.store._DIALECTS", {})
        yield "default"
        return
    alias = request.getfixturevalue("postgresql_with_history")
    with django_db_blocker.unblock():
        yield alias
        with connections[alias].cursor() as cursor:
            cursor.execute("TRUNCATE records_record, records_history")


class Keeping:
    """A record handler on a database, with the history on; each ``Keeping`` is a node of its own."""

    def __init__(self, using: str, node: str = "one", **history: Any) -> None:
        settings = HistoryConfig(enabled=True, **history)
        self.using = using
        self.store = DatabaseStore(using, history=History(settings, node))
        self.world = World(store=self.store, history=settings)
        self._clients: dict[str, Client] = {}

    def client(self, author: str) -> Client:
        """The client of a user."""
        client = self._clients.get(author)
        if client is None:
            client = self._clients[author] = self.world.client()
            client.connection.user = User(author)
        return client

    def say(self, author: str, action: int, name: str, **fields: Any) -> None:
        """Have a user write, without waiting for it."""
        names = action == RecordAction.SUBSCRIBECREATEANDREAD
        self.world.say(
            self.client(author), action, **({"names": [name]} if names else {"name": name}), **fields
        )

    async def do(self, author: str, action: int, name: str, **fields: Any) -> None:
        """Have a user write, and wait until that is settled."""
        self.say(author, action, name, **fields)
        await self.world.settled()

    async def set(self, name: str, data: str, author: str = "ann", **fields: Any) -> None:
        await self.do(author, RecordAction.CREATEANDUPDATE, name, version=-1, data=data, **fields)

    async def patch(self, name: str, path: str, data: str, author: str = "ann") -> None:
        await self.do(author, RecordAction.CREATEANDPATCH, name, version=-1, path=path, data=data)

    async def close(self) -> None:
        self.world.handler.close()
        await asyncio.to_thread(self.store.close)


async def in_thread(function: Any, *arguments: Any, **options: Any) -> Any:
    """Call ``function``, which asks the database, outside the event loop."""
    return await sync_to_async(function)(*arguments, **options)


Fields = Mapping[str, Any]
