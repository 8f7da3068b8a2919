"""What a request costs our own process when the pool answers at once: HTTP, Flask, keys, parsing, figures and the log.

    .venv/bin/python -m benchmarks.server_side
    .venv/bin/python -m benchmarks.server_side --tree ../before --tree . --rounds 5

Prints the CPU of the one worker in microseconds a request, the median of all rounds and their range, for each kind of
request, and for each tree, which is a checkout of this repository: `git worktree add ../before HEAD~10` makes one.
The trees take turns, so that what else the machine does hits all of them. Linux only.
"""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import orjson

from benchmarks.performance import processes
from benchmarks.performance.house import unset
from devtools import children, valkey
from devtools.waiting import until
from tests.valkey import Valkey

KEY = "benchmark-key"
HERE = Path(__file__).resolve().parent
CONNECTIONS = 8
REQUESTS = 1_600


def request(method: str, path: str, body: bytes = b"", key: str = KEY) -> bytes:
    """A request with the headers that openai-python sends."""
    lines = [
        f"{method} {path} HTTP/1.1",
        "Host: 127.0.0.1:6867",
        "Accept-Encoding: gzip, deflate",
        "Connection: keep-alive",
        "Accept: application/json",
        "Content-Type: application/json",
        "User-Agent: OpenAI/Python 2.8.0",
        "X-Stainless-Lang: python",
        "X-Stainless-Package-Version: 2.8.0",
        "X-Stainless-OS: Linux",
        "X-Stainless-Arch: x64",
        "X-Stainless-Runtime: CPython",
        "X-Stainless-Runtime-Version: 3.11.2",
        f"Authorization: Bearer {key}",
        "X-Stainless-Async: false",
        "x-stainless-retry-count: 0",
        "x-stainless-read-timeout: 600",
        *([f"Content-Length: {len(body)}"] if body else []),
    ]
    return "\r\n".join((*lines, "", "")).encode() + body


def question(events: int, *, stream: bool) -> bytes:
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": str(events)}]
    return request(
        "POST", "/v1/chat/completions", orjson.dumps({"model": "kimi", "stream": stream, "messages": messages})
    )


KINDS = {
    "stream of 10 events": question(10, stream=True),
    "stream of 1 event": question(1, stream=True),
    "whole answer": question(1, stream=False),
    "GET /v1/models": request("GET", "/v1/models"),
    "GET /healthz": request("GET", "/healthz"),
    "wrong key": request("GET", "/v1/models", key="nobody's"),
}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--tree", type=Path, action="append", help="a checkout to measure; may be given several times")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--only", action="append", choices=KINDS, help="a kind of request; may be given several times")
    options.add_argument(
        "--hold", type=float, default=0, help="only send requests, for so many seconds: for a profiler"
    )
    given = options.parse_args()
    kinds = {name: KINDS[name] for name in given.only or KINDS}
    with ExitStack() as stack:
        redis = stack.enter_context(_redis())
        trees = [tree.resolve() for tree in given.tree or [HERE.parent]]
        gateways = {tree: stack.enter_context(_gateway(tree, redis)) for tree in trees}
        if given.hold:
            _hold(gateways, kinds, given.hold)
            return
        costs = {(name, tree): list[float]() for name in kinds for tree in trees}
        for _ in range(given.rounds):
            for (name, tree), found in costs.items():
                port, worker = gateways[tree]
                before = processes.cpu_seconds(worker)
                _drive(port, kinds[name])
                found.append((processes.cpu_seconds(worker) - before) / REQUESTS * 1e6)
    for (name, tree), found in costs.items():
        label = f"{name}, {tree.name}" if len(trees) > 1 else name
        print(f"{label:<40} {statistics.median(found):7.0f} µs   {min(found):.0f} to {max(found):.0f}")


def _hold(gateways: dict[Path, tuple[int, int]], kinds: dict[str, bytes], seconds: float) -> None:
    print("workers:", *(worker for _, worker in gateways.values()), file=sys.stderr, flush=True)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for port, _ in gateways.values():
            for sent in kinds.values():
                _drive(port, sent)


def _drive(port: int, sent: bytes) -> None:
    """Sends a request again and again on connections that stay open, each as soon as the one before is answered."""
    with ExitStack() as stack:
        connections = [stack.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(CONNECTIONS)]
        for _ in range(REQUESTS // CONNECTIONS):
            for connection in connections:
                connection.sendall(sent)
            for connection in connections:
                _read_answer(connection)


def _read_answer(connection: socket.socket) -> None:
    data = b""
    while not _is_whole(data):
        came = connection.recv(65_536)
        data += came
        assert came, data
        assert not data.startswith(b"HTTP/1.1 5"), data


def _is_whole(data: bytes) -> bool:
    head, end, body = data.lower().partition(b"\r\n\r\n")
    if b"transfer-encoding: chunked" in head:
        return body.endswith(b"0\r\n\r\n")
    return bool(end) and len(body) >= int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])


@contextmanager
def _redis() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        server = Valkey(Path(folder))
        server.start()
        try:
            yield server.url
        finally:
            server.stop()


@contextmanager
def _gateway(tree: Path, redis: str) -> Iterator[tuple[int, int]]:
    """A gateway of `tree` with one worker: its port, and the worker's number."""
    port = valkey.free_port()
    env = {
        **unset(os.environ),
        "PYTHONPATH": f"{tree}:{HERE}",
        "REDIS_URL": redis,
        "GATEWAY_API_KEYS": f"one-key,{KEY},third-key",
        "GATEWAY_PORT": str(port),
        "GATEWAY_WORKERS": "1",
    }
    command = [sys.executable, "-m", "gunicorn", "-c", str(tree / "gateway/gunicorn.conf.py"), "at_once:app"]
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "log").open("ab") as log:
        process = children.start(command, env=env, cwd=Path(folder), output=log)
        try:
            until(lambda: process.poll() is not None or _takes_connections(port), what="the gateway answers")
            if process.poll() is not None:
                raise SystemExit((Path(folder) / "log").read_text())
            yield port, processes.worker(process.pid)
        finally:
            children.stop(process, 30)


def _takes_connections(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
            connection.sendall(KINDS["GET /healthz"])
            _read_answer(connection)
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main()
