"""An environment for each client, under `.data/clients`: made once, and anew when its packages change."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import venv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from clients.catalogue import Client
from devtools.environment import data_folder, find_index, pip_environment, uv_environment
from devtools.index import IndexUnusable, fetch_pip

ROOT: Final = Path(__file__).parents[1]
INSTALL_SECONDS: Final = 600.0
NODE: Final = "22.23.3"
"""The Node that clients run on, from npm as well: that of the system may be too old for them."""
_STAMP: Final = "made.json"
_PIP: Final = ("-qq", "--no-input", "--disable-pip-version-check")
_NPM: Final = ("--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error", "--ignore-scripts")


class NotInstalled(Exception):
    """A client cannot be had here; the text says why, in one line."""


@dataclass(frozen=True, slots=True)
class Environment:
    """Where a client is installed."""

    folder: Path

    @property
    def node(self) -> Path:
        """The Node of clients that are written for it."""
        return self.folder / "node_modules" / _node() / "bin" / "node"

    @property
    def programs(self) -> Path:
        """The folder of its commands."""
        node = self.folder / "node_modules/.bin"
        return node if node.is_dir() else self.folder / "bin"


def make(client: Client, root: Path = ROOT) -> Environment:
    """The environment of `client` under `root`, installed if that is still to be done. Raises `NotInstalled`."""
    folder = data_folder(root) / "clients" / client.name
    wanted = {"packages": list(client.packages), "node": NODE, "python": sys.version, "folder": str(folder)}
    stamp = folder / _STAMP
    if not _is(stamp, wanted):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (_install_python if client.python else _install_node)(folder, client)
        stamp.write_text(json.dumps(wanted), "utf-8")
    return Environment(folder)


def _is(stamp: Path, wanted: Mapping[str, object]) -> bool:
    try:
        return bool(json.loads(stamp.read_text("utf-8")) == wanted)
    except (FileNotFoundError, ValueError):
        return False


def _install_python(folder: Path, client: Client) -> None:
    venv.EnvBuilder(with_pip=False, symlinks=True).create(folder)
    python = str(folder / "bin/python")
    uv = shutil.which("uv")
    if uv:
        command = [uv, "pip", "install", "--quiet", "--python", python]
        _run([*command, *client.packages], uv_environment(os.environ, find_index(folder)))
    else:
        _run([*_pip(folder), "install", *_PIP, "--prefer-binary", *client.packages], pip_environment(os.environ))
    if client.needs_sources:
        sources = folder / "sources"
        words = ["download", *_PIP, "--no-deps", "--no-binary", ":all:", "--dest", str(sources), client.packages[0]]
        _run([*_pip(folder), *words], pip_environment(os.environ))
        (archive,) = sources.glob("*.tar.gz")
        shutil.unpack_archive(archive, sources, filter="data")


def _pip(folder: Path) -> list[str]:
    try:
        return [str(folder / "bin/python"), str(fetch_pip(find_index(folder), folder / "pip") / "pip")]
    except IndexUnusable as error:
        raise NotInstalled(f"pip cannot be fetched: {error}") from error


def _install_node(folder: Path, client: Client) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise NotInstalled("there is no npm on this machine")
    (folder / "package.json").write_text('{"private": true, "type": "module"}', "utf-8")
    packages = (*client.packages, f"{_node()}@{NODE}")
    cache = {"npm_config_cache": str(folder.parent / ".npm")}  # a gigabyte, and nobody else's
    _run([npm, "install", "--prefix", str(folder), "--save-exact", *_NPM, *packages], {**os.environ, **cache})


def _node() -> str:
    """What Node is called on npm for this machine."""
    machine = {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    return f"node-{sys.platform}-{machine}"


def _run(command: Sequence[str], env: Mapping[str, str]) -> None:
    try:
        done = subprocess.run(
            command, env=env, timeout=INSTALL_SECONDS, check=False, capture_output=True, text=True, errors="replace"
        )
    except subprocess.TimeoutExpired as error:
        raise NotInstalled(f"it was not installed within {INSTALL_SECONDS:g} seconds") from error
    if done.returncode:
        raise NotInstalled(_reason(done.stderr))


def _reason(text: str) -> str:
    """The lines with which pip, uv and npm begin to complain; they end in advice."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    complaints = [line for line in lines if "error" in line.lower()][:2] or lines[-1:]
    return " / ".join(complaints)[:300] or "no reason was given"
