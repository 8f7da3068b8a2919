"""The accounts, as they are and as they become while somebody looks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
import yaml
from playwright.sync_api import Locator, expect

from tests.browser.conftest import Visits
from tests.browser.visiting import ADMIN_KEY, Visit
from tests.system.stack import Stack


def _operate(house: Stack, action: str, *names: str) -> None:
    """What another operator does at the same time."""
    answer = requests.post(
        f"{house.url}/admin/api/accounts/{action}",
        headers={"Authorization": f"Bearer {ADMIN_KEY}"},
        json={"names": names},
        timeout=60,
    )
    assert answer.ok, answer.text


def _paste(visit: Visit, text: str) -> None:
    visit.button("Add").click()
    visit.page.get_by_label("Tokens").fill(text)
    visit.button("Add").click()


def _name(entry: Locator) -> str:
    """Of which account an entry of a report is."""
    return (entry.text_content() or "").rpartition(" · ")[2]


def _tick(visit: Visit, *names: str) -> None:
    for name in names:
        visit.row(name).get_by_role("checkbox").check()


@dataclass(frozen=True, slots=True)
class Pasted:
    """An account that was added in the page: its name here and at the upstream."""

    name: str
    upstream: str


@pytest.fixture
def pasted(house: Stack, visit: Visit) -> Iterator[Pasted]:
    [account] = house.simulator.mint("kimi")
    _paste(visit, account["refresh_token"])
    added = visit.dialog().locator("li.added b")
    expect(added).to_have_count(1)
    name = _name(added)
    visit.close()
    expect(visit.row(name)).to_contain_text("Active")
    yield Pasted(name, account["name"])
    _operate(house, "delete", name)


def _die(house: Stack, pasted: Pasted) -> None:
    """Its login is refused from now on, and that is found."""
    gone = {"revoke_refresh": True, "revoke_access": True}
    house.simulator.control("POST", f"accounts/{pasted.upstream}", gone)
    _operate(house, "refresh", pasted.name)


def test_pasted_tokens_are_taken_or_refused_one_by_one(house: Stack, visit: Visit) -> None:
    [account] = house.simulator.mint("kimi")
    _paste(visit, f"{account['refresh_token']}\neyJ.broken\n")
    expect(visit.dialog().get_by_role("status")).to_have_text("1 added, 0 known already, 1 refused")
    expect(visit.dialog().locator("li.added")).to_contain_text("kimi")
    expect(visit.dialog().locator("li.refused .muted")).to_have_text(
        "Line 2 · not complete: a token has three parts with a dot between them, copy it again"
    )
    name = _name(visit.dialog().locator("li.added b"))
    visit.button("Add").click()
    expect(visit.dialog().get_by_role("status")).to_have_text("0 added, 1 known already, 1 refused")
    visit.close()
    expect(visit.row(name)).to_contain_text("Active")


def test_an_account_that_dies_is_seen_without_loading_again(house: Stack, visit: Visit, pasted: Pasted) -> None:
    visit.page.evaluate("window.untouched = true")
    _die(house, pasted)
    expect(visit.row(pasted.name)).to_contain_text("Dead")
    visit.page.get_by_role("group", name="Filter by state").get_by_role("button", name="Dead").click()
    expect(visit.row("kimi-0")).to_have_count(0)
    visit.row(pasted.name).click()
    expect(visit.dialog()).to_contain_text("Dead")
    assert visit.page.evaluate("window.untouched") is True
    _operate(house, "delete", pasted.name)
    expect(visit.page.locator("dialog")).to_have_count(0)
    expect(visit.page.locator(".view > .callout")).to_have_text(f"There is no such account (any more): {pasted.name}")
    visit.go("accounts/nobody")
    expect(visit.page.locator(".view > .callout")).to_have_text("There is no such account (any more): nobody")


def test_what_was_added_and_is_dead_is_offered_a_new_token_first(house: Stack, visit: Visit, pasted: Pasted) -> None:
    _die(house, pasted)
    visit.row(pasted.name).click()
    expect(visit.dialog()).to_contain_text("give it the new token")
    offers = visit.dialog().locator(".actions button")
    expect(offers).to_have_text(["New token", "Clear state", "Edit limits", "Export", "Delete"])
    [fresh] = house.simulator.mint("kimi")
    visit.button("New token").click()
    visit.page.get_by_label("New refresh token").fill("eyJ.broken")
    visit.button("Save").click()
    expect(visit.dialog().get_by_role("alert")).not_to_be_empty()
    visit.page.get_by_label("New refresh token").fill(fresh["refresh_token"])
    visit.button("Save").click()
    expect(visit.dialog()).to_contain_text("Active")
    expect(offers.first).to_have_text("Test")
    expect(visit.dialog().get_by_role("heading", name=pasted.name)).to_be_visible()


def test_reports_are_told_in_the_language_of_the_page(house: Stack, visits: Visits, pasted: Pasted) -> None:
    _die(house, pasted)
    chinese = visits(locale="zh-CN")
    chinese.sign_in()
    expect(chinese.row(pasted.name)).to_contain_text("失效")
    _tick(chinese, pasted.name, "kimi-0")
    chinese.button("测试").click()
    told = chinese.dialog().locator(".report li")
    expect(told.first).to_contain_text("已停止服务：需要新的令牌，或先清除状态。")
    expect(told.last).to_contain_text("kimi-0")
    expect(told.last).to_contain_text("已测试 · 回答：")
    chinese.close()
    _tick(chinese, "kimi-0")
    chinese.button("立即刷新").click()
    expect(chinese.dialog().locator(".report li")).to_contain_text("已刷新 · 新令牌有效")
    chinese.close()
    for action in ("pause", "resume"):
        _operate(house, action, "kimi-0", "kimi-1")
    chinese.look("audit")
    done = chinese.page.get_by_role("row").filter(has_text="kimi-0").filter(has_text="已刷新")
    expect(done.first).to_contain_text("新令牌有效")
    expect(chinese.page.get_by_role("row").filter(has_text="已暂停 2 个").first).to_contain_text("kimi-0, kimi-1")


def test_what_is_added_is_told_once_and_in_the_language_of_the_page(house: Stack, visits: Visits) -> None:
    [account] = house.simulator.mint("kimi")
    chinese = visits(locale="zh-CN")
    chinese.sign_in()
    chinese.button("添加").click()
    chinese.page.get_by_label("令牌").fill(f"{account['refresh_token']}\n\nsk-of-the-platform\n")
    chinese.button("添加").click()
    added = chinese.dialog().locator("li.added")
    expect(added.locator(".muted")).to_have_text(re.compile(r"^第 1 行 · kimi · 有效期至 \d+年\d+月\d+日$"))
    expect(chinese.dialog().locator("li.refused .muted")).to_have_text(
        "第 3 行 · 这是官方平台的 API 密钥：类型请选 moonshot"
    )
    _operate(house, "delete", _name(added.locator("b")))


def test_what_is_marked_in_the_details_stays_marked_while_time_goes_on(visit: Visit) -> None:
    visit.row("kimi-0").click()
    facts = visit.dialog().locator(".facts dd")
    facts.first.evaluate("(fact) => getSelection().selectAllChildren(fact)")
    since = facts.nth(3).text_content() or ""
    expect(facts.nth(3)).not_to_have_text(since)
    assert visit.page.evaluate("getSelection().toString()") == "kimi · cn"


def test_what_is_sought_is_found_and_sorted(visit: Visit) -> None:
    search = visit.page.get_by_role("searchbox")
    search.fill("kimi-classic")
    expect(visit.page.locator(".rows .line:visible")).to_have_count(1)
    expect(visit.row("kimi_classic-0")).to_be_visible()
    search.fill("nobody at all")
    expect(visit.page.locator(".empty")).to_have_text("No account fits the search and the filter.")
    search.fill("")
    heading = visit.page.get_by_role("columnheader", name="Name")
    expect(heading).to_have_attribute("aria-sort", "ascending")
    expect(visit.page.locator(".rows .line:visible .cell.name").last).to_have_text("moonshot-0")
    heading.get_by_role("button").click()
    expect(heading).to_have_attribute("aria-sort", "descending")
    expect(visit.page.locator(".rows .line:visible .cell.name").first).to_have_text("moonshot-0")
    search.fill("moonshot")
    visit.page.get_by_role("grid").focus()
    for _ in range(2):
        visit.page.keyboard.press("Control+a")
        expect(visit.page.locator(".tools")).to_contain_text("1 selected")


def test_many_are_paused_and_resumed_with_a_report_of_each(visit: Visit) -> None:
    _tick(visit, "kimi-0", "moonshot-0")
    visit.button("Pause").click()
    expect(visit.dialog().get_by_role("status")).to_have_text("Done: 2 worked, 0 failed")
    expect(visit.dialog().locator(".report li")).to_have_count(2)
    visit.close()
    expect(visit.row("kimi-0")).to_contain_text("Paused")
    expect(visit.page.locator(".tools")).to_be_hidden()
    expect(visit.page.get_by_role("grid")).to_be_focused()
    _tick(visit, "kimi-0", "moonshot-0")
    visit.button("Resume").click()
    expect(visit.dialog().get_by_role("status")).to_have_text("Done: 2 worked, 0 failed")
    visit.close()
    expect(visit.row("moonshot-0")).to_contain_text("Active")
    _tick(visit, "kimi-0", "moonshot-0")
    visit.button("Test").click()
    expect(visit.dialog().get_by_role("status")).to_have_text("Done: 2 worked, 0 failed")


def test_limits_are_edited_and_seen(visit: Visit, pasted: Pasted) -> None:
    visit.row(pasted.name).click()
    visit.button("Edit limits").click()
    alert = visit.dialog().get_by_role("alert")
    visit.page.get_by_label("Weight").fill("0")
    visit.button("Save").click()
    expect(alert).to_have_text("Weight: must be at least 0.001.")
    expect(visit.page.get_by_label("Weight")).to_be_focused()
    visit.page.get_by_label("Weight").fill("1")
    visit.page.get_by_label("Running requests").fill("1.5")
    visit.button("Save").click()
    expect(alert).to_have_text("Running requests: a whole number is needed.")
    visit.page.get_by_label("Running requests").fill("999999999999")
    visit.button("Save").click()
    expect(alert).to_have_text("Running requests: must be at most 10,000.")
    visit.page.get_by_label("Running requests").fill("3")
    visit.page.route("**/admin/api/accounts", lambda route: route.abort(), times=1)
    visit.button("Save").click()
    expect(visit.dialog().get_by_role("status")).to_have_text("Done: 0 worked, 1 failed")
    visit.button("Close").last.click()
    expect(visit.page.get_by_label("Running requests")).to_have_value("3")
    visit.button("Save").click()
    expect(visit.dialog().get_by_role("status")).to_have_text("Done: 1 worked, 0 failed")
    visit.close()
    expect(visit.dialog()).to_contain_text("0 / 3")
    visit.button("Edit limits").click()
    expect(visit.page.locator("dialog")).to_have_count(2)
    visit.page.go_back()
    expect(visit.page.locator("dialog")).to_have_count(0)
    expect(visit.row(pasted.name)).to_be_visible()


def test_what_is_deleted_in_its_details_leaves_the_focus_in_the_table(visit: Visit, pasted: Pasted) -> None:
    visit.row(pasted.name).click()
    visit.button("Delete").click()
    visit.button("Delete").click()
    expect(visit.dialog().get_by_role("status")).to_have_text("Done: 1 worked, 0 failed")
    expect(visit.page.locator("dialog")).to_have_count(1)
    visit.close()
    expect(visit.page.get_by_role("grid")).to_be_focused()
    expect(visit.page.locator(".view > .callout")).to_be_hidden()


def test_what_was_added_here_is_deleted_and_what_stands_in_the_file_is_not(visit: Visit, pasted: Pasted) -> None:
    _tick(visit, "kimi-1")
    visit.button("Delete").click()
    expect(visit.dialog()).to_contain_text("It stands in the accounts file")
    visit.button("Close").last.click()
    expect(visit.page.locator("dialog")).to_have_count(0)
    visit.row("kimi-1").dispatch_event("click", {"detail": 2})  # of a double click on what is there no more
    expect(visit.page.locator("dialog")).to_have_count(0)
    _tick(visit, pasted.name)
    visit.page.get_by_role("searchbox").fill("kimi-1")
    expect(visit.page.locator(".tools")).to_contain_text("2 selected1 of them are not shown")
    visit.button("Delete").click()
    expect(visit.dialog()).to_contain_text("kept for 90 days")
    expect(visit.dialog()).to_contain_text("1 of them are not shown")
    expect(visit.dialog().locator(".warn").first).to_contain_text(
        "Not deleted here, because they stand in the accounts file"
    )
    expect(visit.dialog().locator(".names li")).to_have_text(["kimi-1", pasted.name])
    visit.button("Cancel").click()
    expect(visit.page.locator(".tools")).to_contain_text("2 selected")
    visit.button("Delete").click()
    visit.button("Delete").click()
    expect(visit.dialog().get_by_role("status")).to_have_text("Done: 1 worked, 1 failed")
    expect(visit.dialog().locator(".report li").first).to_contain_text("accounts file")
    visit.close()
    visit.page.get_by_role("searchbox").fill("")
    expect(visit.row(pasted.name)).to_have_count(0)
    expect(visit.row("kimi-1")).to_be_visible()


def test_accounts_are_saved_with_their_credentials(visit: Visit, tmp_path: Path) -> None:
    visit.row("moonshot-0").get_by_role("checkbox").check()
    visit.page.locator(".tools").get_by_role("button", name="Export").click()
    with visit.page.expect_download() as saved:
        visit.button("Export").click()
    assert saved.value.suggested_filename == "accounts.yaml"
    saved.value.save_as(tmp_path / "accounts.yaml")
    [account] = yaml.safe_load((tmp_path / "accounts.yaml").read_text("utf-8"))["accounts"]
    assert (account["name"], account["kind"]) == ("moonshot-0", "moonshot") and account["api_key"]
