"""Compile the requirements files from pyproject.toml: exact versions and hashes for every platform."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING

from devtools.environment import HASHED, find_index, uv_environment
from devtools.saying import Trouble, say

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

RUNTIME = "requirements.txt"
TRACING = "requirements-otel.txt"
EMBEDDED = "requirements-embedded.txt"
DEVELOPMENT = "requirements-dev.txt"
AUDIT = "requirements-audit.txt"
# What each file is compiled from. The later ones take the versions of the earlier ones.
SOURCES = {
    RUNTIME: ["pyproject.toml"],
    TRACING: ["pyproject.toml", "--extra", "otel", "-c", RUNTIME],
    EMBEDDED: ["--group", "embedded", "-c", RUNTIME],
    DEVELOPMENT: ["pyproject.toml", "--extra", "otel", "--group", "dev", "-c", RUNTIME, "-c", TRACING, "-c", EMBEDDED],
    AUDIT: ["--group", "audit", "-c", DEVELOPMENT],
}
COMPILE = ("--universal", "--python-version", "3.11", "--generate-hashes", "--no-build")
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
PLATFORMS = ("x86_64-manylinux_2_28", "aarch64-manylinux_2_28", "x86_64-apple-darwin", "aarch64-apple-darwin")


def compile_all(root: Path, extra: Sequence[str]) -> None:
    """Rewrite the requirements files in `root` and try them for every platform and Python that we promise.

    `extra` (`--upgrade`) goes to `uv pip compile`. Raises Trouble.
    """
    uv = shutil.which("uv")
    if uv is None:
        raise Trouble("uv compiles the requirements, and it is not on PATH: install it, with pip for instance.")
    # An extra index may hold a part of a release's files only: hashes of the others would be missing.
    index = find_index(root / ".venv")
    env = uv_environment(os.environ, replace(index, urls=index.urls[:1]))
    for name, sources in SOURCES.items():
        command = [uv, "pip", "compile", "--quiet", *COMPILE, "--custom-compile-command", "./dev lock", *extra]
        if subprocess.run([*command, *sources, "--output-file", name], cwd=root, env=env, check=False).returncode:
            raise Trouble(f"{name} was not compiled; uv says above why.")
    with tempfile.TemporaryDirectory() as nowhere:
        for name, python, platform in product((DEVELOPMENT, AUDIT), PYTHONS, PLATFORMS):
            command = [uv, "pip", "install", "--quiet", "--dry-run", "--target", nowhere, *HASHED, "-r", name]
            options = ["--python-version", python, "--python-platform", platform]
            if subprocess.run([*command, *options], cwd=root, env=env, check=False).returncode:
                raise Trouble(f"{name} has no wheels for Python {python} on {platform}; uv says above which.")
    say(f"Compiled, and there are wheels for Python {', '.join(PYTHONS)} on {', '.join(PLATFORMS)}.")
