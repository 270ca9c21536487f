"""Rule sets in the database: drafts, activation, the way back (VALVE.md, last paragraph)."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.db import IntegrityError, connections, transaction

from deepstream_project.config_file import LoadedFile
from deepstream_project.config_services import PermissionConfig
from permissions import rule_sets
from permissions.document import InvalidRules, Problem, open_document
from permissions.models import RuleSetVersion
from permissions.rule_sets import (
    Overtaken,
    RulesRefused,
    activate,
    active,
    active_key,
    adopt,
    create_draft,
    roll_back,
    validate,
)

OPEN = """\
# Everything goes.
record: {"*": {create: true, read: true, write: true, delete: true, listen: true, notify: true}}
event: {"*": {publish: true, subscribe: true, listen: true}}
rpc: {"*": {provide: true, request: true}}
presence: {"*": {allow: true}}
"""
CLOSED = OPEN.replace("subscribe: true", "subscribe: false")
BROKEN = OPEN.replace("subscribe: true", 'subscribe: "user.id ==="').replace("rpc:", "rcp:")

DATABASE = PermissionConfig(type="database")
FILE = PermissionConfig(type="config", permissions=LoadedFile(Path("conf/permissions.yml"), open_document()))

State = RuleSetVersion.State
in_a_transaction = pytest.mark.django_db
with_real_commits = pytest.mark.django_db(transaction=True)


def in_force(text: str = OPEN, author: str = "ann") -> RuleSetVersion:
    return activate(create_draft(text, author), author, permission=DATABASE)


def states() -> dict[int, str]:
    return dict(RuleSetVersion.objects.values_list("number", "state"))


# Drafts


@in_a_transaction
def test_a_draft_keeps_the_text_as_written_and_what_it_says() -> None:
    number = create_draft(OPEN, "ann", "to begin with").number
    draft = RuleSetVersion.objects.get(pk=number)
    assert (draft.source, draft.state, draft.author, draft.comment) == (
        OPEN, State.DRAFT, "ann", "to begin with",
    )  # fmt: skip
    assert draft.document == open_document()
    assert draft.content_hash == hashlib.sha256(OPEN.encode()).hexdigest()
    assert (draft.problems, draft.activated_at, active()) == ([], None, None)


@in_a_transaction
def test_a_django_user_is_an_author() -> None:
    assert create_draft(OPEN, User(username="jane")).author == "jane"


@in_a_transaction
@pytest.mark.parametrize("indent", [None, 2, "\t"])
def test_a_draft_may_be_json(indent: Any) -> None:
    draft = create_draft(json.dumps(open_document(), indent=indent), "ann")
    assert validate(draft) == []
    assert draft.document == open_document()


@in_a_transaction
def test_an_invalid_draft_is_kept_with_its_problems() -> None:
    draft = RuleSetVersion.objects.get(pk=create_draft(BROKEN, "ann").number)
    problems = validate(draft)
    assert problems == [Problem(**problem) for problem in draft.problems]
    assert draft.document is None
    assert draft.source == BROKEN


@in_a_transaction
def test_a_problem_says_section_path_rule_type_line_and_column() -> None:
    found = {(one.section, one.path, one.rule_type): one for one in validate(create_draft(BROKEN, "ann"))}
    expression = found["event", "*", "subscribe"]
    assert (expression.line, expression.column, expression.source_line) == (1, 12, 3)
    assert "rpc" in {section for section, _, _ in found}


@in_a_transaction
@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("record: {", 2, "not valid YAML"),
        ('record: {}\nrecord: {"*": {}}', 2, "twice"),
        ("{\"record\": {},\n \"record\": {}}", 2, "twice"),
        ("", None, "must be an object"),
        ("just text", 1, "must be an object"),
        ("[" * 100_000, None, ""),
    ],
)  # fmt: skip
def test_text_that_cannot_be_parsed_is_a_problem_with_its_line(
    text: str, line: int | None, says: str
) -> None:
    draft = create_draft(text, "ann")
    problem = validate(draft)[0]
    assert says in problem.text
    assert line is None or problem.source_line == line
    assert draft.document is None


@in_a_transaction
@pytest.mark.parametrize("text", ["a\0b", "half a character: \ud800"])
def test_text_that_no_database_keeps_is_refused(text: str) -> None:
    with pytest.raises(RulesRefused, match="no database keeps"):
        create_draft(text, "ann")
    assert states() == {}


# Activation


@in_a_transaction
def test_what_is_activated_takes_the_place_of_what_was_active() -> None:
    first = in_force(OPEN)
    second = activate(create_draft(CLOSED, "ann"), "bob", "bob says so", permission=DATABASE)
    assert states() == {first.number: State.PAST, second.number: State.ACTIVE}
    found = active()
    assert found == second
    assert found is not None
    assert (found.author, found.activated_by, found.activation_comment) == ("ann", "bob", "bob says so")
    assert found.activated_at is not None
    assert active_key() == (second.number, hashlib.sha256(CLOSED.encode()).hexdigest())


@in_a_transaction
def test_invalid_rules_do_not_come_into_force() -> None:
    first = in_force(OPEN)
    broken = create_draft(BROKEN, "ann")
    with pytest.raises(InvalidRules, match="event, \\*, subscribe, line 1, column 12"):
        activate(broken, "ann", permission=DATABASE)
    assert states() == {first.number: State.ACTIVE, broken.number: State.DRAFT}


@in_a_transaction
def test_a_draft_is_judged_by_its_text_and_not_by_what_was_found_before() -> None:
    draft = create_draft(OPEN, "ann")
    RuleSetVersion.objects.filter(pk=draft.pk).update(source=BROKEN)
    with pytest.raises(InvalidRules):
        activate(draft, "ann", permission=DATABASE)


@in_a_transaction
def test_only_a_draft_is_activated() -> None:
    first, second = in_force(OPEN), in_force(CLOSED)
    with pytest.raises(RulesRefused, match="is active already"):
        activate(second, "ann", permission=DATABASE)
    with pytest.raises(RulesRefused, match="roll back to it"):
        activate(first, "ann", permission=DATABASE)


@in_a_transaction
def test_the_database_itself_refuses_a_second_active_one_and_unknown_states() -> None:
    in_force(OPEN)
    draft = create_draft(CLOSED, "ann")
    for state in ("active", "gone"):
        with pytest.raises(IntegrityError), transaction.atomic():
            RuleSetVersion.objects.filter(pk=draft.pk).update(state=state)


@in_a_transaction
def test_an_activation_that_is_taken_back_changes_nothing() -> None:
    first = in_force(OPEN)
    with transaction.atomic():
        in_force(CLOSED)
        transaction.set_rollback(True)
    assert active() == first


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """What each call returned or raised, in threads of their own."""

    def run(call: Callable[[], Any]) -> Any:
        try:
            return call()
        except RulesRefused as error:
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(run, calls))


@pytest.fixture
def all_have_looked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two who activate, none goes on before both have seen what is active."""
    barrier, real = threading.Barrier(2, timeout=20), rule_sets._put_in_force
    first_time = threading.local()

    def put_in_force(*arguments: Any) -> None:
        if not getattr(first_time, "is_over", False):
            first_time.is_over = True
            barrier.wait()
        real(*arguments)

    monkeypatch.setattr(rule_sets, "_put_in_force", put_in_force)


