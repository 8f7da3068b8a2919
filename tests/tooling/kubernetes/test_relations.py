"""What objects say of each other: labels, names and ports that have to be the same in two places."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from gateway.openapi import document
from gateway.paths import WATCHED
from tests.monitoring import documented
from tests.tooling.kubernetes.conftest import Render
from tests.tooling.kubernetes.manifests import BASE, FOLDER, ROOT, Object, container, environment, of, pods, selects

MADE_BY_HAND = {"kimi-accounts", "kimi-tls"}
"""Secrets that the guide has made by commands."""


def chosen(selector: dict[str, Any], among: dict[str, Object]) -> list[str]:
    return [name for name, each in among.items() if selects(selector, each["metadata"]["labels"])]


def test_whatever_makes_pods_chooses_its_own(objects: list[Object]) -> None:
    for each in objects:
        if each["kind"] in ("Deployment", "StatefulSet"):
            assert chosen(each["spec"]["selector"], pods(objects)) == [each["metadata"]["name"]]


def test_pods_keep_away_from_their_own_kind(objects: list[Object]) -> None:
    for name in ("kimi-gateway", "kimi-refresher"):
        spreads = pods(objects)[name]["spec"]["topologySpreadConstraints"]
        assert all(chosen(spread["labelSelector"], pods(objects)) == [name] for spread in spreads)
        assert {spread["topologyKey"].rpartition("/")[2] for spread in spreads} == {"zone", "hostname"}
        # Or old ones would count in a roll-out, and the new ones could end up on one node.
        assert all(spread["matchLabelKeys"] == ["pod-template-hash"] for spread in spreads)


def test_services_lead_to_the_pods_of_their_name_at_ports_that_these_have(objects: list[Object]) -> None:
    services = of(objects, "Service")
    assert services.keys() == pods(objects).keys()
    for name, service in services.items():
        assert chosen({"matchLabels": service["spec"]["selector"]}, pods(objects)) == [name]
        ports = {port["name"]: port["containerPort"] for port in container(pods(objects)[name])["ports"]}
        assert {port["targetPort"]: port["port"] for port in service["spec"]["ports"]} == ports


def test_of_what_more_than_one_runs_one_goes_at_a_time(objects: list[Object]) -> None:
    budgets = of(objects, "PodDisruptionBudget")
    assert budgets.keys() == of(objects, "Deployment").keys()
    for name, budget in budgets.items():
        assert chosen(budget["spec"]["selector"], pods(objects)) == [name]
        assert budget["spec"]["maxUnavailable"] == 1
        rolling = of(objects, "Deployment")[name]["spec"]["strategy"]["rollingUpdate"]
        assert rolling == {"maxUnavailable": 0, "maxSurge": 1}


def test_gateways_follow_a_figure_that_they_tell(objects: list[Object]) -> None:
    spec = of(objects, "HorizontalPodAutoscaler")["kimi-gateway"]["spec"]
    target = of(objects, spec["scaleTargetRef"]["kind"])[spec["scaleTargetRef"]["name"]]
    assert "replicas" not in target["spec"] and spec["minReplicas"] >= 2
    gauges = {metric.name for metric in documented.metrics() if metric.type == "gauge" and not metric.labels}
    asked = {metric["pods"]["metric"]["name"] for metric in spec["metrics"] if metric["type"] == "Pods"}
    assert asked <= gauges & handed_on()
    assert spec["behavior"]["scaleDown"]["stabilizationWindowSeconds"] >= 300


@pytest.mark.parametrize("page", ["kubernetes.md", "kubernetes.zh-CN.md"])
def test_the_guide_tells_what_gateways_are_counted_by(render: Render, page: str) -> None:
    pod, processor = of(render(BASE), "HorizontalPodAutoscaler")["kimi-gateway"]["spec"]["metrics"]
    (told,) = re.findall(r"(\d+)[^|\n]*`kimi_gateway_in_flight`[^\d\n]*(\d+) %", text(page))
    assert told == (pod["pods"]["target"]["averageValue"], str(processor["resource"]["target"]["averageUtilization"]))


def text(page: str) -> str:
    return (ROOT / "docs/guides" / page).read_text("utf-8")


def handed_on() -> set[str]:
    """What prometheus-adapter is told to know of pods, by the series that it makes it from."""
    rules = yaml.safe_load((FOLDER / "components/monitoring/prometheus-adapter-values.yaml").read_text())["rules"][
        "custom"
    ]
    assert all(rule["seriesQuery"].startswith(rule["name"]["as"] + "{") for rule in rules)
    return {rule["name"]["as"] for rule in rules}


def test_what_is_named_is_there(objects: list[Object]) -> None:
    generated = {each["metadata"]["name"] for kind in ("ConfigMap", "Secret") for each in of(objects, kind).values()}
    secrets = set() if of(objects, "Secret") else {"kimi-shared", "kimi-gateway"}  # the base leaves them to overlays
    for name, pod in pods(objects).items():
        assert pod["spec"]["serviceAccountName"] in of(objects, "ServiceAccount")
        named = {reference["name"] for source in container(pod).get("envFrom", []) for reference in source.values()}
        assert named <= generated | secrets
        volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
        mounted = {volume["secret"]["secretName"] for volume in volumes.values() if "secret" in volume}
        assert mounted <= MADE_BY_HAND
        claims = of(objects, "StatefulSet").get(name, {"spec": {}})["spec"].get("volumeClaimTemplates", [])
        there = volumes.keys() | {claim["metadata"]["name"] for claim in claims}
        assert {mount["name"] for mount in container(pod)["volumeMounts"]} == there


def test_valkey_and_the_ways_in_use_names_that_there_are(render: Render) -> None:
    trial, nginx = render("trial"), render("ingress-nginx")
    store = of(trial, "StatefulSet")["kimi-redis"]
    url = urlsplit(environment(trial, "kimi-gateway")["REDIS_URL"])
    assert url.hostname == "redis.example.com"  # a Secret wins over what the component says
    url = urlsplit(of(trial, "ConfigMap")["kimi-settings"]["data"]["REDIS_URL"])
    assert store["spec"]["serviceName"] == url.hostname and url.hostname in of(trial, "Service")
    assert url.port == of(trial, "Service")[url.hostname]["spec"]["ports"][0]["port"]
    (tls,) = of(nginx, "Ingress")["kimi-gateway"]["spec"]["tls"]
    (rule,) = of(nginx, "Ingress")["kimi-gateway"]["spec"]["rules"]
    assert tls["secretName"] in MADE_BY_HAND and tls["hosts"] == [rule["host"]]


def test_prometheus_asks_both_processes_and_calls_them_as_the_alerts_do(render: Render) -> None:
    objects = render("production")
    scraped = yaml.safe_load((ROOT / "monitoring/prometheus.yml").read_text())["scrape_configs"]
    monitors = of(objects, "ServiceMonitor")
    assert monitors.keys() == {job["job_name"] for job in scraped}
    for name, monitor in monitors.items():
        assert chosen(monitor["spec"]["selector"], of(objects, "Service")) == [name]
        (endpoint,) = monitor["spec"]["endpoints"]
        assert (endpoint["port"], endpoint["path"]) == ("metrics", "/metrics")
        assert endpoint["port"] in {port["name"] for port in of(objects, "Service")[name]["spec"]["ports"]}


def test_the_alerts_are_those_of_prometheus_itself(render: Render) -> None:
    rule = of(render("production"), "PrometheusRule")["kimi-gateway"]
    assert rule["spec"] == yaml.safe_load((ROOT / "monitoring/alerts.yml").read_text())


def ways_in(objects: list[Object]) -> list[str]:
    """The beginnings of the paths that are led from outside to the gateway."""
    (service,) = [each for each in of(objects, "Service")["kimi-gateway"]["spec"]["ports"] if each["name"] == "http"]
    for ingress in of(objects, "Ingress").values():
        (rule,) = ingress["spec"]["rules"]
        paths = rule["http"]["paths"]
        assert all(path["pathType"] == "Prefix" for path in paths)
        backend = {"service": {"name": "kimi-gateway", "port": {"name": service["name"]}}}
        assert all(path["backend"] == backend for path in paths)
        return [path["path"] for path in paths]
    (route,) = of(objects, "HTTPRoute").values()
    (rule,) = route["spec"]["rules"]
    assert rule["backendRefs"] == [{"name": "kimi-gateway", "port": service["port"]}]
    return [match["path"]["value"] for match in rule["matches"]]


@pytest.mark.parametrize("overlay", ["production", "ingress-nginx"])
def test_clients_come_in_and_nobody_gets_to_what_is_the_operator_s(render: Render, overlay: str) -> None:
    open_ = ways_in(render(overlay))

    def gets_in(path: str) -> bool:
        return any(path == way or path.startswith(f"{way}/") for way in open_)

    private = {path for path in document()["paths"] if path.startswith("/admin")} | WATCHED
    assert [path for path in private if gets_in(path)] == []
    assert [path for path in document()["paths"].keys() - private if not gets_in(path)] == []
    assert gets_in("/chat/completions") and gets_in("/models/kimi")


def test_nginx_holds_nothing_back_and_cuts_no_silence(render: Render) -> None:
    ingress = of(render("ingress-nginx"), "Ingress")["kimi-gateway"]
    told = {name.rpartition("/")[2]: value for name, value in ingress["metadata"]["annotations"].items()}
    guide = text("reverse-proxies.md")
    assert f"proxy_buffering {told.pop('proxy-buffering')};" in guide
    assert f"client_max_body_size {told.pop('proxy-body-size')};" in guide
    assert f"proxy_next_upstream {told.pop('proxy-next-upstream')};" in guide
    assert f"proxy_read_timeout {told.pop('proxy-read-timeout')}s;" in guide
    assert f"proxy_send_timeout {told.pop('proxy-send-timeout')}s;" in guide
    assert told == {}
