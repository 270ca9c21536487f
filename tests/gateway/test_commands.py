"""``manage.py deepstream`` (CONFIG.md, Command line)."""

from __future__ import annotations

import importlib
import io
import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from accounts.passwords import Passwords
from deepstream_project.config_login import HashOptions
from gateway.commands.service import quoted
from gateway.management.commands.deepstream import SUBCOMMANDS, with_subcommand
from records.models import Record
from tests.conftest import require
from tests.servers import ROOT, Server, configuration, django_environment, migrated_database

RULES = """\
record:
  "*": {create: true, read: true, write: false}
  "bids/$id":
    write: "data.price > oldData.price && user.data.canBid && _('open/' + $id).open"
event: {"*": {publish: "user.id === 'ann'"}}
rpc: {"*": {request: true}}
presence: {"*": {allow: true}}
"""
USERS = {
    "ann": {"password": Passwords(HashOptions(hash="sha256")).hash("tiger"), "serverData": {"canBid": 1}}
}
CONFIG = {
    "auth": [{"type": "file", "options": {"users": "fileLoad(users.yml)", "hash": "sha256"}}],
    "permission": {"type": "config", "options": {"permissions": "fileLoad(permissions.yml)"}},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "config.yml").write_text(json.dumps(CONFIG))
    (tmp_path / "users.yml").write_text(json.dumps(USERS))
    (tmp_path / "permissions.yml").write_text(RULES)
    return tmp_path


def run(*arguments: str | Path) -> str:
    """What a subcommand prints."""
    output = io.StringIO()
    call_command("deepstream", *map(str, arguments), stdout=output)
    return output.getvalue()


def run_process(*arguments: str | Path, folder: Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """The whole command, as a shell runs it."""
    return subprocess.run(
        [sys.executable, "manage.py", "deepstream", *map(str, arguments)],
        cwd=ROOT,
        env=os.environ | django_environment(folder / "deepstream.sqlite3", folder),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        **options,
    )


# The command as a whole


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ([], ["start"]),
        (["--port", "7000"], ["start", "--port", "7000"]),
        (["-c", "x", "--help"], ["start", "-c", "x", "--help"]),
        (["--settings=s", "-v", "0", "--port=1"], ["--settings=s", "-v", "0", "start", "--port=1"]),
        (["--traceback"], ["--traceback", "start"]),
        (["--traceback", "check"], ["--traceback", "check"]),
        (["--help"], ["--help"]),
        (["--version"], ["--version"]),
        (["hash", "-c", "x"], ["hash", "-c", "x"]),
        (["chek"], ["chek"]),
    ],
)
def test_start_is_what_is_done_without_a_subcommand(given: list[str], meant: list[str]) -> None:
    assert with_subcommand(given) == meant


def test_a_mistyped_subcommand_is_answered_with_those_that_there_are(tmp_path: Path) -> None:
    done = run_process("chek", folder=tmp_path)
    assert done.returncode != 0
    assert all(name in done.stderr for name in SUBCOMMANDS)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("arguments", "usage"), [(["--help"], "[-h]"), (["hash", "-h"], "hash [-h]")])
