"""A gateway that goes and comes back while somebody looks."""

from __future__ import annotations

from playwright.sync_api import expect

from kimi.pool import Store, connect
from tests.browser.conftest import Visits
from tests.browser.crowd import Crowd
from tests.browser.visiting import Visit
from tests.kimi.pool.converting import AFTER_THAT, upgrade
from tests.system.stack import Stack


def test_what_happened_in_between_is_seen_as_soon_as_it_is_back(visits: Visits, bare_house: Stack) -> None:
    with connect(bare_house.valkey.url) as redis:
        crowd = Crowd(Store(redis))
        crowd.enter(3, fresh=3)
        visit = visits(bare_house.url)
        visit.sign_in()
        expect(visit.row(crowd.names[0])).to_contain_text("Active")
        bare_house.gateway.stop()
        expect(visit.page.locator(".foot .live")).to_have_text("Interrupted, trying again…")
        crowd.kill(crowd.names[0])
        visit.look("playground")
        visit.look("audit")
        expect(visit.page.get_by_text("The gateway does not answer.")).to_be_visible()
        visit.look("keys")
        expect(visit.page.get_by_role("alert")).to_have_text("The gateway does not answer.")
    bare_house.gateway.start()
    expect(visit.page.locator(".foot .live")).to_have_text("Live")
    expect(visit.page.get_by_text("from the settings")).to_be_visible()
    expect(visit.page.get_by_role("alert")).to_be_hidden()
    visit.look("accounts")
    expect(visit.row(crowd.names[0])).to_contain_text("Dead")


def test_a_redis_that_may_not_be_asked_of_itself_is_there(visits: Visits, bare_house: Stack) -> None:
    with connect(bare_house.valkey.url) as redis:
        redis.execute_command("ACL", "SETUSER", "default", "-info")
        visit = visits(bare_house.url)
        visit.sign_in("overview")
        entry = visit.page.locator("dt").filter(has_text="Redis").locator("xpath=following-sibling::dd[1]")
        expect(entry).to_have_text("Redis")
        expect(visit.page.locator(".foot .live")).to_have_text("Live")


def test_that_redis_is_of_a_newer_release_is_seen(visits: Visits, bare_house: Stack) -> None:
    with connect(bare_house.valkey.url) as redis:
        visit = visits(bare_house.url)
        visit.sign_in("overview")
        live = visit.page.locator(".foot .live")
        expect(live).to_have_text("Live")
        schema = Store(redis).key("schema")
        before = redis.hgetall(schema)
        upgrade(Store(redis), AFTER_THAT)
        expect(live).to_have_text("Redis is of a newer release: this is old")
        visit.look("keys")
        expect(visit.page.get_by_role("alert")).to_contain_text("is of a newer release: start that one here.")
        redis.delete(schema)
        redis.hset(schema, mapping=before)
        expect(live).to_have_text("Live")


def test_that_redis_is_away_is_seen_in_every_view(visits: Visits, bare_house: Stack) -> None:
    with connect(bare_house.valkey.url) as redis:
        crowd = Crowd(Store(redis))
        crowd.enter(3, fresh=3)
        visit = visits(bare_house.url)
        visit.sign_in("overview")
        usable = visit.page.locator(".tile.usable .value")
        expect(usable).to_have_text("3")
        alerts = visit.page.locator(".alerts")
        expect(alerts).to_contain_text("No refresher is heard of.")
        bare_house.valkey.stop()
        expect(visit.page.locator(".foot .live")).to_have_text("Redis is away: this is old")
        expect(alerts).to_have_text("What is wrong is not known while Redis is away.")
        visit.look("accounts")
        expect(visit.row(crowd.names[0])).to_contain_text("Active")
        visit.row(crowd.names[0]).click()
        visit.button("Clear state").click()
        expect(visit.dialog().locator(".report")).to_contain_text("cannot reach Redis")
        visit.close()
        visit.close()
        visit.look("audit")
        expect(visit.page.get_by_text("The gateway cannot reach Redis just now.")).to_be_visible()
        late = Visit(visit.page.context.new_page(), visit.url)
        late.go("keys")
        expect(late.page.get_by_role("alert")).to_contain_text("The gateway cannot reach Redis just now.")
        expect(late.page.get_by_role("heading", level=1)).to_have_text("Kimi gateway")
        bare_house.valkey.start()
        expect(late.page.get_by_role("heading", level=1)).to_have_text("Keys")
        late.page.close()
        expect(visit.page.get_by_role("row").filter(has_text="signed in")).to_have_count(1)
        visit.look("accounts")
        expect(visit.page.locator(".foot .live")).to_have_text("Live")
        crowd.kill(crowd.names[0])
        expect(visit.row(crowd.names[0])).to_contain_text("Dead")
        visit.look("overview")
        expect(usable).to_have_text("2")
