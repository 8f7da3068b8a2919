"""The refresher as a process of its own, and what can be seen of its work."""

from __future__ import annotations

import json
import os
import signal
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from devtools import children
from devtools.waiting import until
from kimi.accounts import Record, State
from kimi.pool import Members, Store, connect
from kimi.settings import CommonSettings
from tests import nursery

ROOT = Path(__file__).parents[2]
Begin = Callable[..., children.Process]
"""`nursery.start` or `nursery.start_anew`."""


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
        self.process: children.Process | None = None

    def start(self, begin: Begin = nursery.start) -> None:
        command = [sys.executable, "-m", "refresher", *self.arguments]
        self.process = begin(command, env=environment(**self.variables), cwd=self.directory, log=self.output)

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


Start = Callable[..., Refresher]
"""Starts a refresher with these arguments and variables."""


class Eyes:
    """What stands in the store."""

    def __init__(self, url: str) -> None:
        self.redis = connect(url)
        self.store = Store(self.redis)
        self.members = Members(self.store)

    def record(self, name: str) -> Record:
        record = self.members.get(name)
        assert record is not None
        return record

    def states(self) -> dict[str, State]:
        return {record.account.name: record.state for record in self.members.all()}

    def is_locked(self, name: str) -> bool:
        return bool(self.redis.exists(self.store.key("lock", name)))

    def expire_lock(self, name: str) -> None:
        assert self.redis.delete(self.store.key("lock", name)) == 1

    def all_active(self, *names: str) -> bool:
        return self.states() == dict.fromkeys(names, State.ACTIVE)


def write(directory: Path, *accounts: dict[str, Any]) -> None:
    """The accounts file, as JSON; of what the simulator tells only name, kind and credential."""
    lines = []
    for account in accounts:
        secret = "api_key" if account["kind"] == "moonshot" else "refresh_token"
        lines.append(f"  - {{name: {account['name']}, kind: {account['kind']}, {secret}: {account[secret]}}}\n")
    (directory / "accounts.yaml").write_text("accounts:\n" + "".join(lines), encoding="utf-8")


def page(port: int, path: str) -> str:
    """One of its pages."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        return str(answer.read().decode())
