"""The pages of one node show the whole cluster."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from deepstream_protocol.topics import EventAction, Topic
from tests.browser.clients import Client, Clients, clients_of
from tests.browser.conftest import CHROMIUM, PASSWORD, USER
from tests.cluster.fleet import QUICK, Fleet, fleet_in
from tests.conftest import require
from tests.servers import ROOT, Server, django_environment


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Two nodes, started and stopped in a thread without Playwright's event loop: they need their own."""
    require(CHROMIUM, "needs chromium (apt-get install chromium)")
    folder = tmp_path_factory.mktemp("fleet")
    made = fleet_in(folder, size=2, options=QUICK)
    with ThreadPoolExecutor(1) as aside:
        fleet = aside.submit(made.__enter__).result()
        try:
            make_ada(fleet, folder)
            yield fleet
        finally:
            aside.submit(made.__exit__, None, None, None).result()


def make_ada(fleet: Fleet, folder: Path) -> None:
    environment = {"DATABASE_URL": fleet.database, "DJANGO_SUPERUSER_PASSWORD": PASSWORD}
    subprocess.run(
        [sys.executable, "manage.py", "createsuperuser", "--noinput"]
        + ["--username", USER, "--email", "a@example.org"],
        cwd=ROOT,
        env=os.environ | django_environment(folder / "unused", folder / "var") | environment,
        check=True,
        capture_output=True,
    )


@pytest.fixture(scope="module")
def server(fleet: Fleet) -> Server:
    """The node whose pages are opened."""
    return fleet.nodes[0]


@pytest.fixture
def far(fleet: Fleet) -> Iterator[Clients]:
    """Clients of the other node."""
    with clients_of(fleet.nodes[1]) as clients:
        yield clients


def opened(page: Page, path: str) -> Page:
    page.goto(path)
    expect(page.locator("#live-state")).to_have_text("Live")
    return page


def test_clients_of_another_node_are_listed_tailed_and_disconnected(page: Page, far: Clients) -> None:
    opened(page, "/admin/clients/")
    client = far.login("far away")
    row = page.locator("#clients tbody tr").filter(has_text="far away")
    expect(row.locator("[data-label=Number]")).to_contain_text("node-1")
    row.get_by_role("link").click()
    expect(page.locator("#facts")).to_contain_text("far away")
    page.wait_for_function("document.documentElement.dataset.updates >= 2")
    client.send(Topic.EVENT, EventAction.EMIT, name="from afar", data="1")
    expect(page.locator("#tail tbody tr").filter(has_text="from afar")).to_be_visible()
    page.get_by_role("button", name="Disconnect", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Disconnect").click()
    assert client.closed()[0] == 1008
    left = page.locator("#closed tbody tr").filter(has_text="far away")
    expect(left.locator("[data-label=Number]")).to_contain_text("node-1")


def test_a_user_is_disconnected_on_all_nodes(page: Page, clients: Clients, far: Clients) -> None:
    both: list[Client] = [clients.login("everywhere"), far.login("everywhere")]
    opened(page, "/admin/presence/")
    row = page.locator("#list tbody tr").filter(has_text="everywhere")
    expect(row.locator("[data-label=Connections]")).to_have_text("2")
    expect(row.locator("[data-label=Nodes]")).to_have_text("node-0, node-1")
    row.get_by_role("button").click()
    page.get_by_role("dialog").get_by_role("button", name="Disconnect").click()
    assert [client.closed()[0] for client in both] == [1008, 1008]


def test_subscribers_of_both_nodes_are_counted_together(page: Page, clients: Clients, far: Clients) -> None:
    clients.login("near").subscribe("shared")
    far.login("far").subscribe("shared")
    opened(page, "/admin/events/")
    row = page.locator("#list tbody tr").filter(has_text="shared")
    expect(row.locator("[data-label=Subscribers]")).to_have_text("2")


def test_the_dashboard_shows_every_node_and_when_one_is_gone(
    page: Page, fleet: Fleet, shot: Callable[..., None]
) -> None:
    opened(page, "/admin/")
    rows = page.locator("#nodes tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.filter(has_text="node-1").locator("[data-label='Bus lag']")).to_contain_text("ms")
    page.wait_for_function("document.documentElement.dataset.updates >= 3")
    shot(page)
    fleet.nodes[1].kill()
    expect(rows.filter(has_text="node-1").filter(has_text="up")).to_have_count(0)
    shot(page, "gone")
