"""`./dev up`: everything on this machine, as one program that Ctrl-C ends."""

from __future__ import annotations

import os
import shlex
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from devtools import children, configuration, demo, pools, probe, valkey
from devtools.environment import data_folder
from devtools.private import private
from devtools.saying import Trouble, complain, say
from devtools.signals import SignalBell
from devtools.single import only_one
from devtools.supervisor import Program, Supervisor
from kimi.accounts import Origin
from kimi.exchange import TIMEOUT_SECONDS
from refresher.stopping import GRACE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from devtools.signals import Bell

TEND_SECONDS = 0.2
PATIENCE_SECONDS = 5.0
DRAIN_SECONDS = 60.0

STOPPING = (
    "Stopping; running answers may finish. Ctrl-C again cuts them short.\n"
    f"A login that is being renewed is waited for, up to {TIMEOUT_SECONDS:g} s: without Kimi's answer it would be lost."
)
NO_DEMO = "--no-demo"
NO_ACCOUNTS = "none yet: add the first at your page, or write accounts.yaml and start anew"
VALKEY = "valkey"
"""The folder in which the embedded server keeps its data."""


def main(*words: str) -> int:
    """Run until Ctrl-C or SIGTERM; returns the exit code."""
    root = Path.cwd()
    try:
        with ExitStack() as stack:
            data = data_folder(root)
            lock = stack.enter_context(only_one(data / "up.lock"))
            bell = stack.enter_context(SignalBell())
            sockets = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kimi-")))
            said = configuration.read(root, os.environ)
            demo_wanted = NO_DEMO not in words and not has_accounts(root, data, said)
            system = System(data, sockets, said, demo.Demo.planned(data) if demo_wanted else None)
            stack.enter_context(system.told_where())
            supervisor = Supervisor(system.programs(), cwd=root, bell=bell, say=say, keep=[lock])
            stack.callback(supervisor.stop)
            supervisor.start()
            system.watch(supervisor, bell)
            say(STOPPING)
    except Trouble as trouble:
        complain(trouble)
        return trouble.code
    return 0


def has_accounts(root: Path, data: Path, said: Mapping[str, str]) -> bool:
    """Whether the operator has named accounts of Kimi, or added some by hand while it ran. Raises Trouble."""
    if configuration.has_accounts(root, said):
        return True
    if "REDIS_URL" in said:
        held = pools.origins(said["REDIS_URL"], said)
        if of_files := held.get(Origin.FILE):
            raise Trouble(
                f"the Redis of REDIS_URL holds {of_files} accounts of another accounts file, and would lose them: "
                "name your accounts with KIMI_ACCOUNTS_FILE or KIMI_REFRESH_TOKENS, or unset REDIS_URL."
            )
        return Origin.OPERATOR in held
    if not (data / VALKEY).exists():
        return False
    with pools.looked_into(data / VALKEY) as url:
        return Origin.OPERATOR in pools.origins(url, said)


