"""Reading YAML and JSON as upstream does, with line numbers, and filling in the macros."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from deepstream_project.config import Config, ConfigError, load_config, load_file
from deepstream_project.config_document import read_document
from deepstream_project.config_file import LoadedFile, expand


def read(tmp_path: Path, text: str, name: str = "a.yml") -> Any:
    (tmp_path / name).write_text(text)
    return read_document(tmp_path / name)


def problems(tmp_path: Path, text: str, name: str = "a.yml") -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text, name)
    return [problem.replace(f"{tmp_path}/", "") for problem in caught.value.problems]


class TestYaml:
    @pytest.mark.parametrize(
        "word", ["on", "off", "OFF", "yes", "No", "y", "12:30", "12:30:45", "2024-01-01", "007", "1_000", "="]
    )
    def test_what_yaml_1_1_would_make_something_of_stays_text(self, tmp_path: Path, word: str) -> None:
        assert read(tmp_path, f"{word}: {word}").values == {word: word}

    @pytest.mark.parametrize(
        ("written", "value"),
        [
            ("true", True),
            ("FALSE", False),
            ("null", None),
            ("~", None),
            ("", None),
            ("0", 0),
            ("-12", -12),
            ("0x1F", 31),
            ("1.5", 1.5),
            (".5", 0.5),
            ("1e3", 1000.0),
            ("-.inf", float("-inf")),
            ("'1'", "1"),
            ("plain text", "plain text"),
        ],
    )
    def test_the_values_of_yaml_1_2_are_read(self, tmp_path: Path, written: str, value: Any) -> None:
        found = read(tmp_path, f"key: {written}").values["key"]

        assert (found, type(found)) == (value, type(value))

    def test_keys_are_text(self, tmp_path: Path) -> None:
        assert read(tmp_path, "1: a\ntrue: b\nnull: c").values == {"1": "a", "true": "b", "null": "c"}

    def test_anchors_are_merged_and_what_is_written_there_wins(self, tmp_path: Path) -> None:
        text = "a: &shared {x: 1, y: 2}\nb: {<<: *shared, y: 3}\nc: *shared\n"

        assert read(tmp_path, text).values == {
            "a": {"x": 1, "y": 2},
            "b": {"x": 1, "y": 3},
            "c": {"x": 1, "y": 2},
        }

    def test_every_value_has_the_line_of_its_key(self, tmp_path: Path) -> None:
        lines = read(tmp_path, "# comment\na:\n  b: 1\n  c:\n    - x\n    - d: |\n        text\n").lines

        assert lines == {
            (): 2,
            ("a",): 2,
            ("a", "b"): 3,
            ("a", "c"): 4,
            ("a", "c", 0): 5,
            ("a", "c", 1): 6,
            ("a", "c", 1, "d"): 6,
        }

    def test_a_byte_order_mark_is_no_part_of_the_first_key(self, tmp_path: Path) -> None:
        assert read(tmp_path, "\ufeffa: 1").values == {"a": 1}

    def test_a_key_that_is_there_twice_is_refused(self, tmp_path: Path) -> None:
        assert problems(tmp_path, "a:\n  b: 1\n  c: 2\n  b: 3\n") == ["a.yml:4: b: this key is here twice"]

    def test_an_alias_of_itself_is_refused(self, tmp_path: Path) -> None:
        assert problems(tmp_path, "a: &a\n  b: *a\n") == ["a.yml:2: this alias holds itself"]

    def test_a_key_that_is_a_list_is_refused(self, tmp_path: Path) -> None:
        assert problems(tmp_path, "a: 1\n? [b]\n: 2\n") == ["a.yml:2: a key must be text"]

    @pytest.mark.parametrize(
        "text", ["a: 1\nb: [1, 2\nc: 3\n", "a: 1\nb: c: d\n", "a: 1\nb: !!python/object:os.system x\n"]
    )
    def test_what_is_no_yaml_is_refused_with_its_line(self, tmp_path: Path, text: str) -> None:
        (problem,) = problems(tmp_path, text)

        assert problem.startswith(("a.yml:2: not valid YAML: ", "a.yml:3: not valid YAML: "))

    def test_two_documents_in_a_file_are_refused(self, tmp_path: Path) -> None:
        (problem,) = problems(tmp_path, "a: 1\n---\nb: 2\n")

        assert problem.startswith("a.yml:")
        assert "not valid YAML" in problem

    def test_a_control_character_is_refused(self, tmp_path: Path) -> None:
        (problem,) = problems(tmp_path, "a: \x07\n")

        assert problem.startswith("a.yml")
        assert "not valid YAML" in problem


class TestJson:
    def test_it_is_read_as_json_with_lines(self, tmp_path: Path) -> None:
        document = read(
            tmp_path, '{\n\t"a": 1e3,\n\t"b": {\n\t\t"c": "on\\/off \\ud83d\\ude00"\n\t}\n}', "a.json"
        )

        assert document.values == {"a": 1000.0, "b": {"c": "on/off 😀"}}
        assert document.lines == {(): 1, ("a",): 2, ("b",): 3, ("b", "c"): 4}

    def test_what_is_no_json_is_refused_with_its_line(self, tmp_path: Path) -> None:
        (problem,) = problems(tmp_path, '{\n"a": 1,\n}', "a.json")

        assert problem.startswith("a.json:")
        assert "not valid JSON" in problem

    def test_a_key_that_is_there_twice_is_refused(self, tmp_path: Path) -> None:
        assert problems(tmp_path, '{"a": 1,\n"a": 2}', "a.json") == ["a.json:2: a: this key is here twice"]

    def test_a_wrong_key_of_a_json_configuration_has_its_line(self, tmp_path: Path) -> None:
        (tmp_path / "config.json").write_text('{\n  "rpc": {\n    "ackTimout": 1\n  }\n}')

        with pytest.raises(ConfigError, match=r"config\.json:3: rpc\.ackTimout: unknown key"):
            load_config(tmp_path, environ={})


class TestMacros:
    @pytest.mark.parametrize(
        ("written", "filled"),
        [
            ("${HOST}", "example.com"),
            ("http://${HOST}:${PORT}/", "http://example.com:7000/"),
            ("${NONE:-else}", "else"),
            ("${EMPTY:-else}", "else"),
            ("${HOST:-else}", "example.com"),
            ("${NONE:-}", ""),
            ("${EMPTY}", ""),
            ("$HOST {HOST} $ {HOST}", "$HOST {HOST} $ {HOST}"),
            ("my file(x) here", "my file(x) here"),
        ],
    )
    def test_variables_are_filled_in(self, tmp_path: Path, written: str, filled: str) -> None:
        environ = {"HOST": "example.com", "PORT": "7000", "EMPTY": ""}

        assert expand(written, tmp_path, environ) == filled

    def test_a_variable_is_filled_in_once(self, tmp_path: Path) -> None:
        assert expand("${A}", tmp_path, {"A": "${B}", "B": "b"}) == "${B}"

    def test_file_is_a_path_in_the_folder(self, tmp_path: Path) -> None:
        assert expand("file(ssl/${NAME}.pem)", tmp_path, {"NAME": "key"}) == str(tmp_path / "ssl" / "key.pem")

    def test_file_may_be_an_absolute_path(self, tmp_path: Path) -> None:
        assert expand("file(/etc/key.pem)", tmp_path, {}) == "/etc/key.pem"

    @pytest.mark.parametrize(
        ("name", "text", "content"),
        [
            ("a.yml", "a: {b: off}", {"a": {"b": "off"}}),
            ("a.YAML", "[1]", [1]),
            ("a.json", '{"a": null}', {"a": None}),
            ("a.txt", "a: ${NOT_HERE}\n", "a: ${NOT_HERE}\n"),
            ("empty.yml", "", None),
        ],
    )
    def test_file_load_is_the_content(self, tmp_path: Path, name: str, text: str, content: Any) -> None:
        (tmp_path / name).write_text(text)

        assert expand(f"fileLoad({name})", tmp_path, {}) == LoadedFile(tmp_path / name, content)
        assert load_file(tmp_path / name) == content

    def test_a_variable_serves_where_a_number_or_a_switch_is_wanted(self, tmp_path: Path) -> None:
        (tmp_path / "config.yml").write_text(
            "httpServer: {options: {port: '${PORT}', allowAllOrigins: '${ALL}'}}\n"
            "rpc:\n  ackTimeout: ${ACK}\n"
            "clusterNode: {type: redis, options: {password: '${PASSWORD}'}}\n"
        )
        environ = {"PORT": "7000", "ALL": "False", "ACK": "1.5", "PASSWORD": "007"}

        config: Config = load_config(tmp_path, environ=environ)

        assert (config.http.port, config.http.allow_all_origins) == (7000, False)
        assert config.rpc.ack_timeout == 0.0015
        assert config.cluster_node.password == "007"

    def test_a_secret_from_a_file_is_without_the_newline_at_its_end(self, tmp_path: Path) -> None:
        (tmp_path / "password").write_text("hunter2\n")
        (tmp_path / "config.yml").write_text(
            "clusterNode: {type: redis, options: {password: fileLoad(password)}}"
        )

        assert load_config(tmp_path, environ={}).cluster_node.password == "hunter2"

    def test_paths_start_from_the_folder_of_the_file_wherever_the_process_is(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder = tmp_path / "conf"
        folder.mkdir()
        (folder / "permissions.yml").write_text("{}")
        (folder / "config.yml").write_text(
            "permission: {type: config, options: {permissions: fileLoad(permissions.yml)}}"
        )
        monkeypatch.chdir(tmp_path)

        config = load_config(Path("conf/config.yml"), environ={})

        assert config.permission.path == folder / "permissions.yml"

    def test_what_cannot_be_filled_in_is_said_once_for_each_with_its_place(self, tmp_path: Path) -> None:
        (tmp_path / "broken.yml").write_text("a: [")
        (tmp_path / "binary.txt").write_bytes(b"\xff\xfe\xff")
        (tmp_path / "config.yml").write_text(
            "serverName: ${NAME}\n"
            "auth:\n"
            "  - type: file\n"
            "    options: {users: fileLoad(nowhere.yml)}\n"
            "  - {type: jwt, options: {key: fileLoad(binary.txt)}}\n"
            "  - type: ${STRATEGY}\n"
            "permission:\n"
            "  type: config\n"
            "  options:\n"
            "    permissions: fileLoad(broken.yml)\n"
            "rpc: ${RPC}\n"
            "httpServer: {options: '${OPTIONS}'}\n"
        )

        with pytest.raises(ConfigError) as caught:
            load_config(tmp_path, environ={})

        found = [problem.replace(f"{tmp_path}/", "") for problem in caught.value.problems]
        assert found[4].startswith("config.yml:10: permission.options.permissions: broken.yml:")
        del found[4]
        assert found == [
            "config.yml:1: serverName: the environment variable NAME is not set",
            "config.yml:4: auth[0].options.users: nowhere.yml: cannot be read: No such file or directory",
            "config.yml:5: auth[1].options.key: binary.txt: cannot be read: it is not UTF-8 text",
            "config.yml:6: auth[2].type: the environment variable STRATEGY is not set",
            "config.yml:11: rpc: the environment variable RPC is not set",
            "config.yml:12: httpServer.options: the environment variable OPTIONS is not set",
        ]

    def test_a_key_for_tls_must_be_a_file_that_is_there(self, tmp_path: Path) -> None:
        (tmp_path / "config.yml").write_text(
            "httpServer: {options: {ssl: {key: '-----BEGIN PRIVATE KEY-----', cert: file(nowhere.pem)}}}"
        )

        with pytest.raises(ConfigError) as caught:
            load_config(tmp_path, environ={})

        assert [problem.split(": ", 1)[1] for problem in caught.value.problems] == [
            "httpServer.options.ssl.key: must be a file, written file(PATH) or fileLoad(PATH)",
            f"httpServer.options.ssl.cert: there is no file {tmp_path}/nowhere.pem",
        ]