@with_real_commits
@pytest.mark.usefixtures("all_have_looked")
@pytest.mark.parametrize("is_first", [True, False])
def test_of_two_activations_at_the_same_time_one_wins(is_first: bool) -> None:
    past = []
    if not is_first:
        version = create_draft(OPEN, "ann")
        RuleSetVersion.objects.filter(pk=version.pk).update(state=State.ACTIVE)
        past = [version.number]
    drafts = [create_draft(CLOSED + f"# {who}", who) for who in ("ann", "bob")]

    results = at_once(*(lambda draft=draft: activate(draft, "x", permission=DATABASE) for draft in drafts))

    (winner,) = [one for one in results if isinstance(one, RuleSetVersion)]
    assert [type(one) for one in results if one is not winner] == [Overtaken]
    (loser,) = [draft for draft in drafts if draft != winner]
    expected = {winner.number: State.ACTIVE, loser.number: State.DRAFT}
    assert states() == expected | dict.fromkeys(past, State.PAST)


@with_real_commits
@pytest.mark.usefixtures("all_have_looked")
def test_one_draft_is_activated_by_one_of_two() -> None:
    draft = create_draft(OPEN, "ann")

    def by(author: str) -> RuleSetVersion:
        return activate(RuleSetVersion.objects.get(pk=draft.pk), author, permission=DATABASE)

    results = at_once(lambda: by("ann"), lambda: by("bob"))
    (winner,) = [one for one in results if isinstance(one, RuleSetVersion)]
    found = active()
    assert found is not None
    assert found.activated_by == winner.activated_by


@with_real_commits
@pytest.mark.usefixtures("all_have_looked")
def test_a_file_that_two_nodes_adopt_at_the_same_time_is_one_version() -> None:
    results = at_once(lambda: adopt(OPEN, "permissions.yml"), lambda: adopt(OPEN, "permissions.yml"))
    assert sorted(isinstance(one, RuleSetVersion) for one in results) == [False, True]
    assert None in results
    assert list(states().values()) == [State.ACTIVE]


