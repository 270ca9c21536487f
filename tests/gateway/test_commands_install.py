"""``deepstream install``: real pip, with packages that a test makes."""

from __future__ import annotations

import io
import os
import sys
import zipfile
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from deepstream_project.config import load_config
from gateway.commands import install
from gateway.commands.install import CONNECTORS, Connector

NAME = "deepstream-made-up-connector"
CONNECTOR = Connector("storage:\n  name: made-up", NAME, f"{NAME}==1.5")


def run(*arguments: str) -> str:
    output = io.StringIO()
    call_command("deepstream", "install", *arguments, stdout=output)
    return output.getvalue()


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that pip finds packages in, and nowhere else; what it installs goes to another."""
    folder, target = tmp_path / "index", tmp_path / "target"
    folder.mkdir()
    variables = {
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(folder),
        "PIP_TARGET": str(target),
        "PIP_CONFIG_FILE": os.devnull,
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.syspath_prepend(str(target))
    monkeypatch.setitem(CONNECTORS, ("storage", "made-up"), CONNECTOR)
    return folder


def make_wheel(folder: Path) -> None:
    stem = NAME.replace("-", "_")
    with zipfile.ZipFile(folder / f"{stem}-1.5-py3-none-any.whl", "w") as wheel:
        info = f"{stem}-1.5.dist-info"
        wheel.writestr(f"{stem}.py", "")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {NAME}\nVersion: 1.5\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", f"{stem}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")


def test_a_package_is_fetched_and_the_lines_for_the_configuration_shown(index: Path) -> None:
    make_wheel(index)
    printed = run("storage", "made-up")

    assert f"Installing {NAME}==1.5 into {sys.prefix}" in printed
    assert "Successfully installed" in printed, "pip's progress is shown"
    assert f"{NAME} 1.5 is installed.\n" in printed
    assert printed.rstrip().endswith(CONNECTOR.lines)

    again = run("storage", "made-up")
    assert f"{NAME} 1.5 is installed already." in again
    assert "Installing" not in again
    assert again.rstrip().endswith(CONNECTOR.lines)


def test_a_package_that_cannot_be_found_says_where_to_look(index: Path) -> None:
    with pytest.raises(CommandError, match=r"was not installed: the package index does not have it"):
        run("storage", "made-up")


def test_a_folder_that_may_not_be_written_is_named(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_wheel(index)
    blocked = index / "file"
    blocked.write_text("not a folder")
    monkeypatch.setenv("PIP_TARGET", str(blocked))
    with pytest.raises(CommandError, match="was not installed: "):
        run("storage", "made-up")


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        ("/usr/bin/python: No module named pip", "-m ensurepip"),
        ("error: externally-managed-environment", "virtual environment"),
        ("ERROR: [Errno 13] Permission denied: '/usr/lib'", "run it as its owner"),
        ("NewConnectionError: failed\nERROR: No matching distribution", "check the network or PIP_INDEX_URL"),
        ("something else", "pip's message is above"),
    ],
)
def test_what_pip_says_is_turned_into_what_to_do(said: str, advice: str) -> None:
    assert advice in install._reason(said)


@pytest.mark.parametrize(
    ("kind", "name"), [("storage", "postgres"), ("clusterNode", "redis"), ("message", "redis")]
)
def test_what_the_server_needs_itself_is_there_already(kind: str, name: str) -> None:
    printed = run(kind, name)

    assert "is installed already." in printed
    assert f"  name: {name}" in printed


def test_what_is_part_of_the_server_needs_nothing() -> None:
    assert "nothing is to be installed" in run("monitoring", "http")


@pytest.mark.parametrize("arguments", [("storage", "mongodb"), ("storage",), ("kafka", "x")])
def test_what_there_is_not_is_answered_with_what_there_is(arguments: tuple[str, ...]) -> None:
    with pytest.raises(CommandError) as caught:
        run(*arguments)
    assert "storage default | postgres | mysql" in str(caught.value)
    assert "clusterNode default | redis" in str(caught.value)


def test_without_arguments_everything_there_is_is_listed() -> None:
    assert len(run().splitlines()) == 1 + len({kind for kind, _ in CONNECTORS})


@pytest.mark.parametrize("which", CONNECTORS, ids=" ".join)
def test_the_lines_that_are_shown_are_a_configuration(tmp_path: Path, which: tuple[str, str]) -> None:
    (tmp_path / "config.yml").write_text(CONNECTORS[which].lines)
    variables = ("POSTGRES_PASSWORD", "MYSQL_PASSWORD", "REDIS_PASSWORD", "MONITORING_KEY")
    config = load_config(tmp_path / "config.yml", environ=dict.fromkeys(variables, "secret"))
    kind, name = which
    chosen = {
        "storage": config.storage.type,
        "clusterNode": config.cluster_node.type,
        "cache": config.cache.type,
        "monitoring": config.monitoring[0].type if config.monitoring else None,
        "logger": config.logger.type,
    }

    assert chosen[kind] == name
