"""The sections of ``{type, options}`` about what a server uses: rules, stores, cluster, monitoring, logs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

from deepstream_project.config_file import LoadedFile
from deepstream_project.config_place import MISSING, Place
from deepstream_project.config_section import Section, plugin, read_section, setting
from deepstream_project.config_values import (
    boolean,
    document,
    existing_file,
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
_NO_ANSWERS = "no rule's answer is remembered, only which rule is for a name, until the rules change"
_POOL = "a server has one connection for writes and one for reads, and keeps them open"
_ONE_REDIS = "nodes meet on one Redis server: give host and port, or url, of that one"


@dataclass(frozen=True, slots=True, kw_only=True)
class PermissionConfig(Section):
    """Valve rules, or with type ``none`` no rules. ``cache_evacuation_interval`` in seconds.

    With type ``database`` the rule sets there count, and ``permissions`` is the first of them.
    """

    type: str = "none"
    permissions: LoadedFile | None = field(default=None, metadata=setting(document, also="path"))
    max_rule_iterations: int = field(default=3, metadata=setting(integer(1)))
    cache_evacuation_interval: float = field(
        default=60.0, metadata=setting(milliseconds(1), needless=_NO_ANSWERS)
    )

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
class StorageSsl(Section):
    """TLS to the database: who may vouch for it, and a certificate of our own (PEM files)."""

    ca: Path | None = field(default=None, metadata=setting(existing_file))
    cert: Path | None = field(default=None, metadata=setting(existing_file))
    key: Path | None = field(default=None, metadata=setting(existing_file))
    reject_unauthorized: bool = field(default=True, metadata=setting(boolean))

    def contradiction(self) -> str | None:
        if (self.cert is None) != (self.key is None):
            return "cert and key go together"
        return None


def storage_ssl(value: Any, place: Place) -> StorageSsl | None:
    """``true``: the usual authorities; ``false``, as left out: the database's own default; or a section."""
    if isinstance(value, bool):
        return StorageSsl() if value else None
    return read_section(StorageSsl, value, place)


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageConfig(Section):
    """The database of records, which is Django's. What is ``None`` is left to the database's client.

    ``DATABASE_URL`` in the environment wins over all of it (``deepstream_project.backends``).
    """

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
    ssl: StorageSsl | None = field(default=None, metadata=setting(storage_ssl, only=_SERVERS))

    TYPES: ClassVar[tuple[str, ...]] = ("default", *_SERVERS)
    INSTEAD: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("mongodb", "rethinkdb", "elasticsearch", "couchdb", "dynamodb", "redis"), _STORES
    )
    IGNORED: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("max", "min", "connectionLimit", "idleTimeoutMillis"), _POOL),
        "connectionTimeoutMillis": "a database that does not answer is given up after five seconds",
        "schema": "tables are where the user's search_path leads, which ALTER ROLE … SET search_path changes",
        "notifications": "nodes hear of each other through clusterNode",
    }

    def contradiction(self) -> str | None:
        if self.url and (self.host or self.port or self.user or self.password or self.database):
            return "the url says where the database is: leave out host, port, user, password and database"
        if self.url and not self.url.startswith(self.type):
            return f"the url is not one of {self.type}"
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
    """How nodes hear of each other: ``default`` is one process alone, ``redis`` as many as there are.

    ``heartbeat_interval``: how often nodes say that they are there, in seconds; a node that was not heard
    for ``node_timeout`` seconds is taken for gone.
    """

    type: str = "default"
    url: str | None = field(default=None, repr=False, metadata=setting(url("redis", "rediss"), only=_REDIS))
    host: str = field(default="localhost", metadata=setting(text, only=_REDIS))
    port: int = field(default=6379, metadata=setting(_PORT, only=_REDIS))
    username: str | None = field(default=None, metadata=setting(text, only=_REDIS, also="user"))
    password: str | None = field(default=None, repr=False, metadata=setting(secret, only=_REDIS))
    db: int = field(default=0, metadata=setting(integer(0), only=_REDIS))
    tls: bool = field(default=False, metadata=setting(boolean, only=_REDIS))
    heartbeat_interval: float = field(default=2.0, metadata=setting(milliseconds(100)))
    node_timeout: float = field(default=6.0, metadata=setting(milliseconds(300)))

    TYPES: ClassVar[tuple[str, ...]] = ("default", "redis")
    INSTEAD: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("kafka", "vertx", "nats", "amqp", "hazelcast"), _BUSES
    )
    REFUSED: ClassVar[Mapping[str, str]] = {
        "nodes": _ONE_REDIS,
        "sentinels": _ONE_REDIS,
        "redisOptions": "its options stand directly in options",
    }

    def contradiction(self) -> str | None:
        if self.node_timeout < 2 * self.heartbeat_interval:
            return (
                "nodeTimeout must be at least twice heartbeatInterval, or nodes that live are taken for gone"
            )
        return None

    @property
    def redis_url(self) -> str | None:
        """Where Redis is, as one URL; ``None`` for a process alone."""
        if self.type == "default":
            return None
        if self.url:
            return self.url
        login = f"{quote(self.username or '', safe='')}:{quote(self.password or '', safe='')}@"
        host = f"[{self.host}]" if ":" in self.host else self.host
        scheme = "rediss" if self.tls else "redis"
        return f"{scheme}://{'' if login == ':@' else login}{host}:{self.port}/{self.db}"


_LOG, _HTTP = ("log",), ("http",)


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitoringConfig(Section):
    """One way to figures about the server: logged every ``log_interval`` seconds, or fetched from ``url``.

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


def monitors(value: Any, place: Place) -> tuple[MonitoringConfig, ...]:
    """One way to the figures or a list of them; those of type ``none`` are left out."""
    listed = (
        [(item, place.at(index)) for index, item in enumerate(value)] if isinstance(value, list) else None
    )
    made = [at.read(plugin(MonitoringConfig), item) for item, at in listed or [(value, place)]]
    found = tuple(one for one in made if one is not MISSING and one.type != "none")
    paths = [one.url for one in found if one.type == "http"]
    if len(set(paths)) < len(paths):
        place.problem("two of type http have the same url")
    return found


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
