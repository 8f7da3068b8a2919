"""The refresher as a process of its own."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from devtools import children
from devtools.waiting import until
from kimi.settings import CommonSettings

if TYPE_CHECKING:
    import subprocess

ROOT = Path(__file__).parents[2]


def environment(**variables: str) -> dict[str, str]:
    """Ours, without what a developer has set for a gateway, and with `variables`."""
    ours = {name: value for name, value in os.environ.items() if name.lower() not in CommonSettings.model_fields}
    return ours | {"PYTHONPATH": str(ROOT)} | variables


class Refresher:
    """`python -m refresher` in `directory`, with `variables` set."""

    def __init__(self, directory: Path, *arguments: str, **variables: str) -> None:
        self.directory = directory
        self.arguments = arguments
        self.variables = variables
        self.output = directory / f"refresher-{id(self)}.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "refresher", *self.arguments]
        with self.output.open("ab") as output:
            self.process = children.start(command, env=environment(**self.variables), cwd=self.directory, output=output)

    def wait(self, seconds: float = 20.0) -> int:
        """Its exit code. Whatever it did, it has not said a secret."""
        assert self.process is not None
        code = self.process.wait(seconds)
        self.process = None
        assert not any(secret in self.said() for secret in ("eyJ", "sk-", "secret"))
        return code

    def terminate(self, number: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.wait()

    def end(self) -> None:
        """Leave nothing behind, however the test went."""
        if self.process is not None:
            children.stop(self.process, 10)

    def said(self) -> str:
        return self.output.read_text()

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.said().splitlines() if line.startswith("{")]

    def says(self, event: str) -> None:
        """Wait until it has logged `event`."""
        until(lambda: any(line["event"].startswith(event) for line in self.lines()), what=f"the refresher says {event}")
