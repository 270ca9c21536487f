"""Rule sets of the database in a running server, and on the command line (docs/rules.md)."""

from __future__ import annotations

import asyncio
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.apps import apps
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DatabaseError

from deepstream_project.config import ConfigError, load_config
from deepstream_protocol.message import Message
from deepstream_protocol.topics import EventAction, Topic
from gateway.application import Application
from gateway.rules import database as rules_database
from permissions import rule_sets
from permissions.models import RuleSetVersion
from permissions.rule_sets import RulesRefused
from tests.accounts.kit import Serving, heard, serving
from tests.raw_client import RawClient
from tests.servers import ROOT, Server, ServerFailed, configuration, django_environment

OPEN = """\
record: {"*": {create: true, read: true, write: true, delete: true, listen: true, notify: true}}
event: {"*": {publish: true, subscribe: true, listen: true}}
rpc: {"*": {provide: true, request: true}}
presence: {"*": {allow: true}}
"""
CLOSED = OPEN.replace("event: {", 'event: {"secret/*": {subscribe: false}, ')
BROKEN = OPEN.replace("subscribe: true", 'subscribe: "user.id ==="')
DATABASE: dict[str, Any] = {"type": "database"}
FIRST = {"type": "database", "options": {"permissions": "fileLoad(permissions.yml)"}}
FILE = {"type": "config", "options": {"permissions": "fileLoad(permissions.yml)"}}
NEVER = 3600.0

State = RuleSetVersion.State
pytestmark = pytest.mark.django_db(transaction=True)


@sync_to_async
def activate(text: str) -> RuleSetVersion:
    return rule_sets.activate(rule_sets.create_draft(text, "ann"), "ann")


@sync_to_async
def by_hand(**fields: Any) -> None:
    """Change the active row as a database tool does."""
    RuleSetVersion.objects.filter(state=State.ACTIVE).update(**fields)


@sync_to_async
def versions() -> list[tuple[str, str, str]]:
    """Author, state and text of all versions, the oldest first."""
    return list(RuleSetVersion.objects.order_by("number").values_list("author", "state", "source"))


