"""Everything that the benchmarks measure, on fixed ports until Ctrl-C: for profilers, and for loads by hand.

    .venv/bin/python -m benchmarks.standing

Prints the commands that put load on it.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from benchmarks.building import build
from benchmarks.ending import run
from benchmarks.performance import processes
from benchmarks.performance.house import ACCOUNTS, KEY, ROOT, STREAMS, house
from benchmarks.performance.servers import direct, gateway
from benchmarks.performance.upstream import Shape

LOADS = {
    "150 streams, 50 events/s each": (Shape(250, 20_000), "-c 150 -r 0.02 -e 250"),
    "bursts of 10 events, 32 at a time": (Shape(10), "-c 32 -d 5 -e 10"),
    "2,000 streams, 20 events/s each": (Shape(200, 50_000), "-c 2000 -r 2 -e 200"),
}


def main() -> int:
    """Run it; the exit code."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--port", type=int, default=19080, help="of the gateway")
    options.add_argument("--workers", type=int, default=1)
    options.add_argument("--accounts", type=int, default=ACCOUNTS, help="of each kind")
    options.add_argument("--streams", type=int, default=STREAMS, help="that an account may have at a time")
    options.add_argument("--log-level", default="info")
    options.add_argument("--tree", type=Path, default=ROOT, help="a checkout whose gateway is run in place of this one")
    given = options.parse_args()
    with suppress(KeyboardInterrupt), tempfile.TemporaryDirectory() as folder:
        stand(Path(folder), given)
    return 0


def stand(folder: Path, given: argparse.Namespace) -> None:
    programs = build()
    extra = {"LOG_LEVEL": given.log_level}
    with (
        house(folder, programs, count=given.accounts, streams=given.streams, extra=extra, tree=given.tree) as home,
        gateway(home, workers=given.workers, port=given.port) as servers,
    ):
        gateway_pid = next(iter(servers.values())).pid
        print(f"gateway: http://127.0.0.1:{given.port}, key {KEY}, master {gateway_pid}, on core {home.server_cores}")
        workers = processes.tree(gateway_pid)[1:]
        print(f"workers: {' '.join(map(str, workers))}; upstream: {home.upstream.url}/figures; Redis: {home.redis_url}")
        print(f"logs: {folder}")
        for server in (*servers.values(), direct(home)):
            print(f"\n# {server.name}")
            for what, (shape, flags) in LOADS.items():
                core = home.load_cores[0]
                load = f"taskset -c {core} {programs.load} {flags} -H '{server.headers[0]}'"
                print(f"# {what}\n{load} -b '{server.body(shape)}' {server.path()}")
        sys.stdout.flush()
        while True:
            signal.pause()


if __name__ == "__main__":
    sys.exit(run(main))
