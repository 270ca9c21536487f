"""The history: every accepted write as a row, stored in the transaction that stores its record.

A row has what was written; some also have the whole record after it, so that any version can be made from
the last such row before it. The only SQL beside ``records.store``, which runs it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import orjson
from django.db import DatabaseError
from django.db.models import Exists, OuterRef
from django.utils import timezone

from deepstream_protocol.topics import RecordAction
from records.chronicle import FOUND, HistorySettings
from records.models import RecordVersion
from records.storage import Row

log = logging.getLogger("deepstream.records")

SMALL = 1024
"""Characters of a record that is kept whole with the last write of each commit."""

STRIDE = 32
"""Versions after which a larger record is kept whole, and a record's surplus of entries is deleted."""

BATCH = 2000
"""Entries that one statement looks at when time is up for them; no write is stored meanwhile in SQLite."""

DELETED = "null"
"""The state after a deletion; a record itself is never null."""


class Line(NamedTuple):
    """A row of the table, but for its time and node."""

    name: str
    version: int
    action: int
    author: str
    path: str | None
    data: str | None
    state: str | None


def lines_of(rows: Sequence[Row]) -> Iterator[Line]:
    """The lines to add when ``rows`` are stored, in the order in which they came about."""
    for row in rows:
        for number, entry in enumerate(row.entries, 1 - len(row.entries)):
            version, action, author, path, data = entry
            if action in _WHOLE:
                yield Line(row.name, version, action, _storable(author), None, None, _WHOLE[action] or data)
            else:
                state = row.data if number == 0 and _is_kept_whole(row) else None
                yield Line(row.name, version, action, _storable(author), path, data, state)


def surplus_of(rows: Sequence[Row]) -> list[str]:
    """The names among ``rows`` whose old entries should be counted now: each once per STRIDE versions."""
    return [row.name for row in rows if row.entries and _crosses_stride(row)]


_WHOLE: dict[int, str | None] = {
    FOUND: None,
    RecordAction.UPDATE: None,
    RecordAction.CREATE: "{}",
    RecordAction.DELETE: DELETED,
}
"""Actions that say the whole state, and which it is if that is not their data."""


def _is_kept_whole(row: Row) -> bool:
    return row.base < 0 or row.data is None or len(row.data) <= SMALL or _crosses_stride(row)


def _crosses_stride(row: Row) -> bool:
    """Whether ``row`` passes a multiple of STRIDE; each name has its own, so that not all do it at once."""
    start = hash(row.name)
    return (row.base + start) // STRIDE != (row.version + start) // STRIDE


def _storable(author: str) -> str:
    """``author`` without what some database cannot keep; user ids may come from anywhere."""
    if author.isascii() and "\0" not in author:
        return author
    return author.replace("\0", "\ufffd").encode(errors="replace").decode()


