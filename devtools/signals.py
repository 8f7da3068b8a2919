"""Waiting that ends at once when a signal comes: Ctrl-C, SIGTERM, or the death of a child."""

from __future__ import annotations

import select
import signal
import socket
from typing import TYPE_CHECKING, Protocol, Self

if TYPE_CHECKING:
    from types import FrameType, TracebackType

STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Bell(Protocol):
    """What a supervisor waits at."""

    def stops(self) -> int:
        """How often we were asked to stop."""

    def wait(self, seconds: float) -> None:
        """Return after `seconds`, or earlier when something may have happened."""


class SignalBell:
    """A Bell that listens to this process's signals while it is entered; main thread only."""

    def __init__(self) -> None:
        self._stops = 0
        self._reader, self._writer = socket.socketpair()

    def __enter__(self) -> Self:
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        for number in STOP:
            if number == signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
                continue  # started by nohup, to outlive its terminal
            signal.signal(number, self._asked)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # with no handler at all nobody would be woken
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.set_wakeup_fd(-1)
        self._reader.close()
        self._writer.close()

    def _asked(self, _number: int, _frame: FrameType | None) -> None:
        self._stops += 1

    def stops(self) -> int:
        """How often we were asked to stop."""
        return self._stops

    def wait(self, seconds: float) -> None:
        """Return after `seconds`, or at once when a signal has come since the last time."""
        if select.select([self._reader], [], [], seconds)[0]:
            self._reader.recv(4096)
