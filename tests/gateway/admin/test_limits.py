"""`PATCH /admin/api/accounts`: what is there is taken, null is no limit, and what is not there stays."""

from __future__ import annotations

import pytest

from gateway.openapi_admin_schemas import LIMITS
from tests.gateway.admin.desks import Office
from tests.kimi.pool.pools import Pool, web


def test_what_is_told_of_limits_can_be_sent_back(office: Office, pool: Pool) -> None:
    pool.fill(web("a"), web("b", requests_per_minute=5, priority=2))
    named = ("max_concurrency", "requests_per_minute", "weight", "priority")
    told = office.api("GET", "/accounts/one?name=a").get_json()
    limits = {name: told[name] for name in named}
    reply = office.api("PATCH", "/accounts", json={"names": ["b"], "limits": limits})
    assert reply.get_json()["results"][0]["ok"]
    now = office.api("GET", "/accounts/one?name=b").get_json()
    assert {name: now[name] for name in named} == limits


def test_no_limit_is_given_by_null_and_kept_by_silence(office: Office, pool: Pool) -> None:
    pool.fill(web("a", requests_per_minute=5))

    def rate(**limits: float | None) -> int | None:
        reply = office.api("PATCH", "/accounts", json={"names": ["a"], "limits": limits})
        assert reply.get_json()["results"][0]["ok"]
        left: int | None = office.api("GET", "/accounts/one?name=a").get_json()["requests_per_minute"]
        return left

    assert [rate(priority=1), rate(requests_per_minute=None), rate(requests_per_minute=7)] == [5, None, 7]


@pytest.mark.parametrize("name", ["max_concurrency", "requests_per_minute", "weight", "priority"])
def test_the_documented_bounds_are_those_that_hold(office: Office, pool: Pool, name: str) -> None:
    pool.fill(web("a"))
    bounds = LIMITS[name]
    step = {"minimum": -1, "maximum": 1}
    for end, beyond in step.items():
        for value, holds in ((bounds[end], True), (bounds[end] + beyond, False)):
            reply = office.api("PATCH", "/accounts", json={"names": ["a"], "limits": {name: value}})
            assert reply.status_code == (200 if holds else 400)
            assert not holds or reply.get_json()["results"][0]["ok"]


@pytest.mark.parametrize("name", ["max_concurrency", "weight", "priority"])
def test_only_requests_a_minute_can_be_without_limit(office: Office, pool: Pool, name: str) -> None:
    pool.fill(web("a"))
    reply = office.api("PATCH", "/accounts", json={"names": ["a"], "limits": {name: None, "requests_per_minute": 1}})
    error = reply.get_json()["error"]
    assert (reply.status_code, error["param"]) == (400, f"limits.{name}")
    assert error["message"].startswith(f"`limits.{name}` must be a ")
