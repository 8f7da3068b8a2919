"""Our programs by the dozen: `python -m tests.nursery ORDERS ANSWERS MODULE…` imports modules once, and forks itself.

Each child is a process of its own that runs what `python -m PROGRAM` runs, in a group and an environment of its own;
only the second that Python takes to import it is saved. What is tested of the start itself starts in earnest.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import runpy
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from devtools import children, tether
from devtools.waiting import until

ROOT: Final = Path(__file__).parents[1]
PROGRAMS: Final[Mapping[str, Sequence[str]]] = {
    "gunicorn": ("tests.patched", "gunicorn.app.wsgiapp", "gateway.startup", "gateway.server.worker", "gateway.wsgi"),
    "refresher": ("refresher.process",),
    "simulator": ("tests.patched", "simulator.cli"),
}
"""What each of them imports, and may import before it knows its settings."""


class Child:
    """A process that a nursery has forked; it is asked about as a `subprocess.Popen` is."""

    def __init__(self, nursery: Nursery, pid: int) -> None:
        self._nursery = nursery
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """The exit code; None while it runs."""
        if self.returncode is None:
            self.returncode = self._nursery.ask(reap=self.pid)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The exit code. Raises subprocess.TimeoutExpired after `timeout` seconds."""
        with suppress(TimeoutError):
            until(lambda: self.poll() is not None, seconds=float("inf") if timeout is None else timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Nursery:
    """One program that is imported, and can be started at once."""

    def __init__(self, program: str) -> None:
        self.program = program
        self._one_at_a_time = threading.Lock()
        orders, ordering = os.pipe()
        hearing, answers = os.pipe()
        self._process = children.start(
            [sys.executable, "-m", "tests.nursery", str(orders), str(answers), *PROGRAMS[program]],
            cwd=ROOT,
            keep=(orders, answers),
        )
        os.close(orders)
        os.close(answers)
        self._orders, self._answers = os.fdopen(ordering, "w"), os.fdopen(hearing)

    def start(self, *arguments: str, env: Mapping[str, str], cwd: Path, log: Path) -> Child:
        """What `python -m` and the program's name start in `cwd`; what it says is added to the file `log`."""
        log.touch()  # who reads it may come first
        return Child(self, self.ask(argv=[self.program, *arguments], env=dict(env), cwd=str(cwd), log=str(log)))

    def ask(self, **order: Any) -> Any:
        """What comes of an order."""
        with self._one_at_a_time:
            self._orders.write(json.dumps(order) + "\n")
            self._orders.flush()
            return json.loads(self._answers.readline())

    def close(self) -> None:
        """Its children are told to end with it, by the kernel."""
        self._orders.close()
        self._answers.close()
        self._process.wait(10)


@cache
def nursery(program: str) -> Nursery:
    """The one of this process, which ends with it."""
    made = Nursery(program)
    atexit.register(made.close)
    return made


def start(command: Sequence[str], *, env: Mapping[str, str], cwd: Path, log: Path) -> children.Process:
    """Start `command` in `cwd`; it has `env` alone, and what it says is added to the file `log`.

    It is forked if it is one of ours, as `python -m` would start it.
    """
    interpreted, program, arguments = command[:2] == [sys.executable, "-m"], command[2], command[3:]
    if interpreted and program in PROGRAMS and sys.platform == "linux":
        return nursery(program).start(*arguments, env=env, cwd=cwd, log=log)
    return start_anew(command, env=env, cwd=cwd, log=log)


def start_anew(command: Sequence[str], *, env: Mapping[str, str], cwd: Path, log: Path) -> children.Process:
    """The same, and it is never forked."""
    with log.open("ab") as output:
        return children.start(command, env=env, cwd=cwd, output=output)


def obey(orders: int, answers: int) -> dict[str, Any] | None:
    """Fork for every line that comes. In a child this returns what it has to be; in the nursery None, at the end."""
    from gevent import monkey  # noqa: PLC0415 - whoever asks a nursery does not need it

    fork, wait = monkey.get_original("os", "fork"), monkey.get_original("os", "waitpid")
    parent = os.getpid()
    with os.fdopen(orders) as lines, os.fdopen(answers, "w") as told:
        for line in lines:
            order = json.loads(line)
            if pid := order.get("reap"):
                ended, status = wait(pid, os.WNOHANG)
                answer = os.waitstatus_to_exitcode(status) if ended else None
            else:
                assert threading.active_count() == 1, "a fork would copy locks that nobody frees"
                answer = fork()
                if not answer:
                    tether.ask_kernel(parent)
                    return dict(order)
            told.write(f"{json.dumps(answer)}\n")
            told.flush()
    return None


def become(order: Mapping[str, Any]) -> None:
    """Run the program as if this process had been started for it."""
    os.setpgid(0, 0)
    output = os.open(order["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    os.environ.clear()
    os.environ.update(order["env"])
    os.chdir(order["cwd"])
    sys.path[:0] = [order["cwd"], *filter(None, order["env"].get("PYTHONPATH", "").split(os.pathsep))]
    sys.modules.pop("sitecustomize", None)
    with suppress(ModuleNotFoundError):
        import_module("sitecustomize")
    sys.argv[:] = order["argv"]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


def main(orders: int, answers: int, *modules: str) -> None:
    """Import, and wait for orders."""
    gc.disable()
    for module in modules:
        import_module(module)
    gc.freeze()
    gc.enable()
    if order := obey(orders, answers):
        become(order)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
