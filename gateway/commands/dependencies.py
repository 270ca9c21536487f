"""What must be there before the server starts: a database with tables and, where it is configured, Redis."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import redis
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError
from django.db import DatabaseError, InterfaceError, connection

from records.models import Record

log = logging.getLogger("deepstream")

PAUSE = 0.2
"""Seconds between two attempts."""

REDIS_TIMEOUT = 2.0
"""Seconds that one attempt to ask Redis may take."""

_SOURCES = {
    "DATABASE_URL": "DATABASE_URL",
    "REDIS_URL": "REDIS_URL",
    "config.yml": "the configuration",
    "default": "DATABASE_URL and storage of the configuration",
}


def wait_for_dependencies(patience: float) -> None:
    """Return once everything answers; raises CommandError for what does not within ``patience`` seconds.

    The attempt under way at that time is not cut short; it ends by the timeouts of its connection.
    """
    deadline = time.monotonic() + patience
    tables = _wait("database", _tables, deadline)
    if Record._meta.db_table not in tables:
        raise CommandError("The database has no tables yet: run `manage.py migrate` first.")
    if settings.REDIS_URL:
        _wait("redis", _ping, deadline)


class _Absent(Exception):
    """It does not answer, and why."""


def _wait(what: str, ask: Callable[[], list[str]], deadline: float) -> list[str]:
    name = {"database": "The database", "redis": "Redis"}[what]
    while True:
        try:
            return ask()
        except _Absent as absent:
            if time.monotonic() + PAUSE > deadline:
                source = _SOURCES[settings.DEEPSTREAM_ORIGINS[what]]
                raise CommandError(f"{name} cannot be reached: {absent}. Check {source}.") from None
            log.debug("%s does not answer yet: %s", name, absent)
        time.sleep(PAUSE)


def _tables() -> list[str]:
    try:
        return connection.introspection.table_names()
    except (DatabaseError, InterfaceError) as error:
        raise _Absent(_first_line(error)) from None
    except ImproperlyConfigured as error:
        problems = "\n".join(settings.DEEPSTREAM_PROBLEMS)
        raise CommandError(problems or str(error)) from None
    finally:
        connection.close()


def _ping() -> list[str]:
    asking = redis.Redis.from_url(
        settings.REDIS_URL, socket_connect_timeout=REDIS_TIMEOUT, socket_timeout=REDIS_TIMEOUT
    )
    try:
        asking.ping()
    except (redis.RedisError, OSError) as error:
        raise _Absent(_first_line(error)) from None
    finally:
        asking.close()
    return []


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
