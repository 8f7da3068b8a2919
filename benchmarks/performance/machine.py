"""What the figures were measured on. No names and no paths: what says how fast it is, nothing else."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from devtools import valkey

_PACKAGES = ("gunicorn", "gevent", "greenlet", "flask", "orjson", "redis", "hiredis", "requests", "urllib3")


def describe(nginx: str | None) -> str:
    """A Markdown list."""
    return "\n".join(f"- {line}" for line in _lines(nginx))


def _lines(nginx: str | None) -> Iterator[str]:
    cpu = _find(Path("/proc/cpuinfo"), r"model name\s*: (.*)") or platform.machine()
    memory = int(_find(Path("/proc/meminfo"), r"MemTotal:\s*(\d+)") or 0) / 1024 / 1024
    yield f"{cpu}, {os.cpu_count()} cores, {memory:.0f} GB of memory"
    kernel = f"{platform.system()} {'.'.join(platform.release().split('.')[:2])}"
    system = _find(Path("/etc/os-release"), r'PRETTY_NAME="?([^"\n]*)')
    yield ", ".join(filter(None, (system, kernel, " ".join(platform.libc_ver()))))
    yield f"Python {platform.python_version()}, {built(str(sysconfig.get_config_var('CONFIG_ARGS')), _is_packaged())}"
    yield ", ".join(filter(None, map(_package, _PACKAGES)))
    yield _said([valkey.find_server(), "--version"], r"(?:Redis|Valkey)?.*?v=([\d.]+)", "Valkey")
    if nginx:
        yield _said([nginx, "-v"], r"nginx/([\d.]+)", "nginx")


def built(arguments: str, is_packaged: bool) -> str:
    """How a Python was made, by what its `configure` was told. Debian keeps what makes its own fast out of that."""
    told = {"--enable-optimizations": "PGO", "--with-lto": "LTO"}
    found = [name for option, name in told.items() if option in arguments]
    if found:
        return f"built with {' and '.join(found)}"
    return "as the distribution builds it" if is_packaged else "built without PGO and LTO"


def _is_packaged() -> bool:
    return Path(sys.executable).resolve().is_relative_to("/usr/bin")


def _find(path: Path, pattern: str) -> str | None:
    found = re.search(pattern, path.read_text("utf-8")) if path.exists() else None
    return found[1].strip() if found else None


def _package(name: str) -> str:
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return ""


def _said(command: list[str], pattern: str, name: str) -> str:
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(pattern, result.stdout + result.stderr)
    return f"{name} {found[1]}" if found else name
