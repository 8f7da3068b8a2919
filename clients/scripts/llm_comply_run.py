"""llm-comply: what answers look like, held against the published schemas of three APIs."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from checks import FOLDER, KEY, MODEL, V1, tell

FORMATS = {
    "chat": ("--format", "openai-chat"),
    "Responses": ("--format", "open-responses"),
    "Messages": (
        *("--format", "anthropic", "--auth-header", "x-api-key", "--no-bearer"),
        *("-H", "anthropic-version:2023-06-01"),
    ),
}
THINKS = {"chat": "gpt-5-thinking", "Responses": "gpt-5-thinking", "Messages": "claude-sonnet-4-6"}
"""By such names only it believes that a model thinks."""
UNKNOWN = "unknown SSE event type: response.reasoning_summary_text"
"""It has a schema for these events of OpenAI's, but does not know them by their name."""


def main() -> None:
    """Run it for each form, and tell what it says of each of its tests."""
    for form in FORMATS:
        for test in tests(form, MODEL):
            if test["status"] == "skipped":
                (test,) = tests(form, THINKS[form], "--filter", test["id"])  # noqa: PLW2901
            said = {"check": f"{form}: {test['name']}"}
            if test["status"] != "passed":
                said["skipped" if test["status"] == "skipped" else "error"] = "; ".join(test.get("errors", ["?"]))[:300]
            tell(said)


def tests(form: str, model: str, *words: str) -> list[dict[str, Any]]:
    """What it says of its tests."""
    where = ("-u", V1, "-k", KEY, "-m", model, "--json", "--ignore", UNKNOWN)
    command = [f"{FOLDER}/bin/llm-comply", *FORMATS[form], *where, *words]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    report = json.loads(done.stdout[done.stdout.index("{") :])
    results: list[dict[str, Any]] = report["results"]
    return results


main()
