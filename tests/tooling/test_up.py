"""`./dev up` as its user meets it, in a folder of its own."""

from __future__ import annotations

import http.client
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from devtools import probe, tether
from devtools.up import NO_ACCOUNTS, System
from devtools.waiting import until
from kimi.accounts import Account, ConfiguredAccount, Kind
from kimi.operating.accounts import Accounts
from kimi.pool import Members, Store, connect
from kimi.sealing_keys import new_key
from refresher.stopping import GRACE_SECONDS
from tests.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis

ROOT = Path(__file__).resolve().parents[2]
OURS = ("KIMI_", "GATEWAY_", "REFRESHER_", "MOONSHOT_", "REDIS_", "LOG_", "TOKEN_")
# As a script's background job is started: with Ctrl-C ignored.
IN_BACKGROUND = (
    "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])"
)
NAMES = ("valkey-server", "simulator", "refresher", "gunicorn")


class Up:
    """One folder in which `./dev up` is run, and the run that is under way."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.output = folder / "output"
        self.process: subprocess.Popen[bytes] | None = None
        for name in ("devtools", "gateway", "kimi", "refresher", "simulator"):
            (folder / name).symlink_to(ROOT / name)

    def environment(self, **variables: str) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        return {**inherited, "GATEWAY_PORT": str(self.port), "GATEWAY_WORKERS": "1", **variables}

    def start(self, *words: str, **variables: str) -> None:
        env = self.environment(**variables)
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-c", IN_BACKGROUND, sys.executable, "-m", "devtools.up", *words],
                cwd=self.folder,
                env=env,
                stdout=output,
                stderr=output,
            )

    def start_and_wait(self, **variables: str) -> str:
        """Start and return what was said once it serves."""
        self.start(**variables)
        until(self.is_introduced, seconds=60, what="it says how to use it")
        return self.said()

    def is_introduced(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.said()
        return "client key" in self.said()

    def add(self, text: str, kind: Kind) -> None:
        """Add accounts to what runs, as its operator does."""
        with connect((self.folder / ".data/redis-url").read_text().strip()) as redis:
            assert [taken.outcome for taken in Accounts(Store(redis)).add(text, kind)] == ["added"]

    def told(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """What a command of `./dev` says in this folder."""
        command = [sys.executable, "-m", "devtools.command", *words]
        env = self.environment(**variables)
        return subprocess.run(command, cwd=self.folder, env=env, capture_output=True, text=True, check=False)

    def said(self) -> str:
        return self.output.read_text()

    def ends(self) -> int:
        """The exit code."""
        assert self.process is not None
        return self.process.wait(60)

    def interrupt(self, number: signal.Signals = signal.SIGINT) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.ends()

    def children(self) -> dict[str, int]:
        """What runs for it, by a part of the command line."""
        assert self.process is not None
        return children_of(self.process.pid)


def children_of(pid: int) -> dict[str, int]:
    mine = [(number, command) for number, parent, command in processes() if parent == pid]
    return {name: number for name in NAMES for number, command in mine if name in command}


def processes() -> list[tuple[int, int, str]]:
    """Number, parent and command line of everything that runs; a bare Debian has no `ps`, macOS no /proc."""
    if not Path("/proc/self").exists():
        table = subprocess.run(
            ["ps", "-A", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True
        ).stdout
        rows = [line.split(None, 2) for line in table.splitlines()]
        return [(int(pid), int(parent), command) for pid, parent, command in rows]
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_text().replace("\0", " ")
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
        except (FileNotFoundError, ProcessLookupError):  # it ended meanwhile
            continue
        found.append((int(folder.name), int(parent), command))
    return found


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    up = Up(tmp_path)
    yield up
    if up.process is not None and up.process.poll() is None:
        up.interrupt(signal.SIGTERM)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """One that runs, for those who leave it as it is."""
    up = Up(tmp_path_factory.mktemp("running"))
    up.start_and_wait()
    yield up
    assert up.interrupt(signal.SIGTERM) == 0


def paste(said: str) -> tuple[int, str]:
    """Status and body of the request that the printed curl line makes."""
    words = shlex.split(next(line for line in said.splitlines() if line.startswith("  curl ")))
    host, path = re.fullmatch(r"http://([^/]+)(/.*)", words[1]).groups()  # type: ignore[union-attr]  # else it fails
    headers = dict(word.split(": ", 1) for flag, word in pairwise(words) if flag == "-H")
    with closing(http.client.HTTPConnection(host, timeout=30)) as connection:
        connection.request("POST", path, words[words.index("-d") + 1], headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def test_without_accounts_a_simulator_answers_and_that_is_said(running: Up) -> None:
    said = running.said()
    assert f"http://127.0.0.1:{running.port}/v1" in said
    assert "a simulator on this machine answers" in said
    status, body = paste(said)
    assert status == 200
    assert "simulator" in json.loads(body)["choices"][0]["message"]["content"]


def test_the_refresher_may_end_the_exchanges_that_are_under_way(tmp_path: Path) -> None:
    said = {"REDIS_URL": "redis://127.0.0.1", "GATEWAY_PORT": str(free_port())}
    (refresher,) = (each for each in System(tmp_path, tmp_path, said, None).programs() if "refresher" in each.command)
    assert refresher.stop_seconds >= GRACE_SECONDS
    assert refresher.spared


def test_ctrl_c_ends_all_of_it_and_the_key_and_the_accounts_survive(up: Up) -> None:
    first = up.start_and_wait()
    up.add("sk-made-up", Kind.MOONSHOT)
    children = up.children()
    assert set(children) == set(NAMES)
    assert up.interrupt() == 0
    assert [name for name, pid in children.items() if tether.alive(pid)] == []
    assert not [name for name in ("redis-url", "upstreams.env") if (up.folder / ".data" / name).exists()]
    assert "Traceback" not in up.said()
    second = up.start_and_wait()
    assert "a simulator on this machine answers" in second, "what was added to the demo is none of the operator's"
    for name in ("client key", "its key"):
        assert re.findall(f"{name}.*", first) == re.findall(f"{name}.*", second)
    assert paste(second)[0] == 200
    empty = {"up.lock", "install.lock"}
    kept = [file for file in (up.folder / ".data").iterdir() if file.is_file() and file.name not in empty]
    assert {"client-key", "admin-key", "address.env", "upstreams.env", "simulator.log"} <= {file.name for file in kept}
    assert [file.name for file in kept if file.stat().st_mode & 0o077] == []


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Up, dict[str, str]]]:
    """One that runs with secrets of the operator's."""
    up = Up(tmp_path_factory.mktemp("keyed"))
    secrets = {"TOKEN_ENCRYPTION_KEYS": new_key(), "GATEWAY_ADMIN_KEY": "a-key-for-the-page-" + 20 * "x"}
    up.start_and_wait(**secrets)
    yield up, secrets
    assert up.interrupt(signal.SIGTERM) == 0


