"""Django's DATABASES and CHANNEL_LAYERS, from the environment or else from config.yml.

Whatever they come from, no connection waits for ever: for a server that does not answer, for a statement that
does not end, for a network that lost the other side.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

from deepstream_project.config_services import ClusterConfig, StorageConfig, StorageSsl

CONNECT_TIMEOUT = 5
"""Seconds to reach a database."""

STATEMENT_TIMEOUT = 30
"""Seconds that one statement may take."""

SILENCE = 15
"""Seconds without an answer of the network after which a connection is given up."""

ENGINES = {"postgres": "django.db.backends.postgresql", "mysql": "django.db.backends.mysql"}
NO_DATABASE = {"default": {"ENGINE": "django.db.backends.dummy"}}
"""Instead of a database that nobody meant, while it is not known which one is meant."""

_POSTGRES: dict[str, Any] = {
    "connect_timeout": CONNECT_TIMEOUT,
    "keepalives": 1,
    "keepalives_idle": SILENCE,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": SILENCE * 1000,
}
_MYSQL: dict[str, Any] = {
    "charset": "utf8mb4",
    "connect_timeout": CONNECT_TIMEOUT,
    "read_timeout": STATEMENT_TIMEOUT,
    "write_timeout": STATEMENT_TIMEOUT,
}


class Chosen(NamedTuple):
    """What a setting becomes, who said so, and what is wrong with it if something is."""

    value: Any
    origin: str
    problem: str | None = None


def choose_database(url: str | None, storage: StorageConfig | None, *, sqlite: Path, pragmas: str) -> Chosen:
    """DATABASES: ``url`` (DATABASE_URL) wins over ``storage``; without either, SQLite in the file ``sqlite``.

    ``pragmas`` are what a connection to SQLite begins with. ``storage`` is ``None`` if it cannot be read.
    """
    if url:
        try:
            made = dict(dj_database_url.parse(url))
        except ValueError:  # its text may repeat the URL, and so the password
            raise ImproperlyConfigured(
                "DATABASE_URL: cannot be read; write it as postgres://user:password@host:5432/database, with"
                " %XX for special characters in the password."
            ) from None
        return _finished(made, "DATABASE_URL", pragmas)
    if storage is None:
        return Chosen(NO_DATABASE, "config.yml")
    if storage.type == "default":
        made = dict(dj_database_url.parse("sqlite:///unnamed"))
        return _finished(made | {"NAME": str(sqlite)}, "default", pragmas)
    if storage.url is None and storage.database is None:
        problem = "storage.options: needs url or database, or the environment variable DATABASE_URL"
        return Chosen(NO_DATABASE, "config.yml", problem)
    return _finished(_from_storage(storage), "config.yml", pragmas)


def _from_storage(storage: StorageConfig) -> dict[str, Any]:
    made: dict[str, Any] = dict(dj_database_url.parse(storage.url)) if storage.url else {}
    if not made:
        made = {
            "ENGINE": ENGINES[storage.type],
            "NAME": storage.database,
            "HOST": storage.host or "localhost",
            "PORT": storage.port or "",
            "USER": storage.user or "",
            "PASSWORD": storage.password or "",
        }
    if storage.ssl:
        of_tls = _postgres_ssl if storage.type == "postgres" else _mysql_ssl
        made["OPTIONS"] = made.get("OPTIONS", {}) | of_tls(storage.ssl)
    return made


def _finished(made: dict[str, Any], origin: str, pragmas: str) -> Chosen:
    """``made`` with the bounds of its kind of database; what ``made`` says itself stays."""
    own = made.get("OPTIONS", {})
    problem = None
    match made["ENGINE"].rpartition(".")[2]:
        case "sqlite3":
            made["OPTIONS"] = {
                "timeout": 20,
                "transaction_mode": "IMMEDIATE",
                "init_command": pragmas,
                **own,
            }
        case "postgresql":
            bound = f"-c statement_timeout={STATEMENT_TIMEOUT}s"
            options = f"{bound} {own['options']}" if "options" in own else bound
            made["OPTIONS"] = _POSTGRES | own | {"options": options}
        case "mysql":
            made["OPTIONS"] = _MYSQL | own
            problem = _driver_problem()
    return Chosen({"default": made}, origin, problem)


def _postgres_ssl(ssl: StorageSsl) -> dict[str, str]:
    """See libpq's documentation, SSL Support; to trust nobody in particular is only encryption."""
    roots = str(ssl.ca) if ssl.ca else "system"
    made = {"sslmode": "verify-full", "sslrootcert": roots} if ssl.reject_unauthorized else {}
    own = {"sslcert": str(ssl.cert), "sslkey": str(ssl.key)} if ssl.cert else {}
    return (made or {"sslmode": "require"}) | own


def _mysql_ssl(ssl: StorageSsl) -> dict[str, Any]:
    files = {"ca": ssl.ca, "cert": ssl.cert, "key": ssl.key}
    given: dict[str, Any] = {name: str(path) for name, path in files.items() if path}
    return {"ssl": given | {"check_hostname": ssl.reject_unauthorized}}


def _driver_problem() -> str | None:
    """Have Django find a driver of MySQL: mysqlclient, or PyMySQL in its place."""
    if find_spec("MySQLdb") is None:
        try:
            import_module("pymysql").install_as_MySQLdb()
        except ImportError:
            return "MySQL needs a driver: run `manage.py deepstream install storage mysql`"
    return None


def choose_layer(url: str | None, cluster: ClusterConfig | None) -> Chosen:
    """The URL of Redis, None for a process alone: ``url`` (REDIS_URL) wins over ``cluster``."""
    if url:
        return Chosen(url, "REDIS_URL")
    if cluster is None or cluster.redis_url is None:
        return Chosen(None, "default")
    return Chosen(cluster.redis_url, "config.yml")


def layers_on(redis_url: str | None) -> dict[str, Any]:
    """CHANNEL_LAYERS: over Redis, or within the process."""
    if redis_url is None:
        return {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    return {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [redis_url], "prefix": "deepstream"},
        }
    }
