"""Schemathesis: requests made from an OpenAPI document, and answers held against it: our own with the operators' part,
and of OpenAI's the chat part, which llm-comply brings with it.
"""

from __future__ import annotations

import json
import os
import subprocess
import urllib.error
import urllib.request
from importlib.resources import files
from pathlib import Path
from typing import Any

from checks import ADMIN_KEY, FOLDER, KEY, MODEL, URL, V1, tell

OURS = (
    *("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance"),
    *("response_schema_conformance", "negative_data_rejection", "missing_required_header", "unsupported_method"),
    *("use_after_free", "ensure_resource_availability"),
)
"""All but two. What fits a schema need not be accepted: no schema says that a question must not be empty altogether,
or that a tool can only be demanded where one is offered. And keys are left out here and never made up (`ignored_auth`),
because after some wrong ones nobody is told any more whether the next one is right.
"""
APART = ("/admin/api/events", "/admin/api/session")
"""What never ends, and what only a session opens."""
THEIRS = ("not_a_server_error", "response_schema_conformance")  # their document names no errors

_SAID = ("____", "- ST", "Invalid component", "Schema at ")


def main() -> None:
    """Run it on each document."""
    with urllib.request.urlopen(f"{URL}/openapi.json", timeout=10) as answer:  # noqa: S310
        ours = json.load(answer)
    tell(without_keys(ours))
    of_operators = {path: asked for path, asked in ours["paths"].items() if path.startswith("/admin/api/")}
    of_clients = {path: asked for path, asked in ours["paths"].items() if not path.startswith("/admin")}
    tell(run("our OpenAPI document: all endpoints", {**ours, "paths": of_clients}, URL, OURS))
    asked = {path: asked for path, asked in of_operators.items() if path not in APART}
    tell(run("our OpenAPI document: operators' endpoints", {**ours, "paths": asked}, URL, OURS, ADMIN_KEY))
    theirs = json.loads(files("llm_comply").joinpath("specs/openai_chat.json").read_text("utf-8"))
    paths = theirs["paths"]
    theirs["paths"] = {"/chat/completions": {"post": paths["/chat/completions"]["post"]}, "/models": paths["/models"]}
    tell(run("OpenAI's document: chat and models", theirs, V1, THEIRS))


def without_keys(document: Any) -> dict[str, str]:
    """What every endpoint that needs a key says to somebody without any."""
    wrong = [
        f"{method.upper()} {path}: {status}"
        for path, asked in document["paths"].items()
        for method, operation in asked.items()
        if operation.get("security", document["security"]) and (status := status_of(method.upper(), path)) != 401
    ]
    return {"check": "our OpenAPI document: nothing without a key", **({"error": "; ".join(wrong)} if wrong else {})}


def status_of(method: str, path: str) -> int:
    request = urllib.request.Request(f"{URL}{path}", method=method)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        refused.close()
        return refused.code


def run(name: str, document: Any, where: str, checks: tuple[str, ...], key: str = KEY) -> dict[str, str]:
    """What came of one document."""
    name_model(document)
    path = Path(os.environ["HOME"]) / "openapi.json"
    path.write_text(json.dumps(document), "utf-8")
    done = subprocess.run(
        [
            *(f"{FOLDER}/bin/st", "run", str(path), "--url", where, "-H", f"Authorization: Bearer {key}"),
            *("--checks", ",".join(checks), "--max-examples", "25", "--request-timeout", "20", "--no-color"),
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
    # Under a title for each operation, what did not hold
    lines = [line.strip("_ ") for line in done.stdout.splitlines() if line.strip().startswith(_SAID)]
    return {"check": name, "error": "; ".join(lines)[:600] or f"it ended with {done.returncode}"}


def name_model(node: Any) -> None:
    """Lets every request ask for the present model: any other text would be one that does not exist."""
    if isinstance(node, dict):
        properties = node.get("properties")
        if isinstance(properties, dict) and "type" in properties.get("model", ()):
            properties["model"] = {"type": "string", "enum": [MODEL]}
        for child in node.values():
            name_model(child)
    elif isinstance(node, list):
        for child in node:
            name_model(child)


main()
