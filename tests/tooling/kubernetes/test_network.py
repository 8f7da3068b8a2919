"""Who may speak to whom: what is needed, and nothing besides."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

import pytest

from kimi.settings import CommonSettings
from tests.tooling.kubernetes.conftest import Render
from tests.tooling.kubernetes.manifests import Object, of
from tests.tooling.kubernetes.reaching import End, ends, reaches

UPSTREAMS: Final = ("kimi_web_url", "kimi_auth_url", "kimi_classic_url", "moonshot_url")
OTHERS: Final = {
    "dns": End("kube-system", {"k8s-app": "kube-dns"}),
    "node-dns": End(address="169.254.20.10"),
    "prometheus": End("monitoring", {"app.kubernetes.io/name": "prometheus"}),
    "stranger": End("default", {"app.kubernetes.io/name": "curl"}),
    "kimi": End(address="203.0.113.7"),
    "kimi-v6": End(address="2001:db8::7"),
    "metadata": End(address="169.254.169.254"),
    "neighbour": End(address="10.1.2.3"),
    "home": End(address="fd00::1"),
    "client": End(address="198.51.100.9"),
}


def who(objects: list[Object], name: str) -> End:
    return {**OTHERS, **ends(objects, "kimi")}[name]


def may(objects: list[Object], source: str, target: str, port: int, protocol: str = "TCP") -> bool:
    policies = of(objects, "NetworkPolicy").values()
    return reaches(policies, who(objects, source), who(objects, target), port, protocol)


@pytest.mark.parametrize("overlay", ["trial", "production"])
@pytest.mark.parametrize("source", ["kimi-gateway", "kimi-refresher"])
def test_both_find_names_and_kimi(render: Render, overlay: str, source: str) -> None:
    objects = render(overlay)
    assert all(may(objects, source, dns, 53, protocol) for dns in ("dns", "node-dns") for protocol in ("UDP", "TCP"))
    assert may(objects, source, "kimi", 443) and may(objects, source, "kimi-v6", 443)
    hosts = [CommonSettings.model_fields[name].default for name in UPSTREAMS]
    assert {(urlsplit(host).scheme, urlsplit(host).port) for host in hosts} == {("https", None)}


@pytest.mark.parametrize("overlay", ["trial", "production"])
@pytest.mark.parametrize("source", ["kimi-gateway", "kimi-refresher"])
@pytest.mark.parametrize("target", ["metadata", "neighbour", "home", "stranger", "prometheus"])
def test_nothing_near_is_reached_whatever_address_a_client_names(
    render: Render, overlay: str, source: str, target: str
) -> None:
    assert not any(may(render(overlay), source, target, port) for port in (22, 80, 443, 8080, 10250))


@pytest.mark.parametrize("overlay", ["trial", "production"])
def test_only_the_gateway_fetches_without_tls(render: Render, overlay: str) -> None:
    assert may(render(overlay), "kimi-gateway", "kimi", 80)
    assert not may(render(overlay), "kimi-refresher", "kimi", 80)
    assert not may(render(overlay), "kimi-gateway", "kimi", 25)


def test_a_redis_of_one_s_own_is_reached_with_its_sentinels(render: Render) -> None:
    objects = render("production")
    for source in ("kimi-gateway", "kimi-refresher"):
        assert may(objects, source, "neighbour", 6379) and may(objects, source, "neighbour", 26379)
        assert not may(objects, source, "kimi", 6379)


def test_valkey_speaks_with_both_and_with_nobody_else(render: Render) -> None:
    objects = render("trial")
    assert may(objects, "kimi-gateway", "kimi-redis", 6379) and may(objects, "kimi-refresher", "kimi-redis", 6379)
    assert not any(may(objects, other, "kimi-redis", 6379) for other in OTHERS)
    assert not any(may(objects, "kimi-redis", other, port) for other in OTHERS for port in (53, 80, 443))
    assert not may(objects, "kimi-gateway", "kimi-redis", 22)


@pytest.mark.parametrize("overlay", ["trial", "production"])
def test_clients_reach_the_gateway_and_its_port_alone(render: Render, overlay: str) -> None:
    for client in ("client", "stranger", "prometheus"):
        assert may(render(overlay), client, "kimi-gateway", 6867)
        assert not may(render(overlay), client, "kimi-gateway", 22)


@pytest.mark.parametrize("asked", ["kimi-gateway", "kimi-refresher"])
def test_figures_are_for_prometheus_alone(render: Render, asked: str) -> None:
    assert may(render("production"), "prometheus", asked, 9091)
    for other in ("client", "stranger", "kimi-gateway"):
        assert not may(render("production"), other, asked, 9091)
    assert not may(render("trial"), "prometheus", asked, 9091)


def test_what_no_policy_chooses_is_open() -> None:
    assert reaches([], End("a", {"x": "y"}), End("b"), 1)
