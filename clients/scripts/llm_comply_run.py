"""llm-comply: what answers look like, held against the published schemas of three APIs."""

from __future__ import annotations

import json
import subprocess

from checks import FOLDER, KEY, MODEL, V1, tell

UNKNOWN = "unknown SSE event type: response.reasoning_summary_text"
"""It has a schema for these events of OpenAI's, but does not know them by their name."""
FORMATS = {
    "chat": ("--format", "openai-chat"),
    "Responses": ("--format", "open-responses"),
    "Messages": (
        "--format",
        "anthropic",
        "--auth-header",
        "x-api-key",
        "--no-bearer",
        "-H",
        "anthropic-version:2023-06-01",
    ),
}


def main() -> None:
    """Run it for each form, and tell what it says of each of its tests."""
    for form, words in FORMATS.items():
        where = ("-u", V1, "-k", KEY, "-m", MODEL)
        done = subprocess.run(
            [f"{FOLDER}/bin/llm-comply", *words, *where, "--json", "--ignore", UNKNOWN],
            check=False,
            capture_output=True,
            text=True,
            timeout=120,
        )
        try:
            report = json.loads(done.stdout[done.stdout.index("{") :])
        except ValueError:
            tell(
                {
                    "check": f"{form}: a report",
                    "error": (done.stderr or done.stdout).strip()[-300:] or "it said nothing",
                }
            )
            continue
        for test in report["results"]:
            said = {"check": f"{form}: {test.get('name') or test.get('id')}"}
            if test.get("status") not in ("passed", "pass"):
                said["skipped" if test.get("status") == "skipped" else "error"] = "; ".join(
                    test.get("errors") or [str(test)]
                )[:300]
            tell(said)


main()
