"""The pages about records in a browser, with clients that write meanwhile."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.admin.utils import quote as admin_quote
from playwright.sync_api import Page, expect

from deepstream_protocol.topics import RecordAction, Topic
from tests.browser.clients import Clients
from tests.servers import configuration

NASTY = "<script>alert(1)</script>'\"/ünï %2F&?#/🚗"


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    """A server that keeps the history of records, and some records in memory alone."""
    return configuration(record={"history": {"enabled": True}, "storageExclusionPrefixes": ["memory/"]})


def open_record(page: Page, name: str) -> Page:
    page.goto(f"/admin/records/record/one/?name={quote(name, safe='')}")
    expect(page.locator("#live-state")).to_have_text("Live")
    return page


def edit(page: Page, data: Any) -> None:
    page.get_by_label("JSON", exact=True).fill(json.dumps(data))
    page.get_by_role("button", name="Save as the next version").click()


def test_an_edit_reaches_a_subscriber_within_a_second(
    page: Page, clients: Clients, shot: Callable[..., None]
) -> None:
    client = clients.login("carol")
    client.write("orders/17", '{"state":"new","lines":[{"sku":"a","count":2}]}')
    client.send(Topic.RECORD, RecordAction.SUBSCRIBEANDREAD, names=["orders/17"])
    open_record(page, "orders/17")
    expect(page.locator("#subscribers")).to_contain_text("1: carol", timeout=2000)
    expect(page.locator("#kept")).to_have_text("is kept")
    expect(page.locator("#tree")).to_contain_text('"new"')
    shot(page, "before")
    page.get_by_label("JSON", exact=True).fill('{"state": "paid", "total": 12345678901234567890}')
    began = time.monotonic()
    page.get_by_role("button", name="Save as the next version").click()
    update = client.receive(topic=Topic.RECORD, action=RecordAction.UPDATE, name="orders/17")
    assert time.monotonic() - began < 1
    assert (update.version, update.data) == (2, '{"state":"paid","total":12345678901234567890}')
    expect(page.get_by_text("Version 2 is stored")).to_be_visible()
    page.goto("/admin/admin/logentry/")
    expect(page.get_by_text("Wrote version 2.")).to_be_visible()


def test_what_a_client_writes_is_on_the_open_page_within_a_second(page: Page, clients: Clients) -> None:
    client = clients.login("carol")
    client.write("live/1", '{"n":1}')
    open_record(page, "live/1")
    for number in range(2, 5):
        client.write("live/1", f'{{"n":{number},"big":12345678901234567890}}')
        expect(page.locator("#version")).to_have_text(str(number), timeout=1000)
    expect(page.get_by_label("JSON", exact=True)).to_have_value(
        '{\n  "n": 4,\n  "big": 12345678901234567890\n}'
    )
    expect(page.locator("#tree")).to_contain_text("n: 4")
    client.send(Topic.RECORD, RecordAction.DELETE, name="live/1")
    expect(page.locator("#version")).to_have_text("deleted", timeout=1000)


@pytest.mark.parametrize("width", [1280, 390])
def test_a_record_in_memory_alone_is_opened_from_the_list(
    new_page: Callable[..., Page], clients: Clients, shot: Callable[..., None], width: int
) -> None:
    page = new_page(viewport={"width": width, "height": 844})
    client = clients.login("carol")
    long = f"memory/{width}/" + "long" * 100
    for name in (f"memory/{width}/{NASTY}", long, f"memory/{width}/unseen"):
        client.write(name, '{"in": "memory"}')
    client.send(Topic.RECORD, RecordAction.SUBSCRIBEANDREAD, names=[f"memory/{width}/{NASTY}", long])
    client.receive(topic=Topic.RECORD, action=RecordAction.SUBSCRIBEANDREAD, is_ack=True)
    page.goto("/admin/records/record/")
    expect(page.get_by_text("are not in the database")).to_be_visible()
    shot(page, str(width))
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.get_by_role("link", name=NASTY).click()
    expect(page.locator("#tree")).to_contain_text("memory")
    page.go_back()
    page.get_by_label("Open a record by its name").fill(f"memory/{width}/unseen")
    page.keyboard.press("Enter")
    expect(page.get_by_text("in memory alone")).to_be_visible()
    expect(page.locator("#tree")).to_contain_text("memory")


def test_who_is_editing_is_not_disturbed_and_chooses_between_both(
    page: Page, clients: Clients, shot: Callable[..., None]
) -> None:
    client = clients.login("carol")
    client.write("conflict", '{"price":1,"by":"carol"}')
    open_record(page, "conflict")
    page.get_by_label("JSON", exact=True).fill('{"price": 9}')
    client.write("conflict", '{"price":2,"by":"carol"}')
    expect(page.get_by_text("Version 2 came while you were editing")).to_be_visible()
    expect(page.get_by_label("JSON", exact=True)).to_have_value('{"price": 9}')
    page.get_by_role("button", name="Save as the next version").click()
    expect(page.get_by_role("heading", name="Somebody wrote version 2")).to_be_visible()
    expect(page.locator(".ds-differences")).to_contain_text("price")
    shot(page)
    page.get_by_role("button", name="Overwrite with mine").click()
    expect(page.get_by_text("Version 3 is stored")).to_be_visible()
    expect(page.locator("#tree")).to_contain_text("price: 9")


def test_what_is_no_record_cannot_be_sent_and_the_place_is_told(page: Page, clients: Clients) -> None:
    clients.login("carol").write("mistakes", "{}")
    open_record(page, "mistakes")
    page.get_by_label("JSON", exact=True).fill('{\n  "a": 1,\n}')
    expect(page.locator("#mistake")).to_contain_text("line 3")
    expect(page.get_by_role("button", name="Save as the next version")).to_be_disabled()
    page.get_by_label("JSON", exact=True).fill("5")
    expect(page.locator("#mistake")).to_have_text("A record is a JSON object or array.")


def test_a_name_with_anything_in_it_is_created_found_and_deleted(
    page: Page, clients: Clients, shot: Callable[..., None]
) -> None:
    page.goto("/admin/records/record/add/")
    page.get_by_label("Name", exact=True).fill(NASTY)
    page.get_by_label("JSON, an object").fill('{"<b>": "</script><script>alert(2)</script>"}')
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_text("The record is there.")).to_be_visible()
    expect(page.get_by_role("heading", name=NASTY, level=2)).to_be_visible()
    expect(page.locator("#tree")).to_contain_text("</script><script>alert(2)</script>")
    page.goto("/admin/records/record/")
    page.get_by_label("and contains").fill("ünï %2F&?#")
    page.get_by_role("button", name="Search", exact=True).click()
    page.get_by_label(f"Choose {NASTY}").check()
    shot(page, "list")
    page.get_by_role("button", name="Delete the chosen").click()
    expect(page.get_by_role("heading", name="1 record would be deleted")).to_be_visible()
    page.get_by_role("button", name="Delete 1 record").click()
    expect(page.get_by_text("1 record is deleted.")).to_be_visible()
    page.goto(f"/admin/records/record/{quote(admin_quote(NASTY))}/change/")  # where the admin's log leads
    expect(page.get_by_text("There is no such record.")).to_be_visible()


def test_the_tree_is_walked_by_keyboard_alone(
    page: Page, clients: Clients, shot: Callable[..., None]
) -> None:
    client = clients.login("carol")
    for name in ("tree/a/1", "tree/a/2", "tree/b/1", "tree/c"):
        client.write(name, "[1]")
    page.goto("/admin/records/record/?view=tree&prefix=tree/")
    expect(page.locator("#records tbody tr")).to_have_count(3)
    shot(page)
    page.get_by_label("Name begins with").focus()
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.ariaLabel") == "Folder a/":
            break
    page.keyboard.press("Enter")
    expect(page.locator("#records tbody tr")).to_have_count(2)
    expect(page.get_by_role("navigation", name="Levels")).to_contain_text("tree/a/")


def test_versions_are_compared_looked_at_and_restored(
    page: Page, clients: Clients, shot: Callable[..., None]
) -> None:
    carol, dave = clients.login("carol"), clients.login("dave")
    carol.write("past", '{"state":"new","n":1}')
    dave.write("past", '{"state":"paid"}')
    open_record(page, "past")
    page.locator("#content").get_by_role("link", name="History", exact=True).click()
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.nth(0)).to_contain_text("dave")
    expect(rows.nth(1)).to_contain_text("carol")
    shot(page, "list")
    page.get_by_role("button", name="Compare").click()
    expect(page.locator(".ds-differences tbody tr")).to_have_count(2)
    shot(page, "compare")
    page.go_back()
    rows.nth(1).get_by_role("link", name="1", exact=True).click()
    expect(page.locator("#data")).to_contain_text('"state": "new"')
    shot(page, "version")
    page.get_by_role("button", name="Restore as a new version").click()
    expect(page.get_by_text("Version 1 is restored as a new version.")).to_be_visible()
    expect(page.locator("#version")).to_have_text("3")
    page.goto("/admin/records/record/versions/?name=past")
    expect(rows).to_have_count(3)
    expect(rows.nth(0)).to_contain_text("ada")


def test_an_import_shows_progress_and_which_lines_were_not_written(
    page: Page, clients: Clients, shot: Callable[..., None], tmp_path: Path
) -> None:
    clients.login("carol").write("import/0", '{"old":true}')
    lines = [json.dumps({"name": f"import/{number}", "data": {"n": number}}) for number in range(5000)]
    lines[3] = "{broken"
    lines[4001] = '{"name": "x"}'
    file = tmp_path / "records.jsonl"
    file.write_text("\n".join(lines))
    page.goto("/admin/records/record/import/")
    page.get_by_label("File").set_input_files(file)
    page.get_by_role("button", name="Import").click()
    expect(page.locator("#summary")).to_have_text(
        "4997 records written of 5000 lines; 3 lines were not. Done.", timeout=30_000
    )
    expect(page.locator("#problems")).to_contain_text("exists already")
    expect(page.locator("#problems tr").nth(2)).to_contain_text("4002")
    shot(page)
    with page.expect_download() as download:
        page.goto("/admin/records/record/?prefix=import/")
        page.get_by_role("link", name="Export these").click()
    exported = [json.loads(line) for line in Path(download.value.path()).read_text().splitlines()]
    assert len(exported) == 4998
    assert exported[0] == {"name": "import/0", "version": 1, "data": {"old": True}}


def test_the_pages_fit_a_telephone_in_light_and_dark(
    new_page: Callable[..., Page], clients: Clients, shot: Callable[..., None]
) -> None:
    name = f"narrow/{'long' * 60}"
    clients.login("carol").write(name, json.dumps({"text": "x" * 300, "list": list(range(5))}))
    everywhere = (
        "?prefix=narrow/",
        "?view=tree&prefix=narrow/",
        f"one/?name={name}",
        f"versions/?name={name}",
        f"remove/?name={name}",
        "add/",
        "import/",
    )
    for scheme, paths in (("light", everywhere), ("dark", everywhere[:4:2])):
        page = new_page(viewport={"width": 390, "height": 800}, color_scheme=scheme)
        for path in paths:
            page.goto(f"/admin/records/record/{path}")
            assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
            shot(page, f"{scheme}-{path.split('/')[0].split('=')[0]}")
