"""Languages, themes, phones, and what a program can tell of the needs of those who do not see or point."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any, Final

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from kimi.operating.audit import Audit
from kimi.pool import Store, connect
from tests.browser.conftest import Visits
from tests.browser.crowd import Crowd
from tests.browser.visiting import Visit
from tests.system.stack import Stack

VIEWS: Final = ("overview", "accounts", "keys", "playground", "audit")
PHONE: Final = {"viewport": {"width": 360, "height": 720}, "is_mobile": True, "has_touch": True}
PARTS: Final = ("name", "state", "expires", "load", "cooling")
FIGURES: Final = ("requests", "errors", "tokens")
AXE: Final = Axe()


def _faults(page: Page, where: str) -> list[str]:
    """What axe says is serious or critical."""
    found: list[dict[str, Any]] = AXE.run(page, options={"resultTypes": ["violations"]}).response["violations"]
    grave = [each for each in found if each["impact"] in {"serious", "critical"}]
    return [f"{where}: {each['id']} at {[node['target'] for node in each['nodes']]}" for each in grave]


def _settled(visit: Visit, view: str) -> None:
    expect(visit.page.locator(f".view.{view}")).to_be_visible()
    if view == "overview":
        expect(visit.page.locator(".chart")).to_have_count(4)


@pytest.mark.parametrize(("theme", "locale"), [("light", "zh-CN"), ("dark", "en-GB")])  # neither depends on the other
def test_no_view_has_a_grave_fault(visits: Visits, theme: str, locale: str) -> None:
    visit = visits(locale=locale, color_scheme=theme)
    visit.go("overview")
    expect(visit.page.locator("#key")).to_be_visible()
    faults = _faults(visit.page, "sign-in")
    visit.sign_in("overview")
    for view in VIEWS:
        visit.look(view)
        _settled(visit, view)
        faults += _faults(visit.page, view)
    visit.look("accounts")
    visit.row("kimi-0").get_by_role("checkbox").check()
    visit.page.get_by_role("grid").focus()
    visit.page.keyboard.press("Enter")
    expect(visit.dialog()).to_be_visible()
    faults += _faults(visit.page, "details")
    visit.close()
    visit.page.locator(".bar .primary").click()
    expect(visit.dialog()).to_be_visible()
    faults += _faults(visit.page, "add")
    assert not faults


def test_nothing_is_wider_than_a_phone(visits: Visits) -> None:
    visit = visits(**PHONE)
    visit.sign_in("overview")
    for view in VIEWS:
        visit.look(view)
        _settled(visit, view)
        widths = visit.page.evaluate("['html', 'main'].map((one) => document.querySelector(one).scrollWidth)")
        assert widths == [360, 360], view
    visit.look("accounts")
    visit.row("kimi-0").click()
    assert _overflow(visit) == 0
    assert not _faults(visit.page, "details on a phone")
    visit.close()
    visit.button("Add").click()
    assert _overflow(visit) == 0


def test_a_long_name_of_a_file_leaves_the_rest_in_sight(visits: Visits) -> None:
    visit = visits(**PHONE)
    visit.sign_in("playground")
    file: Any = {"name": f"{'a-long-name-' * 9}{'x' * 60}.txt", "mimeType": "text/plain", "buffer": b"hello"}
    visit.page.locator("input[type=file]").set_input_files(file)
    visit.page.locator("#draft").fill("What is this?")
    expect(visit.button("Send")).to_be_in_viewport(ratio=1)
    visit.button("Send").click()
    expect(visit.page.locator(".figures")).to_contain_text("total")
    wide = "(talk) => [talk.scrollWidth - talk.clientWidth, document.querySelector('main').scrollWidth]"
    assert visit.page.locator(".talk").evaluate(wide) == [0, 360]


def test_at_twice_the_size_what_is_worked_with_is_in_sight(visits: Visits, bare_house: Stack) -> None:
    with connect(bare_house.valkey.url) as redis:
        Crowd(Store(redis)).enter(30, fresh=30)
    visit = visits(bare_house.url, viewport={"width": 720, "height": 450})
    visit.sign_in()
    expect(visit.page.locator(".rows .line[aria-rowindex='4']")).to_be_in_viewport(ratio=1)
    visit.page.locator(".rows .line:visible").first.get_by_role("checkbox").check()
    expect(visit.button("Unselect")).to_be_in_viewport(ratio=1)
    visit.look("playground")
    expect(visit.button("Send")).to_be_in_viewport(ratio=1)
    expect(visit.page.locator("#draft")).to_be_in_viewport(ratio=1)


def test_what_is_long_in_a_table_leaves_room_for_what_is_beside_it(visits: Visits, house: Stack) -> None:
    with connect(house.valkey.url) as redis:
        Audit(Store(redis)).note("admin page", "pause", ", ".join(f"alice-{n:04}" for n in range(99)), "99 paused")
    visit = visits(locale="zh-CN", viewport={"width": 800, "height": 800})
    visit.sign_in("audit")
    who = visit.page.locator("tbody tr", has_text="alice-0098").locator("td").first
    expect(who).to_have_text("管理页面")
    assert (
        who.evaluate(
            "(cell) => { const r = document.createRange(); r.selectNodeContents(cell);"
            " return r.getClientRects().length }"
        )
        == 1
    )
    for view in ("audit", "keys"):
        visit.look(view)
        _settled(visit, view)
        expect(visit.page.locator("tbody tr").first).to_be_visible()
        assert visit.page.evaluate("document.documentElement.scrollWidth") == 800, view


def test_a_card_on_a_phone_tells_what_a_row_tells(visits: Visits, bare_house: Stack) -> None:
    with connect(bare_house.valkey.url) as redis:
        crowd = Crowd(Store(redis))
        crowd.enter(30, fresh=30)
        crowd.live()
    visit = visits(bare_house.url, **PHONE)
    visit.sign_in()
    resting = crowd.names[5]
    visit.page.get_by_role("searchbox").fill(resting)
    card = visit.row(resting)
    expect(card.locator(".cell.cooling")).to_contain_text("overloaded")
    boxes = {part: card.locator(f".cell.{part}").bounding_box() for part in (*PARTS, *FIGURES)}
    assert all(boxes.values())
    edges = [(box["x"], box["x"] + box["width"]) for part in FIGURES if (box := boxes[part])]
    assert all(one[1] <= other[0] for one, other in pairwise(edges)) and edges[-1][1] <= 360


def _overflow(visit: Visit) -> int:
    """By how many pixels the dialog is wider than the phone, or what is in it wider than the dialog."""
    wide = "(box) => [box, ...box.querySelectorAll('*')].map((one) => one.getBoundingClientRect().right - innerWidth)"
    beyond: list[float] = visit.dialog().evaluate(wide)
    return max(0, *map(round, beyond))


def test_the_language_is_that_of_the_browser_until_another_one_is_chosen(visits: Visits) -> None:
    visit = visits(locale="zh-CN")
    visit.sign_in("keys")
    heading = visit.page.get_by_role("heading", level=1)
    expect(heading).to_have_text("密钥")
    expect(visit.page.locator("html")).to_have_attribute("lang", "zh-CN")
    visit.page.get_by_role("button", name="English").click()
    expect(heading).to_have_text("Keys")
    visit.page.reload()
    expect(heading).to_have_text("Keys")
    expect(visit.page.locator("html")).to_have_attribute("lang", "en")


def test_the_language_is_chosen_before_signing_in(visits: Visits) -> None:
    visit = visits(locale="zh-CN")
    visit.go("overview")
    expect(visit.page.get_by_role("heading")).to_have_text("登录网关")
    visit.page.get_by_role("button", name="登录").click()
    expect(visit.page.get_by_role("alert")).to_have_text("管理密钥：不能为空。")
    visit.page.get_by_role("button", name="English").click()
    expect(visit.page.get_by_role("heading")).to_have_text("Sign in to the gateway")
    expect(visit.page.get_by_role("button", name="中文")).to_be_focused()


def test_names_are_sorted_by_their_characters_and_by_a_number_at_the_end(visit: Visit) -> None:
    names = ["demo-10", "demo-9aac", "demo-72bd", "demo-2", "demo-1dac", "plain10", "plain9"]
    sorts = "async (names) => names.sort((await import('/admin/static/js/format.js')).collate)"
    expected = ["demo-2", "demo-10", "demo-1dac", "demo-72bd", "demo-9aac", "plain9", "plain10"]
    assert visit.page.evaluate(sorts, names) == expected


def test_names_have_room_on_a_small_screen(visits: Visits, bare_house: Stack) -> None:
    with connect(bare_house.valkey.url) as redis:
        Crowd(Store(redis)).enter(30, fresh=30)
    visit = visits(bare_house.url)
    visit.sign_in()
    name = visit.page.locator(".rows .line:visible .cell.name .clip").first
    expect(name).to_be_visible()
    assert (name.evaluate("(clip) => clip.parentElement.clientWidth") or 0) >= 190
    grid = visit.page.get_by_role("grid")
    for width in (1280, 1241, 1240, 1000):
        visit.page.set_viewport_size({"width": width, "height": 800})
        assert grid.evaluate("(grid) => grid.scrollWidth - grid.clientWidth") == 0, width


def test_nothing_of_the_table_is_cut_on_a_phone(visits: Visits) -> None:
    visit = visits(**PHONE)
    visit.sign_in()
    for button in visit.page.locator(".head button").all():
        box = button.bounding_box()
        assert box and box["x"] + box["width"] <= 360
    visit.row("kimi-0").get_by_role("checkbox").check()
    words = visit.page.locator(".tools b").bounding_box()
    assert words and words["height"] < 30


def test_the_theme_is_that_of_the_system_until_another_one_is_chosen(visits: Visits) -> None:
    visit = visits(color_scheme="dark")
    visit.sign_in()
    body = visit.page.locator("body")
    dark = re.compile(r"rgb\(1?\d, 1?\d, 1?\d\)")
    expect(body).to_have_css("background-color", dark)
    switch = visit.page.locator(".foot .theme")
    expect(switch).to_have_text("Theme: system")
    switch.click()
    expect(switch).to_have_text("Theme: light")
    expect(body).not_to_have_css("background-color", dark)
    visit.page.reload()
    expect(body).not_to_have_css("background-color", dark)
    visit.page.locator(".foot .theme").click()
    expect(body).to_have_css("background-color", dark)


def test_charts_are_read_with_keys_by_pointing_and_as_a_table(visit: Visit) -> None:
    visit.look("overview")
    plot = visit.page.get_by_role("slider", name="Requests")
    plot.focus()
    latest = plot.get_attribute("aria-valuetext")
    visit.page.keyboard.press("ArrowLeft")
    assert plot.get_attribute("aria-valuetext") != latest
    expect(plot).to_have_attribute("aria-valuetext", re.compile(r".+, Requests \d+, Errors \d+"))
    latest = plot.get_attribute("aria-valuetext")
    plot.hover(position={"x": 100, "y": 50})
    pointed = plot.get_attribute("aria-valuetext")
    assert pointed != latest
    figure = visit.page.locator(".chart").filter(has=plot)
    expect(figure.locator("header .muted")).to_have_text((pointed or "").partition(", Requests")[0])
    figure.get_by_text("As a table").click()
    expect(figure.get_by_role("row")).to_have_count(61)
    visit.button("Month").click()
    expect(visit.button("Month")).to_have_attribute("aria-pressed", "true")
