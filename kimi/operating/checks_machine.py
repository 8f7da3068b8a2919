"""Whether this machine has what it takes: room on its disks, and the releases that were tested."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement

from kimi.operating.checks import Finding, ok, problem, warning
from kimi.version import VERSION

LITTLE: Final = 1_000_000_000
"""Bytes. Files on their way to an upstream may take 100 MB each."""
NOTHING: Final = 100_000_000
PYTHON: Final = (3, 11)
KEY: Final = (
    "flask",
    "gevent",
    "greenlet",
    "gunicorn",
    "hiredis",
    "httptools",
    "orjson",
    "pydantic",
    "redis",
    "requests",
    "urllib3",
)
"""Packages whose releases matter most."""


def disk(path: Path, free: Callable[[Path], int]) -> Finding:
    """Whether there is room at `path`; `free` tells the bytes, or raises `OSError`."""
    check = f"disk {path}"
    try:
        left = free(path)
    except OSError as error:
        return problem(check, f"cannot be looked at: {error.strerror}", "make the folder, or set TMPDIR to another")
    seen = f"{left / 1e9:.1f} GB free"
    if left < NOTHING:
        return problem(check, seen, "make room: files of requests, and what Redis keeps, have to be written")
    if left < LITTLE:
        return warning(check, seen, "make room, there should be 1 GB at least")
    return ok(check, seen)


def python(version: tuple[int, int, int]) -> Finding:
    """Whether Python is new enough."""
    seen = ".".join(map(str, version))
    if version[:2] < PYTHON:
        return problem("Python", seen, "run Python 3.11 or newer")
    return ok("Python", seen)


def packages(requirements: Iterable[str], installed: Callable[[str], str | None]) -> Finding:
    """Whether the packages that matter most are those of `requirements`, the lines of requirements.txt.

    `installed` tells the release of a package, None where it is not there.
    """
    wanted = _pinned(requirements)
    others = [
        f"{name} {installed(name) or 'is missing'} instead of {wanted[name]}"
        for name in KEY
        if name in wanted and installed(name) != wanted[name]
    ]
    if any(installed(name) is None for name in KEY):
        return problem("packages", "; ".join(others) or "some are missing", _INSTALL)
    if others:
        return warning("packages", "; ".join(others), _INSTALL)
    return ok("packages", f"as tested with release {VERSION}" if wanted else f"release {VERSION}")


_INSTALL: Final = "install what was tested: pip install --require-hashes -r requirements.txt"


def _pinned(lines: Iterable[str]) -> Mapping[str, str]:
    """The release of each package that is for this machine."""
    found = {}
    for line in lines:
        text = line.strip().removesuffix("\\").strip()
        if "==" not in text or text.startswith(("#", "-")):
            continue
        wanted = Requirement(text)
        if wanted.marker is None or wanted.marker.evaluate():
            found[wanted.name.lower()] = str(wanted.specifier).removeprefix("==")
    return found