def test_a_key_of_the_operators_page_that_is_set_is_not_shown(keyed: tuple[Up, dict[str, str]]) -> None:
    up, secrets = keyed
    assert f"http://127.0.0.1:{up.port}/admin" in up.said()
    assert "GATEWAY_ADMIN_KEY, as you have set it" in up.said()
    assert not [name for name, secret in secrets.items() if secret in up.said()]
    assert not (up.folder / ".data/admin-key").exists()


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="what a process was given is told by /proc")
def test_only_processes_that_use_them_are_given_keys(keyed: tuple[Up, dict[str, str]]) -> None:
    up, secrets = keyed
    given = {name: Path(f"/proc/{pid}/environ").read_text() for name, pid in up.children().items()}
    having = {name for name, environ in given.items() if any(secret in environ for secret in secrets.values())}
    assert set(given) == set(NAMES)
    assert having == {"refresher", "gunicorn"}


def test_what_dies_comes_back_and_the_death_of_the_supervisor_ends_all_before_the_next_one_begins(up: Up) -> None:
    up.start_and_wait()
    before = up.children()
    for pid in before.values():
        os.kill(pid, signal.SIGKILL)

    def all_new() -> bool:
        now = up.children()
        return set(now) == set(NAMES) and not now.items() & before.items()

    until(all_new, seconds=30, what="everything runs again")
    until(lambda: probe.get("127.0.0.1", up.port, "/readyz")[0] == 200, seconds=30, what="it serves again")
    for name in ("Valkey", "the simulator", "the refresher", "the gateway"):
        assert f"{name} ended by itself (signal 9); starting it again in 1 s." in up.said()
    assert paste(up.said())[0] == 200
    children = up.children()
    assert up.process is not None
    up.process.kill()
    up.process.wait()
    assert paste(up.start_and_wait())[0] == 200
    until(lambda: not any(map(tether.alive, children.values())), seconds=30, what="all of it has ended")


def test_a_second_one_in_the_folder_says_so_in_a_line(running: Up) -> None:
    assert running.process is not None
    second = subprocess.run(
        [sys.executable, "-m", "devtools.up"], cwd=running.folder, capture_output=True, text=True, check=False
    )
    assert second.returncode == 1
    assert second.stderr == f"dev: ./dev up runs in this folder already, as process {running.process.pid}.\n"


