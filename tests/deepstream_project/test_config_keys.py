"""Every key of deepstream's configuration, in upstream's spelling, sets its attribute."""

from __future__ import annotations

import json
from functools import reduce
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest

from deepstream_project import config as configuration
from deepstream_project import config_history, config_login, config_network, config_services
from deepstream_project.config import LogLevel, load_config
from deepstream_project.config_file import LoadedFile
from deepstream_project.config_section import Section, settings_of

ENDPOINT = {
    "urlPath": ("/here", "url_path", "/here"),
    "heartbeatInterval": (1500, "heartbeat_interval", 1.5),
    "outgoingBufferTimeout": (5, "outgoing_buffer_timeout", 0.005),
    "maxBufferByteSize": (2048, "max_buffer_byte_size", 2048),
    "maxOutboxSize": (4096, "max_outbox_size", 4096),
    "unauthenticatedClientTimeout": (False, "unauthenticated_client_timeout", None),
    "maxAuthAttempts": (7, "max_auth_attempts", 7),
    "logInvalidAuthData": (True, "log_invalid_auth_data", True),
    "maxMessageSize": (4096, "max_message_size", 4096),
    "headers": (["User-Agent"], "headers", ("user-agent",)),
}
HASH = {
    "hash": ("sha512", "hash", "sha512"),
    "iterations": (1000, "iterations", 1000),
    "keyLength": (64, "key_length", 64),
}
USERS = {"userA": {"password": "secret"}}
RULES = {"event": {"*": {"publish": True}}}
SERVER = {
    "host": ("db.example.com", "host", "db.example.com"),
    "port": (1234, "port", 1234),
    "password": ("p@ss", "password", "p@ss"),
}

