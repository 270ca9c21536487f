"""The dashboard in a browser, with clients at work."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from deepstream_protocol.topics import ACTIONS, EventAction, RpcAction, Topic
from monitoring.metrics import ERRORS_FROM
from tests.browser.clients import Clients
from tests.browser.conftest import log_in
from tests.servers import Server

UPDATES = "Number(document.documentElement.dataset.updates ?? 0)"


def tile(page: Page, name: str) -> Locator:
    return page.locator(".ds-tile").filter(has=page.get_by_text(name, exact=True))


def opened(page: Page) -> Page:
    page.goto("/admin/")
    expect(page.locator("#live-state")).to_have_text("Live")
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_dashboard_moves_by_itself_over_the_servers_own_websocket(
    new_page: Callable[..., Page], clients: Clients, shot: Callable[..., None], scheme: str
) -> None:
    page = new_page(color_scheme=scheme)
    requests: list[str] = []
    opened(page)
    page.on("request", lambda request: requests.append(request.url))
    page.wait_for_function(f"{UPDATES} >= 2")
    reader, writer = clients.login("reader"), clients.login("writer")
    expect(tile(page, "Connections")).to_contain_text("2")
    expect(tile(page, "Connections")).to_contain_text("2 users online")
    reader.subscribe("ticks")
    for _ in range(200):
        writer.send(Topic.EVENT, EventAction.EMIT, name="ticks", data="1")
    writer.write("account", '{"money": 1}')
    topics = page.locator("#topics tbody tr")
    expect(topics.filter(has_text="EVENT").locator("[data-label='In, since the start']")).not_to_have_text("")
    expect(topics.filter(has_text="RECORD")).to_be_visible()
    expect(tile(page, "Commit p99")).to_contain_text("ms")
    chart = page.get_by_role("img", name="Messages per second:")
    expect(chart).to_have_attribute("aria-label", re.compile(r"in [\d.]+, made [\d.]+"))
    before = page.evaluate(UPDATES)
    page.wait_for_function(f"{UPDATES} >= {before + 2}")
    assert requests == []
    shot(page, scheme)


def test_errors_are_told_by_name_with_what_they_mean(page: Page, clients: Clients) -> None:
    opened(page)
    caller = clients.login("caller")
    for number in range(3):
        caller.send(Topic.RPC, RpcAction.REQUEST, name="nobody", correlation_id=str(number))
    line = page.locator("#errors tbody tr").filter(has_text="NO_RPC_PROVIDER")
    expect(line.locator("[data-label='Since the start']")).to_have_text("3")
    expect(line).to_contain_text("A call found no provider")
    known = page.evaluate(
        "import('/static/monitoring/errors.js').then((module) => Object.keys(module.MEANINGS))"
    )
    errors = {one.name for kind in ACTIONS.values() for one in kind if one >= ERRORS_FROM}
    assert set(known) == errors


def test_the_charts_begin_with_the_minutes_before_the_page_was_opened(page: Page, clients: Clients) -> None:
    writer = clients.login("early")
    for _ in range(50):
        writer.send(Topic.EVENT, EventAction.EMIT, name="early", data="1")
    opened(page)
    page.wait_for_function(f"{UPDATES} >= 4")
    page.reload()
    points = "Chart.getChart(document.querySelector('#charts canvas')).data.datasets[0].data"
    page.wait_for_function("globalThis.Chart && Chart.getChart(document.querySelector('#charts canvas'))")
    assert page.evaluate(f"{points}.length") >= 2
    assert page.evaluate(f"{points}.some((point) => point.y > 0)")


def test_who_is_logged_out_is_told_that_the_page_is_no_longer_live(new_page: Callable[..., Page]) -> None:
    page = new_page(storage_state=None)
    log_in(page)
    opened(page)
    other = page.context.new_page()
    other.goto("/admin/")
    other.evaluate("document.querySelector('form[action$=\"logout/\"]').submit()")
    expect(page.locator("#live-state")).to_have_text("Not live: log in again")


def test_a_page_goes_on_by_itself_after_the_server_was_restarted(page: Page, server: Server) -> None:
    opened(page)
    page.wait_for_function(f"{UPDATES} >= 1")
    before = page.locator("#nodes [data-label=Address]").text_content()
    server.stop()
    expect(page.locator("#live-state")).to_contain_text("Not live")
    server.start()
    expect(page.locator("#live-state")).to_have_text("Live", timeout=30_000)
    expect(page.locator("#nodes [data-label=Address]").first).not_to_have_text(f"{before}")
