"""The inputs that are kept: one JSON string a line, whose characters are the bytes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

DATA: Final = Path(__file__).parents[1] / "tests" / "data"
FOLDER: Final = DATA / "corpus"
LONGEST: Final = 4096
"""Bytes of an input: longer ones tell nothing that shorter ones do not, and take longer."""


def kept(name: str) -> list[bytes]:
    """Inputs of the target `name`."""
    path = FOLDER / f"{name}.jsonl"
    return (
        [json.loads(line).encode("latin-1") for line in path.read_text("utf-8").splitlines()] if path.exists() else []
    )


def keep(name: str, inputs: list[bytes]) -> None:
    """Write them down in place of what is kept."""
    FOLDER.mkdir(exist_ok=True)
    lines = sorted({json.dumps(data.decode("latin-1")) for data in inputs}, key=lambda line: (len(line), line))
    (FOLDER / f"{name}.jsonl").write_text("".join(f"{line}\n" for line in lines), "utf-8")