# The section: its class, the document around its keys, its place in Config, and of each key what is written,
# the attribute that it sets and what that must be.
SECTIONS: dict[str, tuple[type[Section], Any, str, dict[str, tuple[Any, str, Any]]]] = {
    "the top": (
        configuration.Config,
        lambda keys: keys,
        "",
        {
            "serverName": ("node-1", "server_name", "node-1"),
            "showLogo": (False, "show_logo", False),
            "logLevel": (3, "log_level", LogLevel.ERROR),
            "exitOnFatalError": (True, "exit_on_fatal_error", True),
            "dependencyInitializationTimeout": (4000, "dependency_initialization_timeout", 4.0),
            "dependencyInitialisationTimeout": (4000, "dependency_initialization_timeout", 4.0),
            "enabledFeatures": ({"rpc": False}, "features", configuration.Features(rpc=False)),
            "httpServer": ({"options": {"port": 1}}, "http", config_network.HttpConfig(port=1)),
            "connectionEndpoints": ([{"type": "ws-json"}], "endpoints.json.url_path", "/deepstream-json"),
            "rpc": ({"ackTimeout": 1}, "rpc.ack_timeout", 0.001),
            "record": ({"cacheMaxBytes": 1}, "record.cache_max_bytes", 1),
            "listen": ({"matchCooldown": 1}, "listen.match_cooldown", 0.001),
            "auth": (
                {"type": "django"},
                "auth",
                (config_login.AuthStrategy("django", config_login.DjangoOptions()),),
            ),
            "loginThrottle": ({"attempts": 9}, "login_throttle.attempts", 9),
            "permission": ({"type": "none"}, "permission.type", "none"),
            "storage": ({"name": "postgres"}, "storage.type", "postgres"),
            "cache": ({"type": "default"}, "cache.type", "default"),
            "clusterNode": ({"type": "redis"}, "cluster_node.type", "redis"),
            "monitoring": (
                [
                    {"type": "none"},
                    {"type": "log"},
                    {"type": "http", "options": {"allowOpenPermissions": True}},
                ],
                "monitoring",
                (
                    config_services.MonitoringConfig(type="log"),
                    config_services.MonitoringConfig(type="http", allow_open_permissions=True),
                ),
            ),
            "logger": ({"type": "json"}, "logger.type", "json"),
        },
    ),
    "enabledFeatures": (
        configuration.Features,
        lambda keys: {"enabledFeatures": keys},
        "features",
        {
            "record": (False, "record", False),
            "event": (False, "event", False),
            "rpc": (False, "rpc", False),
            "presence": (False, "presence", False),
            "monitoring": (True, "monitoring", True),
        },
    ),
    "httpServer": (
        config_network.HttpConfig,
        lambda keys: {"httpServer": {"type": "uws", "options": keys}},
        "http",
        {
            "host": ("127.0.0.1", "host", "127.0.0.1"),
            "port": (8080, "port", 8080),
            "healthCheckPath": ("/up", "health_check_path", "/up"),
            "allowAllOrigins": (False, "allow_all_origins", False),
            "origins": (["https://example.com"], "origins", ("https://example.com",)),
            "headers": (["X-Real-IP"], "headers", ("x-real-ip",)),
            "maxMessageSize": (99, "max_message_size", 99),
            "ssl": (
                {"key": "fileLoad(key.pem)", "cert": "file(cert.pem)"},
                "ssl.key.name",
                "key.pem",
            ),
        },
    ),
    "ssl": (
        config_network.SslConfig,
        lambda keys: {
            "httpServer": {"options": {"ssl": {"key": "file(key.pem)", "cert": "file(cert.pem)", **keys}}}
        },
        "http.ssl",
        {
            "key": ("fileLoad(key.pem)", "key.name", "key.pem"),
            "cert": ("file(cert.pem)", "cert.name", "cert.pem"),
            "ca": ("file(ca.pem)", "ca.name", "ca.pem"),
            "passphrase": ("open sesame", "passphrase", "open sesame"),
        },
    ),
    "ws-binary": (
        config_network.WebSocketEndpoint,
        lambda keys: {"connectionEndpoints": [{"type": "ws-binary", "options": keys}]},
        "endpoints.binary",
        ENDPOINT,
    ),
    "ws-json": (
        config_network.JsonEndpoint,
        lambda keys: {"connectionEndpoints": [{"type": "ws-json", "options": keys}]},
        "endpoints.json",
        ENDPOINT,
    ),
    "ws-text": (
        config_network.TextEndpoint,
        lambda keys: {"connectionEndpoints": [{"type": "ws-text", "options": keys}]},
        "endpoints.text",
        ENDPOINT | {"legacyDetection": (250, "legacy_detection", 0.25)},
    ),
    "http": (
        config_network.HttpApiConfig,
        lambda keys: {"connectionEndpoints": [{"type": "http", "options": keys}]},
        "endpoints.http_api",
        {
            "allowAuthData": (False, "allow_auth_data", False),
            "enableAuthEndpoint": (False, "enable_auth_endpoint", False),
            "authPath": ("/login", "auth_path", "/login"),
            "postPath": ("/post", "post_path", "/post"),
            "getPath": ("/get", "get_path", "/get"),
            "logInvalidAuthData": (True, "log_invalid_auth_data", True),
            "requestTimeout": (500, "request_timeout", 0.5),
        },
    ),
    "mqtt": (
        config_network.MqttConfig,
        lambda keys: {"connectionEndpoints": [{"type": "mqtt", "options": keys}]},
        "endpoints.mqtt",
        {
            "host": ("127.0.0.1", "host", "127.0.0.1"),
            "port": (1884, "port", 1884),
            "idleTimeout": (60000, "idle_timeout", 60.0),
        },
    ),
    "rpc": (
        configuration.RpcConfig,
        lambda keys: {"rpc": keys},
        "rpc",
        {
            "ackTimeout": (300, "ack_timeout", 0.3),
            "responseTimeout": (3000, "response_timeout", 3.0),
            "provideRequestorName": (True, "provide_requestor_name", True),
            "provideRequestorData": (True, "provide_requestor_data", True),
        },
    ),
    "record": (
        configuration.RecordConfig,
        lambda keys: {"record": keys},
        "record",
        {
            "storageExclusionPrefixes": (["no/"], "storage_exclusion_prefixes", ("no/",)),
            "storageHotPathPrefixes": (["hot/", "b"], "storage_hot_path_prefixes", ("hot/", "b")),
            "cacheRetrievalTimeout": (30000, "cache_retrieval_timeout", 30.0),
            "storageRetrievalTimeout": (30000, "storage_retrieval_timeout", 30.0),
            "cacheMaxBytes": (1000000, "cache_max_bytes", 1000000),
            "history": ({"days": 7}, "history.days", 7),
        },
    ),
    "record history": (
        config_history.HistoryConfig,
        lambda keys: {"record": {"history": keys}},
        "record.history",
        {
            "enabled": (True, "enabled", True),
            "days": (7, "days", 7),
            "versions": (20, "versions", 20),
            "exclude": (["sensors/"], "exclude", ("sensors/",)),
        },
    ),
    "listen": (
        configuration.ListenConfig,
        lambda keys: {"listen": keys},
        "listen",
        {
            "shuffleProviders": (False, "shuffle_providers", False),
            "responseTimeout": (50, "response_timeout", 0.05),
            "rematchInterval": (1001, "rematch_interval", 1.001),
            "matchCooldown": (0, "match_cooldown", 0.0),
        },
    ),
    "auth none": (
        config_login.NoneOptions,
        lambda keys: {"auth": [{"type": "none", "options": keys}]},
        "auth",
        {},
    ),
    "auth django": (
        config_login.DjangoOptions,
        lambda keys: {"auth": [{"type": "django", "options": keys}]},
        "auth",
        {},
    ),
    "auth file": (
        config_login.FileOptions,
        lambda keys: {
            "auth": [{"type": "file", "options": keys if "path" in keys else {"users": USERS} | keys}]
        },
        "auth",
        HASH
        | {
            "users": (USERS, "users", LoadedFile(None, USERS)),
            "path": ("./users.json", "users.content", USERS),
        },
    ),
    "auth storage": (
        config_login.StorageOptions,
        lambda keys: {"auth": [{"type": "storage", "options": {"table": "Users"} | keys}]},
        "auth",
        HASH
        | {
            "table": ("people", "table", "people"),
            "tableSplitChar": (".", "table_split_char", "."),
            "createUser": (True, "create_user", True),
        },
    ),
    "auth http": (
        config_login.HttpOptions,
        lambda keys: {"auth": [{"type": "http", "options": {"endpointUrl": "http://a/b"} | keys}]},
        "auth",
        {
            "endpointUrl": ("https://example.com/login", "endpoint_url", "https://example.com/login"),
            "permittedStatusCodes": ([200, 201], "permitted_status_codes", (200, 201)),
            "requestTimeout": (100, "request_timeout", 0.1),
            "promoteToHeader": (["token"], "promote_to_header", ("token",)),
            "retryStatusCodes": ([503], "retry_status_codes", (503,)),
            "retryAttempts": (0, "retry_attempts", 0),
            "retryInterval": (10, "retry_interval", 0.01),
        },
    ),
    "auth jwt": (
        config_login.JwtOptions,
        lambda keys: {
            "auth": [{"type": "jwt", "options": keys if "jwksUrl" in keys else {"key": "s"} | keys}]
        },
        "auth",
        {
            "key": ("a secret", "key", "a secret"),
            "jwksUrl": ("https://example.com/jwks", "jwks_url", "https://example.com/jwks"),
            "algorithms": (["HS512"], "algorithms", ("HS512",)),
            "audience": ("me", "audience", ("me",)),
            "issuer": ("you", "issuer", "you"),
            "claims": ({"id": "name"}, "claims", config_login.JwtClaims(id="name")),
        },
    ),
    "jwt claims": (
        config_login.JwtClaims,
        lambda keys: {"auth": [{"type": "jwt", "options": {"key": "s", "claims": keys}}]},
        "auth claims",
        {
            "id": ("email", "id", "email"),
            "serverData": ("roles", "server_data", "roles"),
            "clientData": ("profile", "client_data", "profile"),
        },
    ),
    "loginThrottle": (
        config_login.LoginThrottle,
        lambda keys: {"loginThrottle": keys},
        "login_throttle",
        {
            "attempts": (10, "attempts", 10),
            "interval": (1000, "interval", 1.0),
            "delay": (50, "delay", 0.05),
        },
    ),
    "permission": (
        config_services.PermissionConfig,
        lambda keys: {
            "permission": {
                "type": "config",
                "options": keys if "path" in keys else {"permissions": RULES} | keys,
            }
        },
        "permission",
        {
            "permissions": (RULES, "rules", RULES),
            "path": ("rules.json", "rules", RULES),
            "maxRuleIterations": (5, "max_rule_iterations", 5),
            "cacheEvacuationInterval": (1000, "cache_evacuation_interval", 1.0),
        },
    ),
    "storage": (
        config_services.StorageConfig,
        lambda keys: {"storage": {"type": "postgres", "options": keys}},
        "storage",
        SERVER
        | {
            "url": ("postgres://a:b@c/d", "url", "postgres://a:b@c/d"),
            "connectionString": ("postgres://a:b@c/d", "url", "postgres://a:b@c/d"),
            "user": ("deep", "user", "deep"),
            "username": ("deep", "user", "deep"),
            "database": ("stream", "database", "stream"),
            "ssl": (True, "ssl", config_services.StorageSsl()),
        },
    ),
    "storage ssl": (
        config_services.StorageSsl,
        lambda keys: {
            "storage": {
                "type": "postgres",
                "options": {"ssl": {"cert": "file(cert.pem)", "key": "file(key.pem)"} | keys},
            }
        },
        "storage.ssl",
        {
            "ca": ("file(ca.pem)", "ca.name", "ca.pem"),
            "cert": ("file(cert.pem)", "cert.name", "cert.pem"),
            "key": ("fileLoad(key.pem)", "key.name", "key.pem"),
            "rejectUnauthorized": (False, "reject_unauthorized", False),
        },
    ),
    "cache": (
        config_services.CacheConfig,
        lambda keys: {"cache": {"type": "default", "options": keys}},
        "cache",
        {},
    ),
    "clusterNode": (
        config_services.ClusterConfig,
        lambda keys: {"clusterNode": {"type": "redis", "options": keys}},
        "cluster_node",
        SERVER
        | {
            "url": ("rediss://:x@redis:1/2", "redis_url", "rediss://:x@redis:1/2"),
            "db": (3, "redis_url", "redis://localhost:6379/3"),
            "username": ("deep", "redis_url", "redis://deep:@localhost:6379/0"),
            "user": ("deep", "redis_url", "redis://deep:@localhost:6379/0"),
            "tls": (True, "redis_url", "rediss://localhost:6379/0"),
            "heartbeatInterval": (500, "heartbeat_interval", 0.5),
            "nodeTimeout": (7500, "node_timeout", 7.5),
        },
    ),
    "monitoring log": (
        config_services.MonitoringConfig,
        lambda keys: {"monitoring": {"type": "log", "options": keys}},
        "monitoring",
        {
            "logInterval": (5000, "log_interval", 5.0),
            "monitoringKey": ("KEY", "monitoring_key", "KEY"),
        },
    ),
    "monitoring http": (
        config_services.MonitoringConfig,
        lambda keys: {"monitoring": {"type": "http", "options": {"allowOpenPermissions": True} | keys}},
        "monitoring",
        {
            "url": ("/figures", "url", "/figures"),
            "headerKey": ("X-Password", "header_key", "x-password"),
            "headerValue": ("secret", "header_value", "secret"),
            "allowOpenPermissions": (True, "allow_open_permissions", True),
        },
    ),
    "logger": (
        config_services.LoggerConfig,
        lambda keys: {"logger": {"type": "default", "options": keys}},
        "logger",
        {"colors": (False, "colors", False)},
    ),
}
CASES = [(name, key) for name, (_, _, _, keys) in SECTIONS.items() for key in keys]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("key.pem", "cert.pem", "ca.pem"):
        (tmp_path / name).write_text("PEM")
    (tmp_path / "users.json").write_text(json.dumps(USERS))
    (tmp_path / "rules.json").write_text(json.dumps(RULES))
    return tmp_path


