"""Runs the script of a client: bounded in time, in a home of its own, and nothing of it stays."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from clients.catalogue import Client
from clients.environment import Environment
from clients.product import Product
from devtools import children

_INHERITED: Final = ("LANG", "LC_ALL", "TZ", "SYSTEMROOT")
_TAIL: Final = 4000  # characters of the output that are shown when a script breaks


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was tried, called `form: what`.

    Where it failed or could not be tried, `error` or `skipped` says why.
    """

    name: str
    error: str = ""
    skipped: str = ""

    @property
    def form(self) -> str:
        """Which of the gateway's forms it was about."""
        return self.name.partition(": ")[0]

    @property
    def what(self) -> str:
        """What was tried in that form."""
        return self.name.partition(": ")[2] or self.name


@dataclass(frozen=True, slots=True)
class Run:
    """What came of a script with one model. `output` is what it said beside its checks."""

    model: str
    checks: tuple[Check, ...]
    seconds: float
    output: str = ""

    @property
    def failed(self) -> tuple[Check, ...]:
        """The checks that did not hold."""
        return tuple(check for check in self.checks if check.error)


def run(client: Client, environment: Environment, product: Product, model: str) -> Run:
    """Run the script of `client` with `model`. It never takes much longer than the client's `seconds`."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="client-") as folder:
        home = Path(folder)
        said = home / "said"
        with said.open("wb") as output:
            process = children.start(
                _command(client, environment),
                env=_variables(environment, product, model, home),
                cwd=_made(home / "work"),
                output=output,
            )
            ended = _wait(process, client.seconds)
        text = said.read_text("utf-8", errors="replace")
    checks = tuple(_checks(text))
    if ended is None:
        checks += (Check("the script: ends in time", f"it was ended after {client.seconds:g} seconds"),)
    elif ended:
        checks += (Check("the script: runs to its end", f"it ended with {ended}"),)
    elif not checks:
        checks = (Check("the script: checks something", "it said nothing"),)
    return Run(model, checks, time.monotonic() - began, _rest(text)[-_TAIL:])


def _command(client: Client, environment: Environment) -> list[str]:
    if client.script.endswith(".mjs"):
        # Node looks for packages beside the script, not in the working directory.
        copy = environment.folder / client.script
        for script in client.path.parent.glob("*.mjs"):
            shutil.copy(script, environment.folder)
        return [str(environment.node), str(copy)]
    python = environment.folder / "bin/python" if client.python else Path(sys.executable)
    return [str(python), str(client.path)]


def _variables(environment: Environment, product: Product, model: str, home: Path) -> dict[str, str]:
    """Nothing of the user's: neither the home, nor keys, nor proxies."""
    kept = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return {
        **kept,
        "PATH": os.pathsep.join((str(environment.programs), str(environment.node.parent), os.environ["PATH"])),
        "HOME": str(_made(home / "home")),
        "TMPDIR": str(_made(home / "tmp")),
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "NO_COLOR": "1",
        "CLIENT_FOLDER": str(environment.folder),
        "CLIENT_URL": product.url,
        "CLIENT_KEY": product.key,
        "CLIENT_ADMIN_KEY": product.admin_key,
        "CLIENT_MODEL": model,
        "CLIENT_SIMULATOR": product.simulator,
    }


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _wait(process: subprocess.Popen[bytes], seconds: float) -> int | None:
    """Its exit code, None where it took too long. What it has started itself is ended with it."""
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        return None
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # its process group is its own
        process.wait()


def _checks(text: str) -> Iterator[Check]:
    for line in text.splitlines():
        found = _check(line)
        if found is not None:
            yield Check(str(found["check"]), str(found.get("error") or ""), str(found.get("skipped") or ""))


def _rest(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if _check(line) is None)


def _check(line: str) -> Mapping[str, object] | None:
    if not line.startswith('{"check":'):
        return None
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
