"""The pages about records: who may, what they do, and that any name does no harm on any of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from html import unescape
from typing import Any
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from django.apps import apps
from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.contrib.admin.utils import quote as admin_quote
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import AsyncClient, Client
from django.utils.html import strip_tags

from cluster import announce
from cluster.operations import Here
from deepstream_project.config_history import HistoryConfig
from deepstream_protocol.message import Message
from deepstream_protocol.topics import RecordAction, Topic
from gateway.live.records import LiveRecords
from gateway.node import Node
from gateway.operations import LoneOperator, Operations
from records.history import History
from records.models import Record
from records.past import versions
from records.store import DatabaseStore
from tests.gateway.node_kit import Peer, config, running
from tests.records.history_kit import in_thread

pytestmark = pytest.mark.django_db(transaction=True)

RECORDS = "/admin/records/record/"
NAMES = {
    "script": "<script>alert(1)</script>",
    "quotes": "\"'`&amp;{{ 7|add:1 }}{% now %}",
    "slashes": "/a//../b/",
    "dots": "..",
    "address": "a?b=c&d#e%2Fé+ ;",
    "unicode": "ünï/日本/🚗\u202e\u2028",
    "long": "x/" + "y" * 1022,
}

Ask = Callable[..., Any]


@pytest_asyncio.fixture
async def node() -> AsyncIterator[Node]:
    """A node on the tests' database, with a history, which the pages find."""
    history = HistoryConfig(enabled=True)
    settings = config()
    record = replace(settings.record, history=history, storage_exclusion_prefixes=("memory/", "passing/"))
    settings = replace(settings, record=record)
    store = DatabaseStore(history=History(history, "one"))
    app = apps.get_app_config("cluster")
    async with running(settings, store=store) as node:
        operations = Operations(node)
        operations.add(LiveRecords(node, operations).operations())
        app.here = Here(LoneOperator("one", operations), asyncio.get_running_loop())  # type: ignore[attr-defined]
        try:
            yield node
        finally:
            app.here = None  # type: ignore[attr-defined]
    await asyncio.to_thread(store.close)


def staff(*permissions: str, name: str = "ada") -> Client:
    """The browser of a staff user with some permissions about records; without any named, with all."""
    user = get_user_model().objects.create_user(name, is_staff=True)
    codenames = permissions or ("view_record", "add_record", "change_record", "delete_record")
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client = Client()
    client.force_login(user)
    return client


@pytest_asyncio.fixture
async def ask(node: Node) -> Ask:
    """Ask for a page as ada, who may do everything: ``await ask("one/", name="a")``, or ``post={…}``."""
    client = await in_thread(staff)

    async def asked(path: str = "", *, post: dict[str, Any] | None = None, **query: str) -> Any:
        url = f"{RECORDS}{path}{'?' + urlencode(query) if query else ''}"
        if post is None:
            return await in_thread(client.get, url)
        return await in_thread(client.post, url, post, follow=True)

    return asked


def shown(answer: Any) -> str:
    return unescape(answer.content.decode())


async def journal() -> list[tuple[int, str, str]]:
    """What stands in the admin's log: kind, name and text."""
    entries = LogEntry.objects.order_by("id").values_list("action_flag", "object_id", "change_message")
    return await in_thread(lambda: list(entries))


async def test_an_edit_is_a_write_of_the_user_that_subscribers_get(node: Node, ask: Ask) -> None:
    await announce.awrite("a/1", {"x": 1})
    client = Peer(node).log_in("bob")
    client.send(Message(Topic.RECORD, RecordAction.SUBSCRIBEANDREAD, names=["a/1"]))
    await client.idle()
    client.take()
    answer = await ask("one/", post={"name": "a/1", "version": "1", "data": '{"x": 2}'})
    assert "Version 2 is stored" in shown(answer)
    update = client.take_one()
    assert (update.action, update.version, update.value()) == (RecordAction.UPDATE, 2, {"x": 2})
    assert await journal() == [(CHANGE, "a/1", "Wrote version 2.")]
    assert (await in_thread(lambda: versions("a/1")[0])).author == "ada"