@pytest.fixture
def no_poll(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers of this process look when they are told, and by themselves never."""
    monkeypatch.setattr(rules_database, "POLL", NEVER)


@pytest.fixture
def fast_poll(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules_database, "POLL", 0.01)


async def subscribe(client: RawClient, *names: str) -> set[str]:
    """Subscribe to events; returns the names that were refused."""
    await client.send(Message(Topic.EVENT, EventAction.SUBSCRIBE, names=list(names), correlation_id="1"))
    refused = set()
    while not (message := await client.receive()).is_ack:
        assert message.action == EventAction.MESSAGE_DENIED
        refused.add(str(message.name))
    return refused


async def is_taken_away(client: RawClient, name: str, *, timeout: float = 10) -> None:
    """Wait until the client is told that it has lost a subscription."""
    await client.expect(
        timeout=timeout,
        topic=Topic.EVENT,
        action=EventAction.MESSAGE_DENIED,
        name=name,
        original_action=EventAction.SUBSCRIBE,
    )


async def allowed(server: Serving, name: str = "secret/1") -> bool:
    """Whether a new client may subscribe."""
    async with RawClient.connect(server.url) as client:
        await client.login({"username": "bob"})
        return await subscribe(client, name) == set()


# The active rule set in force


async def test_what_is_active_at_the_start_is_in_force(tmp_path: Path) -> None:
    async with serving(tmp_path, permission=DATABASE):
        await activate(CLOSED)
    async with serving(tmp_path, permission=DATABASE) as server:
        assert not await allowed(server)
        assert await allowed(server, "public/1")


@pytest.mark.usefixtures("no_poll")
async def test_an_activation_in_this_process_is_in_force_at_once_and_asks_subscriptions_again(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path, permission=DATABASE) as server, RawClient.connect(server.url) as client:
        await client.login({"username": "bob"})
        assert await subscribe(client, "secret/1", "public/1") == set()
        await activate(CLOSED)
        await is_taken_away(client, "secret/1")
        await client.quiet()
        assert not await allowed(server)


@pytest.mark.usefixtures("no_poll")
async def test_the_way_back_is_in_force_at_once_too(tmp_path: Path) -> None:
    async with serving(tmp_path, permission=DATABASE) as server:
        async with heard("of the database is in force"):
            first = await activate(OPEN)
        async with heard("of the database is in force"):
            await activate(CLOSED)
        assert not await allowed(server)
        async with heard("of the database is in force"):
            await sync_to_async(rule_sets.roll_back)(first, "ann")
        assert await allowed(server)


@pytest.mark.usefixtures("fast_poll")
async def test_a_version_that_appears_in_the_table_is_noticed(tmp_path: Path) -> None:
    async with serving(tmp_path, permission=DATABASE) as server:
        async with heard("of the database is in force"):
            await activate(OPEN)
        async with heard("of the database is in force"):
            await by_hand(source=CLOSED, content_hash="another")
        assert not await allowed(server)


@pytest.mark.usefixtures("no_poll")
async def test_a_reload_reads_the_active_version_again(tmp_path: Path) -> None:
    async with serving(tmp_path, permission=DATABASE) as server:
        async with heard("of the database is in force"):
            await activate(OPEN)
        await by_hand(source=CLOSED)
        async with heard("of the database is in force"):
            server.application.reload()
        assert not await allowed(server)


@pytest.mark.usefixtures("fast_poll")
async def test_an_active_version_with_an_error_leaves_the_rules_in_force_and_says_where_it_is(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path, permission=DATABASE) as server:
        async with heard("of the database is in force"):
            number = (await activate(CLOSED)).number
        async with heard(f"version {number}, line 2: event, *, subscribe, line 1, column 12"):
            await by_hand(source=BROKEN, content_hash="another")
        assert not await allowed(server)
        async with heard("of the database is in force"):
            await by_hand(source=OPEN, content_hash="and another")
        assert await allowed(server)


@pytest.mark.usefixtures("fast_poll")
async def test_a_table_without_an_active_version_leaves_the_rules_in_force(tmp_path: Path) -> None:
    async with serving(tmp_path, permission=DATABASE) as server:
        async with heard("of the database is in force"):
            await activate(CLOSED)
        async with heard("none is active in the database any more"):
            await by_hand(state=State.PAST)
        assert not await allowed(server)
        async with heard("of the database is in force"):
            await activate(OPEN)
        assert await allowed(server)


@pytest.mark.usefixtures("fast_poll")
async def test_a_database_that_fails_leaves_the_rules_in_force_and_is_looked_at_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails() -> None:
        raise DatabaseError("it is away")

    async with serving(tmp_path, permission=DATABASE) as server:
        async with heard("of the database is in force"):
            await activate(CLOSED)
        with monkeypatch.context() as broken:
            async with heard("those before stay in force: it is away"):
                broken.setattr(rules_database, "active_key", fails)
            assert not await allowed(server)
            async with heard("the database can be read again"):
                broken.undo()
        async with heard("of the database is in force"):
            await activate(OPEN)
        assert await allowed(server)


# The first version


async def test_without_any_version_everything_is_allowed_with_a_warning(tmp_path: Path) -> None:
    async with (
        heard("none is active in the database, so everything is allowed"),
        serving(tmp_path, permission=DATABASE) as server,
    ):
        assert await allowed(server)


async def test_a_file_in_the_options_is_the_first_version_and_only_that(tmp_path: Path) -> None:
    async with serving(tmp_path, permission=FIRST, files={"permissions.yml": CLOSED}) as server:
        assert not await allowed(server)
        assert await versions() == [("permissions.yml", State.ACTIVE, CLOSED)]
        async with heard("of the database is in force"):
            await activate(OPEN)
    async with serving(tmp_path, permission=FIRST, files={"permissions.yml": CLOSED + "#"}) as server:
        assert await allowed(server)
        assert len(await versions()) == 2


async def test_a_first_version_with_errors_is_refused_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"permissions\.yml:2: event, \*, subscribe, line 1, column 12"):
        async with serving(tmp_path, permission=FIRST, files={"permissions.yml": BROKEN}):
            pytest.fail("it started")


def start(folder: Path) -> None:
    """Start a server's node, as its first socket does."""
    (folder / "config.json").write_text(json.dumps(configuration(permission=DATABASE)))
    Application(load_config(folder / "config.json")).start()


async def test_a_server_does_not_start_on_a_version_with_errors(tmp_path: Path) -> None:
    async with serving(tmp_path, permission=DATABASE):
        await activate(OPEN)
    await by_hand(source=BROKEN)
    with pytest.raises(ConfigError, match=r"version \d+, line 2: event, \*, subscribe, line 1, column 12"):
        start(tmp_path)


async def test_a_server_does_not_open_everything_because_the_active_version_is_gone(tmp_path: Path) -> None:
    async with serving(tmp_path, permission=DATABASE):
        await activate(CLOSED)
    await by_hand(state=State.PAST)
    with pytest.raises(ConfigError, match="No rule set is active in the database though some were"):
        start(tmp_path)


async def test_a_server_does_not_start_without_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails() -> None:
        raise DatabaseError("no such table")

    monkeypatch.setattr(rules_database, "active", fails)
    with pytest.raises(ConfigError, match=r"no such table.* `manage.py migrate`"):
        start(tmp_path)


# A file in force


async def test_the_rules_of_a_file_are_kept_as_versions(tmp_path: Path) -> None:
    async with serving(tmp_path, permission=FILE, files={"permissions.yml": OPEN}) as server:
        kept = server.application._kept_rules
        assert kept is not None
        await kept.keep()  # behind the one of the start, in the same thread
        async with heard("Rules: read again"):
            (tmp_path / "permissions.yml").write_text(CLOSED)
            server.application.reload()
        assert not await allowed(server)
    assert await versions() == [
        ("permissions.yml", State.PAST, OPEN),
        ("permissions.yml", State.ACTIVE, CLOSED),
    ]
    async with serving(tmp_path, permission=FILE):
        pass
    assert len(await versions()) == 2, "the same file is no new version"


async def test_rules_in_the_configuration_itself_are_kept_too(tmp_path: Path) -> None:
    rules = {"record": {"*": {"read": True}}, "event": {"*": {"subscribe": True}}}
    rules |= {"rpc": {"*": {"request": True}}, "presence": {"*": {"allow": True}}}
    async with serving(tmp_path, permission={"type": "config", "options": {"permissions": rules}}):
        pass
    ((author, state, source),) = await versions()
    assert (author, state, json.loads(source)) == ("config.yml", State.ACTIVE, rules)


async def test_while_a_server_has_a_file_nothing_else_is_activated(tmp_path: Path) -> None:
    async with serving(tmp_path, permission=FILE, files={"permissions.yml": CLOSED}) as server:
        with pytest.raises(RulesRefused, match=r"permissions\.yml is configured"):
            await activate(OPEN)
        assert not await allowed(server)


async def test_a_file_is_in_force_though_the_database_cannot_keep_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any) -> None:
        raise DatabaseError("it is full")

    monkeypatch.setattr(rules_database, "adopt", fails)
    async with (
        heard("in force, but not kept in the database: it is full"),
        serving(tmp_path, permission=FILE, files={"permissions.yml": CLOSED}) as server,
    ):
        assert not await allowed(server)


