"""Fuzzing that is guided by coverage: atheris, which `README.md` says how to install."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final, NoReturn

from fuzz.corpus import LONGEST, kept
from fuzz.targets import TARGETS, Harness

FOUND: Final = Path(__file__).parents[1] / ".data" / "fuzz"
"""What runs have found, in a folder for each target. Nothing of it is in the repository."""
_SLOWEST: Final = 5
"""Seconds that an input may take."""


def run(name: str, seconds: int) -> NoReturn:
    """Fuzz a target; ends the process. What breaks it is written beside its corpus."""
    import atheris  # noqa: PLC0415 - there are no wheels of it for every machine that this runs on

    with atheris.instrument_imports(include=list(TARGETS[name].reads)):
        harness = TARGETS[name].load()
    folder = _corpus(name, harness)
    words = FOUND / f"{name}.dict"
    words.write_text("".join(f'"{_escaped(word)}"\n' for word in harness.WORDS), "utf-8")
    limits = [f"-max_len={LONGEST}", f"-timeout={_SLOWEST}", f"-max_total_time={seconds}", "-print_final_stats=1"]
    paths = [f"-dict={words}", f"-artifact_prefix={FOUND / name}-", str(folder)]
    atheris.Setup([sys.argv[0], *limits, *paths], harness.check)
    atheris.Fuzz()
    raise AssertionError("atheris ends the process")


def found(name: str) -> list[bytes]:
    """The inputs that runs have found new ways with."""
    return [path.read_bytes() for path in _corpus(name, TARGETS[name].load()).iterdir()]


def breaking(name: str) -> list[bytes]:
    """The inputs that have broken something."""
    return [path.read_bytes() for path in sorted(FOUND.glob(f"{name}-*-*"))]


def _corpus(name: str, harness: Harness) -> Path:
    folder = FOUND / name
    folder.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate((*harness.seeds(), *kept(name))):
        (folder / f"seed-{number}").write_bytes(data[:LONGEST])
    return folder


def _escaped(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word)
