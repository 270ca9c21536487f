"""Loading the configuration: where it is looked for, what wins, and what a server without one has."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path
from uuid import UUID

import pytest

from deepstream_project.config import Config, ConfigError, LogLevel, load_config
from deepstream_project.config_file import find_config
from deepstream_project.config_login import AuthStrategy, FileOptions, HttpOptions, JwtOptions, NoneOptions
from deepstream_project.config_network import (
    Endpoints,
    HttpApiConfig,
    JsonEndpoint,
    TextEndpoint,
    WebSocketEndpoint,
)


def write(folder: Path, text: str, name: str = "config.yml") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)
    return folder / name


def loaded(tmp_path: Path, text: str) -> Config:
    return load_config(write(tmp_path, text), environ={})


class TestFinding:
    def test_a_file_that_is_named_wins_over_the_environment(self, tmp_path: Path) -> None:
        write(tmp_path / "other", "serverName: other")
        named = write(tmp_path, "serverName: named", "my.yml")

        config = load_config(named, environ={"DEEPSTREAM_CONFIG_DIRECTORY": str(tmp_path / "other")})

        assert config.server_name == "named"
        assert config.path == named

    def test_a_folder_that_is_named_is_searched(self, tmp_path: Path) -> None:
        write(tmp_path, "serverName: found")

        assert load_config(tmp_path, environ={}).server_name == "found"

    def test_the_environment_wins_over_the_usual_folders(self, tmp_path: Path) -> None:
        usual = write(tmp_path / "conf", "")
        asked = write(tmp_path / "asked", "")

        environ = {"DEEPSTREAM_CONFIG_DIRECTORY": str(asked.parent)}

        assert find_config(None, environ, (usual.parent,)) == asked

    def test_the_first_of_the_usual_folders_that_has_one_wins(self, tmp_path: Path) -> None:
        empty, first, second = tmp_path / "empty", tmp_path / "first", tmp_path / "second"
        expected = write(first, "{}", "config.json")
        write(second, "")

        assert find_config(None, {}, (empty, first, second)) == expected

    def test_yml_wins_over_yaml_and_json_in_one_folder(self, tmp_path: Path) -> None:
        write(tmp_path, "{}", "config.json")
        write(tmp_path, "", "config.yaml")
        assert find_config(tmp_path, {}) == tmp_path / "config.yaml"

        write(tmp_path, "", "config.yml")
        assert find_config(tmp_path, {}) == tmp_path / "config.yml"

    def test_the_conf_folder_beside_is_one_of_the_usual(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write(tmp_path / "conf", "serverName: beside")
        monkeypatch.chdir(tmp_path)

        config = load_config(environ={"DEEPSTREAM_CONFIG_DIRECTORY": ""})

        assert config.server_name == "beside"
        assert config.path == tmp_path / "conf" / "config.yml"

    def test_nothing_asked_for_and_nothing_found_is_no_file(self, tmp_path: Path) -> None:
        assert find_config(None, {}, (tmp_path,)) is None

    def test_nothing_found_means_the_defaults(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)

        config = load_config(environ={}, overrides={"serverName": "alone"})

        assert config == Config(server_name="alone")

    @pytest.mark.parametrize("name", ["nowhere", "nowhere.yml"])
    def test_a_path_that_is_named_and_not_there_is_an_error(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(ConfigError, match=f"{name}: cannot be read: No such file"):
            load_config(tmp_path / name, environ={})

    def test_a_folder_of_the_environment_without_a_configuration_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(
            ConfigError, match=r"no config\.yml, config\.yaml or config\.json .*CONFIG_DIRECTORY"
        ):
            load_config(environ={"DEEPSTREAM_CONFIG_DIRECTORY": str(tmp_path)})


class TestDefaults:
    @pytest.mark.parametrize("text", ["", "# nothing but a comment\n", "rpc:\nrecord:\nauth:\nhttpServer:\n"])
    def test_a_file_that_sets_nothing_is_the_defaults(self, tmp_path: Path, text: str) -> None:
        config = loaded(tmp_path, text)

        assert dataclasses.replace(config, path=None, server_name="") == Config(server_name="")

    def test_an_empty_json_object_is_the_defaults(self, tmp_path: Path) -> None:
        config = load_config(write(tmp_path, "{}", "config.json"), environ={})

        assert dataclasses.replace(config, path=None, server_name="") == Config(server_name="")

    def test_without_endpoints_all_that_there_are_are_on(self, tmp_path: Path) -> None:
        assert loaded(tmp_path, "connectionEndpoints:").endpoints == Endpoints(
            binary=WebSocketEndpoint(url_path="/deepstream"),
            json=JsonEndpoint(url_path="/deepstream-json"),
            text=TextEndpoint(url_path="/deepstream-v3", legacy_detection=0.5),
            http_api=HttpApiConfig(),
            mqtt=None,
        )

    def test_everyone_is_let_in(self) -> None:
        assert Config().auth == (AuthStrategy("none", NoneOptions()),)

    def test_every_start_makes_up_a_name(self, tmp_path: Path) -> None:
        names = {Config().server_name, Config().server_name, loaded(tmp_path, "serverName: UUID").server_name}

        assert len({UUID(name) for name in names}) == 3

    def test_nothing_of_it_can_be_changed(self) -> None:
        with pytest.raises(dataclasses.FrozenInstanceError):
            Config().rpc.ack_timeout = 3  # type: ignore[misc]


class TestEndpoints:
    def test_one_that_is_left_out_is_off(self, tmp_path: Path) -> None:
        endpoints = loaded(tmp_path, "connectionEndpoints: [{type: ws-text}]").endpoints

        assert endpoints == Endpoints(binary=None, json=None, text=TextEndpoint(), http_api=None)

    def test_one_that_is_null_is_off(self, tmp_path: Path) -> None:
        text = "connectionEndpoints:\n  ws-binary: {options: {maxAuthAttempts: 9}}\n  http: null\n"

        endpoints = loaded(tmp_path, text).endpoints

        assert endpoints == Endpoints(
            binary=WebSocketEndpoint(max_auth_attempts=9), json=None, text=None, http_api=None
        )

    def test_an_empty_list_turns_all_off(self, tmp_path: Path) -> None:
        endpoints = loaded(tmp_path, "connectionEndpoints: []").endpoints

        assert endpoints == Endpoints(binary=None, json=None, text=None, http_api=None)

    def test_legacy_detection_can_be_turned_off(self, tmp_path: Path) -> None:
        text = "connectionEndpoints: [{type: ws-text, options: {legacyDetection: false}}]"

        endpoint = loaded(tmp_path, text).endpoints.text

        assert endpoint is not None
        assert endpoint.legacy_detection is None


class TestAuth:
    def test_strategies_keep_their_order(self, tmp_path: Path) -> None:
        text = "auth: [{type: jwt, options: {key: s}}, {type: django}, {name: none}]"

        assert [strategy.type for strategy in loaded(tmp_path, text).auth] == ["jwt", "django", "none"]

    def test_users_come_with_the_path_to_read_them_again(self, tmp_path: Path) -> None:
        write(tmp_path, "bob: {password: secret, serverData: {admin: true}}", "users.yml")

        (strategy,) = loaded(tmp_path, "auth: {type: file, options: {users: fileLoad(users.yml)}}").auth

        assert isinstance(strategy.options, FileOptions)
        assert strategy.options.users.path == tmp_path / "users.yml"
        assert strategy.options.users.content == {
            "bob": {"password": "secret", "serverData": {"admin": True}}
        }

    def test_hash_false_is_clear_text(self, tmp_path: Path) -> None:
        text = "auth: {type: file, options: {users: {bob: {password: x}}, hash: false}}"

        (strategy,) = loaded(tmp_path, text).auth

        assert isinstance(strategy.options, FileOptions)
        assert strategy.options.hash is None

    @pytest.mark.parametrize(
        ("options", "algorithms"),
        [
            ("key: secret", ("HS256",)),
            ("key: fileLoad(public.pem)", ("RS256",)),
            ("jwksUrl: https://example.com/keys", ("RS256",)),
            ("key: fileLoad(public.pem), algorithms: [ES256, EdDSA]", ("ES256", "EdDSA")),
        ],
    )
    def test_a_tokens_signature_fits_its_key(
        self, tmp_path: Path, options: str, algorithms: tuple[str, ...]
    ) -> None:
        write(tmp_path, "-----BEGIN PUBLIC KEY-----\n", "public.pem")

        (strategy,) = loaded(tmp_path, f"auth: {{type: jwt, options: {{{options}}}}}").auth

        assert isinstance(strategy.options, JwtOptions)
        assert strategy.options.algorithms == algorithms


class TestPermission:
    def test_rules_come_with_the_path_to_read_them_again(self, tmp_path: Path) -> None:
        write(tmp_path, "record: {'*': {read: 'user.id === \"${NOT_A_VARIABLE}\"'}}", "permissions.yml")

        text = "permission: {type: config, options: {permissions: fileLoad(permissions.yml)}}"
        permission = loaded(tmp_path, text).permission

        assert permission.path == tmp_path / "permissions.yml"
        assert permission.rules == {"record": {"*": {"read": 'user.id === "${NOT_A_VARIABLE}"'}}}

    def test_type_none_has_no_rules_whatever_its_options(self, tmp_path: Path) -> None:
        permission = loaded(tmp_path, "permission: {type: none, options: {permissions: {a: b}}}").permission

        assert (permission.rules, permission.path) == (None, None)

    @pytest.mark.parametrize("options", ["{}", "{permissions: {a: b}}"])
    def test_rules_in_the_database_are_not_those_of_the_options(self, tmp_path: Path, options: str) -> None:
        permission = loaded(tmp_path, f"permission: {{type: database, options: {options}}}").permission

        assert (permission.type, permission.rules, permission.path) == ("database", None, None)
        assert (permission.permissions is None) == (options == "{}")


class TestCluster:
    def test_one_process_alone_has_no_redis(self) -> None:
        assert Config().cluster_node.redis_url is None

    def test_a_password_may_hold_any_character(self, tmp_path: Path) -> None:
        text = "clusterNode: {type: redis, options: {host: redis, password: 'a/b@c:d'}}"

        assert loaded(tmp_path, text).cluster_node.redis_url == "redis://:a%2Fb%40c%3Ad@redis:6379/0"


class TestLogLevel:
    @pytest.mark.parametrize(
        ("written", "level"),
        [
            ("OFF", LogLevel.OFF),
            ("warning", LogLevel.WARN),
            ("WARN", LogLevel.WARN),
            ("Debug", LogLevel.DEBUG),
            ("0", LogLevel.DEBUG),
            ("'4'", LogLevel.FATAL),
            ("100", LogLevel.OFF),
        ],
    )
    def test_it_is_a_number_or_a_name_in_any_case(
        self, tmp_path: Path, written: str, level: LogLevel
    ) -> None:
        assert loaded(tmp_path, f"logLevel: {written}").log_level is level

    def test_it_is_one_of_pythons_levels_too(self) -> None:
        assert [level.python_level for level in LogLevel] == [
            logging.DEBUG,
            logging.INFO,
            logging.WARNING,
            logging.ERROR,
            logging.CRITICAL,
            logging.CRITICAL + 10,
        ]


class TestOverrides:
    def test_they_win_over_the_file_and_leave_the_rest_of_it(self, tmp_path: Path) -> None:
        file = write(tmp_path, "httpServer: {options: {host: 10.0.0.1, port: 1}}\nlogLevel: ERROR\n")

        config = load_config(file, environ={}, overrides={"httpServer.options.port": 2, "logLevel": "DEBUG"})

        assert (config.http.host, config.http.port) == ("10.0.0.1", 2)
        assert config.log_level is LogLevel.DEBUG

    def test_one_that_is_none_was_not_given(self, tmp_path: Path) -> None:
        file = write(tmp_path, "logLevel: ERROR")

        assert load_config(file, environ={}, overrides={"logLevel": None}).log_level is LogLevel.ERROR

    def test_a_whole_section_is_replaced(self, tmp_path: Path) -> None:
        file = write(
            tmp_path, "auth: [{type: django}]\npermission: {type: config, options: {permissions: {}}}"
        )

        config = load_config(
            file, environ={}, overrides={"auth": {"type": "none"}, "permission": {"type": "none"}}
        )

        assert [strategy.type for strategy in config.auth] == ["none"]
        assert config.permission.type == "none"

    def test_what_they_replace_need_not_be_right(self, tmp_path: Path) -> None:
        file = write(tmp_path, "httpServer: {options: {port: '${NOT_SET}'}}")

        assert load_config(file, environ={}, overrides={"httpServer.options.port": 7000}).http.port == 7000

    def test_what_is_handed_in_stays_as_it_was(self, tmp_path: Path) -> None:
        overrides = {"rpc": {"ackTimeout": 1}, "rpc.responseTimeout": 2}

        config = load_config(write(tmp_path, ""), environ={}, overrides=overrides)

        assert (config.rpc.ack_timeout, config.rpc.response_timeout) == (0.001, 0.002)
        assert overrides == {"rpc": {"ackTimeout": 1}, "rpc.responseTimeout": 2}

    def test_a_wrong_one_is_said_to_come_from_the_command_line(self, tmp_path: Path) -> None:
        file = write(tmp_path, "httpServer: {options: {port: 1}}")

        with pytest.raises(ConfigError) as caught:
            load_config(file, environ={}, overrides={"httpServer.options.port": "x"})

        assert caught.value.problems == (
            "command line: httpServer.options.port: must be a number, not text ('x')",
        )


def test_no_secret_is_in_the_representation(tmp_path: Path) -> None:
    config = loaded(
        tmp_path,
        """
        auth:
          - {type: file, options: {users: {bob: {password: hunter2}}}}
          - {type: http, options: {endpointUrl: "https://user:hunter2@example.com/"}}
          - {type: jwt, options: {key: hunter2}}
        storage: {type: mysql, options: {password: hunter2}}
        clusterNode: {type: redis, options: {password: hunter2}}
        monitoring: {type: http, options: {headerKey: key, headerValue: hunter2}}
        """,
    )

    assert isinstance(config.auth[1].options, HttpOptions)
    assert "hunter2" in config.auth[1].options.endpoint_url
    assert "hunter2" not in repr(config)
