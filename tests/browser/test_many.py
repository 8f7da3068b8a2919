"""5,000 accounts: how much of them is drawn, and how long that takes."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import Final

import pytest
from playwright.sync_api import expect

from kimi.pool import Store, connect
from tests.browser.conftest import Visits
from tests.browser.crowd import Crowd
from tests.system.stack import Stack

COUNT: Final = 5000
_OBSERVE: Final = """
window.updates = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (entry.name === "accounts:update") window.updates.push(entry.duration);
}).observe({ type: "measure" });
"""


@pytest.fixture
def crowd(bare_house: Stack) -> Iterator[Crowd]:
    with connect(bare_house.valkey.url) as redis:
        crowd = Crowd(Store(redis))
        crowd.enter(COUNT)
        yield crowd


def test_what_is_about_many_is_asked_for_first(visits: Visits, bare_house: Stack) -> None:
    with connect(bare_house.valkey.url) as redis:
        crowd = Crowd(Store(redis))
        crowd.enter(30, fresh=30)
    visit = visits(bare_house.url)
    visit.sign_in()
    shown = visit.page.locator(".rows .line:visible .cell.name")
    expect(visit.page.get_by_role("grid")).to_have_attribute("aria-rowcount", "31")
    first = shown.all_text_contents()[:10]
    visit.page.get_by_label("Select all that are shown").check()
    visit.button("Pause").click()
    expect(visit.dialog()).to_contain_text("Pause: 30 accounts at once")
    expect(visit.dialog().locator(".names li")).to_have_text(first)
    expect(visit.dialog()).to_contain_text("and 20 more")
    visit.button("Cancel").click()
    expect(visit.page.locator(".tools")).to_contain_text("30 selected")
    expect(visit.page.get_by_role("grid").get_by_text("Paused")).to_have_count(0)
    visit.button("Pause").click()
    visit.button("Pause").click()
    expect(visit.dialog().get_by_role("status")).to_contain_text("Done: ")
    visit.close()
    expect(visit.page.locator(".tools")).to_be_hidden()


def test_only_what_is_in_sight_is_drawn_and_changes_come_at_once(
    visits: Visits, bare_house: Stack, crowd: Crowd, capsys: pytest.CaptureFixture[str]
) -> None:
    visit = visits(bare_house.url)
    visit.page.add_init_script(_OBSERVE)
    visit.sign_in()
    visit.page.reload()
    page, grid = visit.page, visit.page.get_by_role("grid")
    expect(grid).to_have_attribute("aria-rowcount", str(COUNT + 1))
    first = page.evaluate("performance.getEntriesByName('accounts:first')[0].duration")
    answered = page.evaluate("performance.getEntriesByName(`${location.origin}/admin/api/accounts`)[0].duration")
    drawn = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    expect(page.locator(".rows .line")).not_to_have_count(0)
    assert page.locator(".rows .line").count() < 60

    grid.focus()
    page.keyboard.press("End")
    expect(page.locator(f".rows .line:visible[aria-rowindex='{COUNT + 1}']")).to_be_visible()
    assert page.locator(".rows .line").count() < 60

    page.evaluate("window.updates.length = 0")
    began = time.monotonic()
    crowd.kill(crowd.names[-1])
    expect(visit.row(crowd.names[-1])).to_contain_text("Dead")
    seen = time.monotonic() - began
    crowd.kill(*crowd.names[:200])
    expect(page.get_by_role("button", name="Dead 201")).to_be_visible()
    updates = page.evaluate("window.updates")
    assert updates

    page.get_by_role("searchbox").fill(crowd.names[77])
    expect(page.locator(".rows .line:visible")).to_have_count(1)
    with capsys.disabled():
        sys.stdout.write(
            f"\n{COUNT} accounts: first paint {drawn:.0f} ms, all accounts there {first:.0f} ms "
            f"({answered:.0f} ms of it the gateway's answer), "
            f"updates of the page {min(updates):.0f} to {max(updates):.0f} ms ({len(updates)}), "
            f"a change seen {seen * 1000:.0f} ms after it was made\n"
        )
