"""The files in monitoring/ with a real Prometheus, over the real product."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.monitoring import documented
from tests.monitoring.prometheus import MONITORING, Prometheus
from tests.programs import program

ROOT = MONITORING.parent
DASHBOARD = json.loads((MONITORING / "grafana/dashboards/kimi-gateway.json").read_text("utf-8"))
ALERTS = {
    rule["alert"]: rule
    for group in yaml.safe_load((MONITORING / "alerts.yml").read_text("utf-8"))["groups"]
    for rule in group["rules"]
}
CASES: Final = Path(__file__).with_name("alerts_test.yml")
WELL: Final = {
    "NoUsableAccount",
    "FewUsableAccounts",
    "AccountBanned",
    "TokenExpiryNear",
    "RefresherSilent",
    "RefreshesFailing",
    "GatewayDown",
    "SlowFirstEvent",
    "LongQueue",
    "RedisNotReplicated",
}
"""Alerts whose expressions may be empty in this house, because all is well that they look at."""
_SELECTOR = re.compile(r"\bkimi_[a-z_]+(?=[{\[)])|\{[^}]*__name__")
ALL: Final = ".*"
_METRIC = re.compile(r"\bkimi_\w+|\bup\b")


def targets() -> list[Any]:
    return [
        pytest.param(of_all(target["expr"]), id=f"{panel['title']} {target['refId']}")
        for panel in DASHBOARD["panels"]
        for target in panel.get("targets", ())
    ]


def of_all(expression: str) -> str:
    """What a panel asks where no namespace is chosen."""
    assert expression.count("$namespace") == len(_SELECTOR.findall(expression)) > 0
    return expression.replace("$namespace", ALL)


def errors() -> str:
    """What the panel shows that operators look at first."""
    (expression,) = (panel["targets"][0]["expr"] for panel in DASHBOARD["panels"] if panel["title"] == "Errors")
    return of_all(expression)


def promtool(*arguments: str | Path) -> str:
    command = [program("prometheus", "promtool"), *arguments]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    said = finished.stdout + finished.stderr
    assert finished.returncode == 0, said
    return said


def test_prometheus_takes_the_configuration_and_the_rules() -> None:
    assert "SUCCESS: 1 rule files found" in promtool("check", "config", MONITORING / "prometheus.yml")
    promtool("check", "rules", MONITORING / "alerts.yml")


def test_each_alert_fires_when_it_has_to_and_only_then() -> None:
    promtool("test", "rules", CASES)


def test_an_alert_of_a_pool_is_not_hidden_by_another_pool_that_is_well(tmp_path: Path) -> None:
    """Each case in which one fires, in one namespace, beside the one in which the same alert is quiet in another."""
    tests = yaml.safe_load(CASES.read_text("utf-8"))["tests"]
    well = {case["name"].partition(" ")[0]: case for case in reversed(tests) if case["name"].endswith(" is quiet")}
    cases = []
    for case in tests:
        alert, _, what = case["name"].partition(" ")
        if what != "fires" or minutes(case) < minutes(well[alert]):  # too early for that one to be quiet
            continue
        (told,) = case["promql_expr_test"]
        (sample,) = told["exp_samples"]
        told["expr"] = told["expr"].replace("(severity)", "(severity, namespace)")
        sample["labels"] = sample["labels"].replace("}", ', namespace="ill"}')
        case["input_series"] = [*of_pool(case, "ill"), *of_pool(well[alert], "well")]
        cases.append(case)
    assert len(cases) >= len(ALERTS)
    file = tmp_path / "pools.yml"
    rules = {"rule_files": [str(MONITORING / "alerts.yml")], "evaluation_interval": "30s", "tests": cases}
    file.write_text(yaml.safe_dump(rules), "utf-8")
    promtool("test", "rules", file)


def minutes(case: dict[str, Any]) -> int:
    """When a case is looked at."""
    return int(case["promql_expr_test"][0]["eval_time"].removesuffix("m"))


def of_pool(case: dict[str, Any], namespace: str) -> list[dict[str, str]]:
    """The series of a case as they are in that namespace."""

    def placed(series: str) -> str:
        name, brace, labels = series.partition("{")
        return f'{name}{{namespace="{namespace}"' + (f",{labels}" if brace else "}")

    return [{**each, "series": placed(each["series"])} for each in case["input_series"]]


@pytest.mark.parametrize("alert", ALERTS)
def test_there_is_a_case_for_each_alert_and_it_says_what_to_do(alert: str) -> None:
    names = {case["name"] for case in yaml.safe_load(CASES.read_text("utf-8"))["tests"]}
    assert {f"{alert} fires", f"{alert} is quiet"} <= names
    assert {"summary", "action"} <= ALERTS[alert]["annotations"].keys()
    assert ALERTS[alert]["labels"]["severity"] in {"critical", "warning", "info"}


@pytest.mark.parametrize("expression", targets())
def test_every_panel_has_data(prometheus: Prometheus, expression: str) -> None:
    assert prometheus.query(expression.replace("$__rate_interval", "10m"))


def test_no_error_is_none_also_where_nobody_has_asked_so_far(prometheus: Prometheus) -> None:
    expression = errors().replace("$__rate_interval", "10m").replace("kimi_gateway_answers_total", "none_so_far")
    (told,) = prometheus.query(expression)
    assert told["value"][1] == "0"


def test_where_every_second_question_fails_half_are_errors_whatever_else_is_asked(tmp_path: Path) -> None:
    counted = {
        'kimi_gateway_answers_total{outcome="ok"}': 10,
        'kimi_gateway_answers_total{outcome="upstream_error"}': 10,
        'kimi_gateway_answers_total{outcome="client_gone"}': 50,
        'kimi_gateway_failures_total{code="upstream_error"}': 10,
        'kimi_gateway_failures_total{code="invalid_admin_key"}': 400,
        'kimi_gateway_requests_total{route="/v1/chat/completions",status="200",stream="false"}': 10,
        'kimi_gateway_requests_total{route="/v1/chat/completions",status="502",stream="false"}': 10,
        'kimi_gateway_requests_total{route="/v1/models",status="200",stream="false"}': 900,
    }
    told = {"expr": errors().replace("$__rate_interval", "5m"), "eval_time": "20m"}
    case = {
        "interval": "1m",
        "input_series": [{"series": series, "values": f"0+{a_minute}x30"} for series, a_minute in counted.items()],
        "promql_expr_test": [{**told, "exp_samples": [{"labels": "{}", "value": 0.5}]}],
    }
    cases = tmp_path / "panel.yml"
    cases.write_text(yaml.safe_dump({"tests": [case]}), "utf-8")
    promtool("test", "rules", cases)


@pytest.mark.parametrize(
    "first",
    [
        'kimi_gateway_failures_total{code="model_not_found"}',
        'kimi_gateway_answers_total{outcome="model_not_found"}',
        'kimi_gateway_requests_total{route="/v1/chat/completions",status="404"}',
        'kimi_gateway_asked_again_total{form="tools"}',
        'kimi_gateway_conversations_total{fate="continued"}',
        'kimi_gateway_key_limits_reached_total{limit="requests_per_minute"}',
    ],
)
def test_what_happens_for_the_first_time_is_seen_to_rise(prometheus: Prometheus, first: str) -> None:
    (told,) = prometheus.query(f"sum(increase({first}[1h]))")
    assert float(told["value"][1]) > 0


@pytest.mark.parametrize("alert", ALERTS)
def test_every_alert_looks_at_what_is_there(prometheus: Prometheus, alert: str) -> None:
    expression = ALERTS[alert]["expr"]
    names = set(_METRIC.findall(expression)) - {"kimi_"}
    assert names or alert == "Drift"
    assert all(prometheus.query(f"last_over_time({name}[10m])") for name in names)
    # A busy machine may see something for less than a second.
    held = prometheus.query(f"last_over_time(({expression})[10m:100ms])")
    assert held or alert in WELL


def test_no_rule_fails_and_what_the_house_has_seen_is_told(prometheus: Prometheus) -> None:
    rules = prometheus.rules()
    assert {rule["name"] for rule in rules} == set(ALERTS)
    assert {rule["name"]: rule.get("lastError") for rule in rules if rule["health"] != "ok"} == {}
    told = {rule["name"] for rule in rules if rule["state"] != "inactive"}
    assert {"AccountDead", "Drift"} <= told
    assert not {"NoUsableAccount", "RefresherSilent", "GatewayDown", "RedisAway"} & told


def test_the_dashboard_and_the_rules_ask_for_what_is_documented_and_for_all_of_it() -> None:
    known = {metric.name for metric in documented.metrics()}
    text = json.dumps(DASHBOARD) + (MONITORING / "alerts.yml").read_text("utf-8")
    asked = {re.sub(r"_(bucket|count|sum)$", "", name) for name in re.findall(r"\bkimi_[a-z_]+[a-z]\b", text)}
    assert asked <= known
    assert known - asked == {"kimi_gateway_drift_total", "kimi_refresher_drift_total"}, "both by one pattern"


def test_grafana_finds_the_dashboard_and_its_source() -> None:
    source = yaml.safe_load((MONITORING / "grafana/provisioning/datasources/prometheus.yml").read_text("utf-8"))
    provider = yaml.safe_load((MONITORING / "grafana/provisioning/dashboards/kimi-gateway.yml").read_text("utf-8"))
    assert [each["type"] for each in source["datasources"]] == ["prometheus"]
    variable, namespace = DASHBOARD["templating"]["list"]
    assert (variable["name"], variable["type"], variable["query"]) == ("datasource", "datasource", "prometheus")
    assert (namespace["name"], namespace["includeAll"], namespace["allValue"]) == ("namespace", True, ALL)
    assert provider["providers"][0]["options"] == {"path": "/etc/grafana/dashboards"}
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))


def test_panels_neither_overlap_nor_stick_out() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells
