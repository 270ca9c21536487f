"""What is wrong with a configuration is said with its file, line and key, all of it at once."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from deepstream_project.config import Config, ConfigError, load_config


def problems(tmp_path: Path, text: str, name: str = "config.yml") -> list[str]:
    """The problems of a file with this text, without its folder."""
    (tmp_path / name).write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / name, environ={})
    assert str(caught.value) == "\n".join(caught.value.problems)
    return [problem.replace(f"{tmp_path}/", "") for problem in caught.value.problems]


def warnings(tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture) -> tuple[Config, list[str]]:
    (tmp_path / "config.yml").write_text(text)
    config = load_config(tmp_path / "config.yml", environ={})
    assert {(record.name, record.levelno) for record in caplog.records} <= {
        ("deepstream.config", logging.WARNING)
    }
    return config, [record.getMessage().replace(f"{tmp_path}/", "") for record in caplog.records]


def test_an_unknown_key_is_named_with_its_place_and_the_nearest_one(tmp_path: Path) -> None:
    assert problems(tmp_path, "serverName: a\nrpc:\n  ackTimout: 100\n  response_timeout: 1\n") == [
        "config.yml:3: rpc.ackTimout: unknown key; did you mean ackTimeout?",
        "config.yml:4: rpc.response_timeout: unknown key; did you mean responseTimeout?",
    ]


def test_an_unknown_key_that_is_near_to_none_is_told_all_there_are(tmp_path: Path) -> None:
    assert problems(tmp_path, "rpc: {colour: red}") == [
        "config.yml:1: rpc.colour: unknown key; known here: "
        "ackTimeout, responseTimeout, provideRequestorName, provideRequestorData"
    ]


def test_an_unknown_option_of_what_has_none_is_told_so(tmp_path: Path) -> None:
    assert problems(tmp_path, "auth: {type: none, options: {a: 1}}") == [
        "config.yml:1: auth.options.a: unknown key; there are no options here"
    ]


def test_everything_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    text = """
logLevel: LOUD
connectionEndpoints:
  - type: ws-binary
    options:
      urlPath: /a
      headers: [ok, "not ok", 3]
      maxAuthAttempts: 0
  - type: ws-bianry
listen:
  rematchInterval: 1000
auth:
  - type: http
    options: {requestTimeout: -1}
