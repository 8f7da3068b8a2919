"""Claude Code without a terminal: an answer, and tools that it runs for the model."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from checks import ASKED, FOLDER, KEY, MODEL, TEXT, URL, check, command, directed, holds, main, reached, same, true

ENV = {
    "ANTHROPIC_BASE_URL": URL,
    "ANTHROPIC_AUTH_TOKEN": KEY,
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_TELEMETRY": "1",
    "DISABLE_ERROR_REPORTING": "1",
    "CLAUDE_CONFIG_DIR": f"{os.environ['HOME']}/claude",
}


NAMED = {"ANTHROPIC_MODEL": MODEL, "ANTHROPIC_DEFAULT_HAIKU_MODEL": MODEL}


def claude(prompt: str, *words: str, folder: bool = True, named: bool = True) -> dict[str, Any]:
    """The result of one run, in a folder of its own or in that of the last one, with our model or its own."""
    if folder:
        os.chdir(tempfile.mkdtemp())
    wrapper = f"{FOLDER}/node_modules/@anthropic-ai/claude-code/cli-wrapper.cjs"  # what runs it without its installer
    run = ("node", wrapper, "-p", prompt, "--output-format", "json", "--verbose", *words)
    said = command(*run, seconds=90, **ENV, **(NAMED if named else {}))
    print(said[-3000:])
    holds(said, '"result"')  # in all that was said there
    result: dict[str, Any] = json.loads(said)[-1]
    return result


@check("Messages: an answer")
def answered() -> None:
    found = claude(ASKED)
    same((found["subtype"], found["is_error"], found["result"]), ("success", False, TEXT))


@check("Messages: an answer under its own names of models")
def unnamed() -> None:
    holds(claude("bonjour", named=False)["result"], "bonjour")


@check("Messages: a command is run, and its output reaches the model")
def ran() -> None:
    target = Path(tempfile.mkdtemp()) / "made"
    line = f"echo made by claude | tee {target}"
    wanted = {"name": "Bash", "arguments": {"command": line, "description": "Make a file"}}
    found = claude(directed("Make the file.", calls=[wanted]), "--allowedTools", "Bash")
    true(target.exists(), "the command was not run")
    holds(found["result"], "made by claude")


@check("Messages: a file is written, changed and read in three rounds")
def wrote() -> None:
    folder = Path(tempfile.mkdtemp())
    file = str(folder / "hello.txt")
    rounds = [
        [{"name": "Write", "arguments": {"file_path": file, "content": "bonjour\n"}}],
        [{"name": "Edit", "arguments": {"file_path": file, "old_string": "bonjour", "new_string": "bonsoir"}}],
        [{"name": "Bash", "arguments": {"command": f"cat {file}", "description": "Read the file"}}],
    ]
    tools = ("--allowedTools", "Write,Edit,Bash", "--permission-mode", "acceptEdits", "--add-dir", str(folder))
    found = claude(directed("Write the file.", calls=rounds), *tools)
    same(Path(file).read_text(), "bonsoir\n")
    holds(found["result"], "bonsoir")
    same(found["num_turns"], 4)


@check("Messages: a session goes on")
def went_on() -> None:
    first = claude("bonjour")
    second = claude("encore", "--resume", first["session_id"], folder=False)
    holds(second["result"], "encore")
    reached("bonjour", "encore")


main()
