"""Builds the programs of `benchmarks/native`: an upstream and a load client that are never the bottleneck."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.ending import Unmeasured

SOURCES: Final = Path(__file__).with_name("native")
CACHE: Final = Path(__file__).parents[1] / ".data" / "benchmarks"
FLAGS: Final = ("-std=c11", "-O2", "-Wall", "-Wextra", "-Werror")
PROGRAMS: Final = {
    "upstream": ("upstream", "answers", "requests", "dialects", "timers", "buffer", "common"),
    "load": ("load", "order", "response", "pieces", "histogram", "timers", "buffer", "common"),
}
_COMPILERS: Final = ("cc", "gcc", "clang")


class NotBuilt(Unmeasured):
    """The programs cannot be built here; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Programs:
    """Where the built programs are."""

    upstream: Path
    load: Path


def build(folder: Path = CACHE) -> Programs:
    """Both programs in `folder`, compiled where they are missing or older than a source, or this. Raises `NotBuilt`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, parts in PROGRAMS.items():
        target = folder / name
        if not _is_fresh(target):
            _compile(target, [SOURCES / f"{part}.c" for part in parts])
    return Programs(folder / "upstream", folder / "load")


def find_compiler() -> str:
    """A C compiler for Linux. Raises `NotBuilt`."""
    if sys.platform != "linux":
        raise NotBuilt("The benchmarks' programs use epoll: run them on Linux.")
    found = next(filter(None, map(shutil.which, _COMPILERS)), None)
    if found is None:
        raise NotBuilt(
            "There is no C compiler: install gcc and libc6-dev (Debian, Ubuntu), or clang, and run it again."
        )
    return found


def _is_fresh(target: Path) -> bool:
    newest = max(path.stat().st_mtime for path in (*SOURCES.iterdir(), Path(__file__)))
    return target.exists() and target.stat().st_mtime > newest


def _compile(target: Path, sources: list[Path]) -> None:
    made = target.with_suffix(f".{os.getpid()}")  # never a half-written program under its name
    command = [find_compiler(), *FLAGS, "-o", str(made), *map(str, sources)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise NotBuilt(f"{target.name} does not compile:\n{result.stderr}")
    made.replace(target)
