"""Keys of clients, and who did what with them."""

from __future__ import annotations

import requests
from playwright.sync_api import expect

from devtools.waiting import until
from tests.browser.conftest import PLAIN_HOST, Visits
from tests.browser.visiting import ADMIN_KEY, Visit
from tests.system.stack import Stack


def _status(house: Stack, key: str) -> int:
    """What a client with that key gets."""
    answer = requests.get(f"{house.url}/v1/models", headers={"Authorization": f"Bearer {key}"}, timeout=10)
    return answer.status_code


def test_a_key_is_created_shown_once_changed_and_revoked(house: Stack, visit: Visit) -> None:
    page = visit.page
    visit.look("keys")
    visit.button("Create key").click()
    page.get_by_label("Name", exact=True).fill("a chat client")
    page.get_by_label("Requests at once").fill("4")
    visit.button("Create key").click()
    expect(visit.dialog()).to_contain_text("cannot be shown again")
    key = page.get_by_label("New key").input_value()
    assert key.startswith("sk-kimi-")
    until(lambda: _status(house, key) == 200, what="the key is taken")  # at once, but by a worker that reaches Redis
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visit.button("Copy").click()
    expect(visit.button("Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == key
    visit.button("Done").click()

    row = page.get_by_role("row", name="a chat client")
    expect(row).to_contain_text("4 at once")
    expect(page.locator("body")).not_to_contain_text(key)
    visit.button("Edit: a chat client").click()
    page.get_by_label("Requests at once").fill("")
    page.get_by_label("Models").fill("kimi, kimi-thinking")
    visit.button("Save").click()
    expect(row).to_contain_text("models: kimi, kimi-thinking")
    expect(row).not_to_contain_text("at once")

    visit.button("Revoke: a chat client").click()
    visit.button("Revoke").click()
    expect(row).to_contain_text("revoked")
    expect(visit.button("Create key")).to_be_focused()
    until(lambda: _status(house, key) == 401, what="the key is refused")

    visit.look("audit")
    for done in ("key created", "key changed", "key revoked"):
        expect(page.get_by_role("row").filter(has_text="a chat client").filter(has_text=done)).to_have_count(1)


def test_what_others_do_with_keys_is_seen_after_a_while(house: Stack, visits: Visits) -> None:
    visit = visits()
    visit.page.clock.install()
    visit.sign_in("keys")
    with requests.Session() as operator:
        operator.headers["Authorization"] = f"Bearer {ADMIN_KEY}"
        ids = {}
        for name in ("the first of another", "the second of another"):
            created = operator.post(f"{house.url}/admin/api/keys", json={"name": name}, timeout=10)
            assert created.ok
            ids[name] = created.json()["id"]
            visit.page.clock.run_for(15_000)
            expect(visit.page.get_by_role("row", name=name)).to_be_visible()
            visit.button("Edit: the first of another").focus()
        visit.page.clock.run_for(15_000)
        expect(visit.button("Edit: the first of another")).to_be_focused()

        visit.button("Edit: the second of another").click()
        url, limits = f"{house.url}/admin/api/keys/{ids['the second of another']}", {"concurrent": 7}
        assert operator.patch(url, json={"limits": limits}, timeout=10).ok
    visit.page.get_by_label("Requests a minute").fill("60")
    visit.button("Save").click()
    expect(visit.page.get_by_role("row", name="the second of another")).to_contain_text("60 a minute · 7 at once")


def test_a_key_is_copied_where_there_is_no_https(house: Stack, visits: Visits) -> None:
    visit = visits(house.url.replace("127.0.0.1", PLAIN_HOST))
    visit.sign_in("keys")
    assert visit.page.evaluate("navigator.clipboard === undefined")
    visit.button("Create key").click()
    visit.page.get_by_label("Name", exact=True).fill("a plain one")
    visit.button("Create key").click()
    key = visit.page.get_by_label("New key").input_value()
    visit.button("Copy").click()
    expect(visit.button("Copied")).to_be_visible()
    visit.button("Done").click()
    visit.button("Create key").click()
    visit.page.get_by_label("Name", exact=True).focus()
    visit.page.keyboard.press("Control+v")
    expect(visit.page.get_by_label("Name", exact=True)).to_have_value(key)


def test_older_entries_of_the_audit_log_are_read_on_demand(house: Stack, visit: Visit) -> None:
    with requests.Session() as operator:
        operator.headers["Authorization"] = f"Bearer {ADMIN_KEY}"
        for _ in range(101):
            operator.post(f"{house.url}/admin/api/accounts/export", json={"names": ["moonshot-0"]}, timeout=10)
    visit.look("audit")
    rows = visit.page.locator("tbody tr")
    expect(rows).to_have_count(100)
    visit.button("Older entries").click()
    expect(rows.nth(100)).to_be_visible()
    times = rows.locator("th").all_text_contents()
    assert len(times) > 100
    expect(visit.page.locator("#said")).to_have_text(f"{len(times)} entries")


def test_a_test_of_the_alerts_tells_of_each_destination(visit: Visit) -> None:
    results = [
        {"destination": "webhook", "ok": True, "message": "delivered"},
        {"destination": "feishu", "ok": False, "message": "no answer in time"},
    ]
    visit.page.route(
        "**/admin/api/alerts", lambda route: route.fulfill(json={"destinations": ["webhook", "feishu"], "active": []})
    )
    visit.page.route("**/admin/api/alerts/test", lambda route: route.fulfill(json={"results": results}))
    visit.look("overview")
    expect(visit.page.get_by_text("Told to: webhook, feishu")).to_be_visible()
    visit.button("Send a test").click()
    expect(visit.dialog().locator(".report li")).to_have_text(["webhookdelivered", "feishuno answer in time"])


def test_what_cannot_be_stored_is_said_where_it_was_written(visit: Visit) -> None:
    visit.look("keys")
    visit.button("Create key").click()
    visit.page.get_by_label("Name", exact=True).fill("x" * 64)
    visit.page.locator("#key-name").evaluate("field => { field.maxLength = 2000; field.value = 'x'.repeat(2000) }")
    visit.button("Create key").click()
    expect(visit.dialog().get_by_role("alert")).not_to_be_empty()
