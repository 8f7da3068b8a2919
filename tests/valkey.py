"""A real Valkey for tests, to be started, stopped and killed."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

from devtools import children, valkey
from devtools.waiting import until
from tests.ports import free_port

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path


class Valkey:
    """A server on a port of its own that keeps its data in `directory`, also when it is killed and started again.

    Every write is on disk before it is answered, so that a test does not wait for the disk once a second.
    `options` stand behind the others in its command line, and `env` goes before our own.
    """

    def __init__(
        self,
        directory: Path,
        *,
        fsync: str = "always",
        options: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.directory = directory
        self.fsync = fsync
        self.options = options
        self.env = env
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def log(self) -> Path:
        return self.directory / "valkey.log"

    def start(self) -> None:
        """Start the server and wait until it takes commands."""
        with self.log.open("ab") as log:
            self.process = children.start(
                self.program(valkey.find_server()), env={**os.environ, **(self.env or {})}, output=log
            )
        until(self._ready, what="Valkey takes commands")

    def program(self, server: str) -> list[str]:
        """The command line that starts it."""
        return [*valkey.command(server, self.directory, port=self.port, fsync=self.fsync), *self.options]

    def _ready(self) -> bool:
        if self.process is None or self.process.poll() is not None:
            raise RuntimeError(f"Valkey ended at once: {self.log.read_text()}")
        return valkey.answers(("127.0.0.1", self.port))

    def stop(self) -> None:
        """End the server in peace."""
        if self.process is not None:
            children.stop(self.process, 10)
            self.process = None

    def kill(self) -> None:
        """End the server the hard way."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    @contextmanager
    def silent(self) -> Iterator[None]:
        """A server that takes connections and answers nothing while the block runs."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)
