"""The virtual environment under `.venv`: made without pip, filled from the hashed requirements files."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import venv
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from devtools.index import PYPI, Index, IndexUnusable, fetch_pip, pip_files
from devtools.saying import Trouble, mention

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

STAMP = "installed.json"
HASHED = ("--require-hashes", "--only-binary", ":all:")


def make(root: Path, requirements: Sequence[str]) -> Path:
    """The Python of an environment in `root` that holds all of `requirements`, the names of hashed files.

    Nothing is installed when none of the files has changed since the last time. Raises Trouble.
    """
    folder = root / ".venv"
    wanted = {name: hashlib.sha256((root / name).read_bytes()).hexdigest() for name in requirements}
    try:
        with _alone(root):
            installed = _installed(folder)
            if installed is None:
                if folder.is_symlink():
                    raise Trouble(
                        f"{folder} is a link to an environment that ./dev has not made, or that this Python cannot use:"
                        " remove the link, and ./dev makes one of its own."
                    )
                venv.EnvBuilder(with_pip=False, symlinks=True, clear=True).create(folder)
            if not wanted.items() <= (installed or {}).items():
                mention(f"Installing {' and '.join(requirements)} into .venv; the first time takes a minute or less.")
                _install(folder, [root / name for name in requirements])
                _remember(folder, {**(installed or {}), **wanted})
    except OSError as error:
        raise Trouble(f"{error.filename or folder} cannot be written: {error.strerror or error}.") from error
    return folder / "bin" / "python"


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Keep a second `./dev` in this folder waiting until the first has installed."""
    folder = data_folder(root)
    with (folder / "install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def data_folder(root: Path) -> Path:
    """`.data` in `root`, which only its owner may look into. Raises Trouble."""
    folder = root / ".data"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise Trouble(f"{folder} cannot be made: {error.strerror}.") from error
    return folder


def _identity(folder: Path) -> list[str]:
    """What an environment is bound to: it can be neither moved nor used with another Python."""
    return [str(folder), sys.version]


def _installed(folder: Path) -> dict[str, str] | None:
    """The digests of the files that were installed, by name; None when there is no environment that can be used."""
    try:
        stamp = json.loads((folder / STAMP).read_text())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    usable = stamp["identity"] == _identity(folder) and (folder / "bin/python").exists()
    return dict(stamp["files"]) if usable else None


def _remember(folder: Path, files: Mapping[str, str]) -> None:
    (folder / STAMP).write_text(json.dumps({"identity": _identity(folder), "files": files}))


def _install(folder: Path, files: Sequence[Path]) -> None:
    index = find_index(folder)
    python = folder / "bin" / "python"
    words = [word for file in files for word in ("-r", str(file))]
    if uv := shutil.which("uv"):
        command = [uv, "pip", "install", "--quiet", "--python", str(python), *HASHED, *words]
        if subprocess.run(command, env=uv_environment(os.environ, index), check=False).returncode == 0:
            return
        mention("uv could not install; trying pip.")
    try:
        wheel = fetch_pip(index, folder / "pip")
    except IndexUnusable as error:
        raise Trouble(
            f"pip cannot be fetched: {error}. "
            "Look at the network; PIP_INDEX_URL names another index, HTTPS_PROXY a proxy, PIP_CERT its certificates."
        ) from error
    pip = [str(python), str(wheel / "pip"), "install", "-qq", "--no-input", "--disable-pip-version-check"]
    if subprocess.run([*pip, *HASHED, *words], env=pip_environment(os.environ), check=False).returncode:
        raise Trouble("The packages were not installed; pip says above why.")


def find_index(folder: Path) -> Index:
    """The index that pip would use in the environment `folder`. Raises Trouble."""
    try:
        return Index.configured(os.environ, pip_files(os.environ, Path.home(), folder))
    except IndexUnusable as error:
        raise Trouble(str(error)) from error


def pip_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """`environ` without what would lead pip away from our environment."""
    astray = {"PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_PYTHON", "PIP_REQUIREMENT", "PYTHONHOME", "PYTHONPATH"}
    return {**{name: value for name, value in environ.items() if name not in astray}, "PIP_USER": "0"}


def uv_environment(environ: Mapping[str, str], index: Index) -> dict[str, str]:
    """`environ` with pip's index for uv, which does not read pip's configuration. Its own variables win."""
    main, *more = index.urls
    ours = {"UV_INDEX_STRATEGY": "unsafe-best-match"}  # as pip does; every file is held against its hash anyway
    if main != PYPI:
        ours["UV_DEFAULT_INDEX"] = main
    if more:
        ours["UV_INDEX"] = " ".join(more)
    if index.certificates:
        ours["SSL_CERT_FILE"] = index.certificates
    return {**ours, **environ}
