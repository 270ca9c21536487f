"""How long the admin's pages take when there are very many records: ``python -m benchmarks.record_pages``.

Makes a database of its own with ``--records`` rows, asks every page a few times inside this process, without
a server, and prints how long that took and how much CPU time of this process, which is all that counts on a
busy machine with SQLite. The limit is 300 ms.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from uuid import uuid4

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

PAGES = {
    "list, first page": "",
    "list, deep inside": "?after=flat/700000",
    "list, a prefix": "?prefix=region-3/",
    "search, common": "?q=99",
    "search, nothing found": "?q=nowhere",
    "search, a prefix, nothing found": "?q=nowhere&prefix=flat/",
    "by size, all": "?order=-size",
    "by time, all": "?order=-updated",
    "by version, a prefix": "?order=version&prefix=region-3/shop-3",
    "tree, top": "?view=tree",
    "tree, many folders": "?view=tree&prefix=region-3/",
    "tree, half a million in a folder": "?view=tree&prefix=flat/",
    "tree, deep in that folder": "?view=tree&prefix=flat/&after=flat/700000",
    "one record": "one/?name=flat/0",
    "dry run of deleting half a million": "remove/?prefix=flat/",
    "20,000 versions": "versions/?name=flat/0",
    "an old version": "version/?name=flat/0&id=31",
    "as of a time": "version/?name=flat/0&at=2001-01-01T00:00",
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
    print(f"{'page':36} {'median ms':>10} {'fastest ms':>10} {'CPU ms':>10}  status")
    for label, path in PAGES.items():
        spent, used = [], []
        for _ in range(times):
            began, cpu = time.perf_counter(), time.process_time()
            status = client.get(f"/admin/records/record/{path}").status_code
            spent.append((time.perf_counter() - began) * 1000)
            used.append((time.process_time() - cpu) * 1000)
        mark = "" if median(spent) <= LIMIT else "  above the limit"
        figures = f"{median(spent):10.0f} {min(spent):10.0f} {median(used):10.0f}"
        print(f"{label:36} {figures}  {status}{mark}", flush=True)


if __name__ == "__main__":
    main()
