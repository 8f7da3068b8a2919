"""docs/metrics.md against what both processes expose under traffic and faults."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway import firsts
from gateway.metrics import Metrics
from gateway.problem import INTERNAL
from gateway.problems import TABLE
from kimi import errors
from kimi.accounts import Kind, State
from kimi.pool import Store, connect
from kimi.pool.client_limits import Limit
from kimi.version import VERSION
from refresher.outcomes import Outcome
from tests.gateway.admin.desks import Office
from tests.monitoring import codes, documented
from tests.monitoring.house import Watched
from tests.monitoring.pages import Watch

ROOT = Path(__file__).parents[2]
METRICS = documented.metrics()
VALUES = documented.values()


def subclasses(of: type[Exception]) -> set[type[Exception]]:
    return {of}.union(*(subclasses(each) for each in of.__subclasses__()))


def sources(*folders: str) -> str:
    return "".join(path.read_text("utf-8") for folder in folders for path in sorted((ROOT / folder).rglob("*.py")))


def test_everything_that_is_exposed_is_documented_and_nothing_else(house: Watched) -> None:
    house.watch.look()
    assert {metric.name: metric.type for metric in METRICS} == house.watch.types


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_it_moves_and_its_labels_are_those(house: Watched, metric: documented.Metric) -> None:
    assert house.watch.highest[metric.name] > 0
    seen = house.watch.labels[metric.name]
    assert set(seen) == set(metric.labels)
    for label, found in seen.items():
        listed = VALUES.get((metric.name, label))
        assert listed is None or found <= listed


def test_what_goes_down_has_been_down(house: Watched) -> None:
    for name in ("kimi_gateway_store_up", "kimi_refresher_store_up", "kimi_gateway_queue_depth"):
        assert house.watch.lowest[name] == 0


def test_labels_without_a_list_are_bounded_all_the_same(house: Watched) -> None:
    unlisted = {(metric.name, label) for metric in METRICS for label in metric.labels} - VALUES.keys()
    requests, labels = "kimi_gateway_requests_total", house.watch.labels
    assert unlisted == {
        (requests, "route"),
        (requests, "status"),
        ("kimi_gateway_info", "version"),
        ("kimi_refresher_info", "version"),
    }
    with connect(house.stack.valkey.url) as redis:
        endpoints = {rule.rule for rule in Office(Store(redis)).house.app.url_map.iter_rules()}
    assert labels[requests]["route"] <= endpoints | {"none"}
    assert all(re.fullmatch(r"[1-5]\d\d", status) for status in labels[requests]["status"])
    assert labels["kimi_gateway_info"]["version"] == labels["kimi_refresher_info"]["version"] == {VERSION}


def test_the_lists_are_those_of_the_code() -> None:
    failovers = subclasses(errors.AccountError) | subclasses(errors.UpstreamError) | subclasses(errors.RequestRefused)
    unseen = subclasses(errors.AnswerUnfit)  # ends a request
    told = {problem.code for problem in TABLE.values()} | {INTERNAL.code, "client_gone"}
    noted = set(re.findall(r'(?:drift\.note\([^,]+, |_unknown\()"(\w+)"', sources("kimi")))
    assert {
        ("kimi_gateway_failures_total", "code"): told | codes.written(ROOT / "gateway"),
        ("kimi_gateway_answers_total", "outcome"): told | codes.written(ROOT / "gateway") | {"ok"},
        ("kimi_gateway_failovers_total", "reason"): {each.__name__ for each in failovers - unseen},
        ("kimi_gateway_drift_total", "what"): noted,
        ("kimi_gateway_key_limits_reached_total", "limit"): {limit.value for limit in Limit},
        ("kimi_accounts", "state"): {state.value for state in State},
        ("kimi_accounts", "kind"): {kind.value for kind in Kind},
        ("kimi_refresher_refreshes_total", "result"): {outcome.value for outcome in Outcome},
    }.items() <= VALUES.items()


def test_what_is_listed_is_there_from_the_start_and_little_besides() -> None:
    watch, metrics = Watch(), Metrics()
    firsts.begin(metrics, ["/v1/models", "/admin"])
    samples = watch.read(metrics.text().decode())
    of_the_gateway = {metric.name for metric in METRICS if metric.name.startswith("kimi_gateway_")}
    listed = {(name, label): known for (name, label), known in VALUES.items() if name in of_the_gateway}
    begun = {(name, label): watch.labels[name][label] for name, label in listed}
    born = {("kimi_gateway_drift_total", label) for label in ("kind", "what")}
    assert {each for each in listed if begun[each] != listed[each]} == born
    assert "/admin" not in watch.labels["kimi_gateway_requests_total"]["route"]
    assert len([each for each in samples if each.name.endswith("_total")]) < 250, "every worker has them in a file"


def test_nobody_is_named(house: Watched) -> None:
    told = {value for labels in house.watch.labels.values() for values in labels.values() for value in values}
    assert not any(name in value for value in told for name in ("kimi-3", "kimi_3", "private-", "eyJ", "sk-"))


def test_it_says_the_same_in_chinese() -> None:
    assert documented.metrics("metrics.zh-CN.md") == METRICS
    assert documented.values("metrics.zh-CN.md") == VALUES
