"""CompatCanary: probes of servers that call themselves compatible with OpenAI."""

from __future__ import annotations

import json
import os
import subprocess

from checks import FOLDER, KEY, MODEL, V1, tell


def main() -> None:
    """Run it, and tell what it says of each probe."""
    words = ("scan", "--base-url", V1, "--model", MODEL, "--profile", "modern", "--format", "json")
    done = subprocess.run(
        [f"{FOLDER}/node_modules/.bin/compatcanary", *words],
        check=False,
        capture_output=True,
        text=True,
        timeout=150,
        env={**os.environ, "OPENAI_API_KEY": KEY},
    )
    print(done.stdout[:3000], done.stderr[-1000:])
    report = json.loads(done.stdout[done.stdout.index("{") :])
    for probe in report["results"]:
        error = "" if probe["status"] == "pass" else f"{probe['status']}: {probe['summary']}"
        tell({"check": f"probes: {probe['id']}", "error": error})


main()
