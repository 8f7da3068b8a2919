"""The simulator as a process of its own, and its control API as methods.

Tests of every package may use it: `with Simulator("--tame") as kimi: kimi.mint(kind="kimi")`.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import requests

from devtools import children
from devtools.waiting import until
from tests import nursery

if TYPE_CHECKING:
    from types import TracebackType

EMPTY = ("--accounts", "0", "--classic-accounts", "0", "--moonshot-accounts", "0")
"""The options of one that has no accounts but those that a test mints."""
_ROOT = Path(__file__).parents[2]
_LISTENING = re.compile(rb"listening on (http://\S+)")


class Simulator:
    """One simulator on a free port. `options` are those of its command line."""

    def __init__(self, *options: str) -> None:
        self._options = options
        self._directory = tempfile.TemporaryDirectory()
        self.log = Path(self._directory.name) / "simulator.log"
        self.process: children.Process | None = None
        self._sessions: list[requests.Session] = []
        self.session = self.new_session()
        self.url = ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start it and wait until it listens."""
        command = [sys.executable, "-m", "simulator", "--port", "0", *self._options]
        self.log.write_bytes(b"")
        self.process = nursery.start(command, env=os.environ, cwd=_ROOT, log=self.log)
        self.url = until(self._address, what="the simulator listens")

    def _address(self) -> str:
        if self.process is None or self.process.poll() is not None:
            raise RuntimeError(f"the simulator ended at once: {self.log.read_text()}")
        found = _LISTENING.search(self.log.read_bytes())
        return found[1].decode() if found else ""

    def new_session(self) -> requests.Session:
        """One that `hang_up` closes."""
        session = requests.Session()
        session.trust_env = False
        self._sessions.append(session)
        return session

    def hang_up(self) -> None:
        """Close all sessions. None is lost by that: the next call only connects again."""
        for session in self._sessions:
            session.close()
        self._sessions = [self.session]

    def stop(self) -> int:
        """SIGTERM; its exit code."""
        self.hang_up()
        code = children.stop(self.process, 5) if self.process is not None else 0
        self.process = None
        self._directory.cleanup()
        return code

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """One control call. Raises ValueError with what the simulator says is wrong."""
        with self.session:
            answer = self.session.request(method, f"{self.url}/_sim/{path}", json=body, timeout=10)
        if not answer.ok:
            raise ValueError(answer.text)
        return answer.json()

    def mint(self, **wanted: Any) -> dict[str, Any]:
        """A new account with its `refresh_token` or `api_key`."""
        minted: dict[str, Any] = self.control("POST", "accounts", wanted)[0]
        return minted

    def fault(self, what: str, *, times: int | None = 1, after: int = 0, match: Any = None, **args: Any) -> int:
        """Set a fault; its id."""
        wanted = {"what": what, "times": times, "after": after, "match": match or {}, "args": args}
        return int(self.control("POST", "faults", wanted)["id"])

    def settings(self, **changes: Any) -> dict[str, Any]:
        """Change settings."""
        changed: dict[str, Any] = self.control("POST", "settings", changes)
        return changed

    def state(self) -> dict[str, Any]:
        """Everything that is counted."""
        state: dict[str, Any] = self.control("GET", "state")
        return state

    def account(self, name: str, **changes: Any) -> dict[str, Any]:
        """One account's figures and credential, after `changes` to it if there are any."""
        method = "POST" if changes else "GET"
        account: dict[str, Any] = self.control(method, f"accounts/{name}", changes or None)
        return account

    def seen(self, name: str, endpoint: str = "chat") -> list[dict[str, Any]]:
        """What the upstream saw of an account, oldest first."""
        notes: list[dict[str, Any]] = self.control("GET", f"requests?account={name}&endpoint={endpoint}")
        return notes

    def reset(self) -> None:
        """Back to how it was at the start."""
        self.control("POST", "reset")
