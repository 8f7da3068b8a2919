"""Codex CLI without a terminal: an answer, and a command that it runs for the model."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from checks import FOLDER, KEY, MODEL, TEXT, V1, check, command, directed, holds, main, reached, refused, same, true

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


def codex(prompt: str, *words: str) -> list[dict[str, Any]]:
    """The events of one run."""
    os.chdir(HOME)
    options = ("--skip-git-repo-check", "--json", "--dangerously-bypass-approvals-and-sandbox")
    program = f"{FOLDER}/node_modules/.bin/codex"
    said = command(program, "exec", *words, *options, prompt, seconds=90, GATEWAY_KEY=KEY)
    print(said[-3000:])
    return [json.loads(line) for line in said.splitlines() if line.startswith("{")]


def texts(events: list[dict[str, Any]]) -> str:
    items = [event.get("item", {}) for event in events if event.get("type") == "item.completed"]
    return "\n".join(item.get("text", "") for item in items if item.get("type") == "agent_message")


@check("Responses: an answer")
def answered() -> None:
    searched = directed("bonjour", text=TEXT, marks=False)  # it offers the search; what was found is added at the end
    holds(texts(codex(searched)), TEXT)


@check("Responses: a command is run, and its output reaches the model")
def ran() -> None:
    target = Path(tempfile.mkdtemp()) / "made"
    prompt = directed("Make the file.", calls=[call(f"echo made by codex | tee {target}")])
    events = codex(prompt)
    true(target.exists(), "the command was not run")
    holds(texts(events), "made by codex")


@check("Responses: two rounds of commands")
def ran_twice() -> None:
    target = Path(tempfile.mkdtemp()) / "made"
    rounds = [[call(f"echo first > {target}")], [call(f"echo second >> {target}; cat {target}")]]
    events = codex(directed("Make the file.", calls=rounds))
    same(target.read_text(), "first\nsecond\n")
    holds(texts(events), "second")


@check("Responses: an answer that breaks off is an error")
def broken() -> None:
    question = directed("x" * 200, fault={"what": "truncate", "args": {"texts": 5}})
    refused(AssertionError, lambda: codex(question))


@check("Responses: a session goes on")
def went_on() -> None:
    codex("bonjour")
    holds(texts(codex("encore", "resume", "--last")), "encore")
    reached("bonjour", "encore")


def call(line: str) -> dict[str, Any]:
    """How this version of Codex wants a command to be asked for."""
    return {"name": "exec_command", "arguments": {"cmd": line}}


main()
