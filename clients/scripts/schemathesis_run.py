"""Schemathesis: requests made from an OpenAPI document, and answers held against it: our own, and of OpenAI's the chat
part, which llm-comply brings with it.
"""

from __future__ import annotations

import json
import os
import subprocess
from importlib.resources import files
from pathlib import Path

from checks import FOLDER, KEY, MODEL, URL, V1, tell

ALL = "all"
LENIENT = "not_a_server_error,response_schema_conformance"  # OpenAI's document names no errors
EXAMPLES = "25"


def main() -> None:
    """Run it on each document."""
    tell(run("our OpenAPI document: every endpoint", f"{URL}/openapi.json", URL, ALL))
    tell(run("OpenAI's document: chat and models", theirs(), V1, LENIENT))


def theirs() -> str:
    """The file of the chat part of OpenAI's document, in which all models are ours."""
    document = json.loads(files("llm_comply").joinpath("specs/openai_chat.json").read_text("utf-8"))
    chat = document["paths"]["/chat/completions"]["post"]
    models = document["paths"]["/models"]
    document["paths"] = {"/chat/completions": {"post": chat}, "/models": models}
    document["components"]["schemas"]["ModelIdsShared"] = {"type": "string", "enum": [MODEL]}
    path = Path(os.environ["HOME"]) / "openai.json"
    path.write_text(json.dumps(document), "utf-8")
    return str(path)


def run(name: str, document: str, where: str, checks: str) -> dict[str, str]:
    """What came of one document."""
    done = subprocess.run(
        [
            *(f"{FOLDER}/bin/st", "run", document, "--url", where, "-H", f"Authorization: Bearer {KEY}"),
            *("--checks", checks, "--max-examples", EXAMPLES, "--seed", "1", "--request-timeout", "20", "--no-color"),
            *("--generation-deterministic", "--suppress-health-check", "all"),
        ],
        check=False,
        capture_output=True,
        text=True,
        timeout=280,
    )
    if done.returncode == 0:
        return {"check": name}
    print(done.stdout[-12000:], done.stderr[-500:])
    lines = [line.strip() for line in done.stdout.splitlines() if line.strip().startswith(("- ", "❌"))]
    return {"check": name, "error": "; ".join(lines)[:600] or f"it ended with {done.returncode}"}


main()