def part_of(config: configuration.Config, path: str) -> Any:
    """What a section's key is an attribute of; ``auth`` stands for the options of the only strategy."""
    if path.startswith("auth"):
        (strategy,) = config.auth
        return strategy.options.claims if path == "auth claims" else strategy.options  # type: ignore[union-attr]
    if path == "monitoring":
        (monitor,) = config.monitoring
        return monitor
    return reduce(lambda part, name: attrgetter(name)(part), path.split(), config)


@pytest.mark.parametrize(("name", "key"), CASES, ids=[f"{name}: {key}" for name, key in CASES])
def test_a_key_sets_its_attribute(folder: Path, name: str, key: str) -> None:
    kind, document, path, keys = SECTIONS[name]
    written, attribute, expected = keys[key]
    file = folder / "config.json"
    file.write_text(json.dumps(document({key: written})))

    part = part_of(load_config(file), path)

    assert isinstance(part, kind)
    assert attrgetter(attribute)(part) == expected


def test_every_key_that_is_known_is_among_those_tested() -> None:
    tested: dict[type[Section], set[str]] = {}
    for kind, _, _, keys in SECTIONS.values():
        tested.setdefault(kind, set()).update(keys)

    assert tested == {kind: set(settings_of(kind)) for kind in tested}


def test_every_written_value_differs_from_the_default() -> None:
    """Else a key that is read and dropped would pass as one that is read."""
    same = [
        (name, key)
        for name, (kind, _, _, keys) in SECTIONS.items()
        for key, (_, attribute, expected) in keys.items()
        if settings_of(kind)[key].default == expected and attribute == settings_of(kind)[key].name
    ]

    assert same == []
