"""Pages that nobody looks at, and streams that do not come through."""

from __future__ import annotations

import requests
from playwright.sync_api import Page, Request, Route, expect

from devtools.waiting import until
from tests.browser.conftest import Visits
from tests.browser.visiting import ADMIN_KEY, Visit
from tests.system.stack import Stack

_HIDE = """(hidden) => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


def _viewers(house: Stack) -> float:
    """How many streams the gateway keeps."""
    text = requests.get(f"{house.url}/metrics", timeout=10).text
    lines = [line for line in text.splitlines() if "viewers" in line and not line.startswith("#")]
    return sum(float(line.split()[-1]) for line in lines)


def _hide(page: Page, hidden: bool) -> None:
    """What a browser does with a page behind another one; one without a screen shows all of them."""
    page.evaluate(_HIDE, hidden)


def _limit(house: Stack, name: str, at_once: int) -> None:
    """What another operator does meanwhile."""
    answer = requests.patch(
        f"{house.url}/admin/api/accounts",
        headers={"Authorization": f"Bearer {ADMIN_KEY}"},
        json={"names": [name], "limits": {"max_concurrency": at_once}},
        timeout=10,
    )
    assert answer.ok, answer.text


def test_a_page_that_nobody_looks_at_keeps_no_stream(house: Stack, visit: Visit) -> None:
    until(lambda: _viewers(house) == 1, what="this page alone is told of changes")
    _hide(visit.page, hidden=True)
    until(lambda: _viewers(house) == 0, what="the stream is given up")
    _limit(house, "kimi-0", 7)
    _hide(visit.page, hidden=False)
    expect(visit.row("kimi-0")).to_contain_text("/ 7")
    expect(visit.page.locator(".foot .live")).to_have_text("Live")
    assert _viewers(house) == 1
    _limit(house, "kimi-0", 1)
    expect(visit.row("kimi-0")).to_contain_text("/ 1")


def test_a_stream_that_is_held_back_or_refused_hides_no_accounts(visits: Visits) -> None:
    def refuse(route: Route) -> None:
        route.fulfill(status=429, json={"error": {"message": "too many", "type": "x", "param": None, "code": "x"}})

    for answer in (refuse, _hold):
        visit = visits()
        visit.page.route("**/admin/api/events", answer)
        visit.come_in()
        expect(visit.row("kimi-0")).to_be_visible()
        expect(visit.page.locator(".foot .dot.open")).to_have_count(0)


def _hold(route: Route) -> None:
    """Never answers."""


def test_accounts_that_take_long_are_asked_for_once(visits: Visits) -> None:
    visit = visits()
    held: list[Route] = []
    asked: list[Request] = []

    def hold(route: Route) -> None:
        held.append(route)

    visit.page.route("**/admin/api/accounts", hold)
    visit.page.on("request", lambda request: asked.append(request) if request.url.endswith("/accounts") else None)
    visit.page.clock.install()
    visit.come_in()
    expect(visit.page.locator(".empty")).to_have_text("Loading…")
    until(lambda: visit.page.evaluate("1") and asked, what="the accounts are asked for")
    visit.page.clock.fast_forward(6000)
    assert visit.page.evaluate("fetch('/admin/api/session').then(({ ok }) => ok)")
    assert len(asked) == len(held) == 1
    held[0].continue_()
    expect(visit.row("kimi-0")).to_be_visible()
