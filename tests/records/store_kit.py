"""Every store there is, as a fixture: in memory, in Redis, and Django's databases with each way to write."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
from django.core.management import call_command
from django.db import connections
from redis.asyncio import Redis
from redis.exceptions import RedisError

from cluster.volatile import RedisStore
from records.storage import MemoryStore, RecordStore
from records.store import DatabaseStore
from tests.conftest import require

POSTGRES_URL = os.environ.get("TEST_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/postgres")
REDIS_URL = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/0")

DATABASES = [
    pytest.param("sqlite", marks=pytest.mark.django_db(transaction=True)),
    pytest.param("portable", marks=pytest.mark.django_db(transaction=True)),
    pytest.param("postgresql", marks=pytest.mark.postgres),
]

MakeStore = Callable[[], RecordStore]
"""Makes another store on the same records, as another node has one."""


@pytest.fixture(scope="module")
def postgresql(django_db_blocker: Any) -> Iterator[str]:
    """The alias of a PostgreSQL database of this module's own."""
    with postgresql_database(django_db_blocker) as alias:
        yield alias


@contextmanager
def postgresql_database(django_db_blocker: Any) -> Iterator[str]:
    """Make a migrated PostgreSQL database that Django knows by the alias that is yielded."""
    alias = f"deepstream_records_{uuid4().hex}"
    with ExitStack() as stack:
        admin = stack.enter_context(server())
        admin.execute(f"CREATE DATABASE {alias} ENCODING 'UTF8' TEMPLATE template0")
        stack.callback(admin.execute, f"DROP DATABASE {alias} WITH (FORCE)")
        database = {"ENGINE": "django.db.backends.postgresql", "NAME": alias, **login()}
        everything = connections.configure_settings({**connections.databases, alias: database})
        connections.databases[alias] = everything[alias]
        stack.callback(connections.databases.pop, alias)
        stack.enter_context(django_db_blocker.unblock())
        call_command("migrate", "records", database=alias, verbosity=0)
        stack.callback(connections[alias].close)
        yield alias


def server() -> psycopg.Connection[Any]:
    """A connection to a PostgreSQL server; skips the test where none answers."""
    try:
        return psycopg.connect(POSTGRES_URL, autocommit=True, connect_timeout=3)
    except psycopg.OperationalError:
        pytest.skip("needs postgresql")


def login() -> dict[str, object]:
    """What Django wants to know of the server at ``POSTGRES_URL``."""
    parts = urlsplit(POSTGRES_URL)
    return {
        "USER": parts.username or "",
        "PASSWORD": parts.password or "",
        "HOST": parts.hostname or "",
        "PORT": parts.port or "",
    }


@pytest.fixture
def a_postgresql_database(postgresql: str, django_db_blocker: Any) -> Iterator[str]:
    """The alias of an empty PostgreSQL database."""
    with django_db_blocker.unblock():
        yield postgresql
        with connections[postgresql].cursor() as cursor:
            cursor.execute("TRUNCATE records_record")


@pytest.fixture(params=["memory", "redis", *DATABASES])
def make_store(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeStore]:
    if request.param == "memory":
        store = MemoryStore()
        yield lambda: store
        return
    if request.param == "redis":
        yield request.getfixturevalue("redis_stores")
        return
    alias = "default"
    if request.param == "postgresql":
        alias = request.getfixturevalue("a_postgresql_database")
    else:
        require(connections[alias].vendor == "sqlite", "sqlite as the default database")
    if request.param == "portable":
        monkeypatch.setattr("records.store._DIALECTS", {})
    with ExitStack() as stack:

        def make() -> RecordStore:
            made = DatabaseStore(alias)
            stack.callback(made.close)
            return made

        yield make


@pytest.fixture
async def redis_stores() -> AsyncIterator[MakeStore]:
    """Stores on names of this test's own."""
    prefix = f"test-{uuid4().hex}:"
    async with AsyncExitStack() as stack:
        redis = await stack.enter_async_context(Redis.from_url(REDIS_URL))
        try:
            await redis.ping()
        except RedisError:
            pytest.skip("needs redis")

        def make() -> RecordStore:
            made = RedisStore(REDIS_URL, prefix=prefix)
            stack.push_async_callback(made.close)
            return made

        yield make
        async for key in redis.scan_iter(f"{prefix}*"):
            await redis.delete(key)
