from __future__ import annotations

import os
import signal
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from devtools.saying import Trouble
from devtools.supervisor import Program, Supervisor, open_log
from devtools.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


# Notes its start and its end in a file, and its number beside it.
NOTING = """
import os, signal, sys
name, folder = sys.argv[1:]
def note(line):
    with open(f"{folder}/notes", "a") as notes:
        notes.write(line + "\\n")
def end(*_):
    note(f"-{name}")
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
note(f"+{name}")
with open(f"{folder}/{name}.pid.new", "w") as file:
    file.write(str(os.getpid()))
os.rename(file.name, f"{folder}/{name}.pid")  # who finds it there finds the number in it
while True:
    signal.pause()
"""


class HandBell:
    """A bell that the test rings."""

    def __init__(self) -> None:
        self.rings = 0
        self.at_a_wait: Callable[[], object] = lambda: None

    def stops(self) -> int:
        return self.rings

    def ring(self) -> None:
        self.rings += 1

    def wait(self, seconds: float) -> None:
        self.at_a_wait()
        threading.Event().wait(min(seconds, 0.01))


@pytest.fixture
def bell() -> HandBell:
    return HandBell()


class Stage:
    """A folder with programs that note what happens to them."""

    def __init__(self, folder: Path, bell: HandBell) -> None:
        self.folder = folder
        self.bell = bell
        self.said: list[str] = []
        self.supervisor = Supervisor([], cwd=folder, bell=bell, say=self.said.append)

    def start(self, *programs: Program) -> None:
        self.supervisor = Supervisor(
            programs, cwd=self.folder, bell=self.bell, say=self.said.append, back_off=(0.01, 0.02)
        )
        self.supervisor.start()

    def noting(self, name: str, script: str = NOTING, *, spared: bool = False) -> Program:
        """A program that is ready when it has noted its start."""
        command = [sys.executable, "-c", script, name, str(self.folder)]
        return Program(name, command, os.environ, ready=(self.folder / f"{name}.pid").exists, spared=spared)

    def speaking(self, script: str) -> Program:
        """A program that never becomes ready and whose words are kept."""
        return Program("it", [sys.executable, "-c", script], os.environ, ready=lambda: False, log=self.folder / "log")

    def pid(self, name: str) -> int:
        return int((self.folder / f"{name}.pid").read_text())

    def notes(self) -> list[str]:
        return (self.folder / "notes").read_text().split()


@pytest.fixture
def stage(tmp_path: Path, bell: HandBell) -> Iterator[Stage]:
    stage = Stage(tmp_path, bell)
    yield stage
    stage.supervisor.stop()


def test_programs_start_in_order_and_stop_the_other_way_round(stage: Stage) -> None:
    stage.start(stage.noting("first"), stage.noting("second"), stage.noting("third"))
    stage.supervisor.stop()
    assert stage.notes() == ["+first", "+second", "+third", "-third", "-second", "-first"]


def test_a_program_that_died_is_started_again_and_that_is_said(stage: Stage) -> None:
    stage.start(stage.noting("one"), stage.noting("two"))
    killed = stage.pid("one")
    os.kill(killed, signal.SIGKILL)

    def back() -> bool:
        stage.supervisor.tend(0.01)
        return stage.notes() == ["+one", "+two", "+one"]

    until(back)
    assert stage.said == ["one ended by itself (signal 9); starting it again in 0.01 s."]


def test_pauses_between_restarts_grow(stage: Stage) -> None:
    stage.start(Program("it", [sys.executable, "-c", "raise SystemExit(3)"], os.environ))

    def died_thrice() -> bool:
        stage.supervisor.tend(0.01)
        return len(stage.said) == 3

    until(died_thrice)
    assert [line.rpartition("in ")[2] for line in stage.said] == ["0.01 s.", "0.02 s.", "0.02 s."]


def test_a_program_that_ends_while_starting_is_quoted(stage: Stage) -> None:
    with pytest.raises(Trouble, match=r"it ended while it started \(exit code 1\)[^\0]*\n  no disk$") as trouble:
        stage.start(stage.speaking("raise SystemExit('no disk')"))
    assert trouble.value.code == 1


def test_bad_settings_end_everything_with_exit_code_2(stage: Stage) -> None:
    with pytest.raises(Trouble, match="it cannot work with these settings") as trouble:
        stage.start(stage.noting("one"), stage.speaking("raise SystemExit(2)"))
    assert trouble.value.code == 2
    stage.supervisor.stop()
    assert stage.notes() == ["+one", "-one"]


def test_bad_settings_of_an_earlier_program_end_the_start_of_a_later_one(stage: Stage) -> None:
    early = Program("early", [sys.executable, "-c", "raise SystemExit(2)"], os.environ)
    with pytest.raises(Trouble, match="early cannot work with these settings"):
        stage.start(early, stage.speaking("import signal; signal.pause()"))


def test_a_program_that_never_becomes_ready_is_given_up(stage: Stage) -> None:
    program = stage.speaking("import signal; print('starting', flush=True); signal.pause()")
    impatient = Program("it", program.command, program.env, ready=lambda: False, ready_seconds=0.5, log=program.log)
    with pytest.raises(Trouble, match=r"it has not become ready[^\0]*\n  starting$"):
        stage.start(impatient)


def test_a_second_ring_kills_who_does_not_listen(stage: Stage) -> None:
    deaf = NOTING.replace('note(f"-{name}")\n    sys.exit(0)', 'note(f"deaf")')
    stage.start(stage.noting("listening"), stage.noting("deaf", deaf))
    threading.Timer(0.2, stage.bell.ring).start()
    stage.supervisor.stop()
    assert stage.notes() == ["+listening", "+deaf", "deaf", "-listening"]


def test_who_is_spared_is_told_with_the_last_one_and_ends_in_its_own_time(stage: Stage) -> None:
    ending = '    signal.sigwait([signal.SIGUSR1])\n    note(f"={name}")\n    sys.exit(0)'
    waiting = NOTING.replace("    sys.exit(0)", ending)
    waiting = f"import signal; signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])\n{waiting}"
    stage.start(stage.noting("first"), stage.noting("spared", waiting, spared=True), stage.noting("last", waiting))

    def watch() -> None:
        notes = stage.notes()
        if "=last" in notes and stage.bell.rings < 20:
            stage.bell.ring()
            if stage.bell.rings == 20:
                os.kill(stage.pid("spared"), signal.SIGUSR1)
        elif "=last" not in notes and {"-spared", "-last"} < set(notes):
            os.kill(stage.pid("last"), signal.SIGUSR1)

    stage.bell.at_a_wait = watch
    stage.supervisor.stop()
    assert stage.notes()[5:] == ["=last", "=spared", "-first"]


def test_ctrl_c_while_starting_starts_no_more(stage: Stage) -> None:
    stage.bell.ring()
    stage.start(stage.noting("one"))
    assert not (stage.folder / "notes").exists()


def test_a_log_is_for_nobody_else_also_where_it_was_before(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("before\n")
    log.chmod(0o644)
    with open_log(log) as file:
        assert file is not None
        file.write(b"after\n")
    assert (log.read_text(), log.stat().st_mode & 0o777) == ("before\nafter\n", 0o600)
