"""What is done to accounts over the API."""

from __future__ import annotations

from typing import Any

import gevent
import pytest

from kimi.accounts import State
from kimi.pool import Store
from tests.gateway.admin.desks import ADMIN_KEY, Office
from tests.kimi.pool.pools import Pool, web


def act(office: Office, action: str, *names: str) -> dict[str, tuple[bool, str]]:
    reply = office.api("POST", f"/accounts/{action}", json={"names": list(names)})
    assert reply.status_code == 200, reply.text
    return {each["name"]: (each["ok"], each["message"]) for each in reply.get_json()["results"]}


def state(pool: Pool, name: str) -> State:
    record = pool.members.get(name)
    assert record is not None
    return record.state


def noted(office: Office) -> list[tuple[str, str]]:
    return [(entry["action"], entry["subject"]) for entry in office.api("GET", "/audit").get_json()["entries"]]


def test_what_can_be_done_is_done_and_what_cannot_says_why(office: Office, pool: Pool) -> None:
    pool.fill(web("a"), web("b/c"))
    results = act(office, "pause", "b/c", "nobody", "a", "a")
    assert list(results) == ["b/c", "nobody", "a"]
    assert results["a"] == (True, "paused")
    assert results["nobody"] == (False, "there is no account nobody")
    assert {state(pool, name) for name in ("a", "b/c")} == {State.PAUSED}
    assert noted(office) == [("pause", "b/c, a")]
    assert act(office, "resume", "a") == {"a": (True, "resumed")}
    assert state(pool, "a") is not State.PAUSED


def test_a_dead_account_is_cleared(office: Office, pool: Pool) -> None:
    pool.fill(web("a"))
    record = pool.members.get("a")
    assert record is not None
    assert pool.members.mark("a", record.version, State.DEAD, "refused")
    assert not act(office, "resume", "a")["a"][0]
    assert act(office, "clear", "a") == {"a": (True, "cleared")}
    assert state(pool, "a") is State.NEW


def test_only_what_stands_in_no_file_is_deleted(office: Office, pool: Pool) -> None:
    pool.fill(web("a"))
    text = "accounts: [{name: mine, kind: moonshot, api_key: sk-abcdefghijklmnopqrstuvwxyz0123456789}]"
    office.api("POST", "/accounts", json={"text": text})
    results = act(office, "delete", "a", "mine")
    assert results["mine"] == (True, "deleted")
    assert not results["a"][0] and "accounts file" in results["a"][1]
    assert office.api("GET", "/accounts/one?name=mine").status_code == 404


def test_tests_are_told_with_their_seconds_and_noted_whatever_comes_of_them(office: Office, pool: Pool) -> None:
    pool.fill(web("a"), web("b"))
    record = pool.members.get("b")
    assert record is not None
    pool.members.mark("b", record.version, State.DEAD, "refused")
    reply = office.api("POST", "/accounts/test", json={"names": ["a", "b", "c"]})
    assert reply.get_json()["results"] == [
        {"name": "a", "ok": True, "message": "it is active", "seconds": 0.25},
        {"name": "b", "ok": False, "message": "it is dead", "seconds": 0.25},
        {"name": "c", "ok": False, "message": "there is no account c"},
    ]
    assert noted(office) == [("test", "a, b")]


def test_without_redis_tests_are_a_503_and_no_mistake_of_ours(
    cut_off: Store, capfd: pytest.CaptureFixture[str]
) -> None:
    reply = Office(cut_off).api("POST", "/accounts/test", json={"names": ["a", "b", "c"]})
    assert (reply.status_code, reply.get_json()["error"]["code"]) == (503, "store_unavailable")
    gevent.wait(timeout=5)  # for those that were not waited for
    assert "Traceback" not in capfd.readouterr().err  # where gevent tells of greenlets that failed


def test_an_account_that_is_not_refreshed_in_its_state_says_so_at_once(office: Office, pool: Pool) -> None:
    pool.fill(web("a"))
    act(office, "pause", "a")
    results = act(office, "refresh", "a", "nobody")
    assert not results["a"][0] and "paused" in results["a"][1]
    assert results["nobody"] == (False, "there is no account nobody")


