"""The process that checks values, and the line of those who ask it."""

from __future__ import annotations

import errno
import gc
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gevent
import orjson
import pytest
from gevent.event import Event
from hypothesis import given
from hypothesis import strategies as st

from devtools.waiting import until
from gateway.schemas.line import Line
from gateway.schemas.process import Process
from gateway.validator.checking import answer
from gateway.validator.frames import Wanted
from kimi.errors import Crowded
from tests.children import has_ended, pids_of_children

INTEGER = b'{"type":"integer"}'
DEAR = orjson.dumps({"pattern": "(?:[ab]{1,200}){1,40}[cd]"})
LETTERS = orjson.dumps("ab" * 20_000)
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a process is told of differently")


@pytest.fixture
def line() -> Iterator[Line]:
    line = Line(Heard)
    yield line
    line.end()


def ask(line: Line, schema: bytes = INTEGER, value: bytes = b"1", wanted: Wanted = Wanted.COMPLAINTS) -> Any:
    return line.ask(wanted, schema, value, schema)


def pid(line: Line) -> int:
    assert line.process is not None
    return line.process.pid


class Heard(Process):
    """Lets others hear of each task as soon as it has been given on."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = Event()

    def ask(self, wanted: Wanted, schema: bytes, value: bytes) -> tuple[Any, float]:
        self.begun.set()  # who waits goes on when the answer is waited for
        return super().ask(wanted, schema, value)


def begins(line: Line) -> None:
    """Returns when the process of `line`, which has nothing to do, is given its next task."""
    assert isinstance(line.process, Heard)
    line.process.begun.clear()
    assert line.process.begun.wait(10)


def of_process(number: int, name: str) -> str:
    return Path(f"/proc/{number}/{name}").read_text("utf-8")


schemas = st.recursive(
    st.sampled_from(
        [{}, {"type": "integer"}, {"type": "string", "minLength": 2}, {"enum": [1, "a", None]}, {"type": "x"}]
    ),
    lambda inner: (
        st.fixed_dictionaries({"items": inner})
        | st.fixed_dictionaries({"anyOf": st.lists(inner, max_size=3)})
        | st.fixed_dictionaries({"properties": st.dictionaries(st.sampled_from("abc"), inner, max_size=3)})
        | st.fixed_dictionaries({"not": inner, "required": st.just(["a"])})
    ),
    max_leaves=8,
)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=4),
    max_leaves=12,
)


shared = Line()


@given(schemas, values, st.sampled_from(Wanted))
def test_it_says_what_would_be_found_here(schema: Any, value: Any, wanted: Wanted) -> None:
    written, text = orjson.dumps(schema), orjson.dumps(value)
    found = answer(wanted, written, text)
    assert ask(shared, written, text, wanted) == (found if isinstance(found, dict) else list(found))


@on_linux
def test_it_knows_no_secret_and_has_nothing_open_but_its_pipes(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIMI_REFRESH_TOKENS", "a-secret")
    monkeypatch.setenv("LD_LIBRARY_PATH", "/nowhere")
    with Path(__file__).open("rb") as file:
        os.set_inheritable(file.fileno(), True)
        ask(line)
        number = pid(line)
        environment = of_process(number, "environ").split("\0")[:-1]
        assert {each.partition("=")[0] for each in environment} == {"PYTHONPATH", "LD_LIBRARY_PATH"}
        assert of_process(number, "cmdline").split("\0")[1:-1] == ["-B", "-P", "-S", "-m", "gateway.validator"]
        assert {each.name for each in Path(f"/proc/{number}/fd").iterdir()} == {"0", "1", "2"}


@on_linux
def test_its_memory_is_bounded_and_leaves_no_dump(line: Line) -> None:
    ask(line)
    limits = of_process(pid(line), "limits")
    assert "Max address space         268435456            268435456 " in limits
    assert "Max core file size        0                    0 " in limits


def test_one_that_somebody_has_killed_is_replaced(line: Line) -> None:
    assert ask(line) == []
    first = pid(line)
    os.kill(first, signal.SIGKILL)
    assert ask(line, value=b'"x"') == ['$: this is not of type "integer"']
    assert pid(line) != first
    asking = gevent.spawn(ask, line, DEAR, LETTERS[:1_000] + b'"', Wanted.FITTING)
    begins(line)
    os.kill(pid(line), signal.SIGKILL)
    assert asking.get() == ["$: this does not fit the schema"]


class Struck(Process):
    """Gets a signal with each task, which is not known here."""

    def __init__(self, sent: signal.Signals, started: list[Process]) -> None:
        super().__init__()
        started.append(self)
        self._sent = sent

    def ask(self, wanted: Wanted, schema: bytes, value: bytes) -> tuple[Any, float]:
        super().ask(wanted, INTEGER, b"1")
        os.kill(self.pid, self._sent)
        return super().ask(wanted, schema, value)


@pytest.mark.parametrize(("sent", "times"), [(signal.SIGPROF, 1), (signal.SIGABRT, 2), (signal.SIGSEGV, 2)])
def test_what_is_too_much_for_a_process_is_not_tried_for_ever(sent: signal.Signals, times: int) -> None:
    started: list[Process] = []
    line = Line(lambda: Struck(sent, started))
    assert ask(line, wanted=Wanted.READING) is None
    assert line.can_be_read.get(INTEGER) is False
    assert len(started) == times


def test_nothing_is_thought_of_a_schema_whose_process_somebody_kills(caplog: pytest.LogCaptureFixture) -> None:
    started: list[Process] = []
    line = Line(lambda: Struck(signal.SIGKILL, started))
    with pytest.raises(Crowded):
        ask(line, wanted=Wanted.READING)
    assert line.can_be_read.get(INTEGER) is None
    assert len(started) == 2
    assert "it ended twice, with -9" in caplog.text


def test_one_that_is_killed_while_it_begins_is_replaced() -> None:
    started: list[Process] = []

    def start() -> Process:
        started.append(Process())
        if len(started) == 1:
            os.kill(started[0].pid, signal.SIGKILL)
        return started[-1]

    line = Line(start)
    assert ask(line) == []
    assert len(started) == 2
    line.end()


@on_linux
def test_nobody_waits_for_the_end_of_one_that_does_not_end(line: Line) -> None:
    ask(line)
    with Path(f"/proc/{pid(line)}/fd/1").open("wb"):  # as the process itself has, while it is held up
        with gevent.Timeout(10):
            assert line.end() == 0
        assert ask(line) == []


def test_one_that_cannot_begin_tells_why() -> None:
    program = (
        "import sys\n"
        "from gateway.schemas.line import Line\n"
        "from gateway.schemas.process import Process\n"
        "from gateway.validator.frames import Wanted\n"
        "def lost():\n"
        "    found, sys.path[:] = sys.path[:], ['/nowhere']\n"
        "    try: return Process()\n"
        "    finally: sys.path[:] = found\n"
        "Line(lost).ask(Wanted.READING, b'{}', b'', b'')\n"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert "kimi.errors.Crowded: no process" in found.stderr
    assert "No module named" in found.stderr
    assert "it ended twice, with 1" in found.stderr


def test_what_it_says_of_tasks_nobody_hears() -> None:
    program = (
        "from gateway.schemas.process import Process\n"
        "from gateway.validator.frames import Wanted\n"
        "process = Process()\n"
        "try:\n"
        "    process.ask(Wanted.FITTING, b'{}', b'no JSON of a client')\n"
        "except EOFError:\n"
        "    print(process.end())\n"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (found.stdout, found.stderr) == (f"{-signal.SIGABRT}\n", "")


def test_where_there_are_no_descriptors_none_is_lost() -> None:
    program = (
        "import os, resource\n"
        "from gateway.schemas.process import Process\n"
        "def opened():\n"
        "    return sorted(int(name) for name in os.listdir('/dev/fd'))\n"
        "while (last := os.dup(0)) < opened()[-2]: pass\n"
        "before = opened()\n"
        "hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]\n"
        "for free in range(4):\n"
        "    resource.setrlimit(resource.RLIMIT_NOFILE, (last + 1 + free, hard))\n"
        "    try: Process()\n"
        "    except OSError as error: print(error.errno, end=' ')\n"
        "    resource.setrlimit(resource.RLIMIT_NOFILE, (last + 100, hard))\n"
        "    assert opened() == before, (opened(), before)\n"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (found.stdout.split(), found.stderr) == ([str(errno.EMFILE)] * 4, "")


def test_one_that_takes_too_long_is_ended_and_leaves_nothing(line: Line) -> None:
    ask(line)
    first = pid(line)
    assert ask(line, DEAR, LETTERS) is None
    assert line.process is None
    with pytest.raises(ChildProcessError):
        os.waitpid(first, os.WNOHANG)
    assert ask(line) == []


def test_answers_reach_who_asked_though_others_have_left(line: Line) -> None:
    ask(line)
    leaving = [gevent.spawn(ask, line, DEAR, LETTERS[:2_000] + b'"') for _ in range(3)]
    staying = gevent.spawn(ask, line, value=b'"x"')
    begins(line)
    gevent.killall(leaving)
    assert staying.get() == ['$: this is not of type "integer"']
    assert ask(line) == []


def order_of(line: Line, *asked: tuple[bytes, Wanted]) -> list[bytes]:
    """In which order those have their answers who ask at a time."""
    order: list[bytes] = []

    def note(schema: bytes, wanted: Wanted) -> None:
        ask(line, schema, wanted=wanted)
        order.append(schema)

    gevent.joinall([gevent.spawn(note, *each) for each in asked], raise_error=True)
    return order


def test_who_has_taken_long_lets_others_go_first(line: Line) -> None:
    dear, known, new = b'{"pattern":"(?:[ab]{1,200}){1,20}[cd]"}', INTEGER, b'{"type":"string"}'
    assert ask(line, dear, LETTERS[:500] + b'"') != [] and ask(line, known) == []
    asked = [(each, Wanted.COMPLAINTS) for each in (b"{}", dear, new, known)]
    assert order_of(line, *asked) == [known, b"{}", new, dear]
    assert order_of(line, (dear, Wanted.FITTING), (b'{"type":"null"}', Wanted.FITTING))[0] == dear, "it was cheap then"


def test_values_go_before_schemas_however_long_theirs_take(line: Line) -> None:
    dear, new = b'{"pattern":"(?:[ab]{1,200}){1,20}[cd]"}', b'{"type":"string"}'
    assert ask(line, dear, LETTERS[:500] + b'"') != []
    asked = (b"{}", Wanted.READING), (new, Wanted.READING), (dear, Wanted.COMPLAINTS)
    assert order_of(line, *asked) == [dear, b"{}", new]


def test_nothing_is_kept_of_tasks_whose_askers_have_left() -> None:
    line = Line(patience=0.05)
    schemas = [orjson.dumps({"description": str(number)}) for number in range(50)]
    before = [sys.getrefcount(each) for each in schemas]

    def leave(schema: bytes) -> None:
        with pytest.raises(Crowded):
            ask(line, schema, LETTERS)

    gevent.joinall([gevent.spawn(leave, each) for each in (DEAR, *schemas)], raise_error=True)
    assert line.process is not None, "it is still amid the first"
    gc.collect()
    assert [sys.getrefcount(each) for each in schemas] == before
    until(lambda: line.process is None, pause=gevent.sleep, what="its process has been ended")


def test_what_is_found_of_a_schema_is_kept_though_who_asked_has_left(line: Line) -> None:
    ask(line)
    dear = orjson.dumps({"pattern": r"\S" * 200})
    asking = gevent.spawn(ask, line, dear, wanted=Wanted.READING)
    begins(line)
    asking.kill()
    assert line.can_be_read.get(dear) is None
    ask(line)
    assert line.can_be_read.get(dear) is True


def test_nobody_waits_for_ever() -> None:
    line = Line(patience=0.05)
    with pytest.raises(Crowded) as caught:
        ask(line, DEAR, LETTERS)
    assert caught.value.retry_after == 0.05
    until(lambda: line.process is None, pause=gevent.sleep, what="its process has been ended")


def test_where_no_process_begins_all_are_told_to_come_back() -> None:
    def none() -> Process:
        raise BlockingIOError("too many processes")

    def ending() -> Process:
        process = Process()
        os.kill(process.pid, signal.SIGKILL)
        return process

    for start in (none, ending):
        line = Line(start)
        with pytest.raises(Crowded):
            ask(line)
        assert line.process is None


@on_linux
def test_it_ends_with_its_worker_also_amid_a_check() -> None:
    program = (
        "import gevent, sys\n"
        "from gateway.schemas import checker\n"
        "asked = checker({'pattern': '(?:[ab]{1,200}){1,40}[cd]'}, '')\n"
        "gevent.spawn(asked.fits, 'ab' * 20_000)\n"
        "gevent.sleep(0.01)\n"
        "print(flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as worker:
        assert worker.stdout is not None
        worker.stdout.readline()
        (number,) = pids_of_children(worker.pid)
        worker.kill()
    until(lambda: has_ended(number), seconds=10, what="the process of a dead worker ends")