async def test_from_a_file_to_the_database_nothing_changes_until_something_is_activated(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path, permission=FILE, files={"permissions.yml": CLOSED}):
        pass
    async with serving(tmp_path, permission=DATABASE) as server:
        assert not await allowed(server)


async def test_a_server_that_stopped_is_not_told_any_more(tmp_path: Path) -> None:
    servers: list[Any] = apps.get_app_config("permissions").servers  # type: ignore[attr-defined]
    async with serving(tmp_path, permission=DATABASE):
        assert len(servers) == 1
    async with serving(tmp_path, permission=FILE, files={"permissions.yml": OPEN}):
        assert len(servers) == 1
    assert servers == []


# The command line


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "config.yml").write_text(json.dumps(configuration(permission=DATABASE)))
    for name, text in (("open.yml", OPEN), ("closed.yml", CLOSED), ("broken.yml", BROKEN)):
        (tmp_path / name).write_text(text)
    return tmp_path


def rules(folder: Path, *arguments: str | Path | int) -> tuple[str, str]:
    """What ``deepstream rules`` prints, and what it complains about."""
    output, errors = io.StringIO(), io.StringIO()
    command = ["deepstream", "rules", *map(str, arguments), "-c", str(folder)]
    call_command(*command, stdout=output, stderr=errors)
    return output.getvalue(), errors.getvalue()


def numbers() -> list[int]:
    return list(RuleSetVersion.objects.order_by("number").values_list("number", flat=True))


def test_a_file_is_imported_listed_shown_activated_and_brought_back(folder: Path) -> None:
    rules(folder, "import", folder / "open.yml", "--comment", "to begin with", "--author", "ann")
    rules(folder, "import", folder / "closed.yml", "--author", "ann")
    first, second = numbers()
    assert rules(folder, "show", first) == (OPEN, "")
    assert rules(folder, "activate", first, "--author", "ann") == (f"Version {first} is active.\n", "")
    rules(folder, "activate", second, "--comment", "secrets", "--author", "bob")
    rules(folder, "rollback", first, "--author", "bob")
    third = numbers()[-1]
    listed = [line.split(maxsplit=2) for line in rules(folder, "list")[0].splitlines()]
    assert [line[:2] for line in listed] == [
        [str(third), "active"], [str(second), "past"], [str(first), "past"],
    ]  # fmt: skip
    assert f"came from {first}" in listed[0][2]
    assert "by bob; secrets" in listed[1][2]
    assert "by ann; to begin with" in listed[2][2]


