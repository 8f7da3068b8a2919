"""deploy/kubernetes is rendered by kustomize, and Kubernetes knows every field of what comes of it."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.settings import GatewaySettings
from refresher.settings import RefresherSettings
from tests.tooling.kubernetes.conftest import Render
from tests.tooling.kubernetes.manifests import (
    BASE,
    FOLDER,
    OVERLAYS,
    RELEASES,
    ROOT,
    SECRETS,
    Object,
    complaints,
    container,
    environment,
    of,
    pods,
)


@pytest.mark.parametrize("release", RELEASES)
def test_kubernetes_knows_every_field(objects: list[Object], release: str) -> None:
    assert len(objects) > 10
    assert [
        (each["kind"], each["metadata"]["name"], told) for each in objects for told in complaints(each, release)
    ] == []


@pytest.mark.parametrize(
    ("kind", "path", "name"),
    [
        ("Deployment", ("spec", "template", "spec", "containers", 0), "readynessProbe"),
        ("Deployment", ("spec", "template", "spec", "containers", 0, "lifecycle", "preStop", "sleep"), "second"),
        ("Deployment", ("spec", "template", "spec", "securityContext"), "runAsNonroot"),
        ("Deployment", ("spec", "strategy", "rollingUpdate"), "maxUnavailible"),
        ("StatefulSet", ("spec", "volumeClaimTemplates", 0, "spec"), "storage"),
        ("HorizontalPodAutoscaler", ("spec", "behavior", "scaleDown"), "stabilisationWindowSeconds"),
        ("PodDisruptionBudget", ("spec",), "maxUnavailible"),
        ("NetworkPolicy", ("spec",), "policyType"),
        ("Service", ("spec", "ports", 0), "targetport"),
        ("ServiceMonitor", ("spec", "endpoints", 0), "scrapeIntervall"),
        ("PrometheusRule", ("spec", "groups", 0, "rules", 0), "expression"),
        ("Ingress", ("spec", "rules", 0, "http", "paths", 0), "pathtype"),
        ("HTTPRoute", ("spec", "rules", 0, "timeouts"), "backend"),
    ],
)
def test_a_misspelt_field_is_found(render: Render, kind: str, path: tuple[str | int, ...], name: str) -> None:
    found: Any = deepcopy(next(each for name in OVERLAYS for each in render(name) if each["kind"] == kind))
    assert complaints(found, RELEASES[-1]) == []
    inside = found
    for step in path:
        inside = inside[step]
    inside[name] = "1"
    assert name in " ".join(complaints(found, RELEASES[-1]))


def test_a_wrong_value_and_an_unknown_kind_are_found(render: Render) -> None:
    service, policy = deepcopy(of(render(BASE), "Service")["kimi-gateway"]), deepcopy(render(BASE)[-1])
    service["spec"]["ports"][0]["port"] = "http"
    policy["apiVersion"] = "networking.k8s.io/v9"
    assert complaints(service, RELEASES[0]) and complaints(policy, RELEASES[0])


@pytest.mark.parametrize(
    "folder", [path.parent for path in FOLDER.rglob("kustomization.yaml")], ids=lambda path: path.name
)
def test_every_file_is_rendered_that_lies_beside_a_kustomization(folder: Path) -> None:
    named = set(yaml.safe_load((folder / "kustomization.yaml").read_text("utf-8")).get("resources", []))
    files = {path.name for path in folder.glob("*.yaml")} - {"kustomization.yaml", "prometheus-adapter-values.yaml"}
    assert files == {name for name in named if not name.startswith("..")}


@pytest.mark.parametrize("page", ["kubernetes.md", "kubernetes.zh-CN.md"])
def test_the_guide_names_every_folder_and_no_other(page: str) -> None:
    guide = (ROOT / "docs/guides" / page).read_text("utf-8")
    named = set(re.findall(r"\b(?:components|overlays)/[a-z-]+", guide)) - {"overlays/mine"}
    assert named == {
        f"{kind}/{path.name}" for kind in ("components", "overlays") for path in (FOLDER / kind).iterdir()
    } - {"overlays/mine"}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_overlay_has_the_base_and_no_object_twice(render: Render, overlay: str) -> None:
    def names(objects: list[Object]) -> Counter[tuple[str, str]]:
        return Counter((kind, name) for kind in {each["kind"] for each in objects} for name in of(objects, kind))

    found = names(render(overlay))
    assert names(render(BASE)).keys() <= found.keys()
    assert max(found.values()) == 1


def test_the_base_names_no_namespace_and_holds_no_secret(render: Render) -> None:
    assert [each["metadata"]["name"] for each in render(BASE) if "namespace" in each["metadata"]] == []
    assert of(render(BASE), "Secret") == {}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_overlay_says_where_all_is_and_which_image(render: Render, overlay: str) -> None:
    objects = render(overlay)
    (namespace,) = of(objects, "Namespace")
    assert {each["metadata"].get("namespace", namespace) for each in objects} == {namespace}
    ours = [container(pod)["image"] for name, pod in pods(objects).items() if name != "kimi-redis"]
    assert len(ours) == 2
    assert all(image.startswith("registry.example.com/kimi-gateway:") for image in ours)


def test_what_overlays_change_is_changed(render: Render) -> None:
    scaling = {name: of(render(name), "HorizontalPodAutoscaler")["kimi-gateway"]["spec"] for name in (BASE, *OVERLAYS)}
    metrics = {name: [metric["type"] for metric in spec["metrics"]] for name, spec in scaling.items()}
    assert metrics == {name: ["Resource"] if name == "trial" else ["Pods", "Resource"] for name in (BASE, *OVERLAYS)}
    assert (scaling["production"]["minReplicas"], scaling["production"]["maxReplicas"]) == (3, 30)
    settings = of(render("production"), "ConfigMap")["kimi-settings"]["data"]
    assert {"LOG_FORMAT", "GATEWAY_TRUSTED_PROXIES", "GATEWAY_QUEUE_SECONDS"} <= settings.keys()


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_change_of_settings_or_secrets_replaces_the_pods(render: Render, overlay: str) -> None:
    objects = render(overlay)
    digests = {each["metadata"]["name"] for kind in ("ConfigMap", "Secret") for each in of(objects, kind).values()}
    for name in ("kimi-gateway", "kimi-refresher"):
        sources = container(pods(objects)[name])["envFrom"]
        named = {source[kind]["name"] for source in sources for kind in source}
        assert named <= digests and named


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_both_processes_would_start_with_what_they_are_given(render: Render, overlay: str) -> None:
    objects = render(overlay)
    for name, settings in (("kimi-gateway", GatewaySettings), ("kimi-refresher", RefresherSettings)):
        given = environment(objects, name)
        assert {variable.lower() for variable in given} <= {
            *GatewaySettings.model_fields,
            *RefresherSettings.model_fields,
        }
        loaded = settings.model_validate({variable.lower(): value for variable, value in given.items()})
        assert loaded.redis_url == given["REDIS_URL"]


def test_the_refresher_is_not_given_the_keys_of_clients_and_operators(render: Render) -> None:
    given = {name: environment(render("production"), name) for name in ("kimi-gateway", "kimi-refresher")}
    ours = {name for name, value in SECRETS.items() if value}
    assert ours <= given["kimi-gateway"].keys()
    assert ours - given["kimi-refresher"].keys() == {"GATEWAY_API_KEYS", "GATEWAY_ADMIN_KEY"}


def test_no_secret_stands_in_what_is_committed_or_in_a_configmap(render: Render) -> None:
    fields = {**GatewaySettings.model_fields, **RefresherSettings.model_fields}
    secret = {name.upper() for name, field in fields.items() if not field.repr}
    settings = of(render("production"), "ConfigMap")["kimi-settings"]["data"]
    assert settings.keys() & secret == set()
    examples = "".join(path.read_text("utf-8") for path in (FOLDER / "secrets.example").iterdir())
    assert all(line.startswith("#") for line in examples.splitlines() if line)
    path = "deploy/kubernetes/overlays/mine/secrets/gateway.env"
    assert subprocess.run(["git", "check-ignore", "-q", "--no-index", path], cwd=ROOT, check=False).returncode == 0
