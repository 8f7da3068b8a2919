"""What can be known of the containers without an engine to run them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from gateway.server.room import EACH, RESERVE
from gateway.settings import GatewaySettings
from kimi.settings import CommonSettings
from refresher.settings import RefresherSettings
from refresher.stopping import GRACE_SECONDS

ROOT = Path(__file__).resolve().parents[2]
DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
# In a container the file lies in the working directory, under its usual name.
NOT_OFFERED = {"KIMI_ACCOUNTS_FILE"}


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    compose: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    found: dict[str, dict[str, Any]] = compose["services"]
    return found


def variables(settings: type[CommonSettings]) -> set[str]:
    return {name.upper() for name in settings.model_fields}


@pytest.mark.parametrize(("name", "settings"), [("gateway", GatewaySettings), ("refresher", RefresherSettings)])
def test_every_setting_can_be_set_and_nothing_else(
    services: dict[str, dict[str, Any]], name: str, settings: type[CommonSettings]
) -> None:
    assert set(services[name]["environment"]) == variables(settings) - NOT_OFFERED


@pytest.mark.parametrize("name", ["gateway", "refresher"])
def test_settings_come_from_the_variable_of_their_own_name(services: dict[str, dict[str, Any]], name: str) -> None:
    own = {"REDIS_URL": "redis://redis:6379/0"}
    fixed = {variable for variable, value in services[name]["environment"].items() if "$" not in value}
    assert fixed == ({"GATEWAY_HOST", "GATEWAY_PORT"} if name == "gateway" else {"REFRESHER_METRICS_PORT"})
    for variable, value in services[name]["environment"].items():
        assert variable in fixed or value == f"${{{variable}:-{own.get(variable, '')}}}"


@pytest.mark.parametrize(
    ("name", "settings"), [("demo-gateway", GatewaySettings), ("demo-refresher", RefresherSettings)]
)
def test_the_demo_sets_what_exists(
    services: dict[str, dict[str, Any]], name: str, settings: type[CommonSettings]
) -> None:
    assert set(services[name]["environment"]) <= variables(settings)


def test_the_demo_speaks_to_nobody_but_the_simulator_and_stays_out_of_the_other_accounts(
    services: dict[str, dict[str, Any]],
) -> None:
    for name in ("demo-gateway", "demo-refresher"):
        environment = services[name]["environment"]
        hosts = [environment[key] for key in ("KIMI_WEB_URL", "KIMI_AUTH_URL", "KIMI_CLASSIC_URL", "MOONSHOT_URL")]
        assert all(host.startswith("http://simulator:8787") for host in hosts)
        assert environment["REDIS_URL"] != services["gateway"]["environment"]["REDIS_URL"]


def test_nobody_is_warned_of_secrets_of_the_demo_whose_key_seals_no_others(
    services: dict[str, dict[str, Any]],
) -> None:
    for name in ("demo-gateway", "demo-refresher"):
        said = {variable.lower(): value for variable, value in services[name]["environment"].items()}
        assert not CommonSettings.model_validate(said).leaves_secrets_plain
        with pytest.raises(ValidationError, match="begins with the key of the demo"):
            CommonSettings.model_validate({**said, "kimi_web_url": "https://www.kimi.com"})


def test_what_is_published_is_so_only_to_this_machine(
    services: dict[str, dict[str, Any]],
) -> None:
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert published == {
        "gateway": ["${GATEWAY_HOST:-127.0.0.1}:${GATEWAY_PORT:-6867}:6867"],
        "demo-gateway": ["127.0.0.1:6868:6867"],
        "one-api": ["127.0.0.1:3000:3000"],
        "prometheus": ["127.0.0.1:9090:9090"],
        "grafana": ["127.0.0.1:3001:3000"],
    }


def test_redis_keeps_what_it_knows_and_is_reached_by_our_programs_only(services: dict[str, dict[str, Any]]) -> None:
    redis = services["redis"]
    assert redis["command"][1:3] == ["--appendonly", "yes"]
    assert redis["volumes"] == ["redis:/data"]
    neighbours = {name for name, service in services.items() if "store" in service.get("networks", [])}
    assert neighbours == {"redis", "gateway", "refresher", "demo-gateway", "demo-refresher"}
    assert redis["networks"] == ["store"]


def test_files_on_their_way_are_kept_on_disk(services: dict[str, dict[str, Any]]) -> None:
    folder = re.findall(r"TMPDIR=(\S+)", (ROOT / "Dockerfile").read_text())[0]
    for name in ("gateway", "demo-gateway"):
        assert services[name]["volumes"] == [f"spool:{folder}"]
        assert folder not in [mount.partition(":")[0] for mount in services[name]["tmpfs"]]


def test_profiles_add_to_what_runs_by_default(services: dict[str, dict[str, Any]]) -> None:
    profiles = {name: service.get("profiles", []) for name, service in services.items()}
    assert [name for name, needed in profiles.items() if not needed] == ["redis", "refresher", "gateway"]
    assert [name for name, needed in profiles.items() if needed == ["demo"]] == [
        "simulator",
        "demo-refresher",
        "demo-gateway",
    ]
    assert profiles["one-api"] == ["one-api"]
    assert [name for name, needed in profiles.items() if needed == ["monitoring"]] == ["prometheus", "grafana"]


def test_prometheus_and_grafana_read_files_that_are_there(services: dict[str, dict[str, Any]]) -> None:
    mounts = [mount for name in ("prometheus", "grafana") for mount in services[name]["volumes"]]
    ours = [mount.split(":") for mount in mounts if mount.startswith("./")]
    assert all((ROOT / source).exists() and mode == "ro" for source, _, mode in ours)
    provider = yaml.safe_load((ROOT / "monitoring/grafana/provisioning/dashboards/kimi-gateway.yml").read_text())
    assert provider["providers"][0]["options"]["path"] in {target for _, target, _ in ours}
    scraped = yaml.safe_load((ROOT / "monitoring/prometheus.yml").read_text())["scrape_configs"]
    ports = {job["dns_sd_configs"][0]["names"][0]: job["dns_sd_configs"][0]["port"] for job in scraped}
    environments = services["gateway"]["environment"], services["refresher"]["environment"]
    assert ports == {
        "gateway": int(environments[0]["GATEWAY_PORT"]),
        "refresher": int(environments[1]["REFRESHER_METRICS_PORT"]),
    }


def test_grafana_does_not_start_with_a_password_that_everybody_knows(services: dict[str, dict[str, Any]]) -> None:
    grafana = services["grafana"]
    assert grafana["environment"]["GF_SECURITY_ADMIN_PASSWORD"] == "${GRAFANA_PASSWORD:-}"
    shell, option, script = grafana["entrypoint"]
    said = subprocess.run(
        [shell, option, script.replace("$$", "$")], env={}, capture_output=True, text=True, check=False
    )
    assert (said.returncode, said.stderr) == (2, "set GRAFANA_PASSWORD in .env\n")


def test_everything_that_runs_alone_for_long_is_watched(services: dict[str, dict[str, Any]]) -> None:
    # The gateways have the image's own check; one-api, Prometheus and Grafana are not ours.
    watched = {name for name, service in services.items() if "healthcheck" in service}
    assert watched == {"redis", "refresher", "demo-refresher", "simulator"}
    assert "HEALTHCHECK" in (ROOT / "Dockerfile").read_text()


def test_foreign_images_are_pinned(services: dict[str, dict[str, Any]]) -> None:
    foreign = [service["image"] for service in services.values() if service["image"] != "kimi-gateway"]
    assert foreign
    assert all(DIGEST.search(image) for image in foreign)


NAMES = list(yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"])


@pytest.mark.parametrize("name", NAMES)
def test_every_container_has_the_least_that_it_can_run_with(services: dict[str, dict[str, Any]], name: str) -> None:
    service = services[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true", "seccomp=${SECCOMP:-builtin}"]
    (mount,) = service["tmpfs"]
    assert {"noexec", "nosuid", "nodev", "size=64m"} <= set(mount.partition(":")[2].split(","))
    assert service["ulimits"]["core"] == 0
    assert service["logging"]["options"] == {"max-size": "10m", "max-file": "5"}
    assert service["pids_limit"] > 0


@pytest.mark.parametrize("name", NAMES)
def test_no_container_is_given_anything_of_the_machine_but_folders_of_this_repository(
    services: dict[str, dict[str, Any]], name: str
) -> None:
    service = services[name]
    given = {"privileged", "cap_add", "devices", "device_cgroup_rules", "network_mode", "pid", "ipc", "userns_mode"}
    assert not given & set(service)
    mounts = [mount.split(":") for mount in service.get("volumes", [])]
    assert all(source.isidentifier() or source == "one-api" or mode == ["ro"] for source, _, *mode in mounts)
    assert all(not source.startswith(("/", "~", "..", "$")) for source, *_ in mounts)


def test_a_worker_has_descriptors_for_all_its_connections(services: dict[str, dict[str, Any]]) -> None:
    most = GatewaySettings.model_fields["gateway_max_connections"].default
    assert services["gateway"]["ulimits"]["nofile"]["soft"] > EACH * most + RESERVE


def test_the_gateway_may_drain_longer_than_it_does_by_default(services: dict[str, dict[str, Any]]) -> None:
    grace = float(services["gateway"]["stop_grace_period"].removesuffix("s"))
    assert grace > GatewaySettings.model_fields["gateway_drain_seconds"].default + 10


def test_the_refresher_may_end_the_exchanges_that_are_under_way(services: dict[str, dict[str, Any]]) -> None:
    for name in ("refresher", "demo-refresher"):
        assert float(services[name]["stop_grace_period"].removesuffix("s")) >= GRACE_SECONDS


def test_commands_are_lists_so_that_signals_reach_the_program(services: dict[str, dict[str, Any]]) -> None:
    ours = [service for service in services.values() if service["image"] == "kimi-gateway"]
    assert all(isinstance(service.get("command", []), list) for service in ours)
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert re.findall(r"^\s*(?:CMD|ENTRYPOINT) (.)", dockerfile, re.MULTILINE) == ["[", "["]


def test_the_image_is_built_on_a_pinned_base_for_another_user_than_root() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    bases = re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)
    assert DIGEST.search(bases[0])
    assert set(bases[1:]) == {"base", "build", "scratch"}
    assert re.findall(r"^USER (\d+):\d+$", dockerfile, re.MULTILINE) == ["10001"]
    installs = re.findall(r"pip \S+ \S+ install (.*?)(?:&&|$)", dockerfile.replace("\\\n", ""), re.MULTILINE)
    assert len(installs) == 2
    assert all("--require-hashes --only-binary :all: -r" in install for install in installs)


def test_nothing_in_the_image_tells_when_or_by_whom_it_was_built() -> None:
    build = (ROOT / "Dockerfile").read_text().partition("AS build")[2].partition("\nFROM")[0]
    assert "--no-compile" in build
    compiled, opened = (build.index(word) for word in ("compileall -q --invalidation-mode unchecked-hash", "chmod -R"))
    assert build.rindex("COPY") < compiled < opened


def test_the_builder_sees_only_what_the_image_holds() -> None:
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert lines[0] == "*"
    let_in = {line.removeprefix("!") for line in lines if line.startswith("!")}
    dockerfile = (ROOT / "Dockerfile").read_text()
    copied = set(re.findall(r"^COPY (?!--from)(\S+)", dockerfile, re.MULTILINE))
    assert copied == {"${REQUIREMENTS}", "requirements-audit.txt", "gateway", "kimi", "refresher", "simulator"}
    assert "\nARG REQUIREMENTS=requirements.txt\n" in dockerfile
    assert let_in == copied - {"${REQUIREMENTS}"} | {"requirements.txt", "requirements-otel.txt"}


def test_the_dockerfile_passes_its_linter() -> None:
    linter = Path(sys.executable).with_name("hadolint")
    finished = subprocess.run([linter, "Dockerfile"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert finished.stdout + finished.stderr == ""
    assert finished.returncode == 0
