"""Runs real clients against the real processes, with the simulator in place of Kimi.

    .venv/bin/python -m clients
    .venv/bin/python -m clients openai-python aider --verbose
    .venv/bin/python -m clients --write

`./dev test` makes the environment for this. Each client has one of its own under `.data/clients`; those written for
Node need `npm`. The first time takes ten minutes and 7 GB, which are all there. `--write` writes `docs/clients.md` at
the end of all of it. The exit code is 1 where something failed, or nothing could be installed.
"""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.ending import run as ended
from clients import page
from clients.catalogue import CLIENTS, Client, chosen
from clients.environment import NODE, NotInstalled, make
from clients.page import Result
from clients.product import Product, started
from clients.running import Run, run


def main() -> int:
    """Run it; the exit code."""
    options = _options()
    given = options.parse_args()
    if given.write and (given.names or given.models):
        options.error("--write is for all clients with all of their models: the page holds nothing else")
    with tempfile.TemporaryDirectory(prefix="clients-") as folder, started(Path(folder)) as product:
        results = [_try(client, product, given.models, verbose=given.verbose) for client in chosen(given.names)]
    versions = f"Python {platform.python_version()}, Node {NODE}, {platform.system()} on {platform.machine()}"
    machine = f"Run on {datetime.now(UTC):%Y-%m-%d} with {versions}."
    text = page.render(results, machine)
    if given.write:
        page.PATH.write_text(text, "utf-8")
    return 1 if any(result.failed for result in results) or not any(result.runs for result in results) else 0


def _try(client: Client, product: Product, models: Sequence[str] | None, *, verbose: bool) -> Result:
    print(f"{client.name} ({client.package} {client.version})", flush=True)
    try:
        environment = make(client)
    except NotInstalled as error:
        print(f"  not installed: {error}", flush=True)
        return Result(client, (), str(error))
    runs = []
    for model in models or client.models:
        runs.append(run(client, environment, product, model))
        _tell(runs[-1], verbose=verbose)
    return Result(client, tuple(runs))


def _tell(done: Run, *, verbose: bool) -> None:
    tried = [check for check in done.checks if not check.skipped]
    held = len(tried) - len(done.failed)
    print(f"  {done.model}: {held} of {len(tried)} in {done.seconds:.1f} s", flush=True)
    for check in done.checks:
        if check.error or check.skipped:
            print(f"    {'✗' if check.error else '–'} {check.name}: {check.error or check.skipped}", flush=True)
    if (verbose or done.failed) and done.output.strip():
        print("    " + done.output.strip().replace("\n", "\n    "), flush=True)


def _options() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("names", nargs="*", metavar="NAME", choices=[*CLIENTS, []], help=f"of {', '.join(CLIENTS)}")
    options.add_argument("--model", dest="models", action="append", help="instead of the client's own")
    options.add_argument("--verbose", action="store_true", help="show what the scripts say")
    options.add_argument("--write", action="store_true", help=f"write docs/{page.PATH.name}")
    return options


if __name__ == "__main__":
    sys.exit(ended(main))
