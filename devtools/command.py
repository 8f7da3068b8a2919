"""`./dev accounts …`: the gateway's command line, for the system that runs in this folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

from dotenv import dotenv_values

from devtools import configuration
from devtools.environment import data_folder
from devtools.saying import Trouble, complain


def main() -> int:
    """Run the command line with the Redis of this folder; returns the exit code."""
    try:
        root = Path.cwd()
        environment = {**os.environ, **upstreams(root), **client_keys(root), "REDIS_URL": store_url(root)}
    except Trouble as trouble:
        complain(trouble)
        return trouble.code
    return subprocess.run([sys.executable, "-m", "gateway.cli", *sys.argv[1:]], env=environment, check=False).returncode


def store_url(root: Path) -> str:
    """The Redis of the settings, else the one that `./dev up` has started here. Raises Trouble."""
    said = configuration.read(root, os.environ)
    if "REDIS_URL" in said:
        return said["REDIS_URL"]
    kept = data_folder(root) / configuration.STORE_URL
    url = kept.read_text().strip() if kept.exists() else ""
    if not url or not Path(urlsplit(url).path).exists():  # a killed ./dev up leaves its note behind
        raise Trouble("nothing runs in this folder: start ./dev up in another terminal, or set REDIS_URL.")
    return url


def upstreams(root: Path) -> dict[str, str]:
    """Where Kimi is played by a simulator, if `./dev up` has started one here."""
    kept = dotenv_values(data_folder(root) / configuration.UPSTREAMS, interpolate=False)
    return {name: value for name, value in kept.items() if value is not None}


def client_keys(root: Path) -> dict[str, str]:
    """The client key that `./dev up` has made here, unless others are set."""
    kept = data_folder(root) / configuration.CLIENT_KEY
    said = configuration.read(root, os.environ)
    return {} if "GATEWAY_API_KEYS" in said or not kept.exists() else {"GATEWAY_API_KEYS": kept.read_text().strip()}


if __name__ == "__main__":
    sys.exit(main())
