"""The pages about clients in a browser, with clients that come, write and go."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from deepstream_protocol.topics import EventAction, Topic
from tests.browser.clients import Clients

NASTY = "<script>alert(1)</script>'\"/ünï %2F&?#"


def open_list(page: Page, path: str = "/admin/clients/") -> Page:
    page.goto(path)
    expect(page.locator("#live-state")).to_have_text("Live")
    return page


def row(page: Page, name: str) -> Any:
    return page.locator("#clients tbody tr").filter(has=page.get_by_role("link", name=name, exact=True))


def test_what_clients_do_is_seen_within_a_second(page: Page, clients: Clients) -> None:
    open_list(page)
    took = []
    for number in range(1, 6):
        began = time.monotonic()
        client = clients.login(f"carol {number}")
        expect(row(page, f"carol {number}")).to_have_count(1)
        client.subscribe("news", "weather")
        expect(row(page, f"carol {number}").locator("[data-label=Subscriptions]")).to_have_text("2")
        took.append((time.monotonic() - began) / 2)
    assert median(took) < 1.0


def test_a_client_is_disconnected_with_a_reason_and_is_among_those_that_left(
    page: Page, clients: Clients, shot: Callable[..., None]
) -> None:
    client = clients.login("dave")
    open_list(page)
    row(page, "dave").get_by_role("button", name="Disconnect").click()
    expect(page.get_by_role("dialog")).to_contain_text("of dave")
    page.get_by_label("Reason").fill("go home")
    shot(page, "dialog")
    page.get_by_role("dialog").get_by_role("button", name="Disconnect").click()
    assert client.closed() == (1008, "go home")
    expect(page.get_by_text("was disconnected.")).to_be_visible()
    expect(row(page, "dave")).to_have_count(0)
    left = page.locator("#closed tbody tr").filter(has_text="dave").first
    expect(left).to_contain_text("1008")
    expect(left).to_contain_text("go home")
    shot(page)
    page.goto("/admin/admin/logentry/")
    expect(page.get_by_text("go home")).to_be_visible()


def test_a_page_for_one_client_shows_what_it_has_and_its_messages_as_they_come(
    page: Page, clients: Clients, shot: Callable[..., None]
) -> None:
    client = clients.login(NASTY)
    client.subscribe("news/<b>bold</b>", "weather")
    client.provide("add")
    open_list(page)
    row(page, NASTY).get_by_role("link", name=NASTY, exact=True).click()
    expect(page.locator("#facts")).to_contain_text(NASTY)
    expect(page.locator("#names")).to_contain_text("Events: 2")
    expect(page.locator("#names")).to_contain_text("news/<b>bold</b>")
    expect(page.locator("#names")).to_contain_text("Provided RPCs: 1")
    expect(page.locator("#tail-state")).to_contain_text("payloads are hidden")
    page.wait_for_function("document.documentElement.dataset.updates >= 2")
    client.send(Topic.EVENT, EventAction.EMIT, name="shout", data='"a secret"')
    line = page.locator("#tail tbody tr").filter(has_text="EVENT EMIT")
    expect(line).to_have_count(1)
    expect(line).to_contain_text("shout")
    expect(line).not_to_contain_text("a secret")
    page.get_by_label("Show payloads").check()
    expect(page.locator("#tail-state")).to_contain_text("with payloads")
    client.send(Topic.EVENT, EventAction.EMIT, name="shout", data='"another secret"')
    expect(page.locator("#tail tbody tr").filter(has_text="another secret")).to_have_count(1)
    client.subscribe("later")
    expect(page.locator("#names")).to_contain_text("Events: 3")
    expect(page.locator("#tail tbody tr").filter(has_text="EVENT SUBSCRIBE")).to_have_count(2)
    shot(page)


def test_a_user_is_disconnected_everywhere(page: Page, clients: Clients) -> None:
    devices = [clients.login("erin"), clients.login("erin", wire="json")]
    other = clients.login("frank")
    open_list(page, "/admin/clients/?user=erin")
    expect(page.locator("#found")).to_contain_text("2 found")
    row(page, "erin").first.get_by_role("link", name="erin").click()
    page.get_by_role("button", name="Disconnect the user everywhere").click()
    page.get_by_role("dialog").get_by_role("button", name="Disconnect").click()
    assert [device.closed()[0] for device in devices] == [1008, 1008]
    expect(page.get_by_text("2 connections of erin were closed.")).to_be_visible()
    other.subscribe("still here")


def test_the_page_of_a_client_that_left_says_so(page: Page, clients: Clients) -> None:
    client = clients.login("gone")
    open_list(page)
    row(page, "gone").get_by_role("link", name="gone", exact=True).click()
    expect(page.locator("#facts")).to_contain_text("gone")
    clients.run(client._raw.close())
    expect(page.locator("#live-problem")).to_contain_text("it may have left")


def test_a_list_is_searched_and_sorted_by_the_keyboard_alone(page: Page, clients: Clients) -> None:
    few, many = clients.login("zoe-few"), clients.login("zoe-many")
    few.subscribe("a")
    many.subscribe("a", "b", "c")
    open_list(page)
    page.get_by_label("User, address or SDK").focus()
    page.keyboard.type("zoe")
    page.keyboard.press("Enter")
    expect(page.locator("#found")).to_contain_text("2 found")
    heading = page.locator("#clients th").filter(has_text="Subscriptions").get_by_role("button")
    heading.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#clients tbody tr").first).to_contain_text("zoe-many")
    page.keyboard.press("Enter")
    expect(page.locator("#clients tbody tr").first).to_contain_text("zoe-few")
    row(page, "zoe-few").get_by_role("button").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("Enter")
    page.get_by_label("Reason").focus()
    page.keyboard.press("Enter")
    assert few.closed()[0] == 1008
    many.subscribe("d")


def test_every_column_and_button_is_in_sight_beside_the_sidebar(page: Page, clients: Clients) -> None:
    clients.login("an-ordinary-name")
    open_list(page)
    button = row(page, "an-ordinary-name").get_by_role("button", name="Disconnect")
    expect(button).to_be_in_viewport(ratio=1)
    assert page.evaluate("(box => box.scrollWidth - box.clientWidth)(clients)") == 0


def test_a_list_that_is_cut_off_begins_with_what_the_operator_chooses(
    page: Page, clients: Clients, shot: Callable[..., None]
) -> None:
    many, few = clients.login("ida-many"), clients.login("ida-few")
    few.subscribe("a")
    many.subscribe("a", "b", "c")
    open_list(page, "/admin/clients/?q=ida")
    expect(page.locator("#clients tbody tr").first).to_contain_text("ida-many")
    page.get_by_label("Begin with").select_option("who came last")
    page.get_by_role("button", name="Search").click()
    expect(page.locator("#clients tbody tr").first).to_contain_text("ida-few")
    page.get_by_label("Begin with").select_option("most subscriptions")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_label("User, address or SDK")).to_have_value("ida")
    expect(page.locator("#clients tbody tr").first).to_contain_text("ida-many")
    shot(page)


def test_why_a_client_left_is_told_in_words_where_it_gave_no_reason(page: Page, clients: Clients) -> None:
    client = clients.login("harriet")
    open_list(page)
    clients.run(client._raw.close())
    left = page.locator("#closed tbody tr").filter(has_text="harriet").first
    expect(left.locator("[data-label=Reason]")).to_have_text("the client said goodbye")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_narrow_screen_shows_every_column_without_sideways_scrolling(
    new_page: Callable[..., Page], clients: Clients, shot: Callable[..., None], scheme: str
) -> None:
    clients.login("nora")
    page = new_page(viewport={"width": 390, "height": 844}, color_scheme=scheme)
    open_list(page)
    expect(row(page, "nora")).to_be_visible()
    expect(row(page, "nora").locator("[data-label=Outbox]")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    shot(page, scheme)
    row(page, "nora").get_by_role("link").click()
    expect(page.locator("#facts")).to_contain_text("nora")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    shot(page, f"{scheme}-one")
