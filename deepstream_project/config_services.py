"""The sections of ``{type, options}`` about what a server uses: rules, stores, cluster, monitoring, logs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

from deepstream_project.config_file import LoadedFile
from deepstream_project.config_section import Section, setting
from deepstream_project.config_values import (
    boolean,
    document,
    header,
    integer,
    milliseconds,
    secret,
    text,
    url,
    url_path,
)

_PORT = integer(1, 65535)
_CACHE = "every process keeps records in its own memory (record.cacheMaxBytes) and the database arbitrates"
_STORES = "records are kept in Django's database: default (SQLite), postgres or mysql"
_BUSES = "nodes talk through Redis: redis"
_TUNING = "the settings of Django's DATABASES say how a connection behaves"


@dataclass(frozen=True, slots=True, kw_only=True)
class PermissionConfig(Section):
    """Valve rules, or with type ``none`` no rules. ``cache_evacuation_interval`` in seconds.

    With type ``database`` the rule sets there count, and ``permissions`` is the first of them.
    """

    type: str = "none"
    permissions: LoadedFile | None = field(default=None, metadata=setting(document, also="path"))
    max_rule_iterations: int = field(default=3, metadata=setting(integer(1)))
    cache_evacuation_interval: float = field(default=60.0, metadata=setting(milliseconds(1)))

    TYPES: ClassVar[tuple[str, ...]] = ("none", "config", "database")

    @property
    def rules(self) -> Mapping[str, Any] | None:
        """The content of ``permissions.yml``; ``None`` if there are no rules to ask, or none here."""
        return self.permissions.content if self.permissions and self.type == "config" else None

    @property
    def path(self) -> Path | None:
        """Where the rules can be read again; ``None`` without rules or when they are in the file itself."""
        return self.permissions.path if self.permissions and self.type == "config" else None

    def contradiction(self) -> str | None:
        if self.type == "config" and self.permissions is None:
            return "permissions is missing: for instance fileLoad(permissions.yml)"
        return None


_SERVERS = ("postgres", "mysql")


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageConfig(Section):
    """The database of records. What is ``None`` is left to Django's settings."""

    type: str = "default"
    url: str | None = field(
        default=None,
        repr=False,
        metadata=setting(url("postgres", "postgresql", "mysql"), only=_SERVERS, also="connectionString"),
    )
    host: str | None = field(default=None, metadata=setting(text, only=_SERVERS))
    port: int | None = field(default=None, metadata=setting(_PORT, only=_SERVERS))
    user: str | None = field(default=None, metadata=setting(text, only=_SERVERS, also="username"))
    password: str | None = field(default=None, repr=False, metadata=setting(secret, only=_SERVERS))
    database: str | None = field(default=None, metadata=setting(text, only=_SERVERS))

    TYPES: ClassVar[tuple[str, ...]] = ("default", *_SERVERS)
    INSTEAD: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("mongodb", "rethinkdb", "elasticsearch", "couchdb", "dynamodb", "redis"), _STORES
    )
    IGNORED: ClassVar[Mapping[str, str]] = dict.fromkeys(
        (
            "max",
            "connectionLimit",
            "idleTimeoutMillis",
            "connectionTimeoutMillis",
            "schema",
            "ssl",
            "notifications",
        ),
        _TUNING,
    )

    def contradiction(self) -> str | None:
        if self.url and (self.host or self.port or self.user or self.password or self.database):
            return "the url says where the database is: leave out host, port, user, password and database"
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheConfig(Section):
    """The cache of records, which is each process's own memory; its size is ``record.cache_max_bytes``."""

    type: str = "default"

    TYPES: ClassVar[tuple[str, ...]] = ("default",)
    STAND_INS: ClassVar[Mapping[str, tuple[str, str]]] = dict.fromkeys(
        ("redis", "memcached", "hazelcast"), ("default", _CACHE)
    )


_REDIS = ("redis",)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterConfig(Section):
    """How nodes hear of each other: ``default`` is one process alone, ``redis`` as many as there are."""

    type: str = "default"
    url: str | None = field(default=None, repr=False, metadata=setting(url("redis", "rediss"), only=_REDIS))
    host: str = field(default="localhost", metadata=setting(text, only=_REDIS))
    port: int = field(default=6379, metadata=setting(_PORT, only=_REDIS))
    password: str | None = field(default=None, repr=False, metadata=setting(secret, only=_REDIS))
    db: int = field(default=0, metadata=setting(integer(0), only=_REDIS))

    TYPES: ClassVar[tuple[str, ...]] = ("default", "redis")
    INSTEAD: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("kafka", "vertx", "nats", "amqp", "hazelcast"), _BUSES
    )

    @property
    def redis_url(self) -> str | None:
        """Where Redis is, as one URL; ``None`` for a process alone."""
        if self.type == "default":
            return None
        login = f":{quote(self.password, safe='')}@" if self.password else ""
        return self.url or f"redis://{login}{self.host}:{self.port}/{self.db}"


_LOG, _HTTP = ("log",), ("http",)


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitoringConfig(Section):
    """Figures about the server: none, logged every ``log_interval`` seconds, or to be fetched from ``url``.

    A request must carry the header ``header_key`` with the value ``header_value``, unless
    ``allow_open_permissions``.
    """

    type: str = "none"
    log_interval: float = field(default=30.0, metadata=setting(milliseconds(1), only=_LOG))
    monitoring_key: str = field(default="DEEPSTREAM_MONITORING", metadata=setting(text, only=_LOG))
    url: str = field(default="/monitoring", metadata=setting(url_path, only=_HTTP))
    header_key: str | None = field(default=None, metadata=setting(header, only=_HTTP))
    header_value: str | None = field(default=None, repr=False, metadata=setting(secret, only=_HTTP))
    allow_open_permissions: bool = field(default=False, metadata=setting(boolean, only=_HTTP))

    TYPES: ClassVar[tuple[str, ...]] = ("none", "log", "http")

    def contradiction(self) -> str | None:
        if (
            self.type == "http"
            and not self.allow_open_permissions
            and not (self.header_key and self.header_value)
        ):
            return "needs headerKey and headerValue, or allowOpenPermissions: true to let everyone read"
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggerConfig(Section):
    """How log lines look: text, with ``colors`` on a terminal, or one JSON object a line."""

    type: str = "default"
    colors: bool = field(default=True, metadata=setting(boolean, only=("default",)))

    TYPES: ClassVar[tuple[str, ...]] = ("default", "json")
    STAND_INS: ClassVar[Mapping[str, tuple[str, str]]] = {
        "pino": ("json", "it writes JSON lines too"),
        "winston": ("default", "Django's LOGGING setting can send log lines anywhere"),
    }
    IGNORED: ClassVar[Mapping[str, str]] = {"logLevel": "the logLevel at the top of the file counts"}
