"""The configuration: one typed, read-only ``Config`` from a file in deepstream's own format.

What each key does is in docs/configuration.md. A duration is float seconds here, milliseconds in the file.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

from deepstream_project.config_document import ConfigError, Document, Steps, read_document
from deepstream_project.config_file import find_config, load_file
from deepstream_project.config_history import HistoryConfig
from deepstream_project.config_login import AuthStrategy, LoginThrottle, NoneOptions, strategies
from deepstream_project.config_network import Endpoints, HttpConfig, endpoints
from deepstream_project.config_place import Place, Report
from deepstream_project.config_section import Section, plugin, section, setting
from deepstream_project.config_services import (
    CacheConfig,
    ClusterConfig,
    LoggerConfig,
    MonitoringConfig,
    PermissionConfig,
    StorageConfig,
    monitors,
)
from deepstream_project.config_values import LogLevel, boolean, each, integer, log_level, milliseconds, text

__all__ = ["Config", "ConfigError", "LogLevel", "load_config", "load_file"]

log = logging.getLogger("deepstream.config")


@dataclass(frozen=True, slots=True, kw_only=True)
class Features(Section):
    """Which parts of deepstream are on (``enabledFeatures``)."""

    record: bool = field(default=True, metadata=setting(boolean))
    event: bool = field(default=True, metadata=setting(boolean))
    rpc: bool = field(default=True, metadata=setting(boolean))
    presence: bool = field(default=True, metadata=setting(boolean))
    monitoring: bool = field(
        default=False,
        metadata=setting(boolean, needless="figures are there as soon as `monitoring` says for whom"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RpcConfig(Section):
    """PROTOCOL.md section 6; both timeouts in seconds."""

    ack_timeout: float = field(default=1.0, metadata=setting(milliseconds(1)))
    response_timeout: float = field(default=10.0, metadata=setting(milliseconds(1)))
    provide_requestor_name: bool = field(default=False, metadata=setting(boolean))
    provide_requestor_data: bool = field(default=False, metadata=setting(boolean))


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordConfig(Section):
    """PROTOCOL.md section 5; both timeouts in seconds.

    ``cache_max_bytes`` is how much memory the records may take that a process keeps to answer reads from.
    """

    storage_exclusion_prefixes: tuple[str, ...] = field(default=(), metadata=setting(each(text)))
    storage_hot_path_prefixes: tuple[str, ...] = field(default=(), metadata=setting(each(text)))
    cache_retrieval_timeout: float = field(
        default=1.0, metadata=setting(milliseconds(1), needless="the cache is the process's own memory")
    )
    storage_retrieval_timeout: float = field(default=2.0, metadata=setting(milliseconds(1)))
    cache_max_bytes: int = field(default=256 * 1024 * 1024, metadata=setting(integer(0)))
    history: HistoryConfig = field(default_factory=HistoryConfig, metadata=setting(section(HistoryConfig)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenConfig(Section):
    """PROTOCOL.md section 8; all durations in seconds."""

    shuffle_providers: bool = field(default=True, metadata=setting(boolean))
    response_timeout: float = field(default=0.5, metadata=setting(milliseconds(1)))
    rematch_interval: float = field(default=30.0, metadata=setting(milliseconds(1001)))
    match_cooldown: float = field(default=10.0, metadata=setting(milliseconds()))


def server_name(value: Any, place: Place) -> str:
    """The node's name in a cluster; ``UUID`` stands for a new one at every start."""
    name = text(value, place)
    return str(uuid4()) if name == "UUID" else name


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(Section):
    """Everything that can be configured; ``Config()`` is what a server without a file has.

    ``path``: the file it came from, if any. ``dependency_initialization_timeout``: seconds that the database
    and the cluster may take to be reached at the start.
    """

    path: Path | None = None
    server_name: str = field(default_factory=lambda: str(uuid4()), metadata=setting(server_name))
    show_logo: bool = field(default=True, metadata=setting(boolean))
    log_level: LogLevel = field(default=LogLevel.INFO, metadata=setting(log_level))
    exit_on_fatal_error: bool = field(default=False, metadata=setting(boolean))
    dependency_initialization_timeout: float = field(
        default=2.0, metadata=setting(milliseconds(1), also="dependencyInitialisationTimeout")
    )
    features: Features = field(
        default_factory=Features, metadata=setting(section(Features), key="enabledFeatures")
    )
    http: HttpConfig = field(
        default_factory=HttpConfig, metadata=setting(plugin(HttpConfig), key="httpServer")
    )
    endpoints: Endpoints = field(
        default_factory=Endpoints, metadata=setting(endpoints, key="connectionEndpoints")
    )
    rpc: RpcConfig = field(default_factory=RpcConfig, metadata=setting(section(RpcConfig)))
    record: RecordConfig = field(default_factory=RecordConfig, metadata=setting(section(RecordConfig)))
    listen: ListenConfig = field(default_factory=ListenConfig, metadata=setting(section(ListenConfig)))
    auth: tuple[AuthStrategy, ...] = field(
        default=(AuthStrategy("none", NoneOptions()),), metadata=setting(strategies)
    )
    login_throttle: LoginThrottle = field(
        default_factory=LoginThrottle, metadata=setting(section(LoginThrottle))
    )
    permission: PermissionConfig = field(
        default_factory=PermissionConfig, metadata=setting(plugin(PermissionConfig))
    )
    storage: StorageConfig = field(default_factory=StorageConfig, metadata=setting(plugin(StorageConfig)))
    cache: CacheConfig = field(default_factory=CacheConfig, metadata=setting(plugin(CacheConfig)))
    cluster_node: ClusterConfig = field(
        default_factory=ClusterConfig, metadata=setting(plugin(ClusterConfig))
    )
    monitoring: tuple[MonitoringConfig, ...] = field(default=(), metadata=setting(monitors))
    logger: LoggerConfig = field(default_factory=LoggerConfig, metadata=setting(plugin(LoggerConfig)))

    IGNORED: ClassVar[Mapping[str, str]] = {
        "plugins": "plugins are written for Node.js; here Django applications extend the server",
        "libDir": "connectors are Python packages, installed with pip",
        "telemetry": "nothing is reported to anyone",
        "locks": "the database decides between writers, without locks",
        "cluster": "nodes announce themselves through clusterNode",
        "clusterRegistry": "clusterNode.options says how soon a silent node is taken for gone",
        "clusterStates": "who is what where is told again by itself when something of it was missed",
        "subscriptions": "a node that is gone takes its subscriptions with it",
        "subscriptionsSanityTimer": "a node that is gone takes its subscriptions with it",
        "broadcastTimeout": "what one tick of the loop produces is written together",
        "externalUrl": "clients are never redirected to another server",
    }
    MOVED: ClassVar[Mapping[str, str]] = {
        "host": "httpServer.options.host",
        "port": "httpServer.options.port",
        "healthCheckPath": "httpServer.options.healthCheckPath",
        "sslKey": "httpServer.options.ssl.key",
        "sslCert": "httpServer.options.ssl.cert",
        "sslCa": "httpServer.options.ssl.ca",
        "rpcAckTimeout": "rpc.ackTimeout",
        "rpcTimeout": "rpc.responseTimeout",
        "provideRPCRequestorDetails": "rpc.provideRequestorName and rpc.provideRequestorData",
        "storageExclusion": "record.storageExclusionPrefixes, a list of prefixes",
        "storageExclusionPrefixes": "record.storageExclusionPrefixes",
        "storageHotPathPrefixes": "record.storageHotPathPrefixes",
        "cacheRetrievalTimeout": "record.cacheRetrievalTimeout",
        "storageRetrievalTimeout": "record.storageRetrievalTimeout",
        "shuffleListenProviders": "listen.shuffleProviders",
        "listenResponseTimeout": "listen.responseTimeout",
        "rematchInterval": "listen.rematchInterval",
        "matchCooldown": "listen.matchCooldown",
        "message": "clusterNode",
        "messageConnector": "clusterNode",
    }