# The way back


@in_a_transaction
def test_a_past_version_comes_back_as_a_new_one_that_names_it() -> None:
    first, second = in_force(OPEN), in_force(CLOSED)
    third = roll_back(first, "bob", "too strict", permission=DATABASE)
    assert states() == {
        first.number: State.PAST, second.number: State.PAST, third.number: State.ACTIVE,
    }  # fmt: skip
    found = RuleSetVersion.objects.get(pk=third.number)
    assert (found.source, found.came_from, found.author, found.comment) == (
        OPEN, first, "bob", "too strict",
    )  # fmt: skip


@in_a_transaction
def test_there_is_no_way_back_to_what_never_was_in_force_or_is() -> None:
    version, draft = in_force(OPEN), create_draft(CLOSED, "ann")
    with pytest.raises(RulesRefused, match="never was in force: activate it"):
        roll_back(draft, "ann", permission=DATABASE)
    with pytest.raises(RulesRefused, match="is active already"):
        roll_back(version, "ann", permission=DATABASE)


@in_a_transaction
def test_there_is_no_way_back_to_rules_that_cannot_be_used_today() -> None:
    first, second = in_force(OPEN), in_force(CLOSED)
    RuleSetVersion.objects.filter(pk=first.pk).update(source=BROKEN)
    with pytest.raises(InvalidRules):
        roll_back(first, "ann", permission=DATABASE)
    assert active() == second


# Files


@in_a_transaction
def test_a_file_is_adopted_when_it_is_another_and_only_then() -> None:
    version = adopt(OPEN, "permissions.yml")
    assert version is not None
    assert (version.author, version.state) == ("permissions.yml", State.ACTIVE)
    assert adopt(OPEN, "permissions.yml") is None
    assert adopt(CLOSED, "permissions.yml") == active() != version


@in_a_transaction
def test_a_file_with_errors_is_not_adopted() -> None:
    with pytest.raises(InvalidRules):
        adopt(BROKEN, "permissions.yml")
    assert states() == {}


@in_a_transaction
def test_while_a_file_is_configured_nothing_else_is_activated() -> None:
    first, second, draft = in_force(OPEN), in_force(CLOSED), create_draft(OPEN, "ann")
    for ask in (
        lambda: activate(draft, "ann", permission=FILE),
        lambda: roll_back(first, "ann", permission=FILE),
    ):
        with pytest.raises(RulesRefused, match=r"permissions\.yml is configured, .* or take it out"):
            ask()
    assert active() == second


@in_a_transaction
@pytest.mark.parametrize("kind", ["config", "database"])
def test_the_configuration_that_is_found_says_whether_a_file_counts(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"permissions": "fileLoad(rules.yml)"}
    (tmp_path / "rules.yml").write_text(OPEN)
    (tmp_path / "config.json").write_text(json.dumps({"permission": {"type": kind, "options": options}}))
    monkeypatch.setenv("DEEPSTREAM_CONFIG_DIRECTORY", str(tmp_path))
    draft = create_draft(CLOSED, "ann")
    if kind == "database":
        assert activate(draft, "ann") == active()
    else:
        with pytest.raises(RulesRefused, match=r"rules\.yml is configured"):
            activate(draft, "ann")


@in_a_transaction
def test_a_configuration_that_cannot_be_read_is_no_leave_to_activate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.json").write_text("{")
    monkeypatch.setenv("DEEPSTREAM_CONFIG_DIRECTORY", str(tmp_path))
    with pytest.raises(RulesRefused, match="configuration cannot be read"):
        activate(create_draft(OPEN, "ann"), "ann")


# Servers of this process


class Listener:
    """A server that counts how often it was told."""

    def __init__(self, permission: PermissionConfig) -> None:
        self.permission = permission
        self.told = 0

    def look(self) -> None:
        self.told += 1


@pytest.fixture
def listeners(monkeypatch: pytest.MonkeyPatch) -> list[Listener]:
    found: list[Listener] = []
    monkeypatch.setattr(apps.get_app_config("permissions"), "servers", found)
    return found


@with_real_commits
def test_a_server_is_told_once_the_activation_is_committed(listeners: list[Listener]) -> None:
    server = Listener(DATABASE)
    listeners.append(server)
    with transaction.atomic():
        activate(create_draft(OPEN, "ann"), "ann")
        assert server.told == 0
    assert server.told == 1


@with_real_commits
def test_the_server_of_this_process_knows_how_it_is_configured(listeners: list[Listener]) -> None:
    listeners.append(Listener(FILE))
    with pytest.raises(RulesRefused, match="is configured"):
        activate(create_draft(OPEN, "ann"), "ann")
