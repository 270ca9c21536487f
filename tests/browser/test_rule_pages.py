"""The rules' pages in a browser: writing, activating, simulating, and what clients notice of it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from deepstream_protocol.message import Message
from deepstream_protocol.topics import EventAction, RecordAction, Topic
from tests.raw_client import RawClient
from tests.servers import Server, configuration

RULES = """\
# who may do what
record:
  "*":
    create: true
    read: true
    write: "oldData === undefined || data.price > oldData.price"
    delete: "user.id === 'ann'"
    listen: true
    notify: true
event:
  "*": {publish: true, subscribe: true, listen: true}
  "secret/$owner": {publish: "user.id === $owner && _('gate').open === true"}
rpc: {"*": {provide: true, request: true}}
presence: {"*": {allow: true}}
"""


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    return configuration(permission={"type": "database"})


def emit(server: Server, *names: str) -> list[str]:
    """Emit events as bob, and return the names that were refused.

    In a thread: in this one runs Playwright's event loop.
    """
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, _emit(f"{server.url}/deepstream", names)).result()


async def _emit(url: str, names: tuple[str, ...]) -> list[str]:
    refused = []
    async with RawClient.connect(url) as client:
        await client.login({"username": "bob"})
        for name in names:
            await client.send(Message(Topic.EVENT, EventAction.EMIT, name=name, data="1"))
        await client.send(Message(Topic.RECORD, RecordAction.HEAD, name="r", correlation_id="1"))
        while (answer := await client.receive(timeout=10)).topic != Topic.RECORD:
            assert answer.is_error
            refused.append(answer.name or "")
    return refused


def activated(page: Page, text: str, comment: str = "") -> None:
    """Write rules and put them in force, by the pages alone."""
    page.goto("/admin/permissions/rulesetversion/add/")
    page.get_by_label("Rules:").fill(text)
    page.get_by_role("button", name="Save as a draft").click()
    page.get_by_role("link", name="Activate…").click()
    page.get_by_label("Comment:").fill(comment)
    page.get_by_role("button", name="Activate", exact=True).click()
    expect(page.get_by_text(re.compile(r"Version \d+ is active\."))).to_be_visible()
    expect(page.locator("#in-force [data-behind]")).to_have_count(0)


def fits(page: Page) -> None:
    """The page itself does not scroll sideways."""
    assert page.evaluate("document.documentElement.scrollWidth") <= page.evaluate("innerWidth")


def test_rules_are_written_with_their_errors_shown_and_put_in_force(
    page: Page, server: Server, shot: Callable[..., None]
) -> None:
    page.goto("/admin/permissions/rulesetversion/add/")
    page.get_by_label("Rules:").fill(RULES.replace("true\n    notify", '"user.id ==="\n    notify'))
    expect(page.locator("#preview .rules-line-wrong")).to_contain_text("listen")
    shot(page, "wrong")
    page.locator("#preview").get_by_role("link", name="line 8").click()
    chosen = "(box => box.value.slice(box.selectionStart, box.selectionEnd))(document.activeElement)"
    assert page.evaluate(chosen) == '    listen: "user.id ==="'
    page.get_by_label("Rules:").fill(RULES)
    expect(page.locator("#preview")).to_contain_text("No problems")
    page.get_by_label("Comment:").fill("bids only go up")
    page.get_by_role("button", name="Save as a draft").click()
    expect(page.locator(".rule-variable", has_text="$owner")).to_be_visible()
    shot(page, "draft")
    page.get_by_role("link", name="Activate…").click()
    expect(page.get_by_role("heading", name="rules changed")).to_be_visible()
    shot(page, "activate")
    page.get_by_role("button", name="Activate", exact=True).click()
    expect(page.get_by_text(re.compile(r"Version \d+ is active\."))).to_be_visible()
    expect(page.locator("#in-force")).to_have_text(re.compile(r"on \S+: version \d+$"))
    assert emit(server, "news", "secret/ann") == ["secret/ann"]
    shot(page, "active")
    page.goto("/admin/permissions/rulesetversion/")
    expect(page.get_by_text("bids only go up")).to_be_visible()
    shot(page, "list")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_simulator_shows_how_a_verdict_came_about(
    new_page: Callable[..., Page], shot: Callable[..., None], scheme: str
) -> None:
    page = new_page(color_scheme=scheme)
    activated(page, RULES)
    page.goto("/admin/rules/simulator/")
    page.get_by_label("Action:").select_option("record.write")
    page.get_by_label("Name:", exact=True).fill("bids/<b>1</b>")
    page.get_by_label("User:", exact=True).fill("bob")
    page.get_by_label("Data:", exact=True).fill('{"price": 3}')
    page.get_by_label("Old data:").fill('{"price": 5}')
    page.get_by_role("button", name="Ask").click()
    expect(page.locator(".rules-verdict")).to_have_text("REFUSED")
    row = page.get_by_role("row", name="data.price > oldData.price")
    expect(row.last.get_by_role("cell").last).to_have_text("false")
    expect(page.get_by_role("row", name="oldData.price number").last).to_contain_text("5")
    shot(page, scheme)


def test_a_denial_leads_to_its_explanation(page: Page, server: Server, shot: Callable[..., None]) -> None:
    activated(page, RULES)
    assert emit(server, "secret/bob") == ["secret/bob"]
    page.get_by_role("link", name="Denials").click()
    page.get_by_label("User or part of a name").fill("secret/bob")
    page.get_by_role("button", name="Search").click()
    shot(page, "list")
    page.get_by_role("link", name="Explain").first.click()
    expect(page.get_by_text("_('gate').open")).not_to_have_count(0)
    shot(page, "explained")
    page.get_by_role("button", name="Ask again in the simulator").click()
    expect(page.locator(".rules-verdict")).to_have_text("REFUSED")
    page.get_by_label("Other records:").fill('{"gate": {"open": true}}')
    page.get_by_role("button", name="Ask").click()
    expect(page.locator(".rules-verdict")).to_have_text("ALLOWED")


def test_denials_come_to_the_open_page_and_equal_ones_count_up(
    page: Page, server: Server, shot: Callable[..., None]
) -> None:
    activated(page, RULES)
    page.goto("/admin/rules/denials/?q=SECRET/L")
    expect(page.locator("#live-state")).to_have_text("Live")
    expect(page.get_by_text("No denial is kept that this describes.")).to_be_visible()
    page.evaluate("window.stayed = true")
    first = "secret/live <i>\"'&"
    assert emit(server, first) == [first]
    row = page.locator("#list tbody tr").filter(has_text=first)
    expect(row).to_contain_text("event EMIT", timeout=1000)
    row.get_by_role("link", name="Explain").focus()
    assert emit(server, "other", first, "secret/late") == [first, "secret/late"]
    expect(page.locator("#list tbody tr")).to_have_count(2, timeout=1000)
    expect(page.locator("#list tbody tr").first).to_contain_text("secret/late")
    expect(row.locator("[data-label=Times]")).to_have_text("2")
    expect(row.get_by_role("link", name="Explain")).to_be_focused()
    shot(page)
    assert page.evaluate("window.stayed")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="By the rules in force")).to_be_visible()
    expect(page.get_by_text(first)).not_to_have_count(0)


def test_a_draft_is_tried_on_what_clients_just_did(
    page: Page, server: Server, shot: Callable[..., None]
) -> None:
    activated(page, RULES)
    page.goto("/admin/rules/trial/")
    page.get_by_role("button", name="Record").click()
    expect(page.get_by_text("on", exact=True)).to_be_visible()
    emit(server, "news", "news", *(f"other/{index}" for index in range(20)))
    page.goto("/admin/permissions/rulesetversion/add/")
    page.get_by_label("Rules:").fill(RULES.replace("publish: true", "publish: \"name !== 'news'\""))
    page.get_by_role("button", name="Save as a draft").click()
    page.get_by_role("link", name="Try on recorded decisions").click()
    page.get_by_role("button", name="What would it change?").click()
    expect(page.get_by_text("would change 2 of 23")).to_be_visible()
    shot(page)
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("Recording of decisions stopped.")).to_be_visible()


def test_a_version_is_written_and_put_in_force_by_keyboard_alone(page: Page, server: Server) -> None:
    page.goto("/admin/permissions/rulesetversion/add/")
    tab_to(page, "source")
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(RULES.replace("publish: true", "publish: \"name !== 'keys'\""))
    tab_to(page, "save")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Activate…")).to_be_visible()
    tab_to(page, "Activate…")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Comment:")).to_be_visible()
    tab_to(page, "comment")
    page.keyboard.type("by keys")
    page.keyboard.press("Enter")
    expect(page.get_by_text(re.compile(r"Version \d+ is active\."))).to_be_visible()
    expect(page.locator("#in-force [data-behind]")).to_have_count(0)
    assert emit(server, "keys") == ["keys"]


def tab_to(page: Page, name: str) -> None:
    """Press the tabulator until what has this name or text is focused."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("[document.activeElement.name, document.activeElement.textContent.trim()]").count(
            name
        ):
            return
    raise AssertionError(f"the keyboard does not get to {name}")


def test_every_page_fits_a_narrow_screen(
    new_page: Callable[..., Page], server: Server, shot: Callable[..., None]
) -> None:
    page = new_page(viewport={"width": 390, "height": 844})
    activated(page, RULES)
    shot(page, "version")
    fits(page)
    emit(server, "secret/" + "long" * 200)
    for path in ("simulator", "denials", "trial"):
        page.goto(f"/admin/rules/{path}/")
        fits(page)
        shot(page, path)
    page.goto("/admin/rules/denials/")
    page.get_by_role("link", name="Explain").first.click()
    expect(page.locator(".rules-verdict")).to_be_visible()
    fits(page)
    shot(page, "decision")
    page.goto("/admin/permissions/rulesetversion/add/")
    fits(page)
    page.goto("/admin/permissions/rulesetversion/")
    fits(page)
    shot(page, "list")