def load_config(
    path: Path | None = None,
    *,
    overrides: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Config:
    """The configuration in ``path``, or where CONFIG.md says to look, or the defaults if there is none.

    ``overrides`` are the command line's: values by dotted key, as ``{"httpServer.options.port": 7000}``; they
    win over the file, and one that is ``None`` was not given. What is odd but harmless is logged.
    Raises ``ConfigError`` with everything that is wrong, one problem a line: file, line, dotted key, reason.
    """
    found = find_config(path, environ)
    document = read_document(found) if found else Document(Path("conf/config.yml"), None, {})
    by_steps: dict[Steps, Any] = {
        tuple(key.split(".")): value for key, value in (overrides or {}).items() if value is not None
    }
    report = Report(document, by_steps)
    top = Place(report)
    values = top.expand(_overridden({} if document.values is None else document.values, by_steps), environ)
    config: Config = top.read(section(Config), values)
    if report.problems:
        raise ConfigError(*report.problems)
    for warning in report.warnings:
        log.warning("%s", warning)
    return replace(config, path=found.absolute() if found else None)


def _overridden(values: Any, overrides: Mapping[Steps, Any]) -> Any:
    """``values`` with each override in its place; sections on the way are made if they are not there."""
    for steps, value in overrides.items() if isinstance(values, dict) else ():
        inner = values
        for step in steps[:-1]:
            if not isinstance(inner.get(step), dict):
                inner[step] = {}
            inner = inner[step]
        inner[steps[-1]] = deepcopy(value)
    return values
