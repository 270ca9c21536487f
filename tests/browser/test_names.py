"""The pages about events, RPCs, presence and listening in a browser, with clients that use them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from deepstream_protocol.topics import EventAction, PresenceAction, RecordAction, RpcAction, Topic
from tests.browser.clients import Clients

NASTY = "<img src=x onerror=alert(1)>'\"/ünï %2F&?#"
LONG = "n" * 1024


def opened(page: Page, path: str) -> Page:
    page.goto(path)
    expect(page.locator("#live-state")).to_have_text("Live")
    return page


def row(page: Page, place: str, text: str) -> Locator:
    return page.locator(f"{place} tbody tr").filter(has_text=text)


def cell(line: Locator, label: str) -> Locator:
    return line.locator(f"[data-label='{label}']")


# Events


def test_events_show_their_subscribers_as_they_come(
    page: Page, clients: Clients, shot: Callable[..., None]
) -> None:
    opened(page, "/admin/events/")
    first = clients.login("ann")
    first.subscribe(NASTY, LONG)
    expect(cell(row(page, "#list", NASTY), "Subscribers")).to_have_text("1")
    clients.login("bob").subscribe(NASTY)
    expect(cell(row(page, "#list", NASTY), "Subscribers")).to_have_text("2")
    expect(row(page, "#list", LONG)).to_be_visible()
    shot(page)


def test_an_operator_emits_an_event_and_the_clients_get_it(page: Page, clients: Clients) -> None:
    client = clients.login("ann")
    client.subscribe("news")
    opened(page, "/admin/events/")
    page.get_by_role("button", name="news", exact=True).click()
    expect(page.get_by_label("Name", exact=True)).to_have_value("news")
    page.keyboard.type('{"hot": [1, 2]}')
    page.get_by_role("button", name="Emit").click()
    assert client.receive(topic=Topic.EVENT, action=EventAction.EMIT, name="news").value() == {"hot": [1, 2]}
    expect(page.locator("#done")).to_have_text("The event news was emitted.")


def test_what_is_no_json_is_refused_and_stays_in_the_form(page: Page) -> None:
    opened(page, "/admin/events/")
    page.get_by_label("Name", exact=True).fill("news")
    page.get_by_label("Data, as JSON").fill("hello")
    page.get_by_role("button", name="Emit").click()
    expect(page.get_by_text("The data is no JSON")).to_be_visible()
    expect(page.get_by_label("Data, as JSON")).to_have_value("hello")


# RPC


def test_a_call_is_made_and_its_answer_shown(page: Page, clients: Clients, shot: Callable[..., None]) -> None:
    client = clients.login("calculator")
    client.provide("add")
    opened(page, "/admin/rpc/")
    line = row(page, "#list", "add")
    expect(cell(line, "Providers")).to_have_text("1")
    expect(cell(line, "Who")).to_have_text("calculator")
    page.get_by_role("button", name="add", exact=True).click()
    expect(page.get_by_label("Name", exact=True)).to_have_value("add")
    page.keyboard.type("[1, 2]")
    page.get_by_role("button", name="Call", exact=True).click(no_wait_after=True)
    assert client.answer('{"sum": 3}').value() == [1, 2]
    expect(page.locator("#answer")).to_contain_text('"sum": 3')
    shot(page)


def test_an_error_of_the_provider_and_a_missing_provider_are_told(page: Page, clients: Clients) -> None:
    client = clients.login("calculator")
    client.provide("divide")
    opened(page, "/admin/rpc/")
    page.get_by_label("Name", exact=True).fill("divide")
    page.get_by_role("button", name="Call", exact=True).click(no_wait_after=True)
    client.answer('"by nought"', action=RpcAction.REQUEST_ERROR)
    expect(page.locator("#answer")).to_have_text('"by nought"')
    page.get_by_label("Name", exact=True).fill("nobody provides this")
    page.get_by_role("button", name="Call", exact=True).click()
    expect(page.get_by_text("nobody provides this").first).to_be_visible()
    client.send(Topic.RPC, RpcAction.REQUEST, name="nobody provides this", correlation_id="1")
    expect(page.locator(".ds-tile").filter(has_text="Without provider")).to_contain_text("1")


def test_a_call_under_way_is_seen(page: Page, clients: Clients) -> None:
    provider, caller = clients.login("worker"), clients.login("boss")
    provider.provide("work")
    opened(page, "/admin/rpc/")
    caller.send(Topic.RPC, RpcAction.REQUEST, name="work", correlation_id="1", data="1")
    line = row(page, "#calls", "work")
    expect(cell(line, "Asked by")).to_have_text("boss")
    expect(cell(line, "State")).to_have_text("not accepted yet")
    provider.answer("2")
    expect(line).to_have_count(0)


# Presence


def test_presence_shows_who_is_online_with_how_many_connections(
    page: Page, clients: Clients, shot: Callable[..., None]
) -> None:
    watcher = clients.login("watcher")
    watcher.send(Topic.PRESENCE, PresenceAction.SUBSCRIBE, names=["grace"], correlation_id="1")
    opened(page, "/admin/presence/")
    expect(row(page, "#list", "grace")).to_have_count(0)
    clients.login("grace")
    clients.login("grace", wire="json")
    expect(cell(row(page, "#list", "grace"), "Connections")).to_have_text("2")
    expect(cell(row(page, "#list", "grace"), "Watched by")).to_have_text("1")
    shot(page)
    page.get_by_role("link", name="grace").click()
    expect(page.locator("#found")).to_have_text("2 found.")


# Listening


def test_listening_shows_patterns_providers_and_names_without_one(
    page: Page, clients: Clients, shot: Callable[..., None]
) -> None:
    listener, subscriber = clients.login("listener"), clients.login("subscriber")
    opened(page, "/admin/listening/")
    listener.send(Topic.EVENT, EventAction.LISTEN, name="^weather/.*")
    listener.receive(topic=Topic.EVENT, action=EventAction.LISTEN, is_ack=True)
    expect(cell(row(page, "#patterns", "^weather/.*"), "Who")).to_have_text("listener")
    subscriber.subscribe("weather/berlin")
    found = {"name": "^weather/.*", "subscription": "weather/berlin"}
    listener.receive(action=EventAction.SUBSCRIPTION_FOR_PATTERN_FOUND, **found)
    listener.send(Topic.EVENT, EventAction.LISTEN_ACCEPT, **found)
    expect(cell(row(page, "#provided", "weather/berlin"), "Provider")).to_have_text("listener")
    subscriber.subscribe("weather/paris")
    found["subscription"] = "weather/paris"
    listener.receive(action=EventAction.SUBSCRIPTION_FOR_PATTERN_FOUND, **found)
    listener.send(Topic.EVENT, EventAction.LISTEN_REJECT, **found)
    expect(row(page, "#without", "weather/paris")).to_be_visible()
    shot(page)


# All of them


@pytest.mark.parametrize("path", ["events", "rpc", "presence", "listening", ""])
def test_on_a_narrow_screen_in_the_dark_nothing_is_cut_off(
    new_page: Callable[..., Page], clients: Clients, shot: Callable[..., None], path: str
) -> None:
    client = clients.login("narrow" * 20)
    client.subscribe(LONG)
    client.provide(LONG)
    client.send(Topic.RECORD, RecordAction.LISTEN, name=LONG)
    page: Any = new_page(viewport={"width": 390, "height": 844}, color_scheme="dark")
    opened(page, f"/admin/{path}{'/' if path else ''}")
    page.wait_for_function("document.documentElement.dataset.updates >= 1")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    shot(page, path or "dashboard")
