"""What operators do reaches the official client, and what it does the pages: in less than a second."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.official import Official, official_client
from tests.servers import Server

ROUNDS = range(2, 7)
SECOND = 1.0


@pytest.fixture
def carol(server: Server) -> Iterator[Official]:
    """The official client, logged in as carol."""
    with official_client(server, "carol") as client:
        yield client


def opened(page: Page, path: str) -> Page:
    page.goto(path)
    expect(page.locator("#live-state")).to_have_text("Live")
    return page


def test_an_edit_reaches_the_client_and_its_write_reaches_the_open_page(page: Page, carol: Official) -> None:
    carol.do("watch", "orders/17")
    carol.says("record", "orders/17", {})
    carol.do("set", "orders/17", "state", "new")
    carol.says("stored", "orders/17")
    opened(page, "/admin/records/record/one/?name=orders/17")
    there, back = [], []
    for number in ROUNDS:
        data = {"state": "paid", "number": number}
        page.get_by_label("JSON", exact=True).fill(json.dumps(data))
        began = time.monotonic()
        page.get_by_role("button", name="Save as the next version").click()
        carol.says("record", "orders/17", data)
        there.append(time.monotonic() - began)
        expect(page.get_by_text("is stored")).to_be_visible()
        expect(page.locator("#live-state")).to_have_text("Live")
        began = time.monotonic()
        carol.do("set", "orders/17", "number", -number)
        expect(page.locator("#tree")).to_contain_text(f"number: {-number}")
        back.append(time.monotonic() - began)
        carol.says("stored", "orders/17")
    assert min(there) < SECOND  # whatever else the machine does can only make it longer
    assert min(back) < SECOND


def test_an_event_and_a_call_from_the_pages_reach_the_client(page: Page, carol: Official) -> None:
    carol.do("subscribe", "news")
    carol.do("provide", "add")
    opened(page, "/admin/events/")
    page.get_by_role("button", name="news", exact=True).click()
    page.keyboard.type('{"hot": [1, 2]}')
    page.get_by_role("button", name="Emit").click()
    carol.says("event", "news", {"hot": [1, 2]})
    opened(page, "/admin/rpc/")
    page.get_by_role("button", name="add", exact=True).click()
    page.keyboard.type("[1, 2]")
    page.get_by_role("button", name="Call", exact=True).click()
    carol.says("call", "add", [1, 2])
    expect(page.locator("#answer")).to_contain_text('"got"')


def test_a_client_that_is_disconnected_notices_it_and_may_come_again(
    page: Page, carol: Official, shot: Callable[..., object]
) -> None:
    opened(page, "/admin/clients/?user=carol")
    page.locator("#clients tbody tr").get_by_role("button", name="Disconnect").click()
    page.get_by_label("Reason").fill("go home")
    page.get_by_role("dialog").get_by_role("button", name="Disconnect").click()
    carol.says("state", "RECONNECTING")
    carol.says("state", "OPEN")
    expect(page.locator("#closed tbody tr").filter(has_text="go home")).to_contain_text("carol")
    shot(page)
