"""Signing in and out."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis
from playwright.sync_api import expect

from tests.browser.conftest import Visits
from tests.browser.visiting import ADMIN_KEY, Visit
from tests.system.leaks import PREFIX
from tests.system.stack import Stack


def test_the_key_lets_in_to_where_one_wanted_to_go(visits: Visits) -> None:
    visit = visits()
    visit.go("keys")
    key = visit.page.get_by_label("Admin key")
    expect(key).to_be_focused()
    expect(key).to_have_attribute("type", "password")
    expect(key).to_have_attribute("autocomplete", "current-password")
    key.fill("a wrong key")
    visit.button("Sign in").click()
    expect(visit.page.get_by_role("alert")).to_have_text("This is not the admin key.")
    key.fill(ADMIN_KEY)
    visit.button("Sign in").click()
    expect(visit.page.get_by_role("heading", level=1)).to_have_text("Keys")
    visit.page.reload()
    expect(visit.page.get_by_role("heading", level=1)).to_have_text("Keys")
    visit.button("Sign out").click()
    expect(key).to_be_visible()


@pytest.fixture
def forgiving(house: Stack) -> Iterator[None]:
    """Wrong keys are forgotten after the test: all tests come from the same address."""
    yield
    with redis.Redis.from_url(house.valkey.url) as client:
        client.delete(*client.scan_iter(f"{PREFIX}wrong:admin:*"))


@pytest.mark.usefixtures("forgiving")
def test_who_guesses_has_to_wait(visits: Visits) -> None:
    visit = visits()
    visit.go("overview")
    send = visit.page.locator(".sign-in button")
    for attempt in range(5):
        expect(send).to_have_text("Sign in")
        visit.page.get_by_label("Admin key").fill(f"guess {attempt}")
        with visit.page.expect_response("**/admin/api/session"):
            send.click()
    expect(send).to_be_disabled()
    expect(send).to_contain_text("Wait")
    expect(visit.page.get_by_role("alert")).to_have_text("Too many wrong keys were sent.")
    expect(send).to_be_enabled()
    expect(visit.page.locator("#key-fault")).to_be_empty()


def test_a_session_that_ends_costs_nothing_of_what_is_open(visit: Visit) -> None:
    visit.button("Add").click()
    visit.page.get_by_label("Tokens").fill("eyJ.broken")
    visit.page.context.clear_cookies()
    visit.button("Add").click()
    expect(visit.dialog()).to_contain_text("The session has ended.")
    for _ in range(3):  # Chromium lets a page stop the first one only
        visit.page.keyboard.press("Escape")
    visit.dialog().get_by_label("Admin key").fill(ADMIN_KEY)
    visit.page.keyboard.press("Enter")
    expect(visit.dialog()).to_contain_text("1 refused")
    expect(visit.page.get_by_label("Tokens")).to_have_value("eyJ.broken")


def test_a_key_that_was_given_in_another_tab_is_not_asked_for_again(visit: Visit) -> None:
    visit.page.context.clear_cookies()
    visit.button("Add").click()
    visit.page.get_by_label("Tokens").fill("eyJ.broken")
    visit.button("Add").click()
    expect(visit.dialog()).to_contain_text("The session has ended.")
    other = Visit(visit.page.context.new_page(), visit.url)
    other.sign_in()
    visit.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(visit.dialog()).to_contain_text("1 refused")


def test_an_address_that_was_cut_off_shows_the_view_all_the_same(visit: Visit) -> None:
    visit.go("accounts/%E0%A4%A")
    visit.page.reload()
    expect(visit.row("kimi-0")).to_be_visible()


def test_all_of_it_is_within_reach_of_a_keyboard(visits: Visits) -> None:
    visit = visits()
    visit.go("overview")
    expect(visit.page.get_by_label("Admin key")).to_be_focused()
    keyboard = visit.page.keyboard
    keyboard.type(ADMIN_KEY)
    keyboard.press("Enter")
    expect(visit.page.get_by_role("heading", level=1)).to_have_text("Overview")
    _tab_to(visit, "a Accounts")
    keyboard.press("Enter")
    expect(visit.row("moonshot-0")).to_be_visible()
    _tab_to(visit, "grid Accounts")
    keyboard.press("End")
    keyboard.press("Enter")
    expect(visit.dialog().get_by_role("heading", name="moonshot-0")).to_be_visible()
    assert visit.page.url.endswith("#/accounts/moonshot-0")
    keyboard.press("Escape")
    expect(visit.page.get_by_role("grid")).to_be_focused()
    keyboard.press("Home")
    keyboard.press("Space")
    expect(visit.page.locator(".tools")).to_contain_text("1 selected")
    keyboard.press("/")
    expect(visit.page.get_by_role("searchbox")).to_be_focused()


def _tab_to(visit: Visit, wanted: str) -> None:
    """Presses Tab until it is there."""
    passed = []
    for _ in range(40):
        visit.page.keyboard.press("Tab")
        passed.append(visit.focused())
        if passed[-1].replace("\n", " ").startswith(wanted):
            return
    raise AssertionError(f"{wanted} is not among {passed}")
