"""llm-comply: what answers look like, held against the published schemas of three APIs."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from checks import FOLDER, KEY, MODEL, V1, Skipped, tell, thinking_model

FORMATS = {
    "chat": ("--format", "openai-chat"),
    "Responses": ("--format", "open-responses"),
    "Messages": (
        *("--format", "anthropic", "--auth-header", "x-api-key", "--no-bearer"),
        *("-H", "anthropic-version:2023-06-01"),
    ),
}
THINKS = {"chat": f"gpt-5-{MODEL}", "Responses": f"gpt-5-{MODEL}", "Messages": f"claude-4-{MODEL}"}
"""By such names only it believes that a model thinks. The gateway takes them for those that do."""
UNKNOWN = "unknown SSE event type: response.reasoning_summary_text"
"""It has a schema for these events of OpenAI's, but does not know them by their name."""


def main() -> None:
    """Run it for each form, and tell what it says of each of its tests. It skips only what is about thinking."""
    for form in FORMATS:
        for test in tests(form, MODEL):
            said = {"check": f"{form}: {test['name']}"}
            try:
                found = test if test["status"] != "skipped" else thinking(form, test["id"])
            except Skipped as reason:
                tell({**said, "skipped": str(reason)})
                continue
            error = "" if found["status"] == "passed" else "; ".join(found.get("errors") or ["?"])[:300]
            tell({**said, "error": error})


def thinking(form: str, test: str) -> dict[str, Any]:
    """What it says of a test that it believes to be for models that think. Raises `Skipped` where ours does not."""
    thinking_model()
    (found,) = tests(form, THINKS[form], "--filter", test)
    return found


def tests(form: str, model: str, *words: str) -> list[dict[str, Any]]:
    """What it says of its tests."""
    where = ("-u", V1, "-k", KEY, "-m", model, "--json", "--ignore", UNKNOWN)
    command = [f"{FOLDER}/bin/llm-comply", *FORMATS[form], *where, *words]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    report = json.loads(done.stdout[done.stdout.index("{") :])
    results: list[dict[str, Any]] = report["results"]
    return results


main()
