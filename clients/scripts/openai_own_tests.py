"""openai-python's own tests of its resources, from its source distribution, with the gateway in place of its mock."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

from checks import FOLDER, KEY, V1, tell

SOURCES = Path(FOLDER) / "sources"
TESTS = (
    "chat/test_completions.py",
    "test_models.py",
    "test_completions.py",
    "responses/test_input_tokens.py",
    "test_responses.py",
)


def main() -> None:
    """Run them, and tell what came of each."""
    (tests,) = SOURCES.glob("*/tests")
    conftest = tests / "conftest.py"
    conftest.write_text(conftest.read_text("utf-8").replace("My API Key", KEY), "utf-8")
    report = Path(os.environ["HOME"]) / "report.xml"
    words = [str(tests / "api_resources" / name) for name in TESTS if (tests / "api_resources" / name).exists()]
    env = {**os.environ, "TEST_API_BASE_URL": V1}
    options = ["-q", "-p", "no:cacheprovider", "-n", "0", f"--junitxml={report}"]
    subprocess.run([sys.executable, "-m", "pytest", *options, *words], cwd=tests.parent, env=env, check=False)
    for case in ET.parse(report).getroot().iter("testcase"):  # noqa: S314
        tell(_said(case))


def _said(case: ET.Element) -> dict[str, str]:
    form = re.sub(r".*Test(?:Async)?", "", case.get("classname", ""))
    said = {"check": f"{form}: {case.get('name')}"}
    for kind, word in (("failure", "error"), ("error", "error"), ("skipped", "skipped")):
        found = case.find(kind)
        if found is not None:
            said[word] = " ".join(found.get("message", "").split())[:300]
    return said


main()
