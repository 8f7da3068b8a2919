"""The servers that are compared: how each is started, and how it is asked."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import requests

from benchmarks.performance.accounts import MODELS, OFFICIAL
from benchmarks.performance.house import KEY, House, running
from benchmarks.performance.upstream import Shape
from devtools.valkey import free_port


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs. `pid` is the root of its process tree; 0 for the upstream itself."""

    name: str
    port: int
    pid: int
    model: str
    headers: tuple[str, ...] = field(default=(f"Authorization: Bearer {KEY}",), repr=False)

    def path(self, what: str = "v1/chat/completions") -> str:
        """What the load client is to ask."""
        return f"127.0.0.1:{self.port}/{what}"

    def body(self, shape: Shape) -> str:
        """A request for an answer of this shape."""
        messages = [{"role": "user", "content": shape.question}]
        return json.dumps({"model": self.model, "stream": True, "messages": messages})


def direct(house: House) -> Server:
    """The upstream itself."""
    return Server("upstream", house.upstream.port, 0, OFFICIAL)


@contextmanager
def gateway(house: House, *, workers: int = 1, port: int = 0) -> Iterator[dict[str, Server]]:
    """Our gateway with everything on, ready to serve; by kind of account."""
    port = port or free_port()
    env = {**house.settings, "GATEWAY_PORT": str(port), "GATEWAY_WORKERS": str(workers)}
    on = house.server_cores if workers == 1 else (*house.server_cores, *house.load_cores)
    command = [sys.executable, "-m", "gunicorn", "-c", str(house.tree / "gateway/gunicorn.conf.py"), "gateway.wsgi:app"]
    log = house.folder / "gateway.log"

    def has_all_accounts() -> bool:
        return _usable(port) == house.accounts

    with running(command, log, on=on, serves=has_all_accounts, env=env, cwd=house.folder) as process:
        yield {kind: Server(f"gateway, {kind}", port, process.pid, model) for kind, model in MODELS.items()}


def _usable(port: int) -> int:
    try:
        return int(requests.get(f"http://127.0.0.1:{port}/readyz", timeout=5).json()["usable_accounts"] or 0)
    except requests.RequestException:
        return -1