async def test_who_edits_an_old_version_is_shown_both_and_chooses(ask: Ask) -> None:
    await announce.awrite("a", {"x": 1})
    await announce.awrite("a", {"x": 2, "theirs": True})
    answer = await ask("one/", post={"name": "a", "version": "1", "data": '{"x": 3}'})
    text = shown(answer)
    assert "Somebody wrote version 2" in text
    assert '"theirs": true' in text
    assert '{"x": 3}' in text
    assert await announce.aread("a") == announce.Record("a", 2, {"x": 2, "theirs": True})
    assert await journal() == []
    await ask("one/", post={"name": "a", "version": "2", "data": '{"x": 3}'})
    assert await announce.aread("a") == announce.Record("a", 3, {"x": 3})


async def test_who_edits_what_was_deleted_may_make_it_again(ask: Ask) -> None:
    await announce.awrite("a", {"x": 1})
    await announce.adelete("a")
    answer = await ask("one/", post={"name": "a", "version": "1", "data": '{"x": 3}'})
    assert "Somebody deleted the record" in shown(answer)
    await ask("one/", post={"name": "a", "version": "0", "data": '{"x": 3}'})
    assert await announce.aread("a") == announce.Record("a", 1, {"x": 3})


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ('{\n"a": 1,}', "Line 2, column"),
        ("5", "object or array"),
        ("", "Line 1, column 1"),
        ('{"a": NaN}', "NaN is no JSON"),
        ("[" * 100_000, "too deeply"),
        ("[" * 250 + "]" * 250, ""),
        ('{"a": "\\ud800"}', "no JSON"),
    ],
)
async def test_what_cannot_be_a_record_is_refused_and_kept_in_the_form(
    ask: Ask, data: str, problem: str
) -> None:
    await announce.awrite("a", {"x": 1})
    answer = await ask("one/", post={"name": "a", "version": "1", "data": data})
    assert answer.status_code == 200
    assert problem in shown(answer)
    assert data[:200] in shown(answer)
    assert (await announce.aread("a")) == announce.Record("a", 1, {"x": 1})


async def test_a_record_is_created_once(ask: Ask) -> None:
    answer = await ask("add/", post={"name": "new", "data": "[1]"})
    assert "The record is there." in shown(answer)
    answer = await ask("add/", post={"name": "new", "data": "[2]"})
    assert "There is a record of that name already." in shown(answer)
    assert await announce.aread("new") == announce.Record("new", 1, [1])
    assert await journal() == [(ADDITION, "new", "Created.")]
    for name in ("", "x" * 1025, "🚗" * 800):
        assert "record name" in shown(await ask("add/", post={"name": name, "data": "[]"}))


async def test_what_would_be_deleted_is_shown_first(node: Node, ask: Ask) -> None:
    for name in ("a/1", "a/2", "b"):
        await announce.awrite(name, {})
    answer = await ask("remove/", post={"name": ["a/1", "b"]})
    assert "2 records would be deleted" in shown(answer)
    assert await in_thread(Record.objects.count) == 3
    client = Peer(node).log_in("bob")
    client.send(Message(Topic.RECORD, RecordAction.SUBSCRIBEANDREAD, names=["b"]))
    await client.idle()
    client.take()
    answer = await ask("remove/", post={"name": ["a/1", "b"], "sure": "1"})
    assert "2 records are deleted." in shown(answer)
    assert await in_thread(lambda: [record.name for record in Record.objects.all()]) == ["a/2"]
    assert client.take_one().action == RecordAction.DELETED
    assert await journal() == [(DELETION, "a/1", "Deleted."), (DELETION, "b", "Deleted.")]
    assert (await in_thread(lambda: versions("b")[0])).author == "ada"


async def test_all_with_a_prefix_go_only_if_the_prefix_is_typed(ask: Ask) -> None:
    for number in range(5):
        await announce.awrite(f"a/{number}", {})
    await announce.awrite("ab", {})
    assert "5 records would be deleted" in shown(await ask("remove/", prefix="a/"))
    answer = await ask("remove/", post={"prefix": "a/", "sure": "1", "repeated": "a"})
    assert "Type the prefix" in shown(answer)
    answer = await ask("remove/", post={"prefix": "a/", "sure": "1", "repeated": "a/"})
    assert "5 records are deleted." in shown(answer)
    assert await in_thread(lambda: [record.name for record in Record.objects.all()]) == ["ab"]
    assert "Choose records to delete" in shown(await ask("remove/", post={"sure": "1"}))


