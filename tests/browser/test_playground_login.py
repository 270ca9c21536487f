"""The playground of a server that wants to know who its clients are, and whose rules refuse things."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_playground import side
from tests.official_client.users import AUTH, USERS
from tests.servers import configuration

RULES = {
    "record": {
        "*": dict.fromkeys(("create", "read", "write", "delete", "listen", "notify"), True),
        "playground/*": {"write": False},
    },
    "event": {"*": dict.fromkeys(("publish", "subscribe", "listen"), True)},
    "rpc": {"*": {"provide": True, "request": True}},
    "presence": {"*": {"allow": True}},
}


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    options = {**AUTH[0]["options"], "users": json.loads(USERS)}
    return configuration(
        auth=[{"type": "file", "options": options}],
        permission={"type": "config", "options": {"permissions": RULES}},
    )


def test_each_client_logs_in_and_is_told_what_is_refused(new_page: Callable[..., Page]) -> None:
    page = new_page(storage_state=None)
    page.goto("/")
    page.get_by_role("button", name="Connect both").click()
    ann = side(page, "Ann")
    expect(ann.locator("[data-state]")).to_have_text("wants a login")
    ann.get_by_label("Username").fill("ann")
    ann.get_by_label("Password").fill("wrong")
    ann.get_by_role("button", name="Log in").click()
    expect(ann.get_by_role("alert")).to_contain_text("The login was refused")
    ann.get_by_label("Password").fill("tiger")
    ann.get_by_role("button", name="Log in").click()
    expect(ann.locator("[data-state]")).to_have_text("connected")
    expect(ann.locator("[data-version]")).not_to_be_empty()
    ann.get_by_label("Shared text").fill("may I?")
    expect(ann.get_by_role("alert")).to_contain_text("MESSAGE_DENIED")
    expect(side(page, "Ben").locator("[data-state]")).to_have_text("wants a login")
