"""Codex CLI without a terminal: an answer, and a command that it runs for the model."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from checks import FOLDER, KEY, MODEL, V1, check, command, directed, holds, main, true

HOME = Path(os.environ["HOME"])
(HOME / ".codex").mkdir()
(HOME / ".codex" / "config.toml").write_text(
    f"""\
model = "{MODEL}"
model_provider = "gateway"
check_for_update_on_startup = false

[model_providers.gateway]
name = "gateway"
base_url = "{V1}"
env_key = "GATEWAY_KEY"
wire_api = "responses"
request_max_retries = 0
stream_max_retries = 0

[analytics]
enabled = false
"""
)


def codex(prompt: str) -> list[dict[str, Any]]:
    """The events of one run."""
    folder = tempfile.mkdtemp()
    said = command(
        f"{FOLDER}/node_modules/.bin/codex",
        *(
            "exec",
            "--skip-git-repo-check",
            "--json",
            "--dangerously-bypass-approvals-and-sandbox",
            "-C",
            folder,
            prompt,
        ),
        seconds=90,
        GATEWAY_KEY=KEY,
    )
    print(said[-3000:])
    return [json.loads(line) for line in said.splitlines() if line.startswith("{")]


def texts(events: list[dict[str, Any]]) -> str:
    items = [event.get("item", {}) for event in events if event.get("type") == "item.completed"]
    return "\n".join(item.get("text", "") for item in items if item.get("type") == "agent_message")


@check("Responses: an answer")
def answered() -> None:
    holds(texts(codex("bonjour")), "bonjour")


@check("Responses: a command is run, and its output reaches the model")
def ran() -> None:
    target = Path(tempfile.mkdtemp()) / "made"
    prompt = directed("Make the file.", calls=[call(f"echo made by codex | tee {target}")])
    events = codex(prompt)
    true(target.exists(), "the command was not run")
    holds(texts(events), "made by codex")


def call(line: str) -> dict[str, Any]:
    """How this version of Codex wants a command to be asked for."""
    return {"name": "exec_command", "arguments": {"cmd": line}}


main()
