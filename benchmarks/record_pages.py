"""How long the admin's pages take when there are very many records: ``python -m benchmarks.record_pages``.

Makes a database of its own with ``--records`` rows, asks every page a few times inside this process, without
a server, and prints how long that took and how much CPU time, of this process and of PostgreSQL's, which is
what counts on a busy machine. The limit is 300 ms.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from uuid import uuid4

from benchmarks.process import cpu_seconds

LIMIT = 300.0
"""Milliseconds that a page may take."""

POSTGRES = "postgres://postgres@127.0.0.1:5432"

LEVELS = "'region-' || (n % 10) || '/shop-' || (n % 1000) || '/order-' || n"
"""How a row's name comes from its number ``n``: the rest are all in one folder."""

MAKE = {
    "sqlite": """
        WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < {count})
        INSERT INTO records_record (name, version, data, created_at, updated_at)
        SELECT CASE WHEN n % 2 THEN {levels} ELSE 'flat/' || n END, n % 100,
               json_object('number', n, 'text', hex(randomblob(40 + n % 60))),
               datetime('now', '-' || n || ' seconds'), datetime('now', '-' || n || ' seconds')
        FROM numbers""",
    "postgresql": """
        INSERT INTO records_record (name, version, data, created_at, updated_at)
        SELECT CASE WHEN n % 2 = 1 THEN {levels} ELSE 'flat/' || n END, n % 100,
               jsonb_build_object('number', n, 'text', repeat(md5(n::text), 3)),
               now() - n * interval '1 second', now() - n * interval '1 second'
        FROM generate_series(0, {count} - 1) AS numbers(n)""",
}
HISTORY = """
    INSERT INTO records_history (name, version, at, author, node, action, path, data, state)
    SELECT 'flat/0', id, updated_at, 'ann', 'one', 19, 'number', '1', NULL FROM records_record
    WHERE id <= 20000 ORDER BY id"""
WHOLE = "UPDATE records_history SET state = '{\"number\":1}' WHERE version % 32 = 0"

ORDERS = {
    f"by {column}, {direction}{label}": f"?order={sign}{column}{query}"
    for column in ("size", "updated", "version")
    for sign, direction in (("", "rising"), ("-", "falling"))
    for label, query in (("", ""), (", last page", "&after=4900"), (", a prefix", "&prefix=region-3/shop-3"))
}
CHOSEN = "&".join(f"name=flat/{2 * number}" for number in range(500))

PAGES = {
    "list, first page": "",
    "list, deep inside": "?after=flat/700000",
    "list, a prefix": "?prefix=region-3/",
    "search, common": "?q=99",
    "search, nothing found": "?q=nowhere",
    "search, nothing found, deep inside": "?q=nowhere&after=flat/700000",
    "search, a prefix, nothing found": "?q=nowhere&prefix=flat/",
    **ORDERS,
    "tree, top": "?view=tree",
    "tree, many folders": "?view=tree&prefix=region-3/",
    "tree, many folders, next page": "?view=tree&prefix=region-3/&after=region-3/shop-503/",
    "tree, half a million in a folder": "?view=tree&prefix=flat/",
    "tree, deep in that folder": "?view=tree&prefix=flat/&after=flat/700000",
    "one record": "one/?name=flat/0",
    "export, its first bytes": "export/",
    "export of a prefix, its first bytes": "export/?prefix=region-3/",
    "dry run of deleting half a million": "remove/?prefix=flat/",
    "dry run of deleting 500 chosen": f"remove/?{CHOSEN}",
    "20,000 versions": "versions/?name=flat/0",
    "20,000 versions, deep inside": "versions/?name=flat/0&before=5000",
    "an old version": "version/?name=flat/0&id=31",
    "as of a time": "version/?name=flat/0&at=2001-01-01T00:00",
    "two versions compared": "compare/?name=flat/0&from=31&to=19999",
}


def main() -> None:
    """Make the table and measure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.record_pages", description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--times", type=int, default=5)
    options = parser.parse_args()
    with (
        TemporaryDirectory(prefix="benchmark-pages-") as folder,
        database(options.database, Path(folder)) as url,
    ):
        os.environ |= {
            "DATABASE_URL": url,
            "DEEPSTREAM_VAR": folder,
            "INSECURE_HTTP": "1",
            "LOG_LEVEL": "ERROR",
        }
        os.environ["DJANGO_SETTINGS_MODULE"] = "deepstream_project.settings"
        import django

        django.setup()
        began = time.perf_counter()
        fill(options.records)
        print(
            f"{options.database}, {options.records:,} records, made in {time.perf_counter() - began:.0f} s\n"
        )
        measure(options.times)


@contextmanager
def database(kind: str, folder: Path) -> Iterator[str]:
    """The address of an empty database, which is gone afterwards."""
    if kind == "sqlite":
        yield f"sqlite:///{folder}/pages.sqlite3"
        return
    import psycopg

    name = f"pages_{uuid4().hex}"
    with psycopg.connect(f"{POSTGRES}/postgres", autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0")
        try:
            yield f"{POSTGRES}/{name}"
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def fill(count: int) -> None:
    """Migrate and make the rows."""
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET statement_timeout = 0")
        cursor.execute(MAKE[connection.vendor].format(count=count, levels=LEVELS))
        cursor.execute(HISTORY)
        cursor.execute(WHOLE)
        if connection.vendor == "postgresql":
            cursor.execute("VACUUM ANALYZE")  # as autovacuum does soon after so many rows
            cursor.execute("RESET statement_timeout")


def measure(times: int) -> None:
    """Ask each page, and print how long the answers took."""
    from django.conf import settings
    from django.contrib.auth import get_user_model
    from django.test import Client

    settings.ALLOWED_HOSTS = ["*"]
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("ada"))
    client.get("/admin/records/record/add/")
    server = database_process()
    print(f"{'page':36} {'median ms':>10} {'fastest ms':>10} {'CPU ms':>10}  status")
    for label, path in PAGES.items():
        spent = list[float]()
        cpu = cpu_time(server)
        for _ in range(times):
            began = time.perf_counter()
            answer = client.get(f"/admin/records/record/{path}")
            if answer.streaming:
                asyncio.run(first_of(answer.streaming_content))
            spent.append((time.perf_counter() - began) * 1000)
        used = (cpu_time(server) - cpu) * 1000 / times
        mark = "" if median(spent) <= LIMIT else "  above the limit"
        figures = f"{median(spent):10.0f} {min(spent):10.0f} {used:10.0f}"
        print(f"{label:36} {figures}  {answer.status_code}{mark}", flush=True)


async def first_of(parts: AsyncIterator[bytes]) -> bytes:
    """What comes first of a download."""
    return await anext(parts)


def database_process() -> int | None:
    """The process of PostgreSQL that serves this one's connection."""
    from django.db import connection

    if connection.vendor != "postgresql":
        return None
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def cpu_time(server: int | None) -> float:
    """Seconds that this process and that of the database have worked."""
    return time.process_time() + (0.0 if server is None else cpu_seconds(server))


if __name__ == "__main__":
    main()
