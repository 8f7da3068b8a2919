"""The command line."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence

import gevent

from simulator.kinds import Kind
from simulator.server import Server
from simulator.settings import Settings
from simulator.world import World


def parser() -> argparse.ArgumentParser:
    """The options."""
    made = argparse.ArgumentParser(prog="python -m simulator", description=__doc__)
    made.add_argument("--host", default="127.0.0.1")
    made.add_argument("--port", type=int, default=8787, help="0 takes a free one")
    made.add_argument("--accounts", type=int, default=3, help="demo accounts of kind kimi: demo-1, demo-2, …")
    made.add_argument("--classic-accounts", type=int, default=1, help="demo-classic-1, …")
    made.add_argument("--moonshot-accounts", type=int, default=1, help="demo-moonshot-1, …")
    made.add_argument("--token-lifetime", type=float, default=300.0, help="seconds that an access token lives")
    made.add_argument("--event-delay", type=float, default=0.0, help="seconds between two events of an answer")
    made.add_argument("--events", type=int, default=None, help="text events of an answer, whatever its text")
    made.add_argument("--tame", action="store_true", help="send every event whole, and nothing beside it")
    made.add_argument("--directives", action="store_true", help="obey [[sim {...}]] in prompts")
    made.add_argument("--seed", type=int, default=1, help="of all its dice")
    return made


def main(argv: Sequence[str]) -> int:
    """Serve until SIGTERM or SIGINT."""
    options = parser().parse_args(argv)
    settings = Settings(
        access_lifetime=options.token_lifetime,
        event_delay=options.event_delay,
        events=options.events,
        tame=options.tame,
        directives=options.directives,
        seed=options.seed,
    )
    demo = {
        Kind.KIMI: options.accounts,
        Kind.CLASSIC: options.classic_accounts,
        Kind.MOONSHOT: options.moonshot_accounts,
    }
    server = Server(World(settings, demo), options.host, options.port)
    try:
        server.start()
    except OSError as error:
        print(f"simulator: cannot listen on {options.host}:{options.port}: {error.strerror}", file=sys.stderr)  # noqa: T201
        return 1
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, server.stop, 0.2)
    print(f"simulator: listening on {server.url}", flush=True)  # noqa: T201  # the line that a starter waits for
    server.serve_forever()
    return 0