class History:
    """Adds entries to the table and deletes old ones; ``node`` is who writes them.

    The statements for a transaction of the store's: its dialects run them.
    """

    def __init__(self, settings: HistorySettings, node: str) -> None:
        self.node = node
        self._versions = settings.versions
        self._days = settings.days

    SQLITE = """
        INSERT INTO records_history (name, version, action, author, path, data, state, node, at)
        SELECT name, version, action, author, path, data, state, %s,
               STRFTIME('%%Y-%%m-%%d %%H:%%M:%%f', 'NOW')
        FROM (SELECT json_extract(value, '$[0]') AS name, json_extract(value, '$[1]') AS version,
                     json_extract(value, '$[2]') AS action, json_extract(value, '$[3]') AS author,
                     json_extract(value, '$[4]') AS path, json_extract(value, '$[5]') AS data,
                     json_extract(value, '$[6]') AS state
              FROM json_each(%s)) AS new"""
    SQLITE_FOUND = f"""{SQLITE}
        WHERE action >= 0 OR version IS NOT (SELECT old.version FROM records_history AS old
                                             WHERE old.name = new.name ORDER BY old.id DESC LIMIT 1)"""
    """The same, when there is a state among the lines that the table may have already."""

    def add_sqlite(self, cursor: Any, rows: Sequence[Row]) -> None:
        """Add the entries of ``rows``, which have just been stored, in SQLite."""
        lines = [tuple(line) for line in lines_of(rows)]
        if lines:
            found = any(line[2] == FOUND for line in lines)
            statement = self.SQLITE_FOUND if found else self.SQLITE
            cursor.execute(statement, [self.node, orjson.dumps(lines).decode()])
            self._drop_surplus_sqlite(cursor, surplus_of(rows))

    _SURPLUS = """
        DELETE FROM records_history WHERE id IN (
            SELECT old.id FROM (
                SELECT whole.name, MAX(whole.id) AS id FROM records_history AS whole
                JOIN ({names}) AS wanted ON wanted.name = whole.name
                WHERE whole.state IS NOT NULL AND whole.id <= (
                    SELECT last.id FROM records_history AS last WHERE last.name = wanted.name
                    ORDER BY last.id DESC LIMIT 1 OFFSET %s)
                GROUP BY whole.name) AS first
            JOIN records_history AS old ON old.name = first.name AND old.id < first.id)"""
    """Keeps the newest entries of each name, and those before them back to the last whole state."""

    def _drop_surplus_sqlite(self, cursor: Any, names: list[str]) -> None:
        if names and self._versions:
            statement = self._SURPLUS.format(names="SELECT value AS name FROM json_each(%s)")
            cursor.execute(statement, [orjson.dumps(names).decode(), self._versions - 1])

    POSTGRES = """, noted AS (
            INSERT INTO records_history (name, version, action, author, path, data, state, node, at)
            SELECT name, version, action, author, path, data, state, %s, clock_timestamp()
            FROM unnest(%s::text[], %s::int[], %s::int[], %s::text[], %s::text[], %s::text[], %s::text[])
            WITH ORDINALITY AS new(name, version, action, author, path, data, state, place)
            WHERE name IN (SELECT name FROM updated UNION ALL SELECT name FROM inserted
                           UNION ALL SELECT name FROM deleted)
            AND (action >= 0 OR version IS DISTINCT FROM (
                SELECT old.version FROM records_history AS old
                WHERE old.name = new.name ORDER BY old.id DESC LIMIT 1))
            ORDER BY place)"""
    """Follows the store's own parts ``updated``, ``inserted`` and ``deleted`` in one statement."""

    def drop_surplus_postgres(self, cursor: Any, rows: Sequence[Row]) -> None:
        """Delete what is too much of the names among ``rows`` whose turn it is, in PostgreSQL."""
        names = surplus_of(rows)
        if not names or not self._versions:
            return
        statement = self._SURPLUS.format(names="SELECT unnest(%s::text[]) AS name")
        try:
            cursor.execute(statement, [names, self._versions - 1])
        except DatabaseError as error:  # what is stored is stored; the surplus goes the next time
            log.warning("the surplus of the history stays for now: %s", error)

    def add_portable(self, using: str, rows: Sequence[Row]) -> None:
        """Add the entries of ``rows``, which have just been stored, in any database."""
        entries = RecordVersion.objects.using(using)
        for line in lines_of(rows):
            if line.action == FOUND:
                last = entries.filter(name=line.name).order_by("-id").first()
                if last is not None and last.version == line.version:
                    continue
            entries.create(**line._asdict(), node=self.node)
        for name in surplus_of(rows) if self._versions else ():
            mine = entries.filter(name=name).order_by("-id")
            nth = mine.values_list("id", flat=True)[self._versions - 1 : self._versions].first()
            whole = mine.filter(state__isnull=False, id__lte=nth).first() if nth is not None else None
            if whole is not None:
                mine.filter(id__lt=whole.id).delete()

    def drop_old(self, using: str = "default", *, now: datetime | None = None) -> int:
        """Delete what is older than the days that are kept, and return how much that was.

        An older entry stays where a younger one needs it: the last whole state before the time from which
        on a record's past can be told, and what was written between the two.
        """
        if not self._days:
            return 0
        cut = _first_since((now or timezone.now()) - timedelta(days=self._days), using)
        entries = RecordVersion.objects.using(using)
        same = RecordVersion.objects.using(using).filter(name=OuterRef("name"))
        needless = Exists(same.filter(id__gt=OuterRef("id"), id__lt=cut, state__isnull=False))
        needed = Exists(same.filter(id__gte=cut))
        dropped = last = 0
        while batch := list(
            entries.filter(id__gt=last, id__lt=cut).order_by("id").values_list("id", flat=True)[:BATCH]
        ):
            old = entries.filter(id__gt=last, id__lte=batch[-1]).filter(needless | ~needed)
            dropped += old.delete()[0]
            last = batch[-1]
        return dropped


def _first_since(at: datetime, using: str) -> int:
    """The number of the first entry at ``at`` or later, one more than the last if there is none.

    Entries are numbered as time goes by, so their times need no index that every write would pay for.
    """
    entries = RecordVersion.objects.using(using).order_by("id").values_list("id", "at")
    first, last = entries.first(), entries.last()
    if first is None or last is None:
        return 0
    low, high = first[0], last[0] + 1
    while low < high:
        middle = (low + high) // 2
        one = entries.filter(id__gte=middle).first()
        if one is None or one[1] >= at:
            high = middle
        else:
            low = one[0] + 1
    return int(low)


def history_of(settings: HistorySettings, node: str) -> History | None:
    """The history that ``settings`` ask for, if they do."""
    return History(settings, node) if settings.enabled else None
