"""Accounts go to another pool by the commands of the guide to operating, and none of their tokens is shown twice."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import yaml

from devtools.waiting import until
from kimi.pool import connect
from tests.system.conftest import StartStack
from tests.system.stack import ROOT, Stack

SECTION: Final = re.compile(r"## Move accounts to another pool\n(.*?)\n## ", re.DOTALL)
PAUSE, EXPORT, MOVE = re.findall(
    r"```sh\n(.*?)```", SECTION.findall((ROOT / "docs" / "guides" / "operating.md").read_text("utf-8"))[0], re.DOTALL
)
MOVED: Final = ("kimi-0", "kimi-1")


def run(stack: Stack, commands: str) -> None:
    """Does what stands in the guide, in the first pool where that says no other."""
    line = commands.replace("./dev", f"{sys.executable} -m gateway.cli").replace("alice bob", " ".join(MOVED))
    env = {**stack.environment(), "HOME": str(stack.directory)}
    subprocess.run(["sh", "-ec", line], cwd=ROOT, env=env, check=True, timeout=60)


def rows(stack: Stack, pool: str) -> dict[str, dict[str, str]]:
    """What Redis holds of the accounts that move."""
    with connect(stack.valkey.url) as redis:
        return {name: dict(redis.hgetall(f"kimi:{{{pool}}}:account:{name}")) for name in MOVED}


def are_refreshed(accounts: dict[str, dict[str, str]]) -> bool:
    return all(each.get("state") == "active" and int(each["version"]) > 2 for each in accounts.values())


def test_accounts_are_moved_while_everything_serves(start_stack: StartStack, tmp_path: Path) -> None:
    stack = start_stack({"kimi": 3}, simulator_options=["--token-lifetime", "6"])
    elsewhere = tmp_path / "accounts.yaml"
    elsewhere.write_text("accounts: []\n")
    other = stack.another_refresher("other")
    other.env = {**other.env, "KIMI_POOL": "second", "KIMI_ACCOUNTS_FILE": str(elsewhere)}
    other.start()
    stack.refreshers.append(other)
    until(lambda: stack.simulator.total("exchanged") > 6, what="the tokens in the accounts file are spent")
    run(stack, PAUSE)
    until(lambda: not stack.refreshing(), what="no exchange runs")
    run(stack, EXPORT)
    kept = yaml.safe_load(stack.accounts_file.read_text())
    kept["accounts"] = [each for each in kept["accounts"] if each["name"] not in MOVED]
    stack.accounts_file.write_text(yaml.safe_dump(kept))
    until(lambda: not any(each["present"] == "1" for each in rows(stack, "pool").values()), what="they are taken out")
    run(stack, MOVE)
    until(lambda: are_refreshed(rows(stack, "second")), what="they are refreshed there")
    assert stack.simulator.total("reused") == 0
