"""Records by the beginning of their names, in order, in pages that cost the same wherever they are.

Nothing here looks at more than a bounded number of rows: there may be millions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from operator import itemgetter
from typing import Any, NamedTuple

from django.db import connections
from django.db.models import F, Func, IntegerField, QuerySet

from records.models import Record
from records.names import MAX_NAME_LENGTH

_LAST = chr(0x10FFFF)

LOOKED_AT = 100_000
"""Names that one search looks at."""

SORTED = 5_000
"""Records that are put in another order than that of their names."""

COUNTED = 1000
"""Records that are counted; of more it is said that they are more."""

_BY_CHARACTER = ("sqlite", "postgresql")
"""Databases whose names are in the order of their characters; a migration sees to that."""


def starting_with(
    prefix: str, using: str = "default", *, behind: str = "", until: str = ""
) -> QuerySet[Record]:
    """The records whose names start with ``prefix``, in no order; those behind one name, and up to another.

    A database looks for a name between two others at once, but not if there are more than two.
    """
    records = Record.objects.using(using)
    if connections[using].vendor not in _BY_CHARACTER:  # LIKE, since who knows the order there
        bounds: dict[str, Any] = {"name__startswith": prefix} if prefix else {}
        bounds |= {"name__gt": behind} if behind else {}
        bounds |= {"name__lte": until} if until else {}
        return records.filter(**bounds)
    after = successor(prefix)
    if behind and behind >= prefix:
        bounds = {"name__gt": behind}
    else:
        bounds = {"name__gte": prefix} if prefix else {}
    if until:
        bounds["name__lte"] = until
    elif after is not None:
        bounds["name__lt"] = after
    return records.filter(**bounds)


def successor(prefix: str) -> str | None:
    """The first text after all that start with ``prefix``, by code points; None if there is none."""
    kept = prefix.rstrip(_LAST)
    if not kept:
        return None
    following = ord(kept[-1]) + 1
    if 0xD800 <= following <= 0xDFFF:  # half characters are in no name
        following = 0xE000
    return kept[:-1] + chr(following)


class Found(NamedTuple):
    """A page of names; ``then`` is where the next one begins, behind that name, None at the end.

    ``is_whole`` is false if what was looked at ended before the page was full, or before all was sorted.
    """

    names: list[str]
    then: str | None
    is_whole: bool = True


def names_after(after: str, prefix: str, limit: int, using: str = "default") -> Found:
    """Names that start with ``prefix``, behind ``after``."""
    names = list(_behind(after, prefix, using)[: limit + 1])
    return Found(names[:limit], names[limit - 1] if len(names) > limit else None)


def names_with(part: str, after: str, prefix: str, limit: int, using: str = "default") -> Found:
    """Names with ``part`` in them, among the next LOOKED_AT that start with ``prefix``; a is as good as A."""
    last = _behind(after, prefix, using)[LOOKED_AT - 1 : LOOKED_AT].first()
    looked_at = _behind(after, prefix, using, until=last or "")
    names = list(looked_at.filter(name__icontains=part)[: limit + 1])
    if len(names) > limit:
        return Found(names[:limit], names[limit - 1])
    return Found(names, last, is_whole=last is None)


class StoredSize(Func):
    """Bytes that a record's data takes: of its text in SQLite, packed in PostgreSQL."""

    function = "LENGTH"
    output_field = IntegerField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """LENGTH of a text would count characters."""
        return self.as_sql(compiler, connection, template="LENGTH(CAST(%(expressions)s AS BLOB))", **context)

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """Found beside the data, which may stay packed."""
        return self.as_sql(compiler, connection, function="PG_COLUMN_SIZE", **context)


ORDERS = {
    "version": "version",
    "updated": "updated_at",
    "size": "size",
}
"""What records can be sorted by beside their names, and the field for it."""


def names_by(order: str, prefix: str, start: int, limit: int, using: str = "default") -> Found:
    """Names that start with ``prefix`` in another order, "-" for falling, from the place ``start`` on.

    That takes a look at each; so if there are more, only the first SORTED by name are in it.
    """
    records = starting_with(prefix, using).order_by("name")
    value: Any = StoredSize("data") if order.endswith("size") else F(ORDERS[order.removeprefix("-")])
    found = list(records.annotate(value=value).values_list("name", "value")[: SORTED + 1])
    is_whole = len(found) <= SORTED
    rows = sorted(found[:SORTED], key=itemgetter(1), reverse=order.startswith("-"))
    names = [name for name, _ in rows[start : start + limit]]
    return Found(names, str(start + limit) if len(rows) > start + limit else None, is_whole)


def counted(prefix: str, most: int = COUNTED + 1, using: str = "default") -> int:
    """How many names start with ``prefix``, counted up to ``most``."""
    return counts([prefix], most, using)[0]


def counts(prefixes: Sequence[str], most: int = COUNTED + 1, using: str = "default") -> list[int]:
    """The same for several prefixes in one query."""
    if not prefixes:
        return []
    columns, parameters = list[str](), list[Any]()
    for prefix in prefixes:
        names = starting_with(prefix, using).order_by("name").values("name")[:most]
        sql, values = names.query.get_compiler(using).as_sql()
        columns.append(f"(SELECT COUNT(*) FROM ({sql}) AS names)")  # noqa: S608 - Django's own text
        parameters += values
    with connections[using].cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(columns)}", parameters)
        return list(cursor.fetchone())


class Branch(NamedTuple):
    """What is below a prefix: a record, or all records whose names go on with the same part and a slash."""

    name: str
    is_folder: bool


def branches(prefix: str, after: str, limit: int, using: str = "default") -> tuple[list[Branch], str | None]:
    """The next level of the tree below ``prefix``, behind the branch ``after``; and where to go on."""
    found = list(islice(_branches(prefix, after, using), limit + 1))
    return found[:limit], found[limit - 1].name if len(found) > limit else None


CHUNK = 128
"""Names that are read at once on a level without folders."""


def _branches(prefix: str, after: str, using: str) -> Iterator[Branch]:
    """Goes over the names in order, and over all of a folder at once."""
    behind, chunk = after if after == prefix else _end_of(after), 1
    while True:
        names = list(_behind(behind, prefix, using)[:chunk])
        for name in names:
            part, slash, _ = name[len(prefix) :].partition("/")
            branch = Branch(prefix + part + slash, bool(slash))
            yield branch
            behind = _end_of(branch.name) if slash else name
            if slash:
                break
        if len(names) < chunk and not (names and slash):
            return
        chunk = 1 if slash else min(CHUNK, 2 * chunk)


def _end_of(branch: str) -> str:
    """A text that comes behind all names of a folder, and before all that come behind it."""
    return branch + _LAST * MAX_NAME_LENGTH if branch.endswith("/") else branch


def _behind(after: str, prefix: str, using: str, *, until: str = "") -> QuerySet[Record, str]:
    records = starting_with(prefix, using, behind=after, until=until)
    return records.order_by("name").values_list("name", flat=True)
