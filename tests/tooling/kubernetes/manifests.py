"""deploy/kubernetes as kustomize renders it, and what the schemas of Kubernetes say of it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from base64 import b64decode
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import jsonschema_rs
import kubernetes_validate
import pytest
import yaml

from tests.programs import program
from tests.tooling.kubernetes.foreign_kinds import FOREIGN

Object = dict[str, Any]

ROOT: Final = Path(__file__).resolve().parents[3]
FOLDER: Final = ROOT / "deploy" / "kubernetes"
BASE: Final = "base"
OVERLAYS: Final = ("trial", "production", "ingress-nginx")
"""Those that are there, and one that takes the other way in."""
RELEASES: Final = ("1.30", "1.37")
"""The oldest one that has all that is used here, and the newest one that the schemas are there of."""
SECRETS: Final = {
    "REDIS_URL": "rediss://kimi:password@redis.example.com:6379/0",
    "TOKEN_ENCRYPTION_KEYS": "bm90IGEga2V5IG9mIGFueWJvZHksIGJ1dCBsb25nLi4=",
    "ALERT_URLS": "",
    "ALERT_WEBHOOK_URL": "",
    "ALERT_WEBHOOK_SECRET": "",
    "GATEWAY_API_KEYS": "sk-9f8a7c6b5d4e3f2a1b0c9d8e7f6a5b4c",
    "GATEWAY_ADMIN_KEY": "0a1b2c3d4e5f60718293a4b5c6d7e8f9",
}
"""What an operator puts into the copied examples; each name has to stand in one of them."""
_COMPONENTS_SINCE: Final = 21  # kubectl 1.21


def filled_in(folder: Path) -> Path:
    """A copy of deploy/kubernetes inside `folder`, as somebody has it who followed the guide."""
    copy = folder / "kubernetes"
    shutil.copytree(FOLDER, copy, ignore=shutil.ignore_patterns("secrets"))
    other = copy / "overlays" / "ingress-nginx"
    shutil.copytree(copy / "overlays" / "production", other)
    text = (other / "kustomization.yaml").read_text("utf-8")
    (other / "kustomization.yaml").write_text(
        text.replace("- ../../components/gateway-api", "- ../../components/ingress-nginx")
    )
    for overlay in OVERLAYS:
        for example in (copy / "secrets.example").iterdir():
            lines = re.sub(r"^#([A-Z_]+)=.*$", _filled, example.read_text("utf-8"), flags=re.MULTILINE)
            secrets = copy / "overlays" / overlay / "secrets"
            secrets.mkdir(exist_ok=True)
            (secrets / example.name).write_text(lines, "utf-8")
    return copy


def _filled(line: re.Match[str]) -> str:
    return f"{line[1]}={SECRETS[line[1]]}"


def rendered(folder: Path, name: str) -> list[Object]:
    """The objects that `name`, the base or an overlay, comes to in the copy `folder`.

    Where there is neither kubectl nor kustomize, or one that is too old for it as in Debian 12, the test that asks is
    skipped; in a run that is to be complete only the age is an excuse.
    """
    tool = program("kubernetes-client", "kustomize", "kubectl")
    command = [tool, "build"] if Path(tool).name == "kustomize" else [tool, "kustomize"]
    if name != BASE and command[1] == "kustomize" and _minor(tool) < _COMPONENTS_SINCE:
        pytest.skip(f"{tool} knows no components: it is older than 1.{_COMPONENTS_SINCE}")
    target = folder / name if name == BASE else folder / "overlays" / name
    done = subprocess.run([*command, target], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return read(done.stdout)


@cache
def _minor(kubectl: str) -> int:
    """The second part of a kubectl's release."""
    asked = [kubectl, "version", "--client", "--output=json"]
    said = json.loads(subprocess.run(asked, capture_output=True, check=True, timeout=60).stdout)
    return int(re.sub(r"\D", "", said["clientVersion"]["minor"]))


def read(text: str) -> list[Object]:
    """The objects of a file."""
    return [found for found in yaml.safe_load_all(text) if found]


def complaints(found: Object, release: str) -> list[str]:
    """What the schemas of that release have against an object; a field that they do not know is one.

    The kinds that are not Kubernetes' own are held against `FOREIGN`.
    """
    if schema := FOREIGN.get(found.get("kind", "")):
        checker = jsonschema_rs.Draft202012Validator(schema)
        return [f"{list(error.instance_path)}: {error.message}" for error in checker.iter_errors(found)]
    try:
        kubernetes_validate.validate(found, release, strict=True)
    except kubernetes_validate.ValidationError as error:
        return [f"{list(error.path)}: {error.message}"]
    except kubernetes_validate.SchemaNotFoundError as error:
        return [error.message]
    return []


def of(objects: Iterable[Object], kind: str) -> dict[str, Object]:
    """Those of a kind by name, which of what is generated is that without its digest."""
    found = [each for each in objects if each["kind"] == kind]
    return {re.sub(r"-[a-z0-9]{10}$", "", each["metadata"]["name"]): each for each in found}


def pods(objects: Iterable[Object]) -> dict[str, Object]:
    """What pods are made from, by the name of what makes them."""
    makers = [each for each in objects if each["kind"] in ("Deployment", "StatefulSet")]
    return {each["metadata"]["name"]: each["spec"]["template"] for each in makers}


def container(pod: Object) -> Object:
    """Its only one."""
    (only,) = pod["spec"]["containers"]
    found: Object = only
    return found


def selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a selector of labels takes what has `labels`; an empty one takes all."""
    assert set(selector) <= {"matchLabels", "matchExpressions"}
    expressions = selector.get("matchExpressions", ())
    assert all(each["operator"] == "In" for each in expressions)
    return selector.get("matchLabels", {}).items() <= labels.items() and all(
        labels.get(each["key"]) in each["values"] for each in expressions
    )


def environment(objects: Iterable[Object], name: str) -> dict[str, str]:
    """The variables of a process: later sources win, as Kubernetes has it, and what stands in the pod itself."""
    objects = list(objects)
    sources = [*of(objects, "ConfigMap").values(), *of(objects, "Secret").values()]
    held = {each["metadata"]["name"]: each for each in sources}
    process, found = container(pods(objects)[name]), dict[str, str]()
    for source in process["envFrom"]:
        ((kind, reference),) = source.items()
        data = held[reference["name"]].get("data", {})
        found |= data if kind == "configMapRef" else {key: b64decode(text).decode() for key, text in data.items()}
    return found | {each["name"]: each["value"] for each in process["env"]}