class System:
    """Which programs there are, with which variables, and what their user should know."""

    def __init__(self, data: Path, sockets: Path, said: Mapping[str, str], played: demo.Demo | None) -> None:
        self.said = said
        self.host, self.port = configuration.address(said)
        self.key = configuration.client_key(said, data / configuration.CLIENT_KEY)
        self.admin_key = configuration.admin_key(said, data / "admin-key")
        self.demo = played
        self._data = data
        self._socket = None if "REDIS_URL" in said else sockets / "valkey.sock"

    def programs(self) -> list[Program]:
        """What has to run, in the order in which it starts. Raises Trouble."""
        if probe.is_taken(self.host, self.port):
            raise Trouble(
                f"{self.host} port {self.port} is taken by another program: stop that, or set GATEWAY_PORT to another."
            )
        env = self._environment()
        programs = [self._valkey(self._socket)] if self._socket else []
        if self.demo:
            programs.append(self.demo.program(children.bare(os.environ)))
        return [*programs, self._refresher(env), self._gateway(env)]

    @contextmanager
    def told_where(self) -> Iterator[None]:
        """Notes where Redis, the gateway and what plays Kimi are, for `./dev accounts`, while the block runs."""
        played = self.demo.variables() if self.demo else {}
        notes = {
            configuration.UPSTREAMS: "".join(f"{name}={value}\n" for name, value in played.items()),
            configuration.ADDRESS: f"GATEWAY_HOST={self.host}\nGATEWAY_PORT={self.port}\n",
        }
        if self._socket:
            notes[configuration.STORE_URL] = f"{self._store_url()}\n"
        for name, text in notes.items():
            private(self._data / name).write_text(text)
        try:
            yield
        finally:
            for name in (configuration.STORE_URL, configuration.UPSTREAMS, configuration.ADDRESS):
                (self._data / name).unlink(missing_ok=True)

    def _environment(self) -> dict[str, str]:
        ours = {"LOG_FORMAT": "console", "GATEWAY_API_KEYS": self.key, "GATEWAY_ADMIN_KEY": self.admin_key}
        env = {name: value for name, value in os.environ.items() if value.strip()}
        env.update({name: self.said.get(name, value) for name, value in ours.items()})
        if self._socket:
            env["REDIS_URL"] = self._store_url()
        return {**env, **(self.demo.variables() if self.demo else {})}

    def _store_url(self) -> str:
        if not self._socket:
            return self.said["REDIS_URL"]
        return f"unix://{self._socket}?db={1 if self.demo else 0}"  # what is played stays out of the operator's own

    def _valkey(self, unix_socket: Path) -> Program:
        folder = self._data / VALKEY
        folder.mkdir(mode=0o700, exist_ok=True)
        command = valkey.command(pools.server(), folder, unix_socket=unix_socket)
        ready = lambda: valkey.answers(unix_socket)  # noqa: E731
        env = children.bare(os.environ)
        return Program("Valkey", command, env, ready=ready, log=self._data / "valkey.log", ready_seconds=120)

    def _refresher(self, env: Mapping[str, str]) -> Program:
        command = [sys.executable, "-m", "refresher"]
        return Program("the refresher", command, env, stop_seconds=GRACE_SECONDS, spared=True)

    def _gateway(self, env: Mapping[str, str]) -> Program:
        command = [sys.executable, "-m", "gunicorn", "-c", "gateway/gunicorn.conf.py", "gateway.wsgi:app"]
        return Program("the gateway", command, env, ready=self._is_up, stop_seconds=self._drain_seconds() + 15)

    def _is_up(self) -> bool:
        return probe.get(self.host, self.port, "/healthz")[0] == 200

    def _drain_seconds(self) -> float:
        try:
            return float(self.said.get("GATEWAY_DRAIN_SECONDS", DRAIN_SECONDS))
        except ValueError:  # the gateway refuses it
            return DRAIN_SECONDS

    def watch(self, supervisor: Supervisor, bell: Bell) -> None:
        """Tend to the programs until the bell asks to stop; say how to use the gateway once it serves."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        serving, told = False, False
        while not bell.stops():
            supervisor.tend(60.0 if serving else TEND_SECONDS)
            if serving or bell.stops():
                continue
            status, body = probe.get(self.host, self.port, "/readyz")
            serving = status == 200
            if serving or (not told and time.monotonic() > deadline):
                has_accounts = bool(self.demo) or self._has_accounts()
                self._introduce(has_accounts=has_accounts)
                if not serving:
                    told = True
                    if has_accounts:
                        say(f"It cannot answer yet, and goes on trying: {probe.reasons(body)}.")

    def _has_accounts(self) -> bool:
        return configuration.has_accounts(Path.cwd(), self.said) or bool(pools.origins(self._store_url(), self.said))

    def _introduce(self, *, has_accounts: bool) -> None:
        host = f"[{self.host}]" if ":" in self.host else self.host
        base = f"http://{host}:{self.port}"
        model = probe.first_model(probe.get(self.host, self.port, "/v1/models", key=self.key)[1])
        question = f'{{"model": "{model}", "messages": [{{"role": "user", "content": "Hello!"}}]}}'
        headers = [f"Authorization: Bearer {self.key}", "Content-Type: application/json"]
        curl = ["curl", f"{base}/v1/chat/completions"]
        for header in headers:
            curl += ["-H", header]
        line = shlex.join([*curl, "-d", question])
        accounts = "those that you configured" if has_accounts else NO_ACCOUNTS
        say(
            f"\n  address     {base}/v1\n  client key  {self.key}\n"
            f"  your page   {base}/admin\n  its key     {self._admin_key()}\n"
            f"  accounts    {demo.SENTENCE if self.demo else accounts}\n\n  {line}\n"
        )

    def _admin_key(self) -> str:
        return "GATEWAY_ADMIN_KEY, as you have set it" if "GATEWAY_ADMIN_KEY" in self.said else self.admin_key


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
