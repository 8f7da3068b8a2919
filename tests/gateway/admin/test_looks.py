"""The overview, figures, the audit log and alerts over the API."""

from __future__ import annotations

import pytest

from kimi.errors import Outdated
from kimi.pool import Store
from kimi.pool.figures import Span
from kimi.version import VERSION
from tests.gateway.admin.desks import Office
from tests.kimi.pool.pools import Pool, web


def test_the_overview_tells_of_the_pool(office: Office, pool: Pool) -> None:
    pool.fill(web("a"), web("b"))
    found = office.api("GET", "/overview").get_json()
    assert set(found) == {
        *("version", "now", "started", "redis", "refreshers", "pool", "queue", "today", "alerts"),
    }
    assert (found["version"], found["redis"]["up"]) == (VERSION, True)
    assert (found["pool"]["usable"], found["pool"]["states"]) == (2, {"active": 2})


def test_the_overview_tells_that_redis_is_away(cut_off: Store) -> None:
    reply = Office(cut_off).api("GET", "/overview")
    assert (reply.status_code, reply.get_json()["redis"]["up"]) == (200, False)


def test_nothing_is_told_of_a_redis_that_is_of_another_release_but_that(office: Office) -> None:
    office.store.bar(Outdated("too new", "start another release"))
    reply = office.api("GET", "/overview")
    assert (reply.status_code, reply.get_json()["error"]["code"]) == (503, "store_outdated")


@pytest.mark.parametrize("span", Span)
def test_figures_come_in_even_steps(office: Office, span: Span) -> None:
    found = office.api("GET", f"/figures?span={span}").get_json()
    assert (found["span"], found["step_seconds"], len(found["points"])) == (span, span.step, span.points)
    first, second, *_ = found["points"]
    assert second["at"] - first["at"] == span.step
    assert first == {
        "at": first["at"],
        "requests": 0,
        "errors": 0,
        "prompt_tokens": 0,
        "completion_tokens": 0,
        "first_event_seconds": None,
        "total_seconds": None,
    }


@pytest.mark.parametrize(
    ("path", "param"),
    [
        ("/figures?span=year", "span"),
        ("/audit?limit=0", "limit"),
        ("/audit?limit=1001", "limit"),
        ("/audit?limit=many", "limit"),
        ("/audit?before=(", "before"),
        ("/audit?before=18446744073709551616-0", "before"),
    ],
)
def test_what_cannot_be_asked_for_says_where_it_is_wrong(office: Office, path: str, param: str) -> None:
    reply = office.api("GET", path)
    assert (reply.status_code, reply.get_json()["error"]["param"]) == (400, param)


def test_the_audit_log_is_read_page_by_page_from_its_end(office: Office) -> None:
    for name in ("a", "b", "c"):
        office.api("POST", "/keys", json={"name": name})
    first = office.api("GET", "/audit?limit=2").get_json()["entries"]
    assert [entry["subject"] for entry in first] == ["c", "b"]
    assert set(first[0]) == {"id", "at", "who", "address", "action", "subject", "detail"}
    rest = office.api("GET", f"/audit?limit=2&before={first[-1]['id']}").get_json()["entries"]
    assert [entry["subject"] for entry in rest] == ["a"]


def test_alerts_are_told_and_can_be_tried(office: Office) -> None:
    found = office.api("GET", "/alerts").get_json()
    assert found["destinations"] == ["webhook", "feishu"]
    assert [alert["rule"] for alert in found["active"]] == ["low"]
    results = office.api("POST", "/alerts/test").get_json()["results"]
    assert results == [
        {"destination": "webhook", "ok": True, "message": "delivered"},
        {"destination": "feishu", "ok": False, "message": "HTTP 500"},
    ]
    entries = office.api("GET", "/audit").get_json()["entries"]
    assert {(entry["action"], entry["subject"]) for entry in entries} == {
        ("test alert", "webhook"),
        ("test alert", "feishu"),
    }
