"""aider: files edited in both of its formats, streamed and not."""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from checks import FOLDER, KEY, MODEL, V1, check, command, directed, main, same

BEFORE = 'print("hello")\n'
AFTER = 'print("bonjour")\n'
EDITS = {
    "whole": f"hello.py\n```\n{AFTER}```\n",
    "diff": f"hello.py\n```python\n<<<<<<< SEARCH\n{BEFORE}=======\n{AFTER}>>>>>>> REPLACE\n```\n",
}


def edited(form: str, streaming: str) -> Callable[[], None]:
    def edit() -> None:
        folder = Path(tempfile.mkdtemp())
        (folder / "hello.py").write_text(BEFORE)
        os.chdir(folder)
        command(
            f"{FOLDER}/bin/aider",
            *("--model", f"openai/{MODEL}", "--openai-api-base", V1, "--openai-api-key", KEY),
            *("--edit-format", form, f"--{streaming}", "--no-git", "--yes-always", "--no-pretty"),
            *(
                "--no-show-model-warnings",
                "--no-check-update",
                "--analytics-disable",
                "--no-gitignore",
                "--map-tokens=0",
            ),
            *("--no-auto-lint", "--no-detect-urls", "--no-suggest-shell-commands", "--no-show-release-notes"),
            *("--message", directed("Say it in French.", text=EDITS[form]), "hello.py"),
            seconds=90,
            LITELLM_LOCAL_MODEL_COST_MAP="True",
        )
        same((folder / "hello.py").read_text(), AFTER)

    return edit


for form, streaming in itertools.product(EDITS, ("stream", "no-stream")):
    check(f"chat: an edit, {form}, {streaming}")(edited(form, streaming))

main()
