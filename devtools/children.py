"""Processes that we start: alone in their process group, gone when we are, stopped by their number."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import IO

TETHER = Path(__file__).with_name("tether.py")
NEEDED = ("HOME", "PATH", "TMPDIR", "TZ")
NEEDED_BEGINNINGS = ("DYLD_", "LANG", "LC_", "LD_", "PYTHON")


class Process(Protocol):
    """What is asked of a process that was started. A `subprocess.Popen` is one."""

    pid: int

    def poll(self) -> int | None: ...

    def wait(self, timeout: float | None = None) -> int: ...

    def send_signal(self, sig: int, /) -> None: ...

    def terminate(self) -> None: ...

    def kill(self) -> None: ...


def bare(environ: Mapping[str, str]) -> dict[str, str]:
    """What any program needs of `environ`, and no setting or key that is there for others."""
    return {name: value for name, value in environ.items() if name in NEEDED or name.startswith(NEEDED_BEGINNINGS)}


def start(
    command: Sequence[str | os.PathLike[str]],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    output: int | IO[bytes] | None = None,
    keep: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start `command`; `output` takes what it says on both its streams, or it speaks to our own.
    `keep` are descriptors that stay open in it.

    It has a process group of its own, so that Ctrl-C in a terminal reaches us and we stop it in our order.
    Call this from the main thread: to Linux the parent is the thread that started the process.
    """
    return subprocess.Popen(
        [sys.executable, "-I", "-S", TETHER, str(os.getpid()), *command],
        env=env,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT if output is not None else None,
        process_group=0,
        pass_fds=keep,
    )


def stop(process: Process, seconds: float) -> int:
    """Send SIGTERM, give the process `seconds` to end, then SIGKILL. Returns its exit code."""
    if process.poll() is None:
        process.terminate()
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.wait()
