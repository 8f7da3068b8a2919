"""What runs around the servers under test: the upstream, Valkey and the refresher, off their processor."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import redis

from benchmarks.building import Programs
from benchmarks.ending import Unmeasured
from benchmarks.performance import accounts, cores
from benchmarks.performance.upstream import Upstream
from devtools import children, valkey
from devtools.valkey import free_port
from devtools.waiting import until

ROOT = Path(__file__).parents[2]
KEY = "sk-bench"
START_SECONDS, END_SECONDS = 60.0, 15.0
ACCOUNTS, STREAMS = 16, 200
"""Of each kind, and how many streams each of them may have: more than any measure needs."""
_OURS = ("GATEWAY_", "KIMI_", "LOG_", "MOONSHOT_", "REFRESHER_", "TOKEN_")


@dataclass(frozen=True, slots=True)
class House:
    """Where everything is. `server_cores` are for the server under test, `load_cores` for all else."""

    folder: Path
    programs: Programs
    upstream: Upstream
    redis_url: str
    valkey_pid: int
    refresher_pid: int
    server_cores: tuple[int, ...]
    load_cores: tuple[int, ...]
    settings: Mapping[str, str] = field(repr=False)
    """The environment of gateway and refresher; they run in `folder`."""
    accounts: int
    """Of all kinds together."""
    tree: Path
    """The checkout whose gateway and refresher run."""

    def redis(self) -> redis.Redis:
        """A client of the gateway's Redis."""
        return redis.Redis.from_url(self.redis_url)


class NotStarted(Unmeasured):
    """A server does not serve; the text has its last words."""


@contextmanager
def running(
    command_line: Iterable[str],
    log: Path,
    *,
    on: Iterable[int],
    serves: Callable[[], bool] = lambda: True,
    seconds: float = START_SECONDS,
    env: Mapping[str, str] | None = None,
    cwd: Path = ROOT,
) -> Iterator[subprocess.Popen[bytes]]:
    """A process on these processors while the block runs, from when it `serves`. It ends with us, however we end.

    Raises `NotStarted` where it ends instead of serving, or does not serve after so many seconds.
    """
    with log.open("ab") as output, cores.on(tuple(on)):
        process = children.start(list(command_line), env=env, cwd=cwd, output=output)
    try:
        _wait_until_it_serves(process, serves, seconds, log)
        yield process
    finally:
        children.stop(process, END_SECONDS)


def _wait_until_it_serves(
    process: subprocess.Popen[bytes], serves: Callable[[], bool], seconds: float, log: Path
) -> None:
    try:
        until(lambda: process.poll() is not None or serves(), seconds=seconds)
    except TimeoutError:
        raise NotStarted(f"{log.stem} does not serve after {seconds:g} s; it said: {_last_words(log)}") from None
    if process.poll() is not None:
        raise NotStarted(f"{log.stem} has ended before it served; it said: {_last_words(log)}")


def _last_words(log: Path) -> str:
    return log.read_text("utf-8", "replace").strip()[-500:] or "nothing"


def listens(port: int) -> bool:
    """Whether somebody takes connections there."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@contextmanager
def house(
    folder: Path,
    programs: Programs,
    *,
    count: int = ACCOUNTS,
    streams: int = STREAMS,
    extra: Mapping[str, str] | None = None,
    tree: Path = ROOT,
) -> Iterator[House]:
    """Everything around the servers, with `count` accounts of each kind that take `streams` streams each.

    Gateway and refresher run in `folder`, so that they do not read the `.env` of a checkout that is in use.
    """
    all_cores = cores.all_cores()
    server_cores, load_cores = (all_cores[:1], all_cores[1:]) if len(all_cores) > 1 else (all_cores, all_cores)
    upstream, redis_port = Upstream(free_port()), free_port()
    (folder / "accounts.yaml").write_text(accounts.accounts_file(count, streams), "utf-8")
    tree = tree.resolve()
    settings = _settings(folder, tree, upstream, redis_port) | dict(extra or {})
    with ExitStack() as stack:
        program = [str(programs.upstream), str(upstream.port)]
        log = folder / "upstream.log"
        stack.enter_context(running(program, log, on=load_cores, serves=lambda: listens(upstream.port)))
        program = valkey.command(valkey.find_server(), folder, port=redis_port)
        log, address = folder / "valkey.log", ("127.0.0.1", redis_port)
        store = stack.enter_context(running(program, log, on=load_cores, serves=lambda: valkey.answers(address)))
        program, log = [sys.executable, "-m", "refresher"], folder / "refresher.log"
        refreshing = stack.enter_context(running(program, log, on=load_cores, env=settings, cwd=folder))
        yield House(
            folder,
            programs,
            upstream,
            settings["REDIS_URL"],
            store.pid,
            refreshing.pid,
            server_cores,
            load_cores,
            settings,
            count * len(accounts.MODELS),
            tree,
        )


def unset(environment: Mapping[str, str]) -> dict[str, str]:
    """What is left of an environment without what an operator has set of gateway and refresher."""
    return {name: value for name, value in environment.items() if not name.startswith(_OURS)}


def _settings(folder: Path, tree: Path, upstream: Upstream, redis_port: int) -> dict[str, str]:
    return {
        **unset(os.environ),
        "PYTHONPATH": str(tree),
        "REDIS_URL": f"redis://127.0.0.1:{redis_port}/0",
        "GATEWAY_API_KEYS": KEY,
        "KIMI_ACCOUNTS_FILE": str(folder / "accounts.yaml"),
        "KIMI_WEB_URL": upstream.url,
        "KIMI_AUTH_URL": upstream.url,
        "KIMI_CLASSIC_URL": upstream.url,
        "MOONSHOT_URL": f"{upstream.url}/v1",
    }
