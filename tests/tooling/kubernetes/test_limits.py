"""How long pods may take, how much they may have, and how many of them there are at a time."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from gateway.file_room import ROOM_BYTES
from gateway.settings import BODIES, GatewaySettings
from tests.programs import program
from tests.tooling.kubernetes.conftest import Render
from tests.tooling.kubernetes.manifests import BASE, FOLDER, Object, container, environment, of, pods

OURS: Final = ("kimi-gateway", "kimi-refresher")
UNITS: Final = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
HUNG_SECONDS: Final = 60
"""A loop that stands still for so long is taken for dead by gunicorn (`timeout`), and by the refresher itself."""


def in_bytes(quantity: str) -> int:
    return int(quantity[:-2]) * UNITS[quantity[-2:]]


def patience(pod: Object, probe: str) -> int:
    """After how many seconds a probe that is never answered has its consequence."""
    found = container(pod)[probe]
    assert found["timeoutSeconds"] <= found["periodSeconds"]
    seconds: int = found["periodSeconds"] * found["failureThreshold"]
    return seconds


@pytest.mark.parametrize("name", OURS)
def test_nobody_is_killed_before_it_could_have_started_or_for_a_pause(objects: list[Object], name: str) -> None:
    """A refresher waits for those with other keys before it listens; a gateway begins on a node that is busy."""
    pod = pods(objects)[name]
    assert patience(pod, "startupProbe") >= 2 * HUNG_SECONDS
    assert patience(pod, "livenessProbe") >= HUNG_SECONDS
    assert 5 <= patience(pod, "readinessProbe") < HUNG_SECONDS


def test_one_refresher_is_at_work_whatever_happens_to_the_other(objects: list[Object]) -> None:
    assert of(objects, "Deployment")["kimi-refresher"]["spec"]["replicas"] >= 2


@pytest.mark.parametrize(("name", "seconds"), [("kimi-gateway", 5), ("kimi-refresher", 10)])
def test_the_next_one_goes_only_when_the_new_one_has_shown_that_it_works(
    objects: list[Object], name: str, seconds: int
) -> None:
    assert of(objects, "Deployment")[name]["spec"]["minReadySeconds"] >= seconds


def test_what_serves_nobody_keeps_no_node(objects: list[Object]) -> None:
    for budget in of(objects, "PodDisruptionBudget").values():
        assert budget["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


@pytest.mark.parametrize("name", OURS)
def test_a_cluster_of_one_node_or_one_zone_will_do(objects: list[Object], name: str) -> None:
    for spread in pods(objects)[name]["spec"]["topologySpreadConstraints"]:
        assert (spread["whenUnsatisfiable"], spread["maxSkew"]) == ("ScheduleAnyway", 1)


def test_gateways_become_fewer_one_by_one_and_more_at_once(objects: list[Object]) -> None:
    behavior = of(objects, "HorizontalPodAutoscaler")["kimi-gateway"]["spec"]["behavior"]
    (down,) = behavior["scaleDown"]["policies"]
    assert (down["type"], down["value"]) == ("Pods", 1) and down["periodSeconds"] >= 300
    assert behavior["scaleUp"]["stabilizationWindowSeconds"] == 0
    assert max(each["value"] for each in behavior["scaleUp"]["policies"] if each["type"] == "Percent") >= 100


def test_a_gateway_has_room_for_all_that_its_workers_may_hold(objects: list[Object]) -> None:
    pod = pods(objects)["kimi-gateway"]
    workers = int({each["name"]: each["value"] for each in container(pod)["env"]}["GATEWAY_WORKERS"])
    streams = GatewaySettings.model_fields["gateway_max_connections"].default
    limits = container(pod)["resources"]["limits"]
    assert in_bytes(limits["memory"]) >= workers * (80_000_000 + 25_000 * streams + BODIES)
    (spool,) = [volume for volume in pod["spec"]["volumes"] if volume["name"] == "spool"]
    assert in_bytes(spool["emptyDir"]["sizeLimit"]) >= workers * ROOM_BYTES
    assert in_bytes(limits["ephemeral-storage"]) > in_bytes(spool["emptyDir"]["sizeLimit"])


@pytest.mark.parametrize("overlay", ["production", "ingress-nginx"])
def test_one_proxy_is_believed_where_one_stands_before_the_gateways(render: Render, overlay: str) -> None:
    assert environment(render(overlay), "kimi-gateway")["GATEWAY_TRUSTED_PROXIES"] == "1"
    assert "GATEWAY_TRUSTED_PROXIES" not in environment(render("trial"), "kimi-gateway")


def test_no_answer_is_cut_by_the_way_in(render: Render) -> None:
    (route,) = of(render("production"), "HTTPRoute").values()
    assert [rule["timeouts"] for rule in route["spec"]["rules"]] == [{"request": "0s", "backendRequest": "0s"}]


@pytest.mark.parametrize("overlay", ["trial", "production"])
def test_no_pod_of_the_namespace_may_do_more_than_ours(render: Render, overlay: str) -> None:
    (namespace,) = of(render(overlay), "Namespace").values()
    modes = ("enforce", "audit", "warn")
    assert {namespace["metadata"]["labels"][f"pod-security.kubernetes.io/{mode}"] for mode in modes} == {"restricted"}


def test_valkey_keeps_its_data_and_is_left_alone_while_it_reads_them(render: Render) -> None:
    store = of(render("trial"), "StatefulSet")["kimi-redis"]["spec"]
    assert store["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Retain", "whenScaled": "Retain"}
    assert [claim["metadata"]["name"] for claim in store["volumeClaimTemplates"]] == ["data"]
    mounts = {mount["mountPath"]: mount["name"] for mount in container(store["template"])["volumeMounts"]}
    assert mounts["/data"] == "data"
    assert store["template"]["spec"]["terminationGracePeriodSeconds"] >= 60
    assert container(store["template"])["livenessProbe"].keys() & {"exec", "tcpSocket"} == {"tcpSocket"}
    assert patience(store["template"], "livenessProbe") >= HUNG_SECONDS


def test_valkey_refuses_writes_before_it_is_killed_for_its_memory(render: Render) -> None:
    """Gateways survive a Redis that takes no writes. While it writes its file anew there is a copy of what changes."""
    found = container(pods(render("trial"))["kimi-redis"])
    most = found["args"][found["args"].index("--maxmemory") + 1]
    assert most.endswith("mb") and int(most[:-2]) * 2**20 * 3 / 2 < in_bytes(found["resources"]["limits"]["memory"])


def test_the_autoscaler_is_told_the_answers_of_each_pod(tmp_path: Path, render: Render) -> None:
    """prometheus-adapter's query, as it fills it in, over two pods here and one elsewhere."""
    (rule,) = yaml.safe_load((FOLDER / "components/monitoring/prometheus-adapter-values.yaml").read_text())["rules"][
        "custom"
    ]
    pod, _ = of(render(BASE), "HorizontalPodAutoscaler")["kimi-gateway"]["spec"]["metrics"]
    query = rule["metricsQuery"]
    for name, value in {
        "Series": pod["pods"]["metric"]["name"],
        "LabelMatchers": 'namespace="kimi",pod=~"a|b"',
        "GroupBy": "pod",
    }.items():
        query = query.replace(f"<<.{name}>>", value)
    told = (("kimi", "a", 3), ("kimi", "b", 5), ("other", "a", 70))
    case: dict[str, Any] = {
        "interval": "1m",
        "input_series": [
            {
                "series": f'kimi_gateway_in_flight{{namespace="{space}",pod="{name}",instance="x"}}',
                "values": f"{count}x5",
            }
            for space, name, count in told
        ],
        "promql_expr_test": [
            {
                "expr": query,
                "eval_time": "3m",
                "exp_samples": [{"labels": '{pod="a"}', "value": 3}, {"labels": '{pod="b"}', "value": 5}],
            }
        ],
    }
    (tmp_path / "adapter.yml").write_text(yaml.safe_dump({"tests": [case]}), "utf-8")
    command = [program("prometheus", "promtool"), "test", "rules", str(tmp_path / "adapter.yml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