def write_text(name: str, text: str) -> None:
    """A record as another program may have written it."""
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO records_record (name, data) VALUES (%s, %s)", [name, text])


async def test_what_was_exported_can_be_imported(node: Node, ask: Ask) -> None:
    records = {name: {"text": name, "n": number} for number, name in enumerate(NAMES.values())}
    for name, data in records.items():
        await announce.awrite(name, data)
    spaced = '{\n "number": 123456789012345678901234567890\r\n}'
    await in_thread(write_text, "as/written", spaced)
    browser = AsyncClient()
    await browser.aforce_login(await in_thread(get_user_model().objects.get, username="ada"))
    answer = await browser.get(f"{RECORDS}export/")
    text = b"".join([piece async for piece in answer.streaming_content])
    lines = [json.loads(line) for line in text.split(b"\n")[:-1]]
    (spaced_line,) = [lines.pop(at) for at, line in enumerate(lines) if line["name"] == "as/written"]
    assert spaced_line["data"] == {"number": 123456789012345678901234567890}
    text = b"".join(line for line in text.splitlines(keepends=True) if b"as/written" not in line)
    assert [line["name"] for line in lines] == sorted(records)
    assert {line["name"]: line["data"] for line in lines} == records
    for name in records:
        await announce.adelete(name)
    answer = await ask("import/", post={"file": SimpleUploadedFile("r.jsonl", text), "existing": "keep"})
    assert f"{len(records)} records written of {len(records)} lines" in shown(answer)
    for name, data in records.items():
        assert (await announce.aread(name)).data == data  # type: ignore[union-attr]
    assert sorted(name for _, name, _ in await journal()) == sorted(records)


async def test_an_import_says_which_lines_it_did_not_write_and_why(ask: Ask) -> None:
    await announce.awrite("old", {"old": True})
    lines = [
        b'{"name": "a", "data": {"x": 1}}',
        b"{broken",
        b"",
        b'{"name": "b"}',
        b'{"name": "", "data": {}}',
        b'{"name": "c", "data": 5}',
        b'{"name": "old", "data": {}}',
        b"\xff\xfe",
        b'{"name": "deep", "data": ' + b"[" * 230 + b"]" * 230 + b"}",
        b'{"name": "a", "data": {"x": 2}}',
    ]
    post = {"file": SimpleUploadedFile("r.jsonl", b"\n".join(lines)), "as": "json", "first": "100"}
    report = (await ask("import/", post=post)).json()
    problems = {problem["line"]: problem["text"] for problem in report["problems"]}
    assert (report["written"], report["lines"]) == (1, 109)
    assert sorted(problems) == [101, 103, 104, 105, 106, 107, 108, 109]
    assert "exists already, in version 1" in problems[106]
    assert '"name" and "data"' in problems[103]
    post = {"file": SimpleUploadedFile("r.jsonl", b"\n".join(lines)), "as": "json", "existing": "replace"}
    report = (await ask("import/", post=post)).json()
    assert report["written"] == 3
    assert (await announce.aread("old")).data == {}  # type: ignore[union-attr]
    assert (await announce.aread("a")).data == {"x": 2}  # type: ignore[union-attr]


