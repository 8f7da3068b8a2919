"""Become a command that is told to end when the process that started it is gone: `tether.py PARENT COMMAND…`.

A process killed with SIGKILL has no chance to stop its children.
Linux tells them by itself when they asked for it; elsewhere a small process stays beside the command and watches.
A launcher rather than `preexec_fn`, which may deadlock in a program that has threads.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time

PR_SET_PDEATHSIG = 1
POLL_SECONDS = 0.2


def ask_kernel(parent: int) -> None:
    """Have Linux send SIGTERM to this process, through exec, when the thread that started it ends."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it was gone before we could ask
        sys.exit(1)


def leave_watcher(parent: int) -> None:
    """Fork a process that sends SIGTERM to this one when `parent` is gone, and ends when this one has."""
    target = os.getpid()
    middle = os.fork()
    if middle:
        os.waitpid(middle, 0)
        return
    if os.fork():  # init becomes the watcher's parent: the command never sees a child that it did not start
        os._exit(0)
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):  # whoever reads the command's output must see its end
        os.dup2(nothing, descriptor)
    while alive(target):
        if not alive(parent):
            os.kill(target, signal.SIGTERM)
            break
        time.sleep(POLL_SECONDS)
    os._exit(0)


def alive(pid: int) -> bool:
    """Whether a process of that number exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def main(arguments: list[str]) -> None:
    """Tie this process to its parent and turn into the command."""
    parent, *command = arguments
    if sys.platform == "linux":
        ask_kernel(int(parent))
    else:
        leave_watcher(int(parent))
    try:
        os.execvp(command[0], command)
    except OSError as error:
        sys.exit(f"{command[0]} cannot be run: {error.strerror}")


if __name__ == "__main__":
    main(sys.argv[1:])
