"""What the two HTTP clients cost: CPU a call on a kept connection, CPU an event of a stream, memory a silent stream.

    .venv/bin/python -m benchmarks.http_client

Each figure comes from a process of its own, which the upstream does not share; the median of several rounds, which
take turns. It judges nothing: machines differ. Linux only.
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any

import gevent

from benchmarks.ending import run
from devtools import children
from kimi.http import request

EVENT = b"data: " + b"x" * 120 + b"\n\n"
STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
SHORT = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 22\r\n\r\n{"id":"0123456789abc"}'
HEADERS = {"Authorization": f"Bearer {'t' * 400}", "Content-Type": "application/json", "X-Device": "1234567890"}
CLIENTS = {"requests": ("kimi.http", "Transport"), "gateway.http1": ("gateway.http1", "Client")}
STREAMS = 50
EVENTS = 100
CALLS = 3000
SILENT = 1000
UPSTREAM = "from benchmarks.http_client import upstream; upstream()"
PATCHED = "from gevent import monkey; monkey.patch_all(); from benchmarks.http_client import measured; measured()"


def main() -> int:
    """Run it; the exit code."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=3)
    rounds = options.parse_args().rounds
    figures: dict[tuple[str, str], list[float]] = {(client, what): [] for client in CLIENTS for what in MEASURES}
    server = children.start([sys.executable, "-c", UPSTREAM], output=subprocess.PIPE)
    try:
        assert server.stdout
        port = server.stdout.readline().decode().strip()
        for _ in range(rounds):
            for (client, what), found in figures.items():
                found.append(float(subprocess.check_output([sys.executable, "-c", PATCHED, client, what, port])))
    finally:
        children.stop(server, 5)
    print(f"| client | {' | '.join(MEASURES)} |\n| --- {'| --- ' * len(MEASURES)}|")
    for client in CLIENTS:
        print(f"| {client} | {' | '.join(f'{median(figures[client, what]):.1f}' for what in MEASURES)} |")
    return 0


def measured() -> None:
    """Prints one figure of one client, both named on the command line."""
    _, client, what, port = sys.argv
    module, name = CLIENTS[client]
    http = getattr(import_module(module), name)()
    print(MEASURES[what](http, f"http://127.0.0.1:{port}"))
    sys.stdout.flush()
    os._exit(0)  # what still runs need not end well


def calls(http: Any, url: str) -> float:
    """Microseconds of CPU a short call."""

    def call(times: int) -> None:
        for _ in range(times):
            request(http, "POST", f"{url}/short", headers=HEADERS, content=b'{"a":1}', timeout=30)

    call(100)
    start = time.process_time()
    call(CALLS)
    return (time.process_time() - start) / CALLS * 1e6


def events(http: Any, url: str) -> float:
    """Microseconds of CPU an event, each of which comes in a read of its own."""
    pieces = 0

    def read() -> None:
        nonlocal pieces
        with http.stream("POST", f"{url}/stream", headers=HEADERS, content=b"{}", timeout=120) as reply:
            for _ in reply.chunks():
                pieces += 1

    def all_at_once(streams: int) -> float:
        start = time.process_time()
        gevent.joinall([gevent.spawn(read) for _ in range(streams)], raise_error=True)
        return time.process_time() - start

    all_at_once(STREAMS)
    pieces = 0
    return all_at_once(STREAMS) / pieces * 1e6


def silence(http: Any, url: str) -> float:
    """Kilobytes a stream that has begun and says nothing."""

    def read() -> None:
        with http.stream("POST", f"{url}/silent", headers=HEADERS, content=b"{}", timeout=120) as reply:
            began.extend(1 for _ in reply.chunks())

    began: list[int] = []

    def wait_for(number: int) -> int:
        jobs.extend(gevent.spawn(read) for _ in range(number))
        while len(began) < len(jobs):
            gevent.sleep(0.01)
        return resident()

    jobs: list[Any] = []
    before = wait_for(50)
    return (wait_for(SILENT) - before) / SILENT


MEASURES: dict[str, Callable[[Any, str], float]] = {
    "µs a call": calls,
    "µs an event": events,
    "KB a silent stream": silence,
}


def resident() -> int:
    """Kilobytes of this process in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


def upstream() -> None:
    """Serves until it is ended; prints its port."""
    with socket.create_server(("127.0.0.1", 0), backlog=2048) as listener:
        print(listener.getsockname()[1], flush=True)
        while True:
            sock, _ = listener.accept()
            threading.Thread(target=_serve, args=(sock,), daemon=True).start()


def _serve(sock: socket.socket) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with sock, suppress(OSError):
        while data := sock.recv(65536):
            while not data.endswith(b"}"):
                data += sock.recv(65536)
            path = data.split(b" ", 2)[1]
            if path == b"/short":
                sock.sendall(SHORT)
                continue
            event = b"%x\r\n%s\r\n" % (len(EVENT), EVENT)
            sock.sendall(STREAM + event)
            if path == b"/stream":
                for _ in range(EVENTS):
                    time.sleep(0.01)
                    sock.sendall(event)
                sock.sendall(b"0\r\n\r\n")


if __name__ == "__main__":
    sys.exit(run(main))
