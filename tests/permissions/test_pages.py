"""The operators' pages about rules, with a server behind them in this process."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from html import unescape
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from asgiref.sync import sync_to_async
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from accounts.roles import make_groups
from cluster import announce
from cluster.operations import OperationError, Outcome
from deepstream_project.config_services import PermissionConfig
from deepstream_protocol.message import Message
from deepstream_protocol.topics import EventAction, RecordAction, Topic
from gateway.rules import database as rules_database
from permissions import rule_sets
from permissions.models import RuleSetVersion
from tests.accounts.kit import Serving, heard, serving
from tests.raw_client import RawClient

OPEN = """\
record: {"*": {create: true, read: true, write: true, delete: true, listen: true, notify: true}}
event: {"*": {publish: true, subscribe: true, listen: true}}
rpc: {"*": {provide: true, request: true}}
presence: {"*": {allow: true}}
"""
QUIET = OPEN.replace("publish: true", "publish: \"name !== 'news'\"")
BROKEN = OPEN.replace("subscribe: true", 'subscribe: "user.id ==="')
NASTY = ["<script>alert(1)</script>", "a\"b'c&d", "a/../b//c", "käse/日本/🎉", "%2F?#&=+", "n" * 1024]

State = RuleSetVersion.State
pytestmark = pytest.mark.django_db(transaction=True)


class Operator:
    """Somebody at the pages, logged in as a member of some groups."""

    def __init__(self, client: Client, user: User) -> None:
        self._client = client
        self.user = user

    async def get(self, page: str, *arguments: Any, **query: Any) -> HttpResponse:
        return await sync_to_async(self._client.get)(reverse(f"admin:{page}", args=arguments), query)

    async def post(self, page: str, *arguments: Any, **fields: Any) -> HttpResponse:
        """Follows no redirect: that is what a success answers."""
        return await sync_to_async(self._client.post)(reverse(f"admin:{page}", args=arguments), fields)

    async def follow(self, answer: HttpResponse) -> str:
        assert answer.status_code == 302, text_of(answer)
        found = await sync_to_async(self._client.get)(answer["Location"])
        assert found.status_code == 200
        return text_of(found)


def text_of(answer: HttpResponse) -> str:
    return answer.content.decode()


def words_of(answer: HttpResponse | str) -> str:
    """What a page says, without its tags."""
    page = answer if isinstance(answer, str) else text_of(answer)
    return " ".join(re.sub(r"<[^>]*>", " ", re.sub(r"(?s)<(script|style).*?</\1>", "", page)).split())


@sync_to_async
def draft(text: str, comment: str = "") -> RuleSetVersion:
    return rule_sets.create_draft(text, "ann", comment)


@sync_to_async
def active_number() -> int | None:
    found = rule_sets.active()
    return found.number if found else None


@sync_to_async
def log() -> list[tuple[str, str, str]]:
    """Who did what to what, the oldest first."""
    entries = LogEntry.objects.order_by("pk").select_related("user")
    return [(entry.user.get_username(), entry.object_repr, entry.change_message) for entry in entries]


@pytest_asyncio.fixture
async def operator() -> Callable[..., Awaitable[Operator]]:
    """Log somebody in, by default as an administrator."""

    def make(group: str = "administrator", *, staff: bool = True) -> Operator:
        make_groups(apps)
        user = User.objects.create_user(group.replace(" ", "-") or "none", is_staff=staff)
        if group:
            user.groups.add(Group.objects.get(name=group))
        client = Client()
        client.force_login(user)
        return Operator(client, user)

    return sync_to_async(make)


@pytest_asyncio.fixture
async def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Serving]:
    """A server of this process with the rules of the database, which looks at them when it is told."""
    monkeypatch.setattr(rules_database, "POLL", 3600.0)
    first = await draft(OPEN, "the first")
    await sync_to_async(rule_sets.activate)(first, "ann", permission=PermissionConfig(type="database"))
    async with serving(tmp_path, permission={"type": "database"}, serverName="one") as served:
        yield served


async def emit(server: Serving, *names: str) -> None:
    """Have a client emit events, and wait until the server has seen them."""
    async with RawClient.connect(f"{server.url}/deepstream") as client:
        await client.login({"username": "bob"})
        for name in names:
            await client.send(Message(Topic.EVENT, EventAction.EMIT, name=name, data='{"is": "secret"}'))
        await client.send(Message(Topic.RECORD, RecordAction.HEAD, name="r", correlation_id="1"))
        while (await client.receive(timeout=10)).topic != Topic.RECORD:
            pass


def denials_on(answer: HttpResponse) -> list[dict[str, Any]]:
    """What the page of the denials begins with."""
    found: list[dict[str, Any]] = answer.context["page"]["snapshot"]["nodes"]["one"]["denials"]
    return found


async def test_a_draft_is_written_shown_compared_and_activated(
    server: Serving, operator: Callable[..., Awaitable[Operator]]
) -> None:
    ann = await operator("rule editor")
    editor = await ann.get("permissions_rulesetversion_add")
    assert "publish: true" in text_of(editor), "it begins with what is active"
    saved = await ann.post("permissions_rulesetversion_add", source=QUIET, comment="less <b>news</b>")
    shown = await ann.follow(saved)
    assert "&lt;b&gt;news" in shown
    assert "No problems" in shown
    assert '<span class="rule-name">name</span>' in shown
    number = int(saved["Location"].rstrip("/").split("/")[-2])
    question = words_of(await ann.get("rules_activate", number))
    assert "1 rule changed" in question
    assert "name !== &#x27;news&#x27;" in question
    seen = await active_number()
    done = await ann.post("rules_activate", number, seen=seen, comment="as discussed")
    page = words_of(await ann.follow(done))
    assert f"Version {number} is active." in page
    assert await active_number() == number
    who, what, text = (await log())[-1]
    assert (who, what, text) == ("rule-editor", f"rule set {number}", "Activated. as discussed")


async def test_when_a_version_was_activated_is_told_in_the_servers_zone(
    server: Serving, operator: Callable[..., Awaitable[Operator]], settings: Any
) -> None:
    settings.TIME_ZONE = "Asia/Tokyo"
    version = await sync_to_async(rule_sets.active)()
    assert version is not None
    assert version.activated_at is not None
    there = version.activated_at.astimezone(ZoneInfo("Asia/Tokyo")).strftime("%Y-%m-%d %H:%M")
    ann = await operator()
    page = words_of(await ann.get("permissions_rulesetversion_changelist"))
    assert re.search(rf"{there}:\d\d JST by", page)
    assert f"{there} JST by" in words_of(await ann.get("permissions_rulesetversion_change", version.number))


async def test_the_node_says_when_it_follows(
    server: Serving, operator: Callable[..., Awaitable[Operator]]
) -> None:
    ann = await operator()
    number = (await draft(QUIET)).number
    async with heard(f"version {number} of the database is in force"):
        await ann.post("rules_activate", number, seen=await active_number())
    page = words_of(await ann.get("permissions_rulesetversion_change", number))
    assert f"In force on one : version {number}" in page


async def test_a_past_version_comes_back_as_a_new_one(
    server: Serving, operator: Callable[..., Awaitable[Operator]]
) -> None:
    ann = await operator()
    first = await active_number()
    await ann.post("rules_activate", (await draft(QUIET)).number, seen=first)
    assert "Roll back to rule set" in words_of(await ann.get("rules_activate", first))
    done = await ann.post("rules_activate", first, seen=await active_number(), comment="too quiet")
    assert f"Brought back version {first}" in words_of(await ann.follow(done))
    now = await active_number()
    assert now not in (None, first)
    assert (await log())[-1][1:] == (f"rule set {now}", f"Activated, as version {first} again. too quiet")


async def test_what_was_activated_meanwhile_is_not_replaced_unseen(
    server: Serving, operator: Callable[..., Awaitable[Operator]]
) -> None:
    ann = await operator()
    seen = await active_number()
    other, mine = (await draft(QUIET)).number, (await draft(OPEN)).number
    await ann.post("rules_activate", other, seen=seen)
    answer = await ann.post("rules_activate", mine, seen=seen, comment="kept")
    assert answer.status_code == 422
    assert f"Version {other} was activated by administrator since" in words_of(answer)
    assert f'name="seen" value="{other}"' in text_of(answer)
    assert 'value="kept"' in text_of(answer)
    assert await active_number() == other
    assert (await ann.post("rules_activate", mine, seen=other)).status_code == 302


async def test_rules_with_errors_are_kept_shown_at_their_line_and_not_activated(
    server: Serving, operator: Callable[..., Awaitable[Operator]]
) -> None:
    ann = await operator()
    source = BROKEN.replace("event:", "# a comment\nevent:")
    checked = await ann.post("permissions_rulesetversion_add", source=source, check="")
    assert re.search(r'rules-line rules-line-wrong" id="line-3"', text_of(checked))
    assert "event, *, subscribe, line 1, column 12" in words_of(checked)
    assert await sync_to_async(RuleSetVersion.objects.count)() == 1, "checking keeps nothing"
    fragment = await ann.post("rules_check", source=source)
    assert "<html" not in text_of(fragment)
    assert "1 problem" in words_of(fragment)
    saved = await ann.post("permissions_rulesetversion_add", source=source)
    number = int(saved["Location"].rstrip("/").split("/")[-2])
    assert "line 3" in words_of(await ann.follow(saved))
    assert "Activate" not in words_of(await ann.get("permissions_rulesetversion_change", number))
    assert "has 1 problem" in words_of(await ann.get("rules_activate", number))
    answer = await ann.post("rules_activate", number, seen=await active_number())
    assert (answer.status_code, await active_number() == number) == (422, False)


async def test_line_ends_of_browsers_are_kept_as_lines(
    server: Serving, operator: Callable[..., Awaitable[Operator]]
) -> None:
    ann = await operator()
    await ann.post("permissions_rulesetversion_add", source=OPEN.replace("\n", "\r\n"))
    newest = await sync_to_async(RuleSetVersion.objects.latest)("number")
    assert newest.source == OPEN


async def test_only_drafts_can_be_deleted(
    server: Serving, operator: Callable[..., Awaitable[Operator]]
) -> None:
    ann = await operator()
    number = (await draft(QUIET)).number
    assert (await ann.post("permissions_rulesetversion_delete", number, post="yes")).status_code == 302
    assert (await log())[-1][0] == "administrator"
    active = await active_number()
    assert (await ann.post("permissions_rulesetversion_delete", active, post="yes")).status_code == 403
    assert await active_number() == active


@pytest.mark.parametrize("name", NASTY)
async def test_the_simulator_explains_any_name(
    server: Serving, operator: Callable[..., Awaitable[Operator]], name: str
) -> None:
    ann = await operator("viewer")
    number = (await draft(OPEN.replace("publish: true", 'publish: "data.n > 2 && user.id === name"'))).number
    asked = {"action": "event.publish", "name": name, "user": name, "payload": '{"n": 3}'}
    answer = await ann.post("rules_simulator", version=number, **asked)
    page = text_of(answer)
    assert "<script>alert" not in page
    assert "rules-verdict ds-good" in page
    assert '<span style="--depth: 3">' in page, "the trace is a tree"
    refused = await ann.post("rules_simulator", version=number, **asked | {"payload": '{"n": 1}'})
    assert "rules-verdict ds-bad" in text_of(refused)


def is_harmless(answer: HttpResponse, odd: str) -> bool:
    """Whether a page is there and nowhere takes ``odd`` for more than text."""
    assert answer.status_code in (200, 422), answer.status_code
    page = text_of(answer)
    return "<script>alert" not in page and (escape(odd) == odd or odd not in page)


def shows(answer: HttpResponse, odd: str) -> bool:
    """Whether ``odd`` is to be read on a page, as text or in a field."""
    assert is_harmless(answer, odd)
    return odd in unescape(re.sub(r"</?span[^>]*>", "", text_of(answer)))


@pytest.mark.parametrize("odd", NASTY)
async def test_every_page_shows_odd_comments_authors_and_rules_as_they_are(
    server: Serving, operator: Callable[..., Awaitable[Operator]], odd: str
) -> None:
    ann = await operator()
    author = f"~{odd}"[:150]
    ann.user.username = author
    await sync_to_async(ann.user.save)()
    written = json.dumps(odd, ensure_ascii=False)
    rule = json.dumps(f"name !== {written}", ensure_ascii=False)
    source = OPEN.replace("event: {", f"event: {{? {written} : {{publish: {rule}}}, ")
    saved = await ann.post("permissions_rulesetversion_add", source=source, comment=odd)
    number = int(saved["Location"].rstrip("/").split("/")[-2])
    first = await active_number()
    change = "permissions_rulesetversion_change"
    for answer in (
        await ann.get("permissions_rulesetversion_changelist"),
        await ann.get("permissions_rulesetversion_changelist", q=odd),
        await ann.get(change, number),
    ):
        assert shows(answer, odd)
        assert shows(answer, author)
    for answer in (
        await ann.get("permissions_rulesetversion_add", **{"from": number}),
        await ann.post("permissions_rulesetversion_add", source=source, comment=odd, check=""),
        await ann.get("rules_compare", number),
        await ann.get("rules_compare", first, **{"with": number}),
        await ann.get("rules_activate", number),
        await ann.post("rules_activate", number, seen=999, comment=odd),
        await ann.get("permissions_rulesetversion_history", number),
        await ann.get("admin_logentry_changelist"),
    ):
        assert shows(answer, odd)
    for page in ("rules_simulator", "rules_trial"):
        assert shows(await ann.get(page, version=number), f"version {number} (draft): {odd[:60]}")
    assert is_harmless(await ann.get("permissions_rulesetversion_delete", number), odd)
    explained = {"action": "event.publish", "name": odd, "user": odd, "version": number}
    assert shows(await ann.post("rules_simulator", **explained), odd)
    patch = {"action": "record.patch", "name": odd, "path": odd, "payload": written, "old_data": "{}"}
    assert shows(await ann.post("rules_simulator", **patch), odd)
    await ann.post("rules_recording", start="", limit=100, minutes=5)
    await emit(server, odd)
    tried = await ann.post("rules_trial", version=number)
    assert "would change 1 of 2" in words_of(tried)
    assert shows(tried, odd[:199])
    async with heard(f"version {number} of the database is in force"):
        await ann.post("rules_activate", number, seen=first, comment=odd)
    await ann.post("rules_activate", first, seen=number, comment=odd)
    for answer in (
        await ann.get(change, number),
        await ann.get(change, await active_number()),
        await ann.get("permissions_rulesetversion_changelist"),
    ):
        assert shows(answer, odd)


async def test_a_rule_that_throws_shows_how_far_it_came(
    server: Serving, operator: Callable[..., Awaitable[Operator]]
) -> None:
    ann = await operator("viewer")
    rule = "user.id === 'bob' && data.a.b === 1 && data.c"
    number = (await draft(OPEN.replace("publish: true", f'publish: "{rule}"'))).number
    answer = await ann.post(
        "rules_simulator", version=number, action="event.publish", name="x", user="bob", payload="{}"
    )
    [rule_shown] = answer.context["explanation"]["names"][0]["rules"]
    steps = [
        (step.depth, "".join(part.text for part in step.parts), step.type) for step in rule_shown["steps"]
    ]
    assert steps == [
        (0, rule, "no value"),
        (1, "user.id === 'bob'", "boolean"),
        (2, "user.id", "string"),
        (3, "user", "object"),
        (1, "data.a.b === 1", "no value"),
        (2, "data.a.b", "no value"),
        (3, "data.a", "undefined"),
        (4, "data", "object"),
        (1, "data.c", "not evaluated"),
    ]
    assert "Cannot read properties of undefined" in words_of(answer)


async def test_the_simulator_says_which_field_is_wrong(
    server: Serving, operator: Callable[..., Awaitable[Operator]]
) -> None:
    ann = await operator("viewer")
    answer = await ann.post("rules_simulator", action="record.patch", name="a", payload="{", records="[1]")
    page = words_of(answer)
    assert answer.status_code == 422
    assert "This is no JSON: Expecting property name" in page
    assert "This must be an object like" in page
    assert "record.patch needs a path." in page
    answer = await ann.post("rules_simulator", action="event.publish", name="a", node="two")
    assert answer.status_code == 422
    broken = (await draft(BROKEN)).number
    answer = await ann.post("rules_simulator", action="event.publish", name="a", version=broken)
    assert "The rules have errors" in words_of(answer)


@pytest.mark.parametrize("name", NASTY)
async def test_denials_are_listed_and_explained_whatever_their_name(
    server: Serving, operator: Callable[..., Awaitable[Operator]], name: str
) -> None:
    ann = await operator("viewer")
    number = (await draft(OPEN.replace("publish: true", "publish: \"name === 'x'\""))).number
    root = await operator()
    async with heard(f"version {number} of the database is in force"):
        await root.post("rules_activate", number, seen=await active_number())
    await emit(server, name)
    listed = await ann.get("rules_denials", q=name)
    assert "<script>alert" not in text_of(listed)
    assert "secret" not in text_of(listed), "what a message carries is shown to those who ask for it"
    assert listed.context["page"]["details"]["search"] == name
    [denial] = denials_on(listed)
    assert denial["refusedNames"] == [name]
    found = await ann.get("rules_decision", node="one", number=denial["number"])
    page = text_of(found)
    assert found.status_code == 200
    assert "<script>alert" not in page
    assert "rules-verdict ds-bad" in page
    fields = found.context["again"]
    assert (fields["action"], fields["name"]) == ("event.publish", name)
    again = await ann.post("rules_simulator", **fields)
    assert "rules-verdict ds-bad" in text_of(again)


async def test_a_draft_is_tried_on_what_was_recorded(
    server: Serving, operator: Callable[..., Awaitable[Operator]]
) -> None:
    ann = await operator("rule editor")
    number = (await draft(QUIET)).number
    nothing = words_of(await ann.post("rules_trial", version=number))
    assert "switch recording on first" in nothing
    page = await ann.follow(await ann.post("rules_recording", start="", limit=100, minutes=5))
    assert "The latest 100 decisions are recorded for 5 minutes." in words_of(page)
    await emit(server, "news", *(f"other/{index}" for index in range(8)))
    answer = await ann.post("rules_trial", version=number)
    assert "would change 1 of 10" in words_of(answer)
    [link] = re.findall(r'href="([^"]*decision/[^"]*)"', text_of(answer))
    both = await sync_to_async(ann._client.get)(link.replace("&amp;", "&"))
    assert "rules-verdict ds-good" in text_of(both)
    assert "rules-verdict ds-bad" in text_of(both)
    await ann.post("rules_recording", stop="")
    await emit(server, "news")
    assert "would change 1 of 10" in words_of(await ann.post("rules_trial", version=number))
    page = words_of(await ann.follow(await ann.post("rules_recording", forget="")))
    assert "Recorded decisions forgotten." in page
    assert [text for _, what, text in await log() if what == "decisions of the rules"] == [
        "The latest 100 decisions are recorded for 5 minutes.",
        "Recording of decisions stopped.",
        "Recorded decisions forgotten.",
    ]
    wrong = words_of(await ann.follow(await ann.post("rules_recording", start="", limit=0, minutes=5)))
    assert "limit: Ensure this value is greater than or equal to 1." in wrong


@pytest.mark.parametrize(
    ("group", "allowed"),
    [("viewer", set()), ("operator", set()), ("rule editor", {"edit", "activate"})],
)
async def test_each_group_may_do_what_it_is_for(
    server: Serving, operator: Callable[..., Awaitable[Operator]], group: str, allowed: set[str]
) -> None:
    ann = await operator(group)
    number = (await draft(QUIET)).number
    for page, arguments in (
        ("permissions_rulesetversion_changelist", ()),
        ("permissions_rulesetversion_change", (number,)),
        ("permissions_rulesetversion_history", (number,)),
        ("rules_compare", (number,)),
        ("rules_simulator", ()),
        ("rules_denials", ()),
        ("rules_trial", ()),
    ):
        assert (await ann.get(page, *arguments)).status_code == 200, page
    may_edit, may_activate = "edit" in allowed, "activate" in allowed
    for page in ("permissions_rulesetversion_add", "rules_check"):
        assert ((await ann.post(page, source=OPEN)).status_code != 403) is may_edit, page
    assert ((await ann.post("rules_recording", stop="")).status_code != 403) is may_edit
    assert ((await ann.get("rules_activate", number)).status_code != 403) is may_activate
    answer = await ann.post("rules_activate", number, seen=await active_number())
    assert (answer.status_code != 403) is may_activate
    assert (await active_number() == number) is may_activate


@pytest.mark.parametrize("page", ["rules_simulator", "rules_denials", "rules_trial", "rules_decision"])
async def test_only_staff_gets_in(
    server: Serving, operator: Callable[..., Awaitable[Operator]], page: str
) -> None:
    ann = await operator("administrator", staff=False)
    answer = await ann.get(page)
    assert (answer.status_code, "/admin/login/" in answer["Location"]) == (302, True)


async def test_a_form_of_another_site_changes_nothing(
    server: Serving, operator: Callable[..., Awaitable[Operator]]
) -> None:
    ann = await operator()
    ann._client.handler.enforce_csrf_checks = True
    number = (await draft(QUIET)).number
    for page, arguments in (
        ("permissions_rulesetversion_add", ()),
        ("rules_activate", (number,)),
        ("rules_recording", ()),
        ("rules_trial", ()),
        ("rules_simulator", ()),
    ):
        assert (await ann.post(page, *arguments, source=OPEN, seen=1)).status_code == 403, page
    assert await active_number() != number


@pytest.mark.parametrize(
    ("page", "arguments", "query"),
    [
        ("permissions_rulesetversion_change", ["999999"], {}),
        ("permissions_rulesetversion_change", ["9" * 30], {}),
        ("permissions_rulesetversion_change", ["abc"], {}),
        ("rules_compare", [999999], {}),
        ("permissions_rulesetversion_add", [], {"from": "x"}),
        ("rules_decision", [], {"node": "one", "number": "x"}),
        ("rules_decision", [], {}),
    ],
)
async def test_what_is_not_there_is_not_found(
    server: Serving,
    operator: Callable[..., Awaitable[Operator]],
    page: str,
    arguments: list[Any],
    query: dict[str, str],
) -> None:
    assert (await (await operator()).get(page, *arguments, **query)).status_code == 404


async def test_a_decision_that_is_not_kept_any_more_says_so(
    server: Serving, operator: Callable[..., Awaitable[Operator]]
) -> None:
    answer = await (await operator()).get("rules_decision", node="one", number="99999999")
    assert "not kept any more" in words_of(answer)
    answer = await (await operator("viewer")).get("rules_decision", node="two", number="1")
    assert "no node &#x27;two&#x27;" in words_of(answer)


async def test_without_a_server_the_pages_say_so_and_stay(
    operator: Callable[..., Awaitable[Operator]],
) -> None:
    ann = await operator()
    for page in ("rules_simulator", "rules_denials", "rules_trial"):
        answer = await ann.get(page)
        assert answer.status_code == 200
    assert "No server" in words_of(answer)
    number = (await draft(OPEN)).number
    assert "No server" in words_of(
        await ann.post("rules_simulator", action="event.publish", name="a", version=number)
    )


async def test_a_node_that_does_not_answer_is_named_and_harms_no_other(
    server: Serving, operator: Callable[..., Awaitable[Operator]], monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = await operator()
    asked = announce.perform_everywhere

    def with_another(operation: str, **arguments: Any) -> dict[str, Outcome]:
        lost = Outcome(error=OperationError("timeout", "No answer within 10 s."))
        return {**asked(operation, **arguments), "two <lost>": lost}

    monkeypatch.setattr(announce, "perform_everywhere", with_another)
    await ann.post("rules_recording", start="", limit=10, minutes=1)
    await emit(server, "news")
    said = words_of(await ann.get("permissions_rulesetversion_change", await active_number()))
    assert "two &lt;lost&gt; did not answer: No answer within 10 s." in said
    failed = (await ann.get("rules_denials")).context["page"]["snapshot"]["failed"]
    assert failed == {"two <lost>": "No answer within 10 s."}
    tried = words_of(await ann.post("rules_trial", version=(await draft(QUIET)).number))
    assert "would change 1 of 2" in tried
    assert "two &lt;lost&gt; : No answer within 10 s." in tried
    assert "two &lt;lost&gt; did not do it" in words_of(
        await ann.follow(await ann.post("rules_recording", stop=""))
    )


async def test_while_a_file_is_configured_nothing_is_offered_to_be_activated(
    operator: Callable[..., Awaitable[Operator]], tmp_path: Path
) -> None:
    ann = await operator()
    rules = {"type": "config", "options": {"permissions": "fileLoad(permissions.yml)"}}
    files = {"permissions.yml": OPEN}
    async with heard("kept in the database"), serving(tmp_path, files=files, permission=rules):
        pass
    number = (await draft(QUIET)).number
    async with serving(tmp_path, files=files, permission=rules):
        shown = words_of(await ann.get("permissions_rulesetversion_change", number))
        assert "permissions.yml is configured" in shown
        assert "Activate…" not in shown
        answer = await ann.post("rules_activate", number, seen=await active_number())
        assert (answer.status_code, await active_number() == number) == (422, False)
        active = words_of(await ann.get("permissions_rulesetversion_change", await active_number()))
        assert "the file permissions.yml" in active


async def test_a_server_records_from_its_start_if_it_is_told_to(
    operator: Callable[..., Awaitable[Operator]], tmp_path: Path, settings: Any
) -> None:
    settings.RECORD_DECISIONS = 50
    ann = await operator()
    async with serving(tmp_path) as server:
        await emit(server, "news")
        page = words_of(await ann.get("rules_trial"))
        assert "on 2 of 50" in page
        number = (await draft(QUIET)).number
        tried = words_of(await ann.post("rules_trial", version=number))
        assert "would change 1 of 2" in tried, "also where no rules are in force so far"


@pytest.mark.parametrize(
    ("action", "fields", "asked"),
    [
        (RecordAction.CREATEANDPATCH, {"data": "5", "path": "price", "version": -1}, "record.patch"),
        (RecordAction.UPDATE, {"data": '{"a": 1}', "version": -1}, "record.write"),
        (RecordAction.ERASE, {"path": "a", "version": -1}, "record.delete"),
        (RecordAction.PATCH_MULTI, {"data": '[{"path": "a", "value": 1}]', "version": -1}, None),
    ],
)
async def test_what_a_client_was_refused_fills_in_the_simulator(
    server: Serving,
    operator: Callable[..., Awaitable[Operator]],
    action: int,
    fields: dict[str, Any],
    asked: str | None,
) -> None:
    ann = await operator()
    closed = OPEN.replace("write: true", 'write: "oldData.price === 2"')
    await announce.awrite("old", {"price": 1, "text": "x" * 5000})
    number = (await draft(closed.replace("delete: true", "delete: false"))).number
    async with heard(f"version {number} of the database is in force"):
        await ann.post("rules_activate", number, seen=await active_number())
    async with RawClient.connect(f"{server.url}/deepstream") as client:
        await client.login({"username": "bob"})
        await client.send(Message(Topic.RECORD, action, name="old", **fields))
        assert (await client.receive(timeout=10)).is_error
    [denial] = denials_on(await ann.get("rules_denials"))
    found = await ann.get("rules_decision", node="one", number=denial["number"])
    again = found.context["again"]
    assert ("Ask again" in text_of(found)) is (asked is not None)
    if asked:
        assert again["action"] == asked
        answer = await ann.post("rules_simulator", **again)
        assert answer.status_code == 200
        assert "rules-verdict ds-bad" in text_of(answer)