def test_a_file_with_errors_is_kept_as_a_draft_that_cannot_be_activated(folder: Path) -> None:
    said, complaint = rules(folder, "import", folder / "broken.yml")
    (number,) = numbers()
    assert f"Version {number} is a draft; it has errors" in said
    assert complaint == rules(folder, "show", number)[1]
    assert complaint.startswith("line 2: event, *, subscribe, line 1, column 12: ")
    with pytest.raises(CommandError, match="do not come into force"):
        rules(folder, "activate", number)
    assert "1 problem" in rules(folder, "list")[0]


def test_an_empty_list_says_how_the_first_version_is_made(folder: Path) -> None:
    said, remark = rules(folder, "list")
    assert said == ""
    assert "`deepstream rules import FILE`" in remark


def test_a_number_that_is_not_there_is_refused(folder: Path) -> None:
    for way in ("show", "activate", "rollback"):
        with pytest.raises(CommandError, match="There is no version 7"):
            rules(folder, way, 7)


def test_activating_is_refused_while_a_file_is_configured(folder: Path) -> None:
    rules(folder, "import", folder / "open.yml")
    (folder / "permissions.yml").write_text(OPEN)
    (folder / "config.yml").write_text(json.dumps(configuration(permission=FILE)))
    with pytest.raises(CommandError, match=r"permissions\.yml is configured"):
        rules(folder, "activate", numbers()[0])


def test_activating_says_that_nothing_is_asked_under_permission_none(folder: Path) -> None:
    rules(folder, "import", folder / "open.yml")
    (folder / "config.yml").write_text(json.dumps(configuration()))
    assert "permission: none" in rules(folder, "activate", numbers()[0])[1]


def test_check_and_explain_ask_the_active_version(folder: Path) -> None:
    rules(folder, "import", folder / "closed.yml")
    output = io.StringIO()
    explain = ["deepstream", "explain", "--action", "event.subscribe", "--name", "secret/1"]
    with pytest.raises(CommandError, match="No rule set is active"):
        call_command(*explain, "-c", str(folder))
    rules(folder, "activate", numbers()[0])
    call_command(*explain, "-c", str(folder), stdout=output)
    call_command("deepstream", "check", "-c", str(folder), stdout=output)
    assert output.getvalue().startswith("REFUSED")
    assert f"rules: version {numbers()[0]} (active) of the database" in output.getvalue()

    RuleSetVersion.objects.update(source=BROKEN)
    errors = io.StringIO()
    with pytest.raises(CommandError, match="1 problem"):
        call_command("deepstream", "check", "-c", str(folder), stderr=errors)
    assert "of the database, line 2: event, *, subscribe, line 1, column 12" in errors.getvalue()
    with pytest.raises(CommandError, match="has errors"):
        call_command(*explain, "-c", str(folder))


def test_a_running_server_notices_what_another_process_activates(tmp_path: Path) -> None:
    def command(*arguments: str) -> None:
        subprocess.run(
            [sys.executable, "manage.py", "deepstream", "rules", *arguments, "-c", str(server.folder)],
            cwd=ROOT,
            env=os.environ | django_environment(server.database, server.folder),
            check=True,
            timeout=60,
        )

    async def scenario() -> None:
        async with RawClient.connect(server.url) as client:
            await client.login({"username": "bob"})
            assert await subscribe(client, "secret/1", "public/1") == set()
            await asyncio.to_thread(command, "import", str(tmp_path / "closed.yml"))
            ((number,),) = server.sql("SELECT number FROM permissions_rule_set WHERE state = 'draft'")
            await asyncio.to_thread(command, "activate", str(number))
            await is_taken_away(client, "secret/1")
            await client.quiet()

    files = {"permissions.yml": OPEN, "closed.yml": CLOSED}
    with Server("fast", tmp_path, config=configuration(permission=FIRST), files=files) as server:
        asyncio.run(scenario())
        server.sql("UPDATE permissions_rule_set SET source = ? WHERE state = 'active'", BROKEN)
        server.stop()
        # Now it has no rules that it could ask, so it does not start, and says where the error is.
        with pytest.raises(ServerFailed, match=r"line 2: event, \*, subscribe, line 1, column 12"):
            server.start()
