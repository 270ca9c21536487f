"""Every screen, opened with clients at work: it fits, can be read, and fails nowhere."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import ConsoleMessage, Page, ViewportSize, expect

from deepstream_protocol.topics import EventAction, RecordAction, RpcAction, Topic
from tests.browser.clients import Clients
from tests.servers import configuration

RULES = {
    "record": {"*": dict.fromkeys(("create", "read", "write", "delete", "listen", "notify"), True)},
    "event": {
        "*": dict.fromkeys(("publish", "subscribe", "listen"), True),
        "secret/$owner": {"publish": "user.id === $owner"},
    },
    "rpc": {"*": {"provide": True, "request": True}},
    "presence": {"*": {"allow": True}},
}
SIZES: dict[str, ViewportSize] = {
    "wide": {"width": 1280, "height": 720},
    "phone": {"width": 390, "height": 844},
}
BESIDE = (
    "/",
    "/admin/records/record/?view=tree",
    "/admin/records/record/?prefix=orders/&order=-size",
    "/admin/records/record/one/?name=orders/1",
    "/admin/records/record/versions/?name=orders/1",
    "/admin/records/record/remove/?prefix=orders/",
    "/admin/records/record/add/",
    "/admin/records/record/import/",
    "/admin/permissions/rulesetversion/add/",
    "/admin/permissions/rulesetversion/1/change/",
    "/admin/rules/simulator/?action=event.publish&name=secret/ann&user=bob",
    "/admin/auth/user/add/",
    "/admin/auth/group/add/",
    "/admin/authtoken/tokenproxy/add/",
    "/admin/password_change/",
)
"""Screens that no entry of the sidebar leads to."""

LEAST_CONTRAST = 4.5
"""As WCAG 2.1 AA has it for text of this size."""
DRAWN = "new Promise((drawn) => [1, 2, 3].reduce((then) => () => requestAnimationFrame(then), drawn)())"
"""Waits for three frames: charts follow the window one after it."""
MOST_TABS = 200
"""More than any of the screens has controls here."""
LEGIBLE = Path(__file__).with_name("looks.js").read_text(encoding="utf-8").partition("\n")[2].strip()


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    """A server with something to show on each page."""
    return configuration(
        permission={"type": "config", "options": {"permissions": RULES}},
        record={"history": {"enabled": True}, "storageExclusionPrefixes": ["memory/"]},
    )


def faint(page: Page) -> list[str]:
    found: list[str] = page.evaluate(f"{LEGIBLE}.faint({LEAST_CONTRAST})")
    return found


def nameless(page: Page) -> list[str]:
    found: list[str] = page.evaluate(f"{LEGIBLE}.nameless()")
    return found


def at_work(clients: Clients) -> None:
    """Clients that have something of everything, and do not stop."""
    ann, bob = clients.login("ann"), clients.login("bob")
    ann.subscribe("news", "weather/berlin")
    ann.provide("add")
    ann.send(Topic.RECORD, RecordAction.LISTEN, name="^orders/.*")
    ann.send(Topic.EVENT, EventAction.LISTEN, name="^weather/.*")
    for number in range(3):
        bob.write(f"orders/{number}", '{"state": "new", "lines": [{"sku": "a", "count": 2}, null, true]}')
        bob.write(f"orders/{number}", '{"state": "paid"}')
    bob.send(Topic.RECORD, RecordAction.SUBSCRIBEANDREAD, names=["orders/1"])
    bob.send(Topic.RPC, RpcAction.REQUEST, name="add", correlation_id="1", data="[1, 2]")
    bob.send(Topic.RPC, RpcAction.REQUEST, name="nobody", correlation_id="2")
    bob.send(Topic.EVENT, EventAction.EMIT, name="secret/ann", data="1")
    gone = clients.login("gone")
    clients.run(gone._raw.close())


def in_the_sidebar(page: Page) -> list[str]:
    page.goto("/admin/")
    links = page.locator("#nav-sidebar a[href], nav a[href]").evaluate_all(
        "links => links.map(link => link.getAttribute('href'))"
    )
    return [link for link in dict.fromkeys(links) if link.startswith("/admin/") and "logout" not in link]


@pytest.mark.parametrize("look", ["light", "dark"])
def test_every_screen(
    new_page: Callable[..., Page], clients: Clients, shot: Callable[..., None], look: str
) -> None:
    at_work(clients)
    page = new_page(color_scheme=look)
    complaints: list[str] = []

    def complain(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(f"{page.url}: {message.text}")

    page.on("console", complain)
    page.on("response", lambda got: got.status < 400 or complaints.append(f"{got.status} {got.url}"))
    screens = in_the_sidebar(new_page())
    assert {"/admin/clients/", "/admin/rules/denials/", "/admin/admin/logentry/"} < set(screens)
    for screen in (*screens, *BESIDE):
        page.goto(screen)
        if page.locator("#live-state").count():
            expect(page.locator("#live-state")).to_have_text("Live")
            expect(page.locator("#live-problem")).to_be_empty()
            page.wait_for_function("document.documentElement.dataset.updates >= 1 || !window.Chart")
        for size, viewport in SIZES.items():
            page.set_viewport_size(viewport)
            page.evaluate(DRAWN)
            shot(page, f"{size}-{look}-{re.sub(r'[^a-z]+', '-', screen)[-50:]}")
            if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                complaints.append(f"{screen} is wider than the window ({size})")
            complaints += [f"{screen} has text of contrast {one} ({size})" for one in faint(page)]
            complaints += [f"{screen} has a control without a name: {one} ({size})" for one in nameless(page)]
    assert complaints == []


@pytest.mark.parametrize("which", ["in the sidebar", "beside"])
def test_the_tabulator_gets_to_every_control_and_shows_where_it_is(
    new_page: Callable[..., Page], clients: Clients, which: str
) -> None:
    at_work(clients)
    page = new_page()
    complaints: list[str] = []
    for screen in in_the_sidebar(new_page()) if which == "in the sidebar" else BESIDE:
        page.goto(screen)
        if page.locator("#live-state").count():
            expect(page.locator("#live-state")).to_have_text("Live")
        missing = set(map(str, range(page.evaluate(f"{LEGIBLE}.numbered()"))))
        for _ in range(MOST_TABS):
            if not missing:
                break
            page.keyboard.press("Tab")
            number, is_seen, control = page.evaluate(f"{LEGIBLE}.focused()")
            missing.discard(number)
            if number is not None and not is_seen:
                complaints.append(f"{screen} does not show that this has the keyboard: {control}")
        if missing:
            complaints.append(f"{screen} has controls that the keyboard does not get to: {missing}")
    assert complaints == []


def test_faint_text_and_controls_without_a_name_would_be_noticed(page: Page) -> None:
    page.goto("/admin/rpc/")
    page.evaluate("document.querySelector('.ds-lead').style.color = '#aaa'")
    page.evaluate("document.querySelector('label[for=search]').remove()")
    [text] = faint(page)
    assert text.startswith("2.3: Clients provide")
    [control] = nameless(page)
    assert 'id="search"' in control
