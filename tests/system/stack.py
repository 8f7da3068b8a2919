"""The whole product as real processes: Valkey, simulator, refresher and gateway."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from openai import OpenAI

from devtools import children
from devtools.waiting import until
from kimi.pool import connect
from tests import nursery
from tests.children import pids_of_children
from tests.ports import free_port
from tests.system import inside
from tests.valkey import Valkey

ROOT = Path(__file__).parents[2]
KEY = "sk-test-client-key"
START_SECONDS = 30.0
STARTED: list[Stack] = []
"""The stacks that run now, for whoever looks after them."""


@dataclass
class Process:
    """One of our processes; what it says goes to a file."""

    name: str
    command: list[str]
    env: dict[str, str]
    log: Path
    running: children.Process | None = None
    folder: Path = ROOT
    """Where its code is."""
    forked: bool = True
    """Whether it comes from a nursery, where its code is ours: that takes less time than to start it anew."""

    def start(self) -> None:
        begin = nursery.start if self.forked and self.folder == ROOT else nursery.start_anew
        self.running = begin(self.command, env=self.env, cwd=self.folder, log=self.log)

    def stop(self, seconds: float = 20.0) -> int:
        """SIGTERM; the exit code."""
        assert self.running is not None
        code = children.stop(self.running, seconds)
        self.running = None
        return code

    def kill(self) -> None:
        """SIGKILL."""
        assert self.running is not None
        self.running.kill()
        self.running.wait()
        self.running = None

    def send(self, number: signal.Signals) -> None:
        assert self.running is not None
        self.running.send_signal(number)

    @property
    def pid(self) -> int:
        assert self.running is not None
        return self.running.pid

    @property
    def said(self) -> str:
        return self.log.read_text("utf-8", errors="replace")

    @property
    def lines(self) -> list[str]:
        """The same in lines, those that are whole: the last one may be on its way."""
        return self.said.rpartition("\n")[0].splitlines()


@dataclass
class Simulator(Process):
    """Kimi's stand-in and its control API."""

    url: str = ""

    def start(self) -> None:
        super().start()
        until(lambda: "listening on" in self.said, seconds=START_SECONDS, what="the simulator listens")

    def control(self, method: str, path: str, body: Any = None) -> Any:
        response = requests.request(method, f"{self.url}/_sim/{path}", json=body, timeout=10)
        assert response.ok, response.text
        return response.json()

    def accounts(self) -> str:
        """All accounts, as an accounts file."""
        return requests.get(f"{self.url}/_sim/accounts.yaml", timeout=10).text

    def mint(self, kind: str, **options: Any) -> Any:
        return self.control("POST", "accounts", {"kind": kind, **options})

    def fault(self, what: str, *, times: int | None = 1, match: dict[str, Any] | None = None, **args: Any) -> None:
        self.control("POST", "faults", {"what": what, "times": times, "match": match or {}, "args": args})

    def settings(self, **changes: Any) -> None:
        self.control("POST", "settings", changes)

    def forget_faults(self) -> None:
        self.control("DELETE", "faults")

    def state(self) -> Any:
        return self.control("GET", "state")

    def total(self, figure: str) -> int:
        return int(self.state()["totals"][figure])


@dataclass
class Gateway(Process):
    """One gateway with its workers."""

    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def readyz(self) -> requests.Response | None:
        """What `/readyz` says; None while nobody answers there."""
        try:
            return requests.get(f"{self.url}/readyz", timeout=2)
        except requests.RequestException:
            return None

    def metrics(self) -> str:
        """What `/metrics` says."""
        return requests.get(f"{self.url}/metrics", timeout=10).text

    def answers(self) -> bool:
        return self.readyz() is not None

    def ready(self) -> bool:
        answer = self.readyz()
        return answer is not None and answer.status_code == 200

    def wait_ready(self, seconds: float = START_SECONDS) -> None:
        until(self.ready, seconds=seconds, what=f"{self.name} can serve")

    def workers(self) -> list[int]:
        """The process ids of its workers."""
        return pids_of_children(self.pid)


