"""The public page and its playground: two official clients side by side in a browser."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

from tests.servers import Server


def opened(new_page: Callable[..., Page], **options: object) -> Page:
    """The page as a stranger sees it, with both clients connected."""
    page = new_page(storage_state=None, **options)
    page.goto("/")
    page.get_by_role("button", name="Connect both").click()
    for name in ("Ann", "Ben"):
        expect(side(page, name).locator("[data-state]")).to_have_text("connected")
    return page


def side(page: Page, name: str) -> Locator:
    return page.get_by_role("article", name=name, exact=True)


def test_what_one_client_types_the_other_shows(
    new_page: Callable[..., Page], shot: Callable[..., None]
) -> None:
    page = opened(new_page)
    ann, ben = side(page, "Ann"), side(page, "Ben")
    ann.get_by_label("Shared text").press_sequentially("hello <b>Ben</b>")
    expect(ben.get_by_label("Shared text")).to_have_value("hello <b>Ben</b>")
    ben.get_by_label("Shared text").fill("hi Ann")
    expect(ann.get_by_label("Shared text")).to_have_value("hi Ann")
    ann.get_by_label("Message").fill("<i>news</i>")
    ann.get_by_role("button", name="Emit").click()
    expect(ben.get_by_role("listitem")).to_have_text("Ann: <i>news</i>")
    ben.get_by_label("Ask Ann to turn this round").fill("abc")
    ben.get_by_role("button", name="Call").click()
    expect(ben.locator("[data-answer]")).to_have_text("Ann answered: cba")
    expect(ann.locator("[data-presence]")).to_contain_text("is online")
    ben.get_by_role("button", name="Disconnect").click()
    expect(ann.locator("[data-presence]")).to_contain_text("is offline")
    ben.get_by_role("button", name="Connect again").click()
    expect(ann.locator("[data-presence]")).to_contain_text("is online")
    expect(ben.get_by_label("Shared text")).to_have_value("hi Ann")
    shot(page)
    page.emulate_media(color_scheme="dark")
    shot(page, "dark")


def test_it_is_usable_on_a_narrow_screen_by_keyboard_alone(
    new_page: Callable[..., Page], shot: Callable[..., None]
) -> None:
    page = new_page(storage_state=None, viewport={"width": 390, "height": 844})
    page.goto("/")
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "start":
            break
    page.keyboard.press("Enter")
    expect(side(page, "Ben").locator("[data-state]")).to_have_text("connected")
    expect(side(page, "Ann").locator("[data-state]")).to_have_text("connected")
    page.keyboard.press("Tab")  # from a button that is gone, on to what follows
    page.keyboard.press("Tab")
    page.keyboard.type("by keyboard")
    expect(side(page, "Ben").get_by_label("Shared text")).to_have_value("by keyboard")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    shot(page)


def test_two_pages_meet_in_a_room_only_if_its_address_is_passed_on(new_page: Callable[..., Page]) -> None:
    first, stranger = opened(new_page), opened(new_page)
    second = new_page(storage_state=None)
    second.goto(first.url)
    second.get_by_role("button", name="Connect both").click()
    side(first, "Ann").get_by_label("Shared text").fill("for those who know")
    expect(side(second, "Ben").get_by_label("Shared text")).to_have_value("for those who know")
    expect(side(stranger, "Ben").get_by_label("Shared text")).to_have_value("")


def test_what_was_typed_is_gone_with_the_page(new_page: Callable[..., Page], server: Server) -> None:
    page = opened(new_page)
    room = page.url.partition("#")[2]
    side(page, "Ann").get_by_label("Shared text").fill("not for ever")
    expect(side(page, "Ann").locator("[data-version]")).to_contain_text(room)
    page.goto("/admin/login/")
    other = opened(new_page)
    other.goto(f"/#{room}")
    other.reload()
    other.get_by_role("button", name="Connect both").click()
    expect(side(other, "Ben").locator("[data-state]")).to_have_text("connected")
    expect(side(other, "Ben").locator("[data-version]")).to_contain_text(room)
    expect(side(other, "Ben").get_by_label("Shared text")).to_have_value("")
