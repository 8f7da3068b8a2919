"""The guides: whole in both languages, and about what there is."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import tomllib
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree as ET

import click
import pytest
import redis
import yaml

from gateway.cli import main
from gateway.harmless import is_harmless
from gateway.openapi_problems import PROBLEMS
from gateway.settings import GatewaySettings
from kimi.accounts import State
from refresher.settings import RefresherSettings
from tests.valkey import Valkey

ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = ROOT / "docs" / "guides"
ENGLISH: Final = sorted(path for path in FOLDER.glob("*.md") if not path.name.endswith(".zh-CN.md"))
GUIDES: Final = sorted(FOLDER.glob("*.md"))
SECURITY: Final = ROOT / "SECURITY.md"
OTHERS: Final = {"KIMI_GATEWAY_KEY"}
"""Variables of the examples."""
OUTSIDE: Final = (
    "echo",
    "umask",
    "mkdir",
    "chmod",
    "docker",
    "kubectl",
    "helm",
    "cp",
    "git",
    "curl",
    "tar",
    "rm",
    "redis-cli",
    "sudo",
    "ssh",
    "codex",
    "claude",
)


def chinese(guide: Path) -> Path:
    return guide.with_name(guide.name.replace(".md", ".zh-CN.md"))


def text(guide: Path) -> str:
    return guide.read_text("utf-8")


def prose(guide: Path) -> str:
    """A guide without its blocks of code."""
    return re.sub(r"```.*?```", "", text(guide), flags=re.DOTALL)


def blocks(guide: Path) -> list[tuple[str, str]]:
    """The blocks of code with their languages."""
    return re.findall(r"```([a-z]+)\n(.*?)```", text(guide), re.DOTALL)


def commands(guide: Path) -> list[str]:
    """Every line that can be pasted into a shell."""
    shells = [code.replace("\\\n", " ") for language, code in blocks(guide) if language == "sh"]
    return [line for code in shells for line in code.splitlines() if line.strip() and not line.startswith("#")]


def settings() -> set[str]:
    fields = {*GatewaySettings.model_fields, *RefresherSettings.model_fields}
    composed = set(re.findall(r"^\s+([A-Z][A-Z_]+): ", (ROOT / "docker-compose.yml").read_text("utf-8"), re.MULTILINE))
    return {name.upper() for name in fields} | composed


def anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


by_name = pytest.mark.parametrize("guide", [*GUIDES, SECURITY, chinese(SECURITY)], ids=lambda guide: guide.name)


@pytest.mark.parametrize("guide", [*ENGLISH, SECURITY], ids=lambda guide: guide.name)
def test_both_languages_say_the_same(guide: Path) -> None:
    shapes = [
        [
            re.findall(r"^(#+) ", prose(each), re.MULTILINE),
            len(re.findall(r"^\|", prose(each), re.MULTILINE)),
            len(re.findall(r"^- ", prose(each), re.MULTILINE)),
            [re.sub(r"^# .*$", "", code, flags=re.MULTILINE) for _, code in blocks(each)],
        ]
        for each in (guide, chinese(guide))
    ]
    assert shapes[0] == shapes[1]


def test_there_is_nothing_in_one_language_only() -> None:
    assert {*ENGLISH, *map(chinese, ENGLISH)} == set(GUIDES)
    for guide in ENGLISH:
        index = FOLDER / "README.md"
        assert guide == index or f"]({guide.name})" in text(index)


@by_name
def test_links_lead_somewhere(guide: Path) -> None:
    for link in re.findall(r"\]\(([^)]+)\)", prose(guide)):
        path, _, anchor = link.partition("#")
        target = (guide.parent / path).resolve() if path else guide
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", ["README.md", "README.zh-CN.md"])
def test_the_readme_leads_to_every_guide(page: str) -> None:
    ending = ".zh-CN.md" if "zh" in page else ".md"
    for guide in ENGLISH:
        assert guide.name == "README.md" or f"](docs/guides/{guide.stem}{ending})" in (ROOT / page).read_text("utf-8")


@by_name
def test_settings_exist(guide: Path) -> None:
    named = set(re.findall(r"\b(?:GATEWAY|KIMI|REFRESHER|ALERT|TOKEN|REDIS)_[A-Z_]+[A-Z]\b", text(guide)))
    assert named <= settings() | OTHERS


@by_name
def test_commands_exist(guide: Path) -> None:
    for line in commands(guide):
        words = [word for word in shlex.split(line) if not re.match(r"[A-Z_]+=", word)]
        assert not words or words[0] == "./dev" or words[0] in OUTSIDE, line
    for said in re.findall(r"(?:\./dev|gateway\.cli) ([a-z][a-z ]*[a-z])", text(guide)):
        first, *rest = said.split()
        if first in ("audit", "up", "capture", "test"):
            continue
        found: Any = main
        for word in (first, *rest):
            if not isinstance(found, click.Group):
                break
            assert word in found.commands, said
            found = found.commands[word]


@by_name
def test_code_is_what_it_claims_to_be(guide: Path) -> None:
    for language, code in blocks(guide):
        match language:
            case "toml":
                assert tomllib.loads(code)
            case "yaml":
                assert yaml.safe_load(code)
            case "sh":
                for body in re.findall(r"-d '(\{.*?\})'", code, re.DOTALL):
                    assert isinstance(json.loads(body), dict)
            case _:
                assert language in ("nginx", "caddyfile", "conf")


@pytest.mark.parametrize("guide", [FOLDER / "troubleshooting.md", FOLDER / "troubleshooting.zh-CN.md"])
def test_every_code_and_state_has_a_row(guide: Path) -> None:
    rows = "\n".join(line.partition(" | ")[0] for line in text(guide).splitlines() if line.startswith("| `"))
    assert {problem.code for problem in PROBLEMS.values()} <= set(re.findall(r"`([a-z_]+)`", rows))
    assert {*map(str, State), "refreshing", "removed"} <= set(re.findall(r"`([a-z]+)`", rows))


def test_messages_that_are_quoted_are_the_programs_own() -> None:
    ours = "".join(
        path.read_text("utf-8") for folder in ("gateway", "kimi", "refresher") for path in (ROOT / folder).rglob("*.py")
    ).replace("`", "")
    quoted = re.findall(r"`([A-Za-z][^`]* [^`]*[a-z]\.?)`", prose(FOLDER / "troubleshooting.md"))
    said = [each for each in quoted if "_" not in each and each.split()[0] not in OUTSIDE]
    told = [part for each in said for part in each.split(" … ") if len(part.split()) > 4]
    assert len(told) > 6
    assert [part for part in told if part not in ours] == []


@pytest.mark.parametrize("drawing", sorted(FOLDER.glob("*.svg")), ids=lambda path: path.name)
def test_drawings_say_that_they_are_none_of_the_programs_own(drawing: Path) -> None:
    content = "".join(ET.fromstring(drawing.read_text("utf-8")).itertext())  # noqa: S314 - our own file
    assert "not a screenshot" in content or "不是截图" in content
    assert "http://gateway:6867" in content and "http://gateway:6867/v1" not in content


def test_words_that_are_said_to_be_in_no_error_are_in_none() -> None:
    assert all(is_harmless(problem.message) for problem in PROBLEMS.values())


def test_the_back_up_brings_everything_back(own_valkey: Valkey) -> None:
    folder = own_valkey.directory
    guide = text(FOLDER / "operating.md")
    (packed,) = re.findall(r"exec -T redis (tar -C /data -cf - \w+) >", guide)
    (unpacked,) = re.findall(r'-c "(rm -rf /data/\w+ && tar -C /data -xf -)" <', guide)
    with redis.Redis.from_url(own_valkey.url) as client:
        client.hset("account:alice", "refresh", "newest")
        kept = _shell(packed, folder)  # while it runs, and nobody writes
        client.flushall()
    own_valkey.stop()
    _shell(unpacked, folder, kept)
    own_valkey.start()
    with redis.Redis.from_url(own_valkey.url) as client:
        assert client.hget("account:alice", "refresh") == b"newest"


def test_a_back_up_is_made_outside_the_repository_and_for_its_owner_alone(tmp_path: Path) -> None:
    shells = [code for language, code in blocks(FOLDER / "operating.md") if language == "sh"]
    making = [code for code in shells if re.search(r"> |-o |tar -cf", code)]
    targets = [target for code in making for target in re.findall(r"(?:> | -o |tar -cf )([^\s-]\S+)", code)]
    assert len(making) == 5 and len(targets) == 6
    assert all(code.startswith("umask 077 && mkdir -p ~/kimi-backup\n") for code in making)
    assert all(target.startswith("~/kimi-backup/") for target in targets)
    (code,) = [code for code in making if "tar -cf ~" in code]
    (tmp_path / ".data").mkdir()
    subprocess.run(["sh", "-c", code], cwd=tmp_path, env={**os.environ, "HOME": str(tmp_path)}, check=True, timeout=60)
    made = tmp_path / "kimi-backup"
    assert (made.stat().st_mode & 0o777, (made / "redis.tar").stat().st_mode & 0o777) == (0o700, 0o600)


@pytest.mark.parametrize(
    "name",
    [
        *("redis.tar", "accounts-export.yaml", "my-export.json", "backup.yaml", "dump.rdb"),
        *("accounts.yaml", "accounts.yaml.bak", "accounts.json", "config/accounts.yaml", "config/mine.txt"),
        *(".env", ".env.production", "config.json", "tokens.txt", "appendonly.aof", "appendonlydir/appendonly.aof.1"),
    ],
)
def test_what_is_likely_to_hold_secrets_is_not_committed(name: str) -> None:
    asked = subprocess.run(["git", "check-ignore", "-q", "--no-index", name], cwd=ROOT, check=False, timeout=60)
    assert asked.returncode == 0


def test_nothing_that_is_committed_is_ignored() -> None:
    command = ["git", "ls-files", "--cached", "--ignored", "--exclude-standard"]
    assert subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=60).stdout == b""


@by_name
def test_containers_that_ask_the_gateway_can_reach_it_at_ports_that_are_free(guide: Path) -> None:
    taken = set(re.findall(r':(\d+):\d+"', (ROOT / "docker-compose.yml").read_text("utf-8")))
    runs = [line for line in commands(guide) if line.startswith("docker run")]
    assert all("--network $NETWORK " in line for line in runs if "//gateway:" in line)
    ports = [port for line in runs for port in re.findall(r"-p (?:[\d.]+:)?(\d+):", line)]
    assert taken >= {"3000", "3001", "9090"} and not taken & set(ports) and len(ports) == len(set(ports))


def _shell(command: str, folder: Path, given: bytes = b"") -> bytes:
    """What a command of the guide says, with `folder` in the place of the container's."""
    line = command.replace("/data", shlex.quote(str(folder)))
    return subprocess.run(["sh", "-c", line], input=given, capture_output=True, check=True, timeout=60).stdout