async def test_a_version_is_looked_at_compared_and_restored(ask: Ask) -> None:
    await announce.awrite("a", {"x": 1, "gone": True}, author="bob")
    await announce.awrite("a", 2, path="x", author="cid")
    await announce.aerase("a", "gone", author="bob")
    first, second, third = await in_thread(lambda: [entry.id for entry in versions("a")[::-1]])
    text = shown(await ask("versions/", name="a"))
    assert text.index("erased") < text.index("patched") < text.index("set as a whole")
    assert "cid" in text
    text = shown(await ask("version/", name="a", id=str(second)))
    assert '"gone": true' in text
    assert '"x": 2' in text
    text = shown(await ask("compare/", **{"name": "a", "from": str(third), "to": str(first)}))
    assert text.index("Older") < text.index("removed")
    answer = await ask("version/", post={"name": "a", "id": str(first)})
    assert "Version 1 is restored as a new version." in shown(answer)
    assert await announce.aread("a") == announce.Record("a", 4, {"x": 1, "gone": True})
    assert (CHANGE, "a", "Restored version 1 as a new version.") in await journal()
    assert (await ask("version/", name="b", id=str(first))).status_code == 404
    assert (await ask("version/", name="a", id="x")).status_code == 404
    assert (await ask("version/", name="a", at="yesterday")).status_code == 400
    answer = await ask("version/", name="a", at="2001-01-01T00:00")
    assert "there was no record" in shown(answer)


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
async def test_any_name_is_shown_as_it_is_on_every_page(ask: Ask, name: str) -> None:
    await announce.awrite(name, {name: [name]})
    await announce.awrite(name, {name: [name, name]})
    folder = name[: name.rfind("/") + 1]
    ids = await in_thread(lambda: [str(entry.id) for entry in versions(name)])
    pages = [
        ("", {}),
        ("", {"q": name}),
        ("", {"prefix": name, "order": "-size"}),
        ("", {"view": "tree", "prefix": folder}),
        ("one/", {"name": name}),
        ("remove/", {"name": name}),
        ("remove/", {"prefix": name}),
        ("versions/", {"name": name}),
        ("version/", {"name": name, "id": ids[0]}),
        ("version/", {"name": name, "at": "2100-01-01T00:00"}),
        ("compare/", {"name": name, "from": ids[0], "to": ids[1]}),
        ("add/", {"name": name}),
    ]
    for path, query in pages:
        answer = await ask(path, **query)
        assert answer.status_code == 200, (path, query)
        text = answer.content.decode()
        expected = name[len(folder) :] if query.get("view") == "tree" else name
        assert expected in unescape(text), (path, query)
        assert "<script>alert(1)" not in text, (path, query)
    assert (await ask(f"{quote(admin_quote('a/b'))}/change/")).url == f"{RECORDS}one/?name=a%2Fb"
    answer = await ask("one/", post={"name": name, "version": "2", "data": "[1]"})
    assert "Version 3 is stored" in shown(answer)
    answer = await ask("remove/", post={"name": name, "sure": "1"})
    assert "1 record is deleted." in shown(answer)


async def test_names_that_no_record_can_have_are_bad_requests(ask: Ask) -> None:
    for path in ("one/", "versions/", "remove/"):
        for name in ("\0", "x" * 1025):
            assert (await ask(path, name=name)).status_code == 400, (path, name)
    assert (await ask("", prefix="a\0")).status_code == 400
    assert (await ask("one/", name="none")).status_code == 404


async def test_what_is_in_memory_alone_is_named_by_the_list_and_has_a_page(node: Node, ask: Ask) -> None:
    for name in ("memory/a", "memory/b", "passing/c", "stored"):
        await announce.awrite(name, {"of": name})
        client = Peer(node).log_in("bob")
        client.send(Message(Topic.RECORD, RecordAction.SUBSCRIBEANDREAD, names=[name]))
        await client.idle()
    everything = (await ask("")).context
    assert [row["name"] for row in everything["rows"]] == ["stored"]
    assert everything["unstored"] == {
        "prefixes": ["memory/", "passing/"],
        "names": ["memory/a", "memory/b", "passing/c"],
    }
    below = (await ask("", prefix="memory/", q="B")).context["unstored"]
    assert below == {"prefixes": ["memory/"], "names": ["memory/b"]}
    assert (await ask("", prefix="memory/x/", view="tree")).context["unstored"]["prefixes"] == ["memory/"]
    assert (await ask("", prefix="st")).context["unstored"] is None
    page = shown(await ask("one/", name="memory/a"))
    assert '"of": "memory/a"' in page
    assert "in memory alone" in page
    await ask("one/", post={"name": "memory/a", "version": "1", "data": '{"x": 2}'})
    assert await announce.aread("memory/a") == announce.Record("memory/a", 2, {"x": 2})
    await ask("remove/", post={"name": "memory/a", "sure": "1"})
    assert await announce.aread("memory/a") is None


@pytest.mark.parametrize("odd", list(NAMES.values()), ids=list(NAMES))
async def test_the_list_leads_to_odd_names_in_memory_alone(node: Node, ask: Ask, odd: str) -> None:
    name = f"memory/{odd}"[:1024]
    await announce.awrite(name, {})
    client = Peer(node).log_in("bob")
    client.send(Message(Topic.RECORD, RecordAction.SUBSCRIBEANDREAD, names=[name]))
    await client.idle()
    answer = await ask("")
    assert f'href="{RECORDS}one/?name={quote(name, safe="")}"' in answer.content.decode()
    assert "<script>alert" not in answer.content.decode()
    assert name in shown(answer)
    assert (await ask("one/", name=name)).status_code == 200


