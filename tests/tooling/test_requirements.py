from __future__ import annotations

import re
import tomllib
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement

from devtools.lock import AUDIT, DEVELOPMENT, EMBEDDED, PYTHONS, RUNTIME, SOURCES, TRACING

ROOT = Path(__file__).resolve().parents[2]
MACHINES = [("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "x86_64"), ("darwin", "arm64")]
PLACES = [
    {
        "sys_platform": system,
        "platform_machine": machine,
        "python_version": python,
        "python_full_version": f"{python}.5",
        "platform_python_implementation": "CPython",
        "implementation_name": "cpython",
    }
    for (system, machine), python in product(MACHINES, PYTHONS)
]


def locked(name: str) -> list[Requirement]:
    lines = re.findall(r"^([a-z0-9].*?) \\$", (ROOT / name).read_text(), re.MULTILINE)
    return [Requirement(line) for line in lines]


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def applies(marker: Marker | None, place: dict[str, str]) -> bool:
    return marker is None or marker.evaluate(dict(place))


def pins(name: str, place: dict[str, str]) -> dict[str, str]:
    """The versions that a file asks for in one place, by project."""
    found = [requirement for requirement in locked(name) if applies(requirement.marker, place)]
    return {normal(requirement.name): str(requirement.specifier).removeprefix("==") for requirement in found}


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.mark.parametrize("place", PLACES, ids=lambda place: "-".join(list(place.values())[:3]))
def test_what_the_project_asks_for_is_locked_in_a_version_it_accepts(
    project: dict[str, Any], place: dict[str, str]
) -> None:
    groups, traced = project["dependency-groups"], project["project"]["optional-dependencies"]["otel"]
    development = [*project["project"]["dependencies"], *traced, *groups["embedded"]]
    development += [line for line in groups["dev"] if isinstance(line, str)]
    for name, lines in {
        RUNTIME: project["project"]["dependencies"],
        TRACING: [*project["project"]["dependencies"], *traced],
        EMBEDDED: groups["embedded"],
        DEVELOPMENT: development,
        AUDIT: groups["audit"],
    }.items():
        versions = pins(name, place)
        for requirement in map(Requirement, lines):
            if applies(requirement.marker, place):
                assert requirement.specifier.contains(versions[normal(requirement.name)]), f"{name}: run ./dev lock"


@pytest.mark.parametrize("place", PLACES, ids=lambda place: "-".join(list(place.values())[:3]))
def test_the_files_agree_so_that_one_environment_serves_all(place: dict[str, str]) -> None:
    development = pins(DEVELOPMENT, place)
    for name in (RUNTIME, TRACING, EMBEDDED):
        assert pins(name, place).items() <= development.items()
    audit = pins(AUDIT, place)
    assert {name: audit[name] for name in audit.keys() & development} == {
        name: development[name] for name in audit.keys() & development
    }


@pytest.mark.parametrize("name", SOURCES)
def test_every_version_is_exact_and_hashed(name: str) -> None:
    text = (ROOT / name).read_text()
    requirements = locked(name)
    assert all(re.fullmatch(r"==[^*,]+", str(requirement.specifier)) for requirement in requirements)
    assert len(re.findall(r"\\\n    --hash=sha256:", text)) >= len(requirements)


@pytest.mark.parametrize("name", SOURCES)
def test_no_host_or_folder_of_whoever_compiled_it_is_in_the_file(name: str) -> None:
    text = (ROOT / name).read_text()
    assert re.findall(r"(?:https?|file)://\S+|--(?:index|extra-index|find-links)\S*| /\S+", text) == []