"""

    assert problems(tmp_path, text) == [
        "config.yml:2: logLevel: "
        "must be DEBUG, INFO, WARN, ERROR, FATAL, OFF or their number, not text ('LOUD')",
        "config.yml:7: connectionEndpoints[0].options.headers[1]: "
        "must be the name of an HTTP header, not text ('not ok')",
        "config.yml:7: connectionEndpoints[0].options.headers[2]: "
        "must be text, not a number (3); put it in quotes",
        "config.yml:8: connectionEndpoints[0].options.maxAuthAttempts: must be at least 1, not 0",
        "config.yml:9: connectionEndpoints[1].type: unknown type 'ws-bianry'; did you mean ws-binary?",
        "config.yml:11: listen.rematchInterval: must be from 1001 to 2147483647, not 1000",
        "config.yml:14: auth[0].options.requestTimeout: must be from 1 to 2147483647, not -1",
        "config.yml:14: auth[0].options: endpointUrl is missing",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("rpc: 3", "rpc: must be a section of keys, not a number (3)"),
        ("rpc: {ackTimeout: true}", "rpc.ackTimeout: must be a number of milliseconds, not true"),
        ("rpc: {ackTimeout: soon}", "rpc.ackTimeout: must be a number of milliseconds, not text ('soon')"),
        ("rpc: {ackTimeout: .inf}", "rpc.ackTimeout: must be from 1 to 2147483647, not inf"),
        ("rpc: {ackTimeout: .nan}", "rpc.ackTimeout: must be from 1 to 2147483647, not nan"),
        ("rpc: {ackTimeout: 0}", "rpc.ackTimeout: must be from 1 to 2147483647, not 0"),
        (
            "rpc: {provideRequestorName: yes}",
            "rpc.provideRequestorName: must be true or false, not text ('yes')",
        ),
        ("record: {cacheMaxBytes: 1.5}", "record.cacheMaxBytes: must be a whole number, not 1.5"),
        ("record: {cacheMaxBytes: .inf}", "record.cacheMaxBytes: must be a whole number, not inf"),
        (
            "record: {storageHotPathPrefixes: a/}",
            "record.storageHotPathPrefixes: must be a list, not text ('a/')",
        ),
        ("serverName: 12", "serverName: must be text, not a number (12); put it in quotes"),
        ("serverName: ''", "serverName: must be text, not text ('')"),
        (
            "httpServer: {options: {port: 65536}}",
            "httpServer.options.port: must be from 0 to 65535, not 65536",
        ),
        (
            "httpServer: {options: {healthCheckPath: up}}",
            "httpServer.options.healthCheckPath: must be a URL path that begins with /, not text ('up')",
        ),
        ("httpServer: default", "httpServer: must be a section with type and options, not text ('default')"),
        (
            "connectionEndpoints: 3",
            "connectionEndpoints: must be a list of endpoints with type and options, not a number (3)",
        ),
        (
            "connectionEndpoints: {http: 3}",
            "connectionEndpoints.http: must be a section with type and options, not a number (3)",
        ),
        (
            "connectionEndpoints: [{type: http}, {type: http}]",
            "connectionEndpoints[1]: there is one endpoint of this type already",
        ),
        (
            "connectionEndpoints: {ws-json: {options: {urlPath: /a}}, ws-text: {options: {urlPath: /a}}}",
            "connectionEndpoints: two WebSocket endpoints have the urlPath /a",
        ),
        ("auth: []", "auth: an empty list lets nobody log in; leave auth out to let everyone in"),
        (
            "auth: {options: {}}",
            "auth.name: the type is missing; known here: none, file, storage, http, django, jwt",
        ),
        (
            "auth: {type: [none]}",
            "auth.type: the type is text, not a list; known here: none, file, storage, http, django, jwt",
        ),
        (
            "auth: {type: none, option: {}}",
            "auth.option: unknown key; did you mean options?",
        ),
        (
            "auth: {type: file, options: {users: {bob: secret}}}",
            "auth.options.users: user bob: needs a password, which is text",
        ),
        (
            "auth: {type: file, options: {users: {bob: {password: 12}}}}",
            "auth.options.users: user bob: needs a password, which is text",
        ),
        (
            "auth: {type: file, options: {users: [bob]}}",
            "auth.options.users: must hold keys and values, not a list",
        ),
        (
            "auth: {type: storage, options: {table: a, hash: md55}}",
            "auth.options.hash: must be a digest such as md5, sha256 or sha512, not text ('md55')",
        ),
        (
            "auth: {type: storage, options: {table: a, hash: true}}",
            "auth.options.hash: must be text, not true",
        ),
        (
            "auth: {type: http, options: {endpointUrl: example.com}}",
            "auth.options.endpointUrl: must be a URL that begins with http:// or https://",
        ),
        ("auth: {type: jwt}", "auth.options: needs either key or jwksUrl"),
        (
            "auth: {type: jwt, options: {key: a, jwksUrl: 'http://b'}}",
            "auth.options: needs either key or jwksUrl",
        ),
        (
            "auth: {type: jwt, options: {key: file(config.yml)}}",
            "auth.options.key: is the path of a file; write fileLoad(PATH) for what is in it",
        ),
        (
            "auth: {type: jwt, options: {jwksUrl: 'http://b', algorithms: HS256}}",
            "auth.options: keys from jwksUrl are public: HS256, HS384 and HS512 need a secret key",
        ),
        (
            "permission: {type: config}",
            "permission.options: permissions is missing: for instance fileLoad(permissions.yml)",
        ),
        (
            "permission: {options: {permissions: {}}}",
            "permission.name: the type is missing; known here: none, config, database",
        ),
        (
            "permission: {path: ./permission.js}",
            "permission.path: this setting is now nowhere",
        ),
        (
            "storage: {type: default, options: {host: db}}",
            "storage.options.host: only type postgres or mysql has this option",
        ),
        (
            "storage: {type: mysql, options: {user: a, username: b}}",
            "storage.options.username: says the same as user; keep one of them",
        ),
        (
            "storage: {type: postgres, options: {url: 'postgres://a/b', host: c}}",
            "storage.options: the url says where the database is",
        ),
        (
            "clusterNode: {type: redis, options: {heartbeatInterval: 2000, nodeTimeout: 3000}}",
            "clusterNode.options: nodeTimeout must be at least twice heartbeatInterval",
        ),
        ("monitoring: {type: http}", "monitoring.options: needs headerKey and headerValue"),
        (
            "httpServer: {options: {ssl: {key: file(config.yml)}}}",
            "httpServer.options.ssl: cert is missing",
        ),
    ],
)
def test_a_value_that_cannot_be_is_told_what_it_must_be(tmp_path: Path, text: str, problem: str) -> None:
    found = problems(tmp_path, text)

    assert found[0].startswith(f"config.yml:1: {problem}"), found
    assert "permission" in text or len(found) == 1


@pytest.mark.parametrize(
    ("text", "instead"),
    [
        (
            "storage: {name: mongodb}",
            "storage.name: mongodb is not here: records are kept in Django's database",
        ),
        (
            "clusterNode: {type: kafka}",
            "clusterNode.type: kafka is not here: nodes talk through Redis: redis",
        ),
        (
            "clusterNode: {type: redis, options: {nodes: [{host: a}]}}",
            "clusterNode.options.nodes: not here: nodes meet on one Redis server",
        ),
        ("port: 6020", "port: this setting is now httpServer.options.port"),
        ("rpcAckTimeout: 3", "rpcAckTimeout: this setting is now rpc.ackTimeout"),
        (
            "connectionEndpoints: {ws-text: {options: {port: 1}}}",
            "connectionEndpoints.ws-text.options.port: this setting is now httpServer.options.port",
        ),
    ],
)
def test_what_upstream_has_and_is_not_here_is_told_what_there_is(
    tmp_path: Path, text: str, instead: str
) -> None:
    assert problems(tmp_path, text)[0].startswith(f"config.yml:1: {instead}")


@pytest.mark.parametrize("key", sorted(Config.IGNORED))
def test_an_old_key_that_does_nothing_is_accepted_with_the_reason(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, key: str
) -> None:
    config, said = warnings(tmp_path, f"serverName: a\n{key}: {{x: 1}}", caplog)

    assert config.server_name == "a"
    assert said == [f"config.yml:2: {key}: ignored: {Config.IGNORED[key]}"]


@pytest.mark.parametrize(
    ("text", "kind", "warning"),
    [
        (
            "cache: {name: redis, options: {host: a, port: 1}}",
            "cache.default",
            "cache.name: redis is not here, and default takes its place",
        ),
        (
            "logger: {name: pino, options: {logLevel: INFO}}",
            "logger.json",
            "logger.name: pino is not here, and json takes its place",
        ),
        (
            "logger: {name: winston, options: {transports: []}}",
            "logger.default",
            "logger.name: winston is not here, and default takes its place",
        ),
        (
            "storage: {type: postgres, options: {schema: public}}",
            "storage.postgres",
            "storage.options.schema: ignored: tables are where the user's search_path leads",
        ),
    ],
)
def test_what_something_here_replaces_is_accepted_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, text: str, kind: str, warning: str
) -> None:
    config, said = warnings(tmp_path, text, caplog)

    name, chosen = kind.split(".")
    assert getattr(config, name).type == chosen
    assert len(said) == 1
    assert said[0].startswith(f"config.yml:1: {warning}")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("enabledFeatures: {monitoring: true}", "enabledFeatures.monitoring"),
        ("record: {cacheRetrievalTimeout: 5}", "record.cacheRetrievalTimeout"),
        (
            "permission: {type: none, options: {cacheEvacuationInterval: 5}}",
            "permission.options.cacheEvacuat",
        ),
        (
            "connectionEndpoints: {ws-binary: {options: {outgoingBufferTimeout: 5}}}",
            "connectionEndpoints.ws-binary.options.outgoingBufferTimeout",
        ),
        (
            "connectionEndpoints: {ws-json: {options: {maxBufferByteSize: 5}}}",
            "connectionEndpoints.ws-json.options.maxBufferByteSize",
        ),
    ],
)
def test_a_key_that_nothing_depends_on_here_says_so_unless_it_is_the_default(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, text: str, place: str
) -> None:
    _, said = warnings(tmp_path, text, caplog)

    assert len(said) == 1
    assert said[0].startswith(f"config.yml:1: {place}")
    assert ": does nothing here: " in said[0]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("monitoring: {type: http}", "monitoring.options: needs headerKey and headerValue"),
        (
            "monitoring: [{type: log}, {type: https}]",
            "monitoring[1].type: unknown type 'https'; did you mean http?",
        ),
        (
            "monitoring: [{type: http, options: &a {allowOpenPermissions: true}}, {type: http, options: *a}]",
            "monitoring: two of type http have the same url",
        ),
        (
            "storage: {type: postgres, options: {ssl: {cert: file(config.yml)}}}",
            "storage.options.ssl: cert and key go together",
        ),
        (
            "storage: {type: mysql, options: {url: 'postgres://a/b'}}",
            "storage.options: the url is not one of mysql",
        ),
        ("storage: {type: postgres, options: {ssl: 3}}", "storage.options.ssl: must be a section of keys"),
    ],
)
def test_services_that_cannot_be_are_told_why(tmp_path: Path, text: str, problem: str) -> None:
    (found,) = problems(tmp_path, text)
    assert found.startswith(f"config.yml:1: {problem}")


def test_mqtt_is_read_and_said_not_to_listen(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    config, said = warnings(tmp_path, "connectionEndpoints: [{type: mqtt, options: {port: 1884}}]", caplog)

    assert config.endpoints.mqtt is not None
    assert config.endpoints.mqtt.port == 1884
    assert said == [
        "config.yml:1: connectionEndpoints[0].options: "
        "there is no MQTT listener in this version; every other endpoint works"
    ]


def test_no_problem_repeats_a_secret(tmp_path: Path) -> None:
    text = """
auth:
  - {type: http, options: {endpointUrl: "user:hunter2@example.com"}}
  - {type: file, options: {users: {bob: {passwrd: hunter2}}}}
storage: {type: postgres, options: {url: "oracle://a:hunter2@b/c"}}
clusterNode: {type: redis, options: {password: [hunter2], url: "http://a:hunter2@b"}}
monitoring: {type: http, options: {headerKey: a, headerValue: [hunter2]}}
"""

    found = problems(tmp_path, text)

    assert len(found) == 6
    assert not [problem for problem in found if "hunter2" in problem]
