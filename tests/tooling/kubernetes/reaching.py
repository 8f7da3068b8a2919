"""Who may speak to whom by the network policies that are rendered, worked out as Kubernetes describes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any

from tests.tooling.kubernetes.manifests import Object, container, pods, selects


@dataclass(frozen=True, slots=True)
class End:
    """One end of a connection: a pod of `namespace` with `labels`, or, where `address` is given, what is no pod."""

    namespace: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    ports: Mapping[str, int] = field(default_factory=dict)
    address: str = ""


def ends(objects: Iterable[Object], namespace: str) -> dict[str, End]:
    """Our own pods, by the name of what makes them."""
    return {
        name: End(
            namespace,
            pod["metadata"]["labels"],
            {port["name"]: port["containerPort"] for port in container(pod)["ports"]},
        )
        for name, pod in pods(objects).items()
    }


def reaches(policies: Iterable[Object], source: End, target: End, port: int, protocol: str = "TCP") -> bool:
    """Whether what is at `source` may open a connection to a port of `target`."""
    specs = [(policy["metadata"]["namespace"], policy["spec"]) for policy in policies]

    def passes(one: End, way: str, peers: str, other: End) -> bool:
        of_it = [
            spec
            for namespace, spec in specs
            if not one.address and namespace == one.namespace and selects(spec["podSelector"], one.labels)
            if way in spec["policyTypes"]
        ]
        rules = [rule for spec in of_it for rule in spec.get(way.lower(), [])]
        return not of_it or any(
            _is_among(other, rule.get(peers), one.namespace) and _is_one_of((port, protocol), rule.get("ports"), target)
            for rule in rules
        )

    return passes(source, "Egress", "to", target) and passes(target, "Ingress", "from", source)


def _is_among(end: End, peers: list[Any] | None, here: str) -> bool:
    return peers is None or any(_is_meant(end, peer, here) for peer in peers)


def _is_meant(end: End, peer: Mapping[str, Any], here: str) -> bool:
    if block := peer.get("ipBlock"):
        return bool(end.address) and _is_inside(end.address, block["cidr"], block.get("except", ()))
    if end.address:
        return False
    near = end.namespace == here
    if "namespaceSelector" in peer:
        near = selects(peer["namespaceSelector"], {"kubernetes.io/metadata.name": end.namespace})
    return near and selects(peer.get("podSelector", {}), end.labels)


def _is_inside(address: str, block: str, but: Iterable[str]) -> bool:
    found = ip_address(address)
    return found in ip_network(block) and not any(found in ip_network(each) for each in but)


def _is_one_of(asked: tuple[int, str], ports: list[Mapping[str, Any]] | None, target: End) -> bool:
    numbers = [(target.ports.get(each["port"], each["port"]), each.get("protocol", "TCP")) for each in ports or ()]
    return ports is None or asked in numbers
