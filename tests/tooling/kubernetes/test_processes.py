"""What pods are told is what the image holds and what the programs do."""

from __future__ import annotations

import re
import shlex
from typing import Any, Final

import pytest
import yaml
from prometheus_client import CollectorRegistry
from werkzeug.test import Client

from gateway.paths import WATCHED
from gateway.server.worker import MARGIN_SECONDS
from gateway.settings import GatewaySettings
from kimi.settings import DEFAULT_ACCOUNTS_FILE
from refresher.metrics import STALLED_SECONDS
from refresher.status import application
from refresher.stopping import GRACE_SECONDS
from tests.tooling.kubernetes.conftest import Render
from tests.tooling.kubernetes.manifests import ROOT, Object, container, pods

DOCKERFILE: Final = (ROOT / "Dockerfile").read_text("utf-8").rpartition("\nFROM ")[2].replace("\\\n", "")
COMPOSE: Final[dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"]
PROBES: Final = ("startupProbe", "readinessProbe", "livenessProbe")
OURS: Final = ("kimi-gateway", "kimi-refresher")


def image_environment() -> dict[str, str]:
    (line,) = re.findall(r"^ENV (.*)$", DOCKERFILE, re.MULTILINE)
    return dict(word.split("=", 1) for word in shlex.split(line))


@pytest.fixture
def gateway(objects: list[Object]) -> Object:
    return pods(objects)["kimi-gateway"]


@pytest.fixture
def refresher(objects: list[Object]) -> Object:
    return pods(objects)["kimi-refresher"]


def variables(pod: Object) -> dict[str, str]:
    return {each["name"]: each["value"] for each in container(pod)["env"]}


def port(pod: Object, name: str) -> int:
    (found,) = [each["containerPort"] for each in container(pod)["ports"] if each["name"] == name]
    number: int = found
    return number


def test_the_commands_are_those_of_the_image_and_of_the_composition(gateway: Object, refresher: Object) -> None:
    assert "ENTRYPOINT" not in DOCKERFILE
    assert "command" not in COMPOSE["gateway"] and not {"command", "args"} & container(gateway).keys()
    assert container(refresher)["args"] == COMPOSE["refresher"]["command"] and "command" not in container(refresher)


@pytest.mark.parametrize("name", OURS)
def test_the_user_is_the_image_s(objects: list[Object], name: str) -> None:
    ((user, group),) = re.findall(r"^USER (\d+):(\d+)$", DOCKERFILE, re.MULTILINE)
    context = pods(objects)[name]["spec"]["securityContext"]
    assert (context["runAsUser"], context["runAsGroup"], context["fsGroup"]) == (int(user), int(group), int(group))


@pytest.mark.parametrize("name", OURS)
def test_where_they_write_there_is_a_volume_and_nowhere_else(objects: list[Object], name: str) -> None:
    pod = pods(objects)[name]
    written = {image_environment()["TMPDIR"], image_environment()["HOME"]}
    volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
    mounts = {mount["mountPath"]: mount for mount in container(pod)["volumeMounts"]}
    assert {path for path, mount in mounts.items() if "emptyDir" in volumes[mount["name"]]} == written
    assert all(mounts[path].get("readOnly") for path in mounts.keys() - written)
    assert all(volumes[mounts[path]["name"]]["emptyDir"]["sizeLimit"] for path in written)
    # Files on their way lie on the node's disk.
    assert "medium" not in volumes[mounts[image_environment()["TMPDIR"]]["name"]]["emptyDir"]


@pytest.mark.parametrize("name", OURS)
def test_the_autoscaler_of_the_cluster_may_give_back_nodes_with_their_volumes(objects: list[Object], name: str) -> None:
    pod = pods(objects)[name]
    local = [volume["name"] for volume in pod["spec"]["volumes"] if "emptyDir" in volume]
    told = pod["metadata"]["annotations"]["cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes"]
    assert sorted(told.split(",")) == sorted(local)


def test_the_accounts_file_is_where_the_refresher_looks_and_follows_its_secret(refresher: Object) -> None:
    (mount,) = [each for each in container(refresher)["volumeMounts"] if each["name"] == "accounts"]
    assert mount["mountPath"] == container(refresher)["workingDir"] == COMPOSE["refresher"]["working_dir"]
    assert str(DEFAULT_ACCOUNTS_FILE) == "accounts.yaml" and "KIMI_ACCOUNTS_FILE" not in variables(refresher)
    assert "subPath" not in mount
    (volume,) = [each for each in refresher["spec"]["volumes"] if each["name"] == "accounts"]
    name = str(DEFAULT_ACCOUNTS_FILE)
    # Not optional: a Secret that is away must not be taken for a file without accounts.
    assert volume["secret"] == {
        "secretName": "kimi-accounts",
        "items": [{"key": name, "path": name}],
        "defaultMode": 0o440,
    }


def test_the_ports_are_those_at_which_they_listen(gateway: Object, refresher: Object) -> None:
    assert port(gateway, "http") == int(image_environment()["GATEWAY_PORT"])
    assert "GATEWAY_PORT" not in variables(gateway) and image_environment()["GATEWAY_HOST"] == "0.0.0.0"  # noqa: S104
    assert port(gateway, "metrics") == int(variables(gateway)["GATEWAY_METRICS_PORT"])
    assert port(refresher, "metrics") == int(variables(refresher)["REFRESHER_METRICS_PORT"])


def test_probes_ask_pages_that_there_are(gateway: Object, refresher: Object) -> None:
    asked = {probe: container(gateway)[probe]["httpGet"] for probe in PROBES}
    assert {probe: get["path"] for probe, get in asked.items()} == {
        "startupProbe": "/healthz",
        "readinessProbe": "/readyz",
        "livenessProbe": "/healthz",
    }
    assert {get["path"] for get in asked.values()} <= WATCHED
    assert {get["port"] for get in asked.values()} == {"metrics"}  # where a full gateway answers as well
    pages = Client(application(CollectorRegistry(), lambda: True))
    for probe in PROBES:
        get = container(refresher)[probe]["httpGet"]
        assert get["port"] == "metrics" and pages.get(get["path"]).status_code == 200


def test_no_refresher_is_killed_for_what_passes(refresher: Object) -> None:
    probe = container(refresher)["livenessProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] >= STALLED_SECONDS


def test_there_is_time_for_the_drain_and_for_an_exchange(gateway: Object, refresher: Object) -> None:
    drain = GatewaySettings.model_validate(
        {"gateway_api_keys": "x" * 32, "gateway_drain_seconds": variables(gateway)["GATEWAY_DRAIN_SECONDS"]}
    ).gateway_drain_seconds
    before = container(gateway)["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert before >= 5
    assert gateway["spec"]["terminationGracePeriodSeconds"] >= before + drain + MARGIN_SECONDS + 10
    assert refresher["spec"]["terminationGracePeriodSeconds"] >= GRACE_SECONDS


@pytest.mark.parametrize("page", ["kubernetes.md", "kubernetes.zh-CN.md"])
def test_the_guide_tells_these_times(gateway: Object, refresher: Object, page: str) -> None:
    guide = (ROOT / "docs/guides" / page).read_text("utf-8")
    told = [int(seconds) for seconds in re.findall(r"^\| .* \| (\d+) \|$", guide, re.MULTILINE)]
    assert told == [
        container(gateway)["lifecycle"]["preStop"]["sleep"]["seconds"],
        int(variables(gateway)["GATEWAY_DRAIN_SECONDS"]),
        MARGIN_SECONDS,
        gateway["spec"]["terminationGracePeriodSeconds"],
    ]
    assert re.search(rf"\b{refresher['spec']['terminationGracePeriodSeconds']} (s|秒)", guide)


def test_workers_are_as_many_as_they_have_processors(gateway: Object) -> None:
    resources = container(gateway)["resources"]
    assert variables(gateway)["GATEWAY_WORKERS"] == resources["limits"]["cpu"]
    assert resources["requests"].keys() == resources["limits"].keys() == {"cpu", "memory", "ephemeral-storage"}


@pytest.mark.parametrize("page", ["kubernetes.md", "kubernetes.zh-CN.md"])
def test_a_refresher_has_twice_the_memory_that_the_guide_says(refresher: Object, page: str) -> None:
    guide = (ROOT / "docs/guides" / page).read_text("utf-8")
    ((megabytes, kilobytes, gibibytes, accounts),) = re.findall(r"(\d+) MB\D+(\d+) KB\D+(\d+) GiB\D+([\d,]+)", guide)
    limit = int(gibibytes) * 2**30
    assert container(refresher)["resources"]["limits"]["memory"] == f"{gibibytes}Gi"
    assert limit >= 2 * (int(megabytes) * 10**6 + int(kilobytes) * 1_000 * int(accounts.replace(",", "")))
    assert re.findall(r"exec (?:-i )?deployment/(\S+)", guide) == ["kimi-gateway"] * 2


def test_every_pod_has_the_least_that_it_can_run_with(objects: list[Object]) -> None:
    for pod in pods(objects).values():
        spec, process = pod["spec"], container(pod)
        assert spec["securityContext"]["runAsNonRoot"] and spec["securityContext"]["runAsUser"] > 0
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert process["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert spec["automountServiceAccountToken"] is False
        assert not {"hostNetwork", "hostPID", "hostIPC", "hostUsers", "initContainers"} & spec.keys()
        assert all(volume.keys() & {"emptyDir", "secret"} for volume in spec["volumes"])
        assert {"requests", "limits"} <= process["resources"].keys()


def test_no_service_of_the_namespace_is_taken_for_a_setting(objects: list[Object]) -> None:
    assert all(pod["spec"]["enableServiceLinks"] is False for pod in pods(objects).values())


def test_valkey_is_the_composition_s(render: Render) -> None:
    pod, redis = pods(render("trial"))["kimi-redis"], COMPOSE["redis"]
    context = pod["spec"]["securityContext"]
    assert container(pod)["image"] == redis["image"]
    *args, option, _ = container(pod)["args"]
    assert args == redis["command"] and option == "--maxmemory"
    assert f"{context['runAsUser']}:{context['runAsGroup']}" == redis["user"]
    assert container(pod)["readinessProbe"]["exec"]["command"][2] == redis["healthcheck"]["test"][1]
    assert "/data" in {mount["mountPath"] for mount in container(pod)["volumeMounts"]}