def test_a_server_that_is_named_is_used_and_none_started(up: Up, redis_url: str, redis_client: redis.Redis) -> None:
    up.start_and_wait(REDIS_URL=redis_url)
    assert "valkey-server" not in up.children()
    assert not (up.folder / ".data/valkey").exists()
    assert redis_client.dbsize() > 0


def test_the_demo_leaves_a_redis_with_other_accounts_alone(up: Up, redis_url: str) -> None:
    members = Members(Store(connect(redis_url)))
    members.sync([ConfiguredAccount(Account(name="alice", kind=Kind.KIMI), "precious")])
    up.start(REDIS_URL=redis_url)
    assert up.ends() == 1
    assert "the Redis of REDIS_URL holds 1 accounts of another accounts file" in up.said()
    alice = members.get("alice")
    assert alice is not None and alice.configured


def test_where_there_are_no_accounts_is_said_and_what_is_added_is_served_instead_of_the_demo(up: Up) -> None:
    nowhere = {"MOONSHOT_URL": "http://127.0.0.1:1/v1"}
    up.start("--no-demo", **nowhere)
    until(up.is_introduced, seconds=60, what="it introduces itself although it cannot serve")
    assert "simulator" not in up.children()
    assert f"accounts    {NO_ACCOUNTS}" in up.said()
    assert "readyz" not in up.said()
    up.add("sk-made-up", Kind.MOONSHOT)
    assert up.interrupt(signal.SIGTERM) == 0
    up.start(**nowhere)
    until(up.is_introduced, seconds=60, what="it says how to use it")
    assert set(up.children()) == set(NAMES) - {"simulator"}
    assert "those that you configured" in up.said()


def test_the_accounts_of_what_runs_here_are_listed(running: Up) -> None:
    lines = running.told("accounts", "list").stdout.splitlines()
    assert [line.split()[:3] for line in lines if line.startswith("demo-1")] == [["demo-1", "kimi", "active"]]
    tested = running.told("accounts", "test", "demo-1")
    assert tested.stdout.startswith("ok      demo-1: answered: "), "it asks the simulator, and not Kimi"


def test_where_nothing_runs_there_is_nothing_to_tell(up: Up) -> None:
    told = up.told("accounts", "list")
    assert (told.returncode, told.stdout) == (1, "")
    assert told.stderr == "dev: nothing runs in this folder: start ./dev up in another terminal, or set REDIS_URL.\n"


def test_how_what_runs_here_is_told_and_checked(running: Up) -> None:
    elsewhere = {"GATEWAY_PORT": "1"}  # the other terminal knows nothing of the port
    status = running.told("status", **elsewhere)
    assert status.returncode == 0
    assert "1 at work" in status.stdout
    doctor = running.told("doctor", **elsewhere)
    assert doctor.returncode == 0, doctor.stdout
    checks = [line.split()[0] for line in doctor.stdout.splitlines() if line]
    assert checks.count("ok") > 10
    assert "PROBLEM" not in checks
    assert f"is ready at http://127.0.0.1:{running.port}" in doctor.stdout


def test_accounts_of_the_operator_are_served_instead_of_the_demo(up: Up) -> None:
    (up.folder / "accounts.yaml").write_text("accounts: [{name: official, kind: moonshot, api_key: sk-made-up}]")
    (up.folder / ".env").write_text("MOONSHOT_URL=http://127.0.0.1:1/v1\nGATEWAY_API_KEYS=mine,other\n")
    up.start()
    until(lambda: probe.get("127.0.0.1", up.port, "/v1/models", key="mine")[0] == 200, seconds=30)
    assert set(up.children()) == set(NAMES) - {"simulator"}
    until(lambda: "client key  mine" in up.said(), seconds=30, what="it introduces itself although it cannot serve")
    assert "It cannot answer yet, and goes on trying: " in up.said()
    assert '{"' not in up.said().partition("It cannot answer yet")[2]
    assert not (up.folder / ".data/client-key").exists()


def test_a_bad_setting_ends_all_of_it_with_exit_code_2(up: Up) -> None:
    up.start(GATEWAY_QUEUE_SECONDS="soon")
    assert up.ends() == 2
    assert "GATEWAY_QUEUE_SECONDS" in up.said()
    assert "dev: the gateway cannot work with these settings" in up.said()
    assert "Traceback" not in up.said()


def test_a_port_in_use_is_said_before_anything_starts(up: Up, redis_url: str) -> None:
    up.port = int(redis_url.rpartition(":")[2].partition("/")[0])
    up.start()
    assert up.ends() == 1
    assert up.said().startswith(f"dev: 127.0.0.1 port {up.port} is taken by another program")
