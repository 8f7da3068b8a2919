"""Several processes as one: started in order, started again when they die, stopped the other way round."""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from devtools import children
from devtools.private import private
from devtools.saying import Trouble

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path
    from typing import IO

    from devtools.signals import Bell

BAD_SETTINGS = 2  # the exit code with which our processes say that another start would not help
POLL_SECONDS = 0.05
BACK_OFF_SECONDS = (1.0, 2.0, 5.0, 10.0, 30.0)
SETTLED_SECONDS = 60.0  # who has run that long starts again at the shortest back-off


@dataclass(frozen=True)
class Program:
    """A process that has to run. Everything after `command` has a use only now and then."""

    name: str
    command: Sequence[str]
    env: Mapping[str, str] = field(repr=False)
    ready: Callable[[], bool] | None = None  # the next program is started when it says so
    ready_seconds: float = 30.0
    stop_seconds: float = 10.0
    spared: bool = False  # told to stop before all others, and never cut short: what it has under way would be lost
    log: Path | None = None  # where its output goes, if not to ours


class Supervisor:
    """Runs `programs`; `say` gets a line about everything that whoever watches should know.

    The descriptors `keep` stay open in every one of them, so that a lock is held until the last has ended.
    """

    def __init__(
        self,
        programs: Sequence[Program],
        *,
        cwd: Path,
        bell: Bell,
        say: Callable[[str], None],
        keep: Sequence[int] = (),
        back_off: Sequence[float] = BACK_OFF_SECONDS,
    ) -> None:
        self._members = [_Member(program, cwd, keep) for program in programs]
        self._bell = bell
        self._say = say
        self._back_off = back_off

    def start(self) -> None:
        """Start every program, each when the one before is ready, or stop half-way when the bell asks for it.

        Raises Trouble when one ends or does not become ready.
        """
        for count, member in enumerate(self._members, start=1):
            if self._bell.stops():
                return
            member.start()
            deadline = time.monotonic() + member.program.ready_seconds
            while not self._bell.stops() and not member.is_ready():
                for started in self._members[:count]:
                    started.raise_if_ended()
                if time.monotonic() > deadline:
                    raise Trouble(f"{member.program.name} has not become ready{member.last_words()}")
                self._bell.wait(POLL_SECONDS)

    def tend(self, seconds: float) -> None:
        """Start again whoever has died, then wait up to `seconds`. Raises Trouble when another start cannot help."""
        now = time.monotonic()
        for member in self._members:
            if member.ended():
                member.raise_if_misconfigured()
                pause = member.bury(now, self._back_off)
                self._say(f"{member.program.name} ended by itself ({member.fate}); starting it again in {pause:g} s.")
            if member.due(now):
                member.start()
        pauses = [member.restart_at - now for member in self._members if member.restart_at is not None]
        self._bell.wait(max(0.0, min([seconds, *pauses])))

    def stop(self) -> None:
        """Stop every program, the last one first; a further ring of the bell cuts the patience short.

        Those that are spared are told at once with the last one, so that nobody waits for one after the other.
        """
        asked = self._bell.stops()
        for member in self._members:
            if member.program.spared:
                member.ask_to_stop()
        for member in reversed(self._members):
            member.ask_to_stop()
            while member.running():
                is_hurried = self._bell.stops() > asked and not member.program.spared
                if is_hurried or member.is_late():
                    member.kill()
                self._bell.wait(POLL_SECONDS)
            asked = self._bell.stops()


def open_log(path: Path | None) -> AbstractContextManager[IO[bytes] | None]:
    """The file at `path`, open at its end and for nobody else, or nothing."""
    if path is None:
        return nullcontext()
    return private(path).open("ab")


class _Member:
    """A program and its process, if there is one at the moment."""

    def __init__(self, program: Program, cwd: Path, keep: Sequence[int]) -> None:
        self.program = program
        self.restart_at: float | None = None
        self.fate = ""
        self._cwd = cwd
        self._keep = keep
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._stop_by: float | None = None  # once it was asked to
        self._deaths = 0

    def start(self) -> None:
        self.restart_at = None
        self._stop_by = None
        self._started = time.monotonic()
        with open_log(self.program.log) as log:
            self._process = children.start(
                self.program.command, env=self.program.env, cwd=self._cwd, output=log, keep=self._keep
            )

    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def ended(self) -> bool:
        return self._process is not None and self._process.poll() is not None

    def due(self, now: float) -> bool:
        return self.restart_at is not None and now >= self.restart_at

    def is_ready(self) -> bool:
        return self.program.ready is None or (self.running() and self.program.ready())

    def bury(self, now: float, back_off: Sequence[float]) -> float:
        """Note how the process ended and when the next one is due; returns the pause until then."""
        self.fate = self._how()
        if now - self._started > SETTLED_SECONDS:
            self._deaths = 0
        pause = back_off[min(self._deaths, len(back_off) - 1)]
        self._deaths += 1
        self._process = None
        self.restart_at = now + pause
        return pause

    def ask_to_stop(self) -> None:
        """Once: who is about to end may listen to a second signal no longer."""
        if self._process is not None and self.running() and self._stop_by is None:
            self._stop_by = time.monotonic() + self.program.stop_seconds
            self._process.terminate()

    def is_late(self) -> bool:
        return self._stop_by is not None and time.monotonic() > self._stop_by

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()

    def raise_if_misconfigured(self) -> None:
        if self._process is not None and self._process.returncode == BAD_SETTINGS:
            raise Trouble(f"{self.program.name} cannot work with these settings{self.last_words()}", code=BAD_SETTINGS)

    def raise_if_ended(self) -> None:
        if self.ended():
            self.raise_if_misconfigured()
            raise Trouble(f"{self.program.name} ended while it started ({self._how()}){self.last_words()}")

    def last_words(self) -> str:
        if self.program.log is None:
            return "; what it said stands above."
        lines = self.program.log.read_text(errors="replace").splitlines()[-5:]
        return f"; the end of {self.program.log}:\n" + "\n".join(f"  {line}" for line in lines)

    def _how(self) -> str:
        code = self._process.returncode if self._process is not None else None
        return f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
