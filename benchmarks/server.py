"""The Redis server of a benchmark."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes.util import find_library
from pathlib import Path
from typing import Any

from tests.valkey import Valkey


def deployed(folder: Path, *, fsync: str = "everysec") -> Valkey:
    """One that keeps its data there, and is not started yet.

    It allocates as Redis and Valkey do in their images and in the packages of distributions, with jemalloc, where this
    machine has that. The program of the tests is built without, and with the C library's allocator all that scripts
    leave behind costs more the more accounts there are: of 10,000 it gives half as many leases a second.
    """
    jemalloc = find_library("jemalloc") if sys.platform == "linux" else None
    return Valkey(folder, fsync=fsync, env={"LD_PRELOAD": jemalloc} if jemalloc else None)


@contextmanager
def own_server() -> Iterator[Valkey]:
    """An empty one that writes what it is told to its disk once a second."""
    with tempfile.TemporaryDirectory() as folder:
        server = deployed(Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.stop()


def described(server: Valkey, client: Any) -> str:
    """Which server it is, and how it allocates."""
    told = client.info()
    name = f"Valkey {told['valkey_version']}" if "valkey_version" in told else f"Redis {told['redis_version']}"
    assert server.process
    mapped = Path(f"/proc/{server.process.pid}/maps")
    has_jemalloc = told["mem_allocator"].startswith("jemalloc") or (
        mapped.exists() and "jemalloc" in mapped.read_text()
    )
    if has_jemalloc:
        return f"{name}, jemalloc"
    return f"{name} with the C library's allocator; as it is deployed it has jemalloc (Debian: libjemalloc2)"
