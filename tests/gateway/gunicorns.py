"""Real gunicorns for tests, with the product's own configuration."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from devtools import children
from devtools.waiting import until
from tests import nursery
from tests.children import pids_of_children
from tests.ports import free_port

TRACE = "TEST_TRACE"
"""The variable that names the file in which `tests.gateway.served` writes what was given back."""
ROOT = Path(__file__).parents[2]
KEY = "test-key"
GUNICORN = (sys.executable, "-m", "gunicorn")


class Gunicorn:
    """One gateway process with its workers, and ways to talk to it."""

    def __init__(
        self, folder: Path, redis_url: str, *, app: str, program: Sequence[str] = GUNICORN, **settings: str
    ) -> None:
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.log = folder / "gateway.log"
        self.env = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("GATEWAY_", "KIMI_"))},
            "PYTHONPATH": str(ROOT),
            "REDIS_URL": redis_url,
            "GATEWAY_API_KEYS": KEY,
            "GATEWAY_PORT": str(self.port),
            "GATEWAY_WORKERS": "1",
            "GATEWAY_DRAIN_SECONDS": "5",
            **settings,
        }
        self._folder = folder
        self._command = [*program, "-c", str(ROOT / "gateway/gunicorn.conf.py"), app]
        self.process: children.Process | None = None

    def start(self) -> None:
        """Returns when it answers."""
        is_set_there = (self._folder / ".env").exists()  # where a fork of the nursery does not look
        start = nursery.start_anew if is_set_there else nursery.start
        self.process = start(self._command, env=self.env, cwd=self._folder, log=self.log)
        until(self._answers, seconds=30, what=f"the gateway answers; it said:\n{self.said}")

    def run(self) -> subprocess.CompletedProcess[str]:
        """For a process that is not expected to stay."""
        return subprocess.run(
            self._command, env=self.env, cwd=self._folder, capture_output=True, text=True, timeout=60, check=False
        )

    def workers(self) -> set[int]:
        """The process ids of its workers."""
        assert self.process is not None
        return set(pids_of_children(self.process.pid))

    def send(self, number: signal.Signals) -> None:
        """Signals the master."""
        assert self.process is not None
        self.process.send_signal(number)

    def terminate(self) -> None:
        """Asks it to end."""
        self.send(signal.SIGTERM)

    def wait(self, seconds: float = 30) -> int:
        """Its exit code."""
        assert self.process is not None
        return self.process.wait(seconds)

    @property
    def said(self) -> str:
        return self.log.read_text() if self.log.exists() else ""

    @property
    def trace(self) -> list[str]:
        """What `tests.gateway.served` wrote down."""
        path = Path(self.env[TRACE])
        return path.read_text().split() if path.exists() else []

    def connect(self) -> socket.socket:
        """A bare connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def _answers(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise RuntimeError(f"the gateway ended at once: {self.said}")
        try:
            return requests.get(f"{self.base}/healthz", timeout=5).status_code == 200
        except requests.ConnectionError:
            return False


@contextmanager
def running(folder: Path, redis_url: str, *, app: str = "gateway.wsgi:app", **settings: Any) -> Iterator[Gunicorn]:
    """A gateway that serves while the block runs."""
    gunicorn = Gunicorn(folder, redis_url, app=app, **settings)
    try:
        gunicorn.start()
        yield gunicorn
    finally:
        if gunicorn.process is not None:
            children.stop(gunicorn.process, 30)
