"""A live server, a staff user and Chromium.

Everything lasts for one module: Playwright's event loop must not be running while other modules' asynchronous
tests are. A module runs in one worker.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.browser.clients import Clients, clients_of
from tests.conftest import require
from tests.servers import ROOT, Server, configuration, django_environment, migrated_database

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
LAUNCH = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DEADLINE = 10_000
"""Milliseconds that a page may take for anything."""
USER, PASSWORD = "ada", "a-password-for-tests"

expect.set_options(timeout=DEADLINE)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.xdist_group(item.path.stem))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, without a window."""
    require(CHROMIUM, "needs chromium (apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=LAUNCH)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def staff_database(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """Return a function that gives a migrated SQLite file with the superuser ada, made when needed."""
    folder = tmp_path_factory.mktemp("staff")

    def database() -> Path:
        path = folder / "template.sqlite3"
        if not path.exists():
            migrated_database(folder)
            manage(
                path, folder, "createsuperuser", "--noinput", "--username", USER, "--email", "a@example.org"
            )
        return path

    return database


def manage(database: Path, var: Path, *arguments: str) -> None:
    """Run a management command on ``database``."""
    environment = os.environ | django_environment(database, var) | {"DJANGO_SUPERUSER_PASSWORD": PASSWORD}
    command = [sys.executable, "manage.py", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    """The server's configuration; a test module overrides it with its own."""
    return configuration()


@pytest.fixture(scope="module")
def environment() -> Mapping[str, str]:
    """Environment variables of the server; a test module overrides it with its own."""
    return {}


@pytest.fixture(scope="module")
def server(
    config: dict[str, Any],
    environment: Mapping[str, str],
    staff_database: Callable[[], Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Server]:
    """One server for all tests of a module."""
    require(CHROMIUM, "needs chromium (apt-get install chromium)")
    folder = tmp_path_factory.mktemp("server")
    with Server("fast", folder, template=staff_database(), config=config, environment=environment) as server:
        yield server


@pytest.fixture(scope="module")
def cookies(browser: Browser, server: Server) -> Any:
    """What the browser has after ada logged in."""
    context = browser.new_context(base_url=server.http_url)
    context.set_default_timeout(DEADLINE)
    log_in(context.new_page())
    state = context.storage_state()
    context.close()
    return state


def log_in(page: Page) -> None:
    """Log in as ada, as people do."""
    page.goto("/admin/")
    page.get_by_label("Username").fill(USER)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/admin/")


@pytest.fixture
def new_page(browser: Browser, server: Server, cookies: Any) -> Iterator[Callable[..., Page]]:
    """Return a function that opens a tab of ada's; options are those of Playwright's ``new_context``.

    No script of a page may fail.
    """
    contexts: list[BrowserContext] = []
    failures: list[str] = []

    def opened(**options: Any) -> Page:
        options = {"viewport": {"width": 1280, "height": 900}, "storage_state": cookies, **options}
        context = browser.new_context(base_url=server.http_url, **options)
        context.set_default_timeout(DEADLINE)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: failures.append(str(error)))
        return page

    yield opened
    for context in contexts:
        context.close()
    assert failures == []


@pytest.fixture
def page(new_page: Callable[..., Page]) -> Page:
    """A tab of ada's, 1280 by 900."""
    return new_page()


@pytest.fixture
def clients(server: Server) -> Iterator[Clients]:
    """Deepstream clients that the test opens."""
    with clients_of(server) as clients:
        yield clients


@pytest.fixture
def shot(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Return a function ``(page, name="")`` that keeps a picture in the folder that SCREENSHOTS names.

    Without that variable it does nothing: nobody would look, and a picture takes as long as a page.
    """
    chosen = os.environ.get("SCREENSHOTS")

    def taken(page: Page, name: str = "") -> None:
        if not chosen:
            return
        folder = Path(chosen)
        folder.mkdir(parents=True, exist_ok=True)
        stem = re.sub(r"[^\w-]+", "-", f"{request.node.originalname}{'-' if name else ''}{name}")
        page.screenshot(path=folder / f"{stem}.png", full_page=True)

    return taken
