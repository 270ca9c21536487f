"""Ways to make a server's database fail while it runs, and to mend it."""

from __future__ import annotations

import resource
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

from tests.servers import Server

STORED = "SELECT name, version, data FROM records_record ORDER BY name"

READ_ONLY = "init_command=PRAGMA%20query_only=1"
"""Options of a database that takes no writes."""


@contextmanager
def locked(server: Server) -> Iterator[None]:
    """Hold the database's write lock, as another process may."""
    with closing(sqlite3.connect(server.database, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


@contextmanager
def full_disk(server: Server) -> Iterator[None]:
    """Let no file of the server grow: the database and the log, as on a disk that is full."""
    before = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, before)


@contextmanager
def refusing(server: Server, name: str) -> Iterator[None]:
    """Have the database refuse to change one record, as a constraint of somebody's own would."""
    server.sql(
        "CREATE TRIGGER refusing BEFORE UPDATE ON records_record "
        f"WHEN new.name = '{name}' BEGIN SELECT RAISE(ABORT, 'no'); END"
    )
    try:
        yield
    finally:
        server.sql("DROP TRIGGER refusing")
