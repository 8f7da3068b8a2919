"""The simulator in place of Kimi, for whoever has no account at hand."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from devtools import probe
from devtools.private import private
from devtools.supervisor import Program
from devtools.valkey import free_port

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

HOST = "127.0.0.1"
PORT = 8787
SENTENCE = (
    "demo accounts: no Kimi account is configured, so a simulator on this machine answers and nothing goes to Kimi.\n"
    "              Put your own into accounts.yaml or KIMI_REFRESH_TOKENS and start again, or start with --no-demo\n"
    "              and add them on your page."
)


@dataclass(frozen=True)
class Demo:
    """A simulator on `port` whose accounts are written into the file `accounts` once it runs."""

    port: int
    accounts: Path
    log: Path

    @classmethod
    def planned(cls, data: Path) -> Demo:
        """A demo that keeps its files in `data`, on the usual port if that is free."""
        port = free_port() if probe.is_taken(HOST, PORT) else PORT
        return cls(port, data / "demo-accounts.yaml", data / "simulator.log")

    def variables(self) -> dict[str, str]:
        """What sends gateway and refresher to the simulator."""
        url = f"http://{HOST}:{self.port}"
        return {
            "KIMI_ACCOUNTS_FILE": str(self.accounts),
            "KIMI_WEB_URL": url,
            "KIMI_AUTH_URL": url,
            "KIMI_CLASSIC_URL": url,
            "MOONSHOT_URL": f"{url}/v1",
        }

    def program(self, env: Mapping[str, str]) -> Program:
        """The simulator's process."""
        command = [sys.executable, "-m", "simulator", "--host", HOST, "--port", str(self.port), "--event-delay", "0.02"]
        return Program("the simulator", command, env, ready=self._note_accounts, log=self.log)

    def _note_accounts(self) -> bool:
        status, accounts = probe.get(HOST, self.port, "/_sim/accounts.yaml")
        if status != 200:
            return False
        private(self.accounts).write_text(accounts)
        return True
