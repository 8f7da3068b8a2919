"""What is made of py-spy's stacks."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.flames import drawing, stacks
from benchmarks.flames.stacks import Frame, Stack

TEXT = """\
handle (gevent/baseserver.py:34);Worker.handle (gateway/server/worker.py:12);Wire.receive (gateway/http1/wire.py:2) 6
handle (gevent/baseserver.py:34);Reader.feed (kimi/upstreams/connect_reader.py:7);__init__ (<string>:3) 3
handle (gevent/baseserver.py:34);<module> (/home/somebody/run.py:1) 1
worker (gevent/threadpool.py:8);acquire_with_timeout (gevent/_threading.py:36) 90
"""


def source(frame: Frame) -> str:
    return "return self._sock.recv(READ_BYTES)" if frame.function == "Wire.receive" else ""


def test_threads_that_rest_do_not_count() -> None:
    found = stacks.read(TEXT)
    assert found.total() == 10
    assert Frame("<module>", "run.py", 1) in [stack[-1] for stack in found]


def test_the_kernel_has_what_was_measured_and_the_rest_is_shared_by_samples() -> None:
    found = stacks.shares(stacks.weighed(stacks.read(TEXT), source, 0.2))
    assert {name: round(share, 3) for name, share in found.items() if share} == {
        "kernel": 0.2,
        "dialect": 0.6,
        "gevent": 0.2,
    }


def test_samples_without_a_system_call_are_shares_as_they_are() -> None:
    found = stacks.weighed(stacks.read(TEXT), lambda _: "", 0.2)
    assert sum(found.values()) == pytest.approx(1)
    assert stacks.shares(found)["gevent"] == pytest.approx(0.7)


def test_a_line_that_goes_on_in_another_greenlet_is_gevents() -> None:
    found = stacks.weighed(stacks.read(TEXT), lambda frame: "self._hub.switch()" if frame.file == "run.py" else "", 0)
    assert stacks.shares(found)["gevent"] == pytest.approx(0.7)
    most = [(label, round(share, 3)) for label, share in stacks.heaviest(found, "gevent", 2)]
    assert most == [("Wire.receive (gateway/http1/wire.py)", 0.6), ("<module> (run.py)", 0.1)]


@pytest.mark.parametrize(
    "line",
    [
        "return self._sock.recv(READ_BYTES)",
        "sent = os.write(self._fd, frame)",
        "self._poll.poll(0)",
        "self._sock.sendall(memoryview(frame)[sent:])",
        "loop.run()",
    ],
)
def test_calls_of_the_kernel_are_known_by_their_line(line: str) -> None:
    found = stacks.weighed(stacks.read(TEXT), lambda frame: line if frame.file == "run.py" else "", 0.25)
    assert stacks.shares(found)["kernel"] == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("gateway/http1/wire.py", "gevent"),
        ("gateway/http1/answers.py", "http"),
        ("gateway/completion.py", "way"),
        ("kimi/usage.py", "rendering"),
        ("contextlib.py", None),
    ],
)
def test_modules_belong_to_parts(file: str, name: str | None) -> None:
    assert stacks.place(file) == name


@pytest.mark.parametrize("name", stacks.PLACES)
def test_every_part_is_somewhere(name: str) -> None:
    root = Path(__file__).parents[2]
    ours = [prefix for prefix in stacks.PLACES[name] if prefix.startswith(("gateway/", "kimi/"))]
    assert any((root / prefix).exists() for prefix in ours), "all of its modules have moved"


def test_lines_are_read_from_the_first_folder_that_has_the_file(tmp_path: Path) -> None:
    (tmp_path / "here.py").write_text("first\nsecond\n")
    line = stacks.source_lines([tmp_path / "nowhere", tmp_path])
    assert line(Frame("call", "here.py", 2)).strip() == "second"
    assert not line(Frame("call", "missing.py", 2))


def test_calls_are_drawn_as_wide_as_their_share() -> None:
    outer, inner, small = (
        Frame("outer", "gateway/run.py", 1),
        Frame("inner<1>", "kimi/usage.py", 2),
        Frame("small", "", 0),
    )
    shown: dict[Stack, float] = {(outer, inner): 0.75, (outer, inner, small): 0.001, (outer,): 0.249}
    text = drawing.draw(shown, "before", least=0.002)
    assert "<title>outer (gateway/run.py), 100.00%</title>" in text
    assert "<title>inner&lt;1&gt; (kimi/usage.py), 75.10%</title>" in text
    assert "small" not in text


def test_a_call_that_comes_from_several_lines_is_drawn_once() -> None:
    lines: dict[Stack, float] = {(Frame("outer", "a.py", 1),): 0.5, (Frame("outer", "a.py", 2),): 0.5}
    assert drawing.draw(lines, "", least=0).count("<title>") == 1
