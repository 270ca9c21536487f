"""The store: records in the database that Django is configured for.

The only SQL of the project is here and in ``records.history``, whose statements are part of the commit.

All statements run in two threads of the store's own, one for writes and one for reads, so the event
loop never waits for the database. A commit is one statement per kind of row whatever their number:
each return to Python costs a wait for the interpreter lock, which a busy loop gives up reluctantly.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, Protocol, TypeVar

import orjson
from django.db import (
    DatabaseError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    connections,
    transaction,
)
from django.db.backends.base.base import BaseDatabaseWrapper

from records.history import History, lines_of
from records.models import Record
from records.names import name_problem
from records.storage import Committed, Refusal, Row, StoreError
from records.store_thread import StoreThread

Result = TypeVar("Result")

_Found = list[tuple[str, int, str, int]]
"""Name, version, JSON text and id of rows."""


class _Dialect(Protocol):
    """How a database loads and commits many rows at once; called in the store's threads.

    A record's id is the primary key of its row, which no database of Django's gives twice: SQLite's is an
    AUTOINCREMENT, the others have a sequence or a counter of their own.
    """

    def load(self, connection: BaseDatabaseWrapper, names: Collection[str]) -> _Found:
        """The rows that exist."""

    def commit(self, connection: BaseDatabaseWrapper, rows: Sequence[Row]) -> Committed:
        """Store every row whose base and id are current, all in one transaction."""


class Sqlite:
    """SQLite: rows travel as bound values, in statements that have room for as many rows as are usual.

    A row without a name takes up room and does nothing.
    """

    def __init__(self, history: History | None = None) -> None:
        self._history = history

    _LOAD = """
        SELECT name, version, data, id FROM records_record
        WHERE name IN (SELECT value FROM json_each(%s))"""
    _IDS = """
        SELECT json_group_object(name, id) FROM records_record
        WHERE name IN (SELECT value FROM json_each(%s))"""
    _DELETE = "DELETE FROM records_record WHERE name IN (SELECT value FROM json_each(%s))"

    def load(self, connection: BaseDatabaseWrapper, names: Collection[str]) -> _Found:
        """See ``_Dialect.load``."""
        with connection.cursor() as cursor:
            cursor.execute(self._LOAD, [_json(list(names))])
            return cursor.fetchall()

    def commit(self, connection: BaseDatabaseWrapper, rows: Sequence[Row]) -> Committed:
        """See ``_Dialect.commit``.

        How many rows a statement changed is known at once, which ones is not. So if any lost, nothing
        is stored, and the rows are tried again one by one: conflicts between nodes are rare.
        """
        updates, inserts, deletes = _by_kind(rows)
        if len(updates) == len(rows) <= MOST_ROWS and self._history is None:
            # The usual group: its one statement is its own transaction.
            made: dict[str, int] | None = {} if _updated_all(connection, updates) else None
        else:
            made = self._commit_mixed(connection, updates, inserts, deletes)
        if made is not None:
            return Committed({}, made)
        if len(rows) == 1:
            return _lost(rows)
        with transaction.atomic(using=connection.alias):
            return _together(self.commit(connection, [row]) for row in rows)

    def _commit_mixed(
        self, connection: BaseDatabaseWrapper, updates: list[Row], inserts: list[Row], deletes: list[Row]
    ) -> dict[str, int] | None:
        """Store all rows or none; the ids of those that were made, None if nothing was stored."""
        with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
            for change_all, rows in ((_updated_all, updates), (_inserted_all, inserts)):
                for start in range(0, len(rows), MOST_ROWS):
                    if not change_all(connection, rows[start : start + MOST_ROWS]):
                        transaction.set_rollback(True, using=connection.alias)
                        return None
            if deletes:
                cursor.execute(self._DELETE, [_json([row.name for row in deletes])])
            if self._history is not None:
                self._history.add_sqlite(cursor, [*updates, *inserts, *deletes])
            return self._ids(cursor, inserts)

    def _ids(self, cursor: Any, inserts: list[Row]) -> dict[str, int]:
        """The ids of the rows that were just made: in one value, as each row that is fetched costs a wait."""
        if not inserts:
            return {}
        cursor.execute(self._IDS, [_json([row.name for row in inserts])])
        ids: dict[str, int] = orjson.loads(cursor.fetchone()[0])
        return ids


MOST_ROWS = 240
"""Rows of one statement on SQLite, five values each; it takes 32,766 unless it was built to take fewer."""

_SQLITE_NOW = "STRFTIME('%Y-%m-%d %H:%M:%f', 'NOW')"


def _room_for(count: int) -> int:
    """Rows of the statement for ``count`` of them, at most a quarter more: so there are few statements,
    and SQLite's binding keeps them all prepared."""
    step = 1 << max(0, count.bit_length() - 3)
    return -(-count // step) * step


def _sqlite_rows(room: int) -> str:
    values = ",".join(["(?,?,?,?,?)"] * room)
    return (
        "SELECT column1 AS name, column2 AS base, column3 AS version, column4 AS data, column5 AS id"
        f" FROM (VALUES {values}) WHERE column1 IS NOT NULL"
    )


@cache
def _sqlite_update(room: int) -> str:
    """Update every row whose base and id are current, if that is so for all of them.

    SQLite finds a row by its id at once; that its name is the right one as well is looked at there.
    """
    return f"""
        WITH new AS MATERIALIZED ({_sqlite_rows(room)})
        UPDATE records_record SET version = new.version, data = new.data, updated_at = {_SQLITE_NOW}
        FROM new WHERE records_record.id = new.id AND records_record.version = new.base
        AND records_record.name = new.name AND (SELECT COUNT(*) FROM new)
            = (SELECT COUNT(*) FROM new AS each JOIN records_record AS old
               ON old.id = each.id AND old.version = each.base AND old.name = each.name)"""


@cache
def _sqlite_insert(room: int) -> str:
    """Insert every row whose name is free."""
    return f"""
        INSERT INTO records_record (name, version, data, created_at, updated_at)
        SELECT name, version, data, {_SQLITE_NOW}, {_SQLITE_NOW} FROM ({_sqlite_rows(room)})
        WHERE true ON CONFLICT (name) DO NOTHING"""


def _updated_all(connection: BaseDatabaseWrapper, rows: Sequence[Row]) -> bool:
    """Update all rows or none; whether it was all."""
    connection.ensure_connection()
    before = connection.connection.total_changes  # the cursor of a statement with WITH does not count
    _execute(connection, _sqlite_update, rows)
    return bool(connection.connection.total_changes > before)


def _inserted_all(connection: BaseDatabaseWrapper, rows: Sequence[Row]) -> bool:
    """Insert the rows whose names are free; whether it was all."""
    connection.ensure_connection()
    return bool(_execute(connection, _sqlite_insert, rows).rowcount == len(rows))


def _execute(connection: BaseDatabaseWrapper, statement: Callable[[int], str], rows: Sequence[Row]) -> Any:
    """Run ``statement`` on ``rows``, without Django's cursor: that would look for placeholders in the whole
    text each time."""
    room = _room_for(len(rows))
    values: list[Any] = []
    for row in rows:
        values += row[:5]
    values += [None] * (5 * (room - len(rows)))
    with connection.wrap_database_errors:
        return connection.connection.execute(statement(room), values)


class Postgres:
    """PostgreSQL: rows travel as arrays, and one statement does all three kinds, and their history."""

    def __init__(self, history: History | None = None) -> None:
        self._history = history

    _LOAD = "SELECT name, version, data::text, id FROM records_record WHERE name = ANY(%s)"
    _ROWS = """
        SELECT * FROM unnest(%s::text[], %s::int[], %s::int[], %s::text[], %s::bigint[])
        AS new(name, base, version, data, id)"""
    _LOCKED = "(SELECT count(*) FROM locked) >= 0"  # in an order, before anything else is done
    _COMMIT = f"""
        WITH new AS ({_ROWS}),
        locked AS (
            SELECT name FROM records_record WHERE name IN (SELECT name FROM new)
            ORDER BY name FOR NO KEY UPDATE),
        updated AS (
            UPDATE records_record SET version = new.version, data = new.data::json, updated_at = now()
            FROM new WHERE records_record.name = new.name AND records_record.version = new.base
            AND records_record.id = new.id AND new.data IS NOT NULL AND new.base >= 0 AND {_LOCKED}
            RETURNING records_record.name),
        inserted AS (
            INSERT INTO records_record (name, version, data, created_at, updated_at)
            SELECT name, version, data::json, now(), now() FROM new WHERE base < 0 AND data IS NOT NULL
            ON CONFLICT (name) DO NOTHING
            RETURNING name, id),
        deleted AS (
            DELETE FROM records_record USING new
            WHERE records_record.name = new.name AND new.data IS NULL AND {_LOCKED}
            RETURNING records_record.name)"""
    _STORED = " SELECT name, NULL::bigint FROM updated UNION ALL SELECT name, id FROM inserted"

    def load(self, connection: BaseDatabaseWrapper, names: Collection[str]) -> _Found:
        """See ``_Dialect.load``."""
        with connection.cursor() as cursor:
            cursor.execute(self._LOAD, [list(names)])
            return cursor.fetchall()

    def commit(self, connection: BaseDatabaseWrapper, rows: Sequence[Row]) -> Committed:
        """See ``_Dialect.commit``; rows are locked in one order so that no two nodes wait for each other."""
        rows = sorted(rows)
        with connection.cursor() as cursor:
            stored = self._execute(cursor, rows)
        lost = _lost(row for row in rows if row.data is not None and row.name not in stored)
        return lost._replace(made={name: id for name, id in stored.items() if id is not None})

    def _execute(self, cursor: Any, rows: Sequence[Row]) -> dict[str, int | None]:
        statement = self._COMMIT
        parameters: list[Any] = columns(row[:5] for row in rows)
        lines = columns(lines_of(rows)) if self._history is not None else []
        if self._history is not None and lines:
            statement += self._history.POSTGRES
            parameters += [self._history.node, *lines]
        cursor.execute(statement + self._STORED, parameters)
        stored: dict[str, int | None] = dict(cursor.fetchall())
        if self._history is not None:
            self._history.drop_surplus_postgres(cursor, rows)
        return stored


class Portable:
    """Any other database, through the ORM: a statement a row, in one transaction."""

    def __init__(self, history: History | None = None) -> None:
        self._history = history

    def load(self, connection: BaseDatabaseWrapper, names: Collection[str]) -> _Found:
        """See ``_Dialect.load``."""
        found = Record.objects.using(connection.alias).filter(name__in=names)
        rows = found.values_list("name", "version", "data", "id")
        return [(name, version, _json(data), id) for name, version, data, id in rows]

    def commit(self, connection: BaseDatabaseWrapper, rows: Sequence[Row]) -> Committed:
        """See ``_Dialect.commit``."""
        with transaction.atomic(using=connection.alias):
            ids = {row: self._store(connection.alias, row) for row in sorted(rows)}
            if self._history is not None:
                stored = [row for row in rows if ids[row] is not None]
                self._history.add_portable(connection.alias, stored)
        lost = _lost(row for row, id in ids.items() if id is None)
        return lost._replace(made={row.name: id for row, id in ids.items() if id and row.base < 0})

    def _store(self, using: str, row: Row) -> int | None:
        """The id of the record if ``row`` is stored, 0 if it is gone; else None."""
        records = Record.objects.using(using).filter(name=row.name)
        if row.data is None:
            records.delete()
            return 0
        data = orjson.loads(row.data)
        if row.base >= 0:
            current = records.filter(id=row.id, version=row.base)
            return row.id if current.update(version=row.version, data=data) == 1 else None
        try:
            with transaction.atomic(using=using):
                made = Record.objects.using(using).create(name=row.name, version=row.version, data=data)
        except IntegrityError:
            return None
        return made.pk


_DIALECTS: dict[str, Callable[[History | None], _Dialect]] = {"sqlite": Sqlite, "postgresql": Postgres}


class DatabaseStore:
    """The ``RecordStore`` on one of Django's databases."""

    def __init__(self, using: str = "default", *, history: History | None = None) -> None:
        self._using = using
        self._dialect = _DIALECTS.get(connections[using].vendor, Portable)(history)
        self._writer = StoreThread("record-writer", self._disconnect)
        self._reader = StoreThread("record-reader", self._disconnect)

    async def load(self, names: Collection[str]) -> Mapping[str, tuple[int, str, int]]:
        """See ``RecordStore.load``."""
        return await self._call(self._reader, self._load, names)

    async def commit(self, rows: Sequence[Row]) -> Committed:
        """See ``RecordStore.commit``."""
        return await self._call(self._writer, self._commit, rows)

    def close(self) -> None:
        """Close the connections and end the threads; waits for what is under way."""
        for thread in (self._writer, self._reader):
            thread.close()

    async def _call(self, thread: StoreThread, function: Callable[[Any], Result], argument: Any) -> Result:
        try:
            return await thread.call(function, argument)
        except (DatabaseError, InterfaceError) as error:
            raise StoreError(f"{type(error).__name__}: {error}".strip()) from error

    def _load(self, names: Collection[str]) -> dict[str, tuple[int, str, int]]:
        # A database may fail on a name that no record can have, and the query is for others' names as well.
        names = [name for name in names if name_problem(name) is None]
        with _reconnecting(connections[self._using]) as connection:
            rows = self._dialect.load(connection, names)
        return {name: (version, data, id) for name, version, data, id in rows}

    def _commit(self, rows: Sequence[Row]) -> Committed:
        with _reconnecting(connections[self._using]) as connection:
            try:
                return self._dialect.commit(connection, rows)
            except (OperationalError, InterfaceError):
                raise
            except DatabaseError:
                if len(rows) > 1:
                    return self._commit_one_by_one(rows)
                return Committed({rows[0].name: Refusal.INVALID}, {})

    def _commit_one_by_one(self, rows: Sequence[Row]) -> Committed:
        """The database dislikes one of ``rows``; the others must not suffer for it."""
        return _together(self._commit([row]) for row in rows)

    def _disconnect(self) -> None:
        connections[self._using].close()


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


def _lost(rows: Iterable[Row]) -> Committed:
    return Committed({row.name: Refusal.LOST for row in rows}, {})


def _together(commits: Iterable[Committed]) -> Committed:
    """What several commits came to."""
    refused: dict[str, Refusal] = {}
    made: dict[str, int] = {}
    for commit in commits:
        refused |= commit.refused
        made |= commit.made
    return Committed(refused, made)


def columns(rows: Iterable[Sequence[Any]]) -> list[list[Any]]:
    """Rows as the arrays that PostgreSQL's ``unnest`` takes."""
    return [list(column) for column in zip(*rows, strict=True)]


def _by_kind(rows: Sequence[Row]) -> tuple[list[Row], list[Row], list[Row]]:
    """Rows that update, insert and delete."""
    stored = [row for row in rows if row.data is not None]
    updates = [row for row in stored if row.base >= 0]
    inserts = [row for row in stored if row.base < 0] if len(updates) < len(stored) else []
    deletes = [row for row in rows if row.data is None] if len(stored) < len(rows) else []
    return updates, inserts, deletes


@contextmanager
def _reconnecting(connection: BaseDatabaseWrapper) -> Iterator[BaseDatabaseWrapper]:
    """Drop a connection that broke, so that the next call makes a new one."""
    try:
        yield connection
    except (OperationalError, InterfaceError):
        connection.close()
        raise
