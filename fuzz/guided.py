"""Fuzzing that is guided by coverage: atheris, which `README.md` says how to install."""

from __future__ import annotations

import importlib
import logging
import sys
from pathlib import Path
from typing import Final, NoReturn

from fuzz.corpus import LONGEST, kept
from fuzz.targets import TARGETS, Target

FOUND: Final = Path(__file__).parents[1] / ".data" / "fuzz"
"""What runs have found, in a folder for each target. Nothing of it is in the repository."""
_SLOWEST: Final = 5
"""Seconds that an input may take."""


def run(name: str, seconds: int) -> NoReturn:
    """Fuzz a target; ends the process. What breaks it is written beside its corpus."""
    folder = _corpus(name, TARGETS[name])
    _start(name, [str(folder), f"-max_total_time={seconds}", "-print_final_stats=1"])


def found(name: str) -> list[bytes]:
    """The inputs that runs have found new ways with."""
    return [path.read_bytes() for path in _corpus(name, TARGETS[name]).iterdir()]


def breaking(name: str) -> list[bytes]:
    """The inputs that have broken something."""
    return [path.read_bytes() for path in sorted(FOUND.glob(f"{name}-*-*"))]


def _corpus(name: str, target: Target) -> Path:
    folder = FOUND / name
    folder.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate((*target.seeds(), *kept(name))):
        (folder / f"seed-{number}").write_bytes(data[:LONGEST])
    (FOUND / f"{name}.dict").write_text(target.dictionary(), "utf-8")
    return folder


def _start(name: str, arguments: list[str]) -> NoReturn:
    import atheris  # noqa: PLC0415 - there are no wheels of it for every machine that this runs on

    logging.disable()
    target = TARGETS[name]
    with atheris.instrument_imports(include=list(target.reads)):
        for module in target.reads:
            importlib.import_module(module)
        check = target.check()
    limits = [f"-max_len={LONGEST}", f"-timeout={_SLOWEST}", f"-dict={FOUND / name}.dict"]
    atheris.Setup([sys.argv[0], *limits, f"-artifact_prefix={FOUND / name}-", *arguments], check)
    atheris.Fuzz()
    raise AssertionError("atheris ends the process")