PAGES: dict[str, tuple[str, dict[str, Any] | None]] = {
    "": ("view_record", None),
    "one/?name=a": ("view_record", None),
    "export/": ("view_record", None),
    "versions/?name=a": ("view_record", None),
    "version/?name=a&at=2100-01-01T00:00": ("view_record", None),
    "add/": ("add_record", None),
    "import/": ("add_record", None),
    "remove/?name=a": ("delete_record", None),
    "one/": ("change_record", {"name": "a", "version": "1", "data": "[2]"}),
    "version/": ("change_record", {"name": "a", "id": "1"}),
    "add/ ": ("add_record", {"name": "b", "data": "[]"}),
    "import/ ": ("change_record", {"file": "", "existing": "replace"}),
    "remove/": ("delete_record", {"name": "a", "sure": "1"}),
}
"""Each page, the permission that it takes, and what is posted to it."""


def test_each_page_takes_its_permission_staff_and_a_csrf_token() -> None:
    Record.objects.create(name="a", version=1, data=[1])
    everything = {"view_record", "add_record", "change_record", "delete_record"}
    user = get_user_model().objects.create_user("eve", is_staff=True)
    client, checking = Client(), Client(enforce_csrf_checks=True)
    client.force_login(user)
    checking.force_login(get_user_model().objects.create_superuser("root"))
    for path, (needed, post) in PAGES.items():
        url = RECORDS + path.strip()
        user.user_permissions.set(Permission.objects.filter(codename__in=everything - {needed}))
        answer = client.get(url) if post is None else client.post(url, post)
        assert answer.status_code == 403, path
        assert (Client().get(url) if post is None else Client().post(url, post)).status_code == 302, path
        if post is not None:
            assert checking.post(url, post).status_code == 403, path
    user.user_permissions.set(Permission.objects.filter(codename__in=everything))
    user.is_staff = False
    user.save()
    assert client.get(RECORDS).status_code == 302
    assert Record.objects.get().data == [1]


def test_without_a_server_the_pages_show_what_the_database_has_and_say_so() -> None:
    Record.objects.create(name="a", version=1, data={"kept": True})
    client = staff()
    text = shown(client.get(f"{RECORDS}one/?name=a"))
    assert '"kept": true' in text
    assert "Shown is what the database has." in text
    answer = client.post(f"{RECORDS}one/", {"name": "a", "version": "1", "data": "[1]"})
    assert "REDIS_URL" in shown(answer)
    assert client.get(RECORDS).status_code == 200
    answer = client.post(f"{RECORDS}remove/", {"name": "a", "sure": "1"}, follow=True)
    assert "0 records are deleted." in shown(answer)
    assert LogEntry.objects.count() == 0


async def test_times_are_those_of_the_servers_zone_which_is_named(ask: Ask, settings: Any) -> None:
    settings.TIME_ZONE = "Asia/Tokyo"
    await announce.awrite("a", {"x": 1})
    [entry] = await in_thread(lambda: list(versions("a")))
    there = entry.at.astimezone(ZoneInfo("Asia/Tokyo")).strftime("%Y-%m-%d %H:%M:%S")
    assert f"{there} JST" in shown(await ask("one/", name="a"))
    assert "Updated (Asia/Tokyo)" in shown(await ask())
    history = shown(await ask("versions/", name="a"))
    assert "As it was at (Asia/Tokyo)" in history
    assert there in history
    assert "When (Asia/Tokyo)" in history
    assert f"{there} JST" in shown(await ask("version/", name="a", id=str(entry.id)))


async def test_a_level_of_folders_alone_offers_nothing_to_delete(ask: Ask) -> None:
    await announce.awrite("a/b", {})
    assert 'id="delete"' not in shown(await ask(view="tree"))
    assert 'id="delete"' in shown(await ask(view="tree", prefix="a/"))


async def test_a_search_says_that_the_count_is_not_of_what_was_found(ask: Ask) -> None:
    await announce.awrite("a/b", {})
    await announce.awrite("a/c", {})
    page = " ".join(strip_tags(shown(await ask(prefix="a/", q="c"))).split())
    assert "2 records whose names begin with a/; shown are those that contain c." in page
