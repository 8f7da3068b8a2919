"""`./dev accounts …`: the gateway's command line, for the system that runs in this folder."""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import urlsplit

from dotenv import dotenv_values

from devtools import configuration
from devtools.environment import data_folder
from devtools.saying import Trouble, complain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def main() -> NoReturn:
    """Go on as the command line, with the Redis of this folder."""
    try:
        words, environment = called(Path.cwd(), sys.argv[1:])
    except Trouble as trouble:
        complain(trouble)
        sys.exit(trouble.code)
    # Not as a child: Ctrl-C has to reach it alone, which gives back what it holds before it ends.
    os.execve(sys.executable, [sys.executable, "-m", "gateway.cli", *words], environment)


def called(root: Path, words: Sequence[str]) -> tuple[Sequence[str], Mapping[str, str]]:
    """The words and the environment of the command line. Raises Trouble where nothing runs, which `doctor` tells."""
    if {"-h", "--help"} & set(words):
        return words, os.environ
    keys = client_keys(root)
    try:
        store = store_url(root)
    except Trouble:
        if words[:1] != ["doctor"]:
            raise
        nowhere = {"REDIS_URL": f"unix://{data_folder(root)}/none.sock"}
        return [*words, "--idle"], {"GATEWAY_API_KEYS": secrets.token_urlsafe(32), **os.environ, **keys, **nowhere}
    address = noted(root, configuration.ADDRESS)
    if address and words[:1] == ["doctor"]:
        words = [*words, "--here"]
    notes = {**noted(root, configuration.UPSTREAMS), **address}
    return words, {**os.environ, **notes, **keys, "REDIS_URL": store}


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


def noted(root: Path, name: str) -> dict[str, str]:
    """What `./dev up` has noted in that file, if one runs here."""
    kept = dotenv_values(data_folder(root) / name, interpolate=False)
    return {name: value for name, value in kept.items() if value is not None}


def client_keys(root: Path) -> dict[str, str]:
    """The client key that `./dev up` has made here, unless others are set."""
    kept = data_folder(root) / configuration.CLIENT_KEY
    said = configuration.read(root, os.environ)
    return {} if "GATEWAY_API_KEYS" in said or not kept.exists() else {"GATEWAY_API_KEYS": kept.read_text().strip()}


if __name__ == "__main__":
    main()
