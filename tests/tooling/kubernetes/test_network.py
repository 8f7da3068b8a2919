"""Who may speak to whom: what is needed, and nothing besides."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Final
from urllib.parse import urlsplit

import pytest

from kimi.files import addresses
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
    "kimi": End(address="103.143.17.156"),
    "kimi-v6": End(address="2606:4700::6812:1"),
    "metadata": End(address="169.254.169.254"),
    "neighbour": End(address="10.1.2.3"),
    "home": End(address="fd00::1"),
    "client": End(address="51.15.0.9"),
    "proxy": End("gateways", {"app.kubernetes.io/name": "envoy"}),
    "nginx": End("ingress-nginx", {"app.kubernetes.io/name": "ingress-nginx"}),
    "openshift-dns": End("openshift-dns", {"dns.operator.openshift.io/daemonset-dns": "default"}),
}


def who(objects: list[Object], name: str) -> End:
    return {**OTHERS, **ends(objects, "kimi")}[name]


def reaches_address(objects: list[Object], source: str, address: str, port: int, protocol: str = "TCP") -> bool:
    namespaced = [{**each, "metadata": {"namespace": "kimi", **each["metadata"]}} for each in objects]
    policies = of(namespaced, "NetworkPolicy").values()
    return reaches(policies, ends(namespaced, "kimi")[source], End(address=address), port, protocol)


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


@pytest.mark.parametrize("source", ["kimi-gateway", "kimi-refresher"])
def test_names_are_found_in_the_usual_clusters(render: Render, source: str) -> None:
    objects = render("production")
    for address in ("169.254.20.10", "169.254.25.10", "169.254.169.254", "10.96.0.10"):
        assert reaches_address(objects, source, address, 53, "UDP") and reaches_address(objects, source, address, 53)
        assert not reaches_address(objects, source, address, 80)
    assert may(objects, source, "openshift-dns", 5353, "UDP")


@pytest.mark.parametrize("source", ["kimi-gateway", "kimi-refresher"])
def test_nothing_is_let_out_to_that_the_gateway_would_not_fetch(objects: list[Object], source: str) -> None:
    """Whatever it is made to connect to: on both sides of each border that either knows."""
    peers = of(objects, "NetworkPolicy")[source]["spec"]["egress"][0]["to"]
    told = {ip_network(block) for peer in peers for block in peer["ipBlock"].get("except", ())}
    borders = told | set(addresses._SPECIAL) | {ip_network(peer["ipBlock"]["cidr"]) for peer in peers}
    assert len(borders) > 20
    asked = {
        str(type(network.network_address)(number))
        for network in borders
        for end, outside in ((network.network_address, -1), (network.broadcast_address, 1))
        for number in (int(end), int(end) + outside)
        if 0 <= number < 2**network.max_prefixlen
    } | {"168.63.129.16", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1", "::1", "fd00::1", "fe80::1"}
    near = [address for address in asked if not addresses.is_fetchable(address)]
    assert len(near) > 40
    assert [address for address in near if reaches_address(objects, source, address, 443)] == []


@pytest.mark.parametrize("source", ["kimi-gateway", "kimi-refresher"])
def test_nothing_of_the_internet_is_shut_out(objects: list[Object], source: str) -> None:
    public = ["1.1.1.1", "9.255.255.255", "11.0.0.0", "100.128.0.1", "172.15.0.1", "172.32.0.1", "192.169.0.1"]
    public += ["223.255.255.255", "2400:3200::1", "2606:4700::1", "2a00:1450::1"]
    assert all(addresses.is_fetchable(address) for address in public)
    assert [address for address in public if not reaches_address(objects, source, address, 443)] == []


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


@pytest.mark.parametrize(
    ("overlay", "clients"),
    [("trial", {*OTHERS}), ("production", {"proxy", "nginx"}), ("ingress-nginx", {"proxy", "nginx"})],
)
def test_in_production_clients_come_by_the_way_in_alone(render: Render, overlay: str, clients: set[str]) -> None:
    """Whoever comes past it would be believed any X-Forwarded-For, and would reach /admin."""
    objects = render(overlay)
    assert {other for other in OTHERS if may(objects, other, "kimi-gateway", 6867)} == clients
    assert not any(may(objects, other, "kimi-gateway", 22) for other in OTHERS)


@pytest.mark.parametrize("asked", ["kimi-gateway", "kimi-refresher"])
def test_figures_are_for_prometheus_alone(render: Render, asked: str) -> None:
    assert may(render("production"), "prometheus", asked, 9091)
    for other in ("client", "stranger", "kimi-gateway"):
        assert not may(render("production"), other, asked, 9091)
    assert not may(render("trial"), "prometheus", asked, 9091)


def test_what_no_policy_chooses_is_open() -> None:
    assert reaches([], End("a", {"x": "y"}), End("b"), 1)
