"""The REST API's page in a browser: it shows what there is, and its requests go out as who looks at it."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect


def test_the_page_lists_the_endpoints_and_makes_a_write_with_the_session(
    page: Page, shot: Callable[..., None]
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto("/rest/v1/docs/")
    block = page.locator("#operations-events-events_emit")
    block.get_by_role("button", name="POST", exact=False).first.click()
    block.get_by_role("button", name="Try it out").click()
    block.get_by_placeholder("name").fill("news/<b>'ü/%")
    block.locator("textarea").fill('{"title": "Hello"}')
    with page.expect_response("**/rest/v1/events/**") as answered:
        block.get_by_role("button", name="Execute").click()
    assert answered.value.status == 204
    assert answered.value.request.headers["x-csrftoken"]
    expect(block.locator(".live-responses-table tbody .response-col_status").first).to_contain_text("204")
    shot(page)
    assert {url.split("/")[2] for url in asked if not url.startswith("data:")} == {page.url.split("/")[2]}


def test_the_page_fits_a_phone(new_page: Callable[..., Page], shot: Callable[..., None]) -> None:
    page = new_page(viewport={"width": 390, "height": 800})
    page.goto("/rest/v1/docs/")
    expect(page.locator("#operations-records-records_put")).to_be_visible()
    shot(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
