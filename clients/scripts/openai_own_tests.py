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
FORMS = {"chat/test_completions.py": "chat", "test_models.py": "models"}
HERE = "create or test_models and (retrieve or list)"
STORED = {"chat": "retrieve, update, list and delete", "models": "delete"}
CHANGES = {"My API Key": KEY, "tokens=0": "tokens=16"}  # OpenAI refuses 0 tokens as we do; its mock does not


def main() -> None:
    """Run them, and tell what came of each, with all its parameters."""
    (tests,) = SOURCES.glob("*/tests")
    files = [tests / "api_resources" / name for name in FORMS]
    for file in (tests / "conftest.py", *files):
        text = file.read_text("utf-8")
        for old, new in CHANGES.items():
            text = text.replace(old, new)
        file.write_text(text, "utf-8")
    report = Path(os.environ["HOME"]) / "report.xml"
    options = ["-q", "-p", "no:cacheprovider", "-n", "0", "-k", HERE, f"--junitxml={report}"]
    env = {**os.environ, "TEST_API_BASE_URL": V1}
    subprocess.run([sys.executable, "-m", "pytest", *options, *files], cwd=tests.parent, env=env, check=False)
    found: dict[str, list[str]] = {}
    for case in ET.parse(report).getroot().iter("testcase"):  # noqa: S314
        form = "models" if "test_models" in case.get("classname", "") else "chat"
        name = re.sub(r"\[.*", "", case.get("name", "")).removeprefix("test_").replace("_", " ")
        found.setdefault(f"{form}: {name}", []).extend(_complaints(case))
    for name, complaints in found.items():
        tell({"check": name, "error": "; ".join(dict.fromkeys(complaints))[:400]})
    for form, what in STORED.items():
        tell({"check": f"{form}: {what}", "skipped": "nothing is stored, and no model can be deleted"})


def _complaints(case: ET.Element) -> list[str]:
    return [" ".join(bad.get("message", "").split()) for kind in ("failure", "error") for bad in case.findall(kind)]


main()