def test_the_installed_program_is_the_same_under_a_shorter_name(
    arguments: list[str],
    usage: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    module, _, function = project["scripts"]["deepstream"].partition(":")
    program = getattr(importlib.import_module(module), function)
    monkeypatch.setattr(sys, "argv", ["/usr/local/bin/deepstream", *arguments])
    with pytest.raises(SystemExit) as end:
        program()
    assert end.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: deepstream {usage}")


@pytest.mark.parametrize("name", SUBCOMMANDS)
def test_every_subcommand_explains_itself_with_examples(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        call_command("deepstream", name, "--help")
    assert end.value.code == 0
    assert f"  deepstream {name}" in capsys.readouterr().out


# start


def start_fails(*arguments: str | Path, folder: Path) -> str:
    """The one line with which ``start`` gives up."""
    done = run_process("start", *arguments, folder=folder)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr.splitlines()[-1]


def test_more_than_one_worker_is_refused_without_a_way_between_them(folder: Path) -> None:
    assert "Set REDIS_URL" in start_fails("--workers", "2", folder=folder)


def test_a_database_without_tables_is_refused_with_what_to_do(folder: Path) -> None:
    assert "run `manage.py migrate` first" in start_fails("-c", folder, folder=folder)


def test_broken_rules_are_refused_with_their_place(folder: Path) -> None:
    migrated_database(folder).rename(folder / "deepstream.sqlite3")
    (folder / "permissions.yml").write_text(RULES.replace("user.id ===", "user.id ===="))
    line = start_fails("-c", folder, folder=folder)
    assert f"{folder}/permissions.yml:5: event, *, publish, line 1, column" in line


def test_a_port_that_is_taken_is_named(folder: Path) -> None:
    template = migrated_database(folder)
    with Server("fast", folder / "first", template=template) as first:
        template.rename(folder / "deepstream.sqlite3")
        done = run_process("start", "--host", "127.0.0.1", "--port", str(first.port), folder=folder)
    assert done.returncode == 1
    assert "address already in use" in done.stderr
    assert "choose another port with --port" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_flags_turn_logins_and_rules_off(folder: Path) -> None:
    import asyncio

    from deepstream_protocol.message import Message
    from deepstream_protocol.topics import EventAction, Topic
    from tests.raw_client import RawClient

    async def scenario(url: str) -> None:
        async with RawClient.connect(url) as client:
            await client.login()
            await client.send(Message(Topic.EVENT, EventAction.EMIT, name="news", data="1"))
            await client.quiet()

    files = {"users.yml": json.dumps(USERS), "permissions.yml": RULES}
    flags = ("--disable-auth", "--disable-permissions", "--workers", "1")
    config = configuration(**CONFIG)
    with Server("fast", folder / "server", config=config, files=files, arguments=flags) as server:
        asyncio.run(scenario(server.url))


# check


def test_a_configuration_that_is_well_is_summed_up(folder: Path) -> None:
    assert run("check", "-c", folder) == (
        f"{folder}/config.yml: all is well; login: file; rules: 7 in {folder}/permissions.yml\n"
    )


def test_the_delivered_configuration_is_well() -> None:
    assert "all is well" in run("check", "-c", ROOT / "conf")


def test_everything_that_is_wrong_is_said_at_once(folder: Path) -> None:
    (folder / "config.yml").write_text(json.dumps(CONFIG | {"rpc": {"ackTimout": 1}, "colour": 1}))
    (folder / "permissions.yml").write_text(RULES.replace("read: true, write", "read: 'a.b(', wriet"))
    done = run_process("check", "-c", folder, folder=folder)
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert len(lines) >= 5
    for problem in (
        "rpc.ackTimout: unknown key; did you mean ackTimeout?",
        "colour: unknown key",
        f"{folder}/permissions.yml:2: record, *, wriet: there is no such rule type",
        f"{folder}/permissions.yml:2: record, *, read, line 1, column",
    ):
        assert any(problem in line for line in lines), problem
    assert lines[-1].endswith("4 problems")


def test_a_password_that_cannot_match_is_a_problem(folder: Path) -> None:
    (folder / "users.yml").write_text(json.dumps({"ann": {"password": "tiger"}}))
    output = io.StringIO()
    with pytest.raises(CommandError, match="1 problem"):
        call_command("deepstream", "check", "-c", str(folder), stderr=output)
    assert "user ann: the password is no hash" in output.getvalue()
    assert "tiger" not in output.getvalue()


# hash


def matches(password: str, stored: str) -> bool:
    return Passwords(HashOptions(hash="sha256")).matches(password, stored.strip()) is True


def test_a_hash_is_made_with_the_options_of_the_strategy_file(folder: Path) -> None:
    assert matches("tiger", run("hash", "-c", folder, "tiger"))


def test_a_password_can_come_through_a_pipe(folder: Path) -> None:
    done = run_process("hash", "-c", folder, folder=folder, input="tiger lily\n")
    assert done.returncode == 0
    assert matches("tiger lily", done.stdout)


def test_a_password_is_asked_for_twice_without_echo(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter(["tiger", "tiger", "tiger", "tigre"])
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("gateway.commands.hash_password.getpass", lambda prompt: next(answers))
    assert matches("tiger", run("hash", "-c", folder))
    with pytest.raises(CommandError, match="not the same"):
        run("hash", "-c", folder)


def test_clear_text_and_empty_passwords_are_not_hashed(folder: Path) -> None:
    with pytest.raises(CommandError, match="cannot be empty"):
        run("hash", "-c", folder, "")
    (folder / "users.yml").write_text("{}")
    (folder / "config.yml").write_text(json.dumps(CONFIG).replace('"sha256"', "false"))
    with pytest.raises(CommandError, match="clear text"):
        run("hash", "-c", folder, "tiger")


# info


def test_info_is_json_without_secrets(folder: Path) -> None:
    secret = {"type": "jwt", "options": {"key": "a secret key"}}
    (folder / "config.yml").write_text(json.dumps(CONFIG | {"auth": [*CONFIG["auth"], secret]}))
    printed = run("info", "-c", folder)
    found = json.loads(printed)
    assert found["configured"]["auth"] == ["file", "jwt"]
    assert found["paths"]["config"] == f"{folder}/config.yml"
    assert found["version"]
    assert "secret" not in printed


# explain


def explained(folder: Path, *arguments: str) -> list[str]:
    return run("explain", "-c", folder, *arguments).splitlines()


def test_explain_shows_which_rule_decides_and_what_its_parts_are(folder: Path) -> None:
    asked = ("--user", "ann", "--action", "record.write", "--name", "bids/4", "--data", '{"price": 5}')
    known = ("--old-data", '{"price": 4}', "--record", 'open/4={"open": false}')
    lines = explained(folder, *asked, *known)
    assert lines[0] == "REFUSED  record UPDATE by ann"
    text = "\n".join(lines)
    for part in (
        'path "bids/$id", the longest path that matches',
        'also matches: "*"',
        '$id = "4"',
        "data.price > oldData.price is true",
        "user.data.canBid is 1",
        "_('open/' + $id).open is false",
    ):
        assert part in text
    lines = explained(folder, *asked, "--old-data", '{"price": 4}', "--record", 'open/4={"open": true}')
    assert lines[0].startswith("ALLOWED")


@pytest.mark.django_db(transaction=True)
def test_explain_reads_records_that_are_not_given(folder: Path) -> None:
    Record.objects.create(name="bids/4", version=1, data={"price": 4})
    Record.objects.create(name="open/4", version=1, data={"open": True})
    lines = explained(
        folder, "--user", "ann", "--action", "record.write", "--name", "bids/4", "--data", '{"price": 5}'
    )
    assert lines[0].startswith("ALLOWED")
    assert any("bids/4" in line and "open/4" in line for line in lines if "had to be read" in line)


def test_explain_takes_any_user_and_answers_in_json_too(folder: Path) -> None:
    asked = ("--action", "event.publish", "--name", "news", "--json")
    for user, verdict in ((["--user", "ann"], "ALLOWED"), (["--user", "bob"], "REFUSED"), ([], "REFUSED")):
        found = json.loads("\n".join(explained(folder, *user, *asked)))
        assert found["verdict"] == verdict
        assert found["names"][0]["name"] == "news"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--action", "record.write", "--data", "{"], "no JSON"),
        (["--action", "record.patch"], "needs --path and --data"),
        (["--action", "record.read", "--record", "x"], "NAME=JSON"),
    ],
)
def test_explain_says_what_is_wrong_with_a_question(folder: Path, arguments: list[str], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        explained(folder, "--name", "a", *arguments)


# nginx and service


def test_the_proxy_leads_to_the_configured_port(folder: Path) -> None:
    (folder / "config.yml").write_text(json.dumps({"httpServer": {"options": {"port": 7001}}}))
    printed = run("nginx", "-c", folder, "--server-name", "example.com")
    assert "server 127.0.0.1:7001;" in printed
    assert "server_name example.com;" in printed
    assert printed.count("{") == printed.count("}")
    with_tls = run("nginx", "-c", folder, "--certificate", "a.pem", "--key", "b.pem")
    assert "listen 443 ssl;" in with_tls
    assert "ssl_certificate_key b.pem;" in with_tls
    with pytest.raises(CommandError, match="go together"):
        run("nginx", "-c", folder, "--key", "b.pem")


def test_the_unit_starts_this_server_with_this_configuration(folder: Path) -> None:
    printed = run("service", "-c", folder, "--user", "deepstream")
    command = next(line for line in printed.splitlines() if line.startswith("ExecStart="))
    assert command.endswith(f"manage.py deepstream start -c {folder}/config.yml")
    assert "User=deepstream" in printed
    assert "ExecReload=/bin/kill -HUP $MAINPID" in printed


def test_the_unit_can_be_installed(folder: Path) -> None:
    said = run("service", "-c", folder, "--install", "--folder", folder, "--name", "ds")
    assert "systemctl enable --now ds" in said
    assert (folder / "ds.service").read_text() == run("service", "-c", folder)
    with pytest.raises(CommandError, match="Run it with sudo"):
        run("service", "-c", folder, "--install", "--folder", folder / "missing")
    with pytest.raises(CommandError, match="make a unit's name"):
        run("service", "-c", folder, "--install", "--name", "../evil")


def test_systemd_finds_nothing_wrong_with_the_unit(folder: Path) -> None:
    require(shutil.which("systemd-analyze"), "systemd-analyze")
    run("service", "-c", folder, "--install", "--folder", folder, "--user", "root")
    checked = ["systemd-analyze", "verify", "--man=no", str(folder / "deepstream.service")]
    done = subprocess.run(checked, capture_output=True, text=True, check=False)
    assert "deepstream.service" not in done.stderr, done.stderr


def test_words_are_quoted_as_systemd_reads_them() -> None:
    assert quoted("/a/b-c.yml") == "/a/b-c.yml"
    assert quoted('a "b" 50%') == '"a \\"b\\" 50%%"'
    assert quoted("a$b c", is_command=True) == '"a$$b c"'