@dataclass(eq=False)
class Stack:
    """Starts in order, stops the other way round. Change `env` or the simulator's accounts before `start`.

    What has `gateways` or `refreshers` added to it before `start` is started with the others.
    """

    directory: Path
    workers: int = 2
    servers: Valkey | None = None
    """What keeps the data, where it is not a server of the stack's own."""
    env: dict[str, str] = field(default_factory=dict)
    simulator_options: list[str] = field(default_factory=list)
    orphans: int = 0
    """How many chats may stay for ever, because the worker that made them was killed before it could note them."""
    is_clean: bool = True
    """Whether nothing may be left in it; accounts that die keep their chats."""

    def __post_init__(self) -> None:
        self.valkey = self.servers or Valkey(self._folder("valkey"))
        simulator_port = free_port()
        self.simulator = Simulator(
            "simulator",
            [
                sys.executable, "-m", "simulator", "--port", str(simulator_port),
                "--accounts", "0", "--classic-accounts", "0", "--moonshot-accounts", "0", *self.simulator_options,
            ],
            dict(os.environ),
            self.directory / "simulator.log",
            url=f"http://127.0.0.1:{simulator_port}",
        )  # fmt: skip
        self.refreshers = [self.another_refresher("refresher")]
        self.gateways = [self.another_gateway("gateway")]

    @property
    def refresher(self) -> Process:
        """The first refresher."""
        return self.refreshers[0]

    @property
    def gateway(self) -> Gateway:
        """The first gateway."""
        return self.gateways[0]

    @property
    def url(self) -> str:
        return self.gateway.url

    @property
    def deletes_chats(self) -> bool:
        return self.env.get("KIMI_DELETE_CHATS") != "0"

    @property
    def accounts_file(self) -> Path:
        return self.directory / "accounts.yaml"

    def environment(self) -> dict[str, str]:
        """What both processes see."""
        ours = {
            "REDIS_URL": self.valkey.url,
            "GATEWAY_WORKERS": str(self.workers),
            "GATEWAY_API_KEYS": KEY,
            "KIMI_ACCOUNTS_FILE": str(self.accounts_file),
            "KIMI_WEB_URL": self.simulator.url,
            "KIMI_AUTH_URL": self.simulator.url,
            "KIMI_CLASSIC_URL": self.simulator.url,
            "MOONSHOT_URL": f"{self.simulator.url}/v1",
            "KIMI_CONVERSATION_SECONDS": "0",  # chats are looked for behind every test
            "LOG_FORMAT": "json",
        }
        set_apart = ("KIMI_", "GATEWAY_", "ALERT_")  # what a developer has set, who must not be alerted by tests
        kept = {name: value for name, value in os.environ.items() if not name.startswith(set_apart)}
        return {**kept, **ours, **self.env}

    def start(self, **accounts: int | Sequence[Mapping[str, Any]]) -> None:
        """Starts everything and waits until the gateway can serve the accounts.

        So many of each kind are there, or one for each mapping: what is special about it.
        """
        wanted = {kind: [{}] * what if isinstance(what, int) else what for kind, what in accounts.items()}
        STARTED.append(self)
        self.valkey.start()
        self.simulator.start()
        for kind, options in wanted.items():
            for number, special in enumerate(options):
                self.simulator.mint(kind.replace("_", "-"), name=f"{kind}-{number}", **special)
        self.accounts_file.write_text(self.simulator.accounts(), "utf-8")
        for process in (*self.refreshers, *self.gateways):
            process.start()
        for gateway in self.gateways:
            if accounts:
                gateway.wait_ready()
            until(gateway.answers, seconds=START_SECONDS, what=f"{gateway.name} answers")
        count = sum(map(len, wanted.values()))
        until(lambda: self.usable() == count, seconds=START_SECONDS, what="all accounts are fresh")

    def stop(self) -> None:
        if self in STARTED:
            STARTED.remove(self)
        ours = [process for process in (*self.gateways, *self.refreshers) if process.running]
        for process in ours:
            process.send(signal.SIGTERM)  # all at once: each may take its time
        for process in ours:
            process.stop()
        if self.simulator.running:
            self.simulator.stop()
        self.valkey.stop()

    def wait_ready(self, seconds: float = START_SECONDS) -> None:
        self.gateway.wait_ready(seconds)

    def ready(self) -> bool:
        return self.gateway.ready()

    def usable(self) -> int:
        """How many accounts the gateway says it can use."""
        return int(requests.get(f"{self.url}/readyz", timeout=5).json()["usable_accounts"] or 0)

    def workers_pids(self) -> list[int]:
        """The gateway's workers."""
        return self.gateway.workers()

    def client(self, **options: Any) -> OpenAI:
        return OpenAI(base_url=f"{self.url}/v1", api_key=KEY, max_retries=0, timeout=60, **options)

    def chat(
        self, content: str = "hi", *, model: str = "kimi", stream: bool = False, url: str = "", **body: Any
    ) -> requests.Response:
        """A plain HTTP request to the gateway, or to `url`; its answer is not judged."""
        return requests.post(
            f"{url or self.url}/v1/chat/completions",
            headers={"Authorization": f"Bearer {KEY}"},
            json={"model": model, "messages": [{"role": "user", "content": content}], "stream": stream, **body},
            timeout=60,
            stream=stream,
        )

    def settled(self) -> bool:
        """Whether nothing is left of any request: no stream, no chat, no lease."""
        totals = self.simulator.state()["totals"]
        return bool(totals["open_streams"] == totals["chats_alive"] == 0)

    def refreshing(self) -> bool:
        """Whether an exchange is under way."""
        with connect(self.valkey.url) as client:
            return any(client.scan_iter("kimi:{pool}:lock:*"))

    def another_gateway(self, name: str) -> Gateway:
        """One more gateway, not started."""
        port = free_port()
        return Gateway(
            name,
            [sys.executable, "-m", "gunicorn", "-c", "gateway/gunicorn.conf.py", "gateway.wsgi:app"],
            {**self.environment(), **inside.variables(self.directory), "GATEWAY_PORT": str(port)},
            self.directory / f"{name}.log",
            port=port,
        )

    def another_refresher(self, name: str) -> Process:
        """One more refresher, not started."""
        return Process(name, [sys.executable, "-m", "refresher"], self.environment(), self.directory / f"{name}.log")

    def _folder(self, name: str) -> Path:
        folder = self.directory / name
        folder.mkdir()
        return folder
