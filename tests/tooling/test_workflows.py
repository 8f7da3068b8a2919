"""What runs at the forge: with the least rights, with nothing that somebody else could exchange."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
A_WEEK = 7


def read(path: Path) -> dict[Any, Any]:
    found: dict[Any, Any] = yaml.safe_load(path.read_text())
    return found


def steps(path: Path) -> list[dict[str, Any]]:
    return [step for job in read(path)["jobs"].values() for step in job["steps"]]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_every_action_is_pinned_to_the_commit_of_a_release(path: Path) -> None:
    used = re.findall(r"uses: (.*)$", path.read_text(), re.MULTILINE)
    assert used
    assert all(re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line) for line in used)


def test_whoever_compares_images_builds_them_with_what_the_workflow_runs_and_that_is_pinned() -> None:
    pages = [*WORKFLOWS, *ROOT.glob("SECURITY*.md")]
    texts = [page.read_text().replace("\\\n", " ") for page in pages]
    builders = [words for text in texts for words in re.findall(r"docker buildx create (.*)", text)]
    assert len(builders) == 3
    (option,) = {words.split()[-1] for words in builders}
    assert re.fullmatch(r"image=moby/buildkit:v\d+\.\d+\.\d+@sha256:[0-9a-f]{64}", option)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_nobody_may_do_more_than_read(path: Path) -> None:
    workflow = read(path)
    assert workflow["permissions"] == {"contents": "read"}
    assert all("permissions" not in job for job in workflow["jobs"].values())
    checkouts = [step for step in steps(path) if step.get("uses", "").startswith("actions/checkout@")]
    assert checkouts
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_no_stranger_says_what_is_run(path: Path) -> None:
    # YAML 1.1 reads the key `on` as true.
    assert not {"pull_request_target", "workflow_run", "issue_comment"} & set(read(path)[True])
    runs = [step.get("run", "") for step in steps(path)]
    assert not any("${{" in run or re.search(r"\b(?:pip|uv|npm|npx|apt-get)\b", run) for run in runs)


def test_advisories_are_asked_every_week() -> None:
    (audit,) = (path for path in WORKFLOWS if "./dev audit" in path.read_text())
    assert [when["cron"].split()[2:4] for when in read(audit)[True]["schedule"]] == [["*", "*"]]
    assert re.fullmatch(r"\d", read(audit)[True]["schedule"][0]["cron"].split()[4])


def test_whatever_is_pinned_is_renewed_and_nothing_in_its_first_week() -> None:
    updates = read(ROOT / ".github" / "dependabot.yml")["updates"]
    assert {update["package-ecosystem"] for update in updates} == {"pip", "github-actions", "docker", "docker-compose"}
    assert all(update["cooldown"]["default-days"] >= A_WEEK for update in updates)
    assert all(update["schedule"] == {"interval": "weekly"} for update in updates)