def test_limits_are_edited_for_several(office: Office, pool: Pool) -> None:
    pool.fill(web("a"), web("b"))
    limits = {"max_concurrency": 3, "weight": 2.5, "requests_per_minute": 0}
    reply = office.api("PATCH", "/accounts", json={"names": ["a", "b", "c"], "limits": limits})
    assert [each["ok"] for each in reply.get_json()["results"]] == [True, True, False]
    found = office.api("GET", "/accounts/one?name=b").get_json()
    assert (found["max_concurrency"], found["weight"], found["requests_per_minute"]) == (3, 2.5, None)
    assert (found["priority"], found["edited"]) == (0, True)
    details = {entry["detail"] for entry in office.api("GET", "/audit").get_json()["entries"]}
    told = "max_concurrency 3, requests_per_minute 0, weight 2.5"
    assert details == {f"2 given {told}, 1 failed: c (there is no account c)"}


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "names"),
        ({"names": []}, "names"),
        ({"names": "a"}, "names"),
        ({"names": ["a", 1]}, "names[1]"),
        ({"names": ["a"], "all": True}, "all"),
        ({"names": ["x"] * 101}, "names"),
    ],
)
def test_names_have_to_be_a_list_of_up_to_a_hundred(office: Office, body: dict[str, Any], param: str) -> None:
    reply = office.api("POST", "/accounts/pause", json=body)
    assert (reply.status_code, reply.get_json()["error"]["param"]) == (400, param)


@pytest.mark.parametrize(
    ("limits", "param"),
    [
        ({}, "limits"),
        (None, "limits"),
        ({"weight": "2"}, "limits.weight"),
        ({"max_concurrency": True}, "limits.max_concurrency"),
        ({"speed": 1}, "limits.speed"),
        ({"max_concurrency": 0}, "limits.max_concurrency"),
        ({"requests_per_minute": -1}, "limits.requests_per_minute"),
        ({"weight": 0, "priority": 1}, "limits.weight"),
        ({"priority": 1001}, "limits.priority"),
    ],
)
def test_limits_have_their_names_types_and_bounds(office: Office, pool: Pool, limits: Any, param: str) -> None:
    pool.fill(web("a"))
    reply = office.api("PATCH", "/accounts", json={"names": ["a"], "limits": limits})
    error = reply.get_json()["error"]
    assert (reply.status_code, error["code"], error["param"]) == (400, "invalid_value", param)
    assert not office.api("GET", "/accounts/one?name=a").get_json()["edited"]


def test_there_are_no_other_actions(office: Office) -> None:
    assert office.api("POST", "/accounts/explode", json={"names": ["a"]}).status_code == 404
    assert office.api("GET", "/accounts/pause").status_code == 405


def test_the_audit_log_tells_the_page_from_programs_and_where_they_sat(office: Office, pool: Pool) -> None:
    pool.fill(web("a"))
    act(office, "pause", "a")
    office.sign_in()
    reply = office.page(
        "POST", "/accounts/resume", json={"names": ["a"]}, environ_overrides={"REMOTE_ADDR": "192.0.2.9"}
    )
    assert reply.status_code == 200
    entries = office.api("GET", "/audit").get_json()["entries"]
    assert [(entry["action"], entry["who"], entry["address"]) for entry in entries] == [
        ("resume", "admin page", "192.0.2.9"),
        ("sign in", "admin page", "127.0.0.1"),
        ("pause", "admin api", "127.0.0.1"),
    ]
    assert ADMIN_KEY not in str(entries)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/overview"),
        ("GET", "/accounts"),
        ("GET", "/accounts/one?name=a"),
        ("POST", "/accounts"),
        ("POST", "/accounts/delete"),
        ("POST", "/accounts/export"),
        ("PATCH", "/accounts"),
        ("GET", "/events"),
        ("GET", "/keys"),
        ("POST", "/keys"),
        ("PATCH", "/keys/x"),
        ("DELETE", "/keys/x"),
        ("GET", "/figures"),
        ("GET", "/audit"),
        ("GET", "/alerts"),
        ("POST", "/alerts/test"),
        ("POST", "/chat/completions"),
        ("GET", "/models"),
    ],
)
def test_everything_needs_the_key_or_a_session_with_its_token(office: Office, method: str, path: str) -> None:
    reply = office.page(method, path, json={})
    assert (reply.status_code, reply.get_json()["error"]["code"]) == (401, "invalid_admin_key")
    office.sign_in()
    reply = office.page(method, path, json={}, headers={"x-csrf-token": "wrong", "sec-fetch-site": "cross-site"})
    assert (reply.status_code, reply.get_json()["error"]["code"]) == (403, "csrf_failed")
