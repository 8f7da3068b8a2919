from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from devtools import children, tether
from devtools.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
SLEEPER = [sys.executable, "-c", "import signal; print('up', flush=True); signal.pause()"]
BY_KERNEL = (
    "from devtools import children; child = children.start({command}); print(child.pid, flush=True); child.wait()"
)
BY_WATCHER = """
import os
from devtools import tether
supervisor = os.getpid()
child = os.fork()
if child == 0:
    tether.leave_watcher(supervisor)
    command = {command}
    os.execv(command[0], command)
print(child, flush=True)
os.waitpid(child, 0)
"""


@pytest.fixture(params=[BY_KERNEL, BY_WATCHER], ids=["kernel", "watcher"])
def supervisor(request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[bytes]]:
    script = request.param.format(command=SLEEPER)
    with subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE) as process:
        yield process
        process.kill()


def child_of(supervisor: subprocess.Popen[bytes]) -> int:
    """The child's number, once it runs."""
    assert supervisor.stdout is not None
    lines = {supervisor.stdout.readline().strip(), supervisor.stdout.readline().strip()}
    assert b"up" in lines
    return int((lines - {b"up"}).pop())


def test_a_child_ends_when_its_supervisor_is_killed(supervisor: subprocess.Popen[bytes]) -> None:
    child = child_of(supervisor)
    assert tether.alive(child)
    supervisor.kill()
    supervisor.wait()
    until(lambda: not tether.alive(child), what="the child is gone")


def test_the_watcher_does_not_hold_a_pipe_open_when_its_command_has_ended() -> None:
    command = [sys.executable, "-c", "print('said', flush=True)"]
    finished = subprocess.run(
        [sys.executable, "-c", BY_WATCHER.format(command=command)],
        cwd=ROOT,
        capture_output=True,
        timeout=20,
        check=True,
    )
    assert b"said" in finished.stdout


def test_a_command_that_does_not_exist_is_named() -> None:
    process = children.start(["no-such-command"], output=subprocess.PIPE)
    said, _ = process.communicate(timeout=20)
    assert process.returncode == 1
    assert said == b"no-such-command cannot be run: No such file or directory\n"


def test_a_process_that_ignores_sigterm_is_killed() -> None:
    script = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); signal.pause()"
    with children.start([sys.executable, "-c", script], output=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        assert children.stop(process, 0.1) == -9
