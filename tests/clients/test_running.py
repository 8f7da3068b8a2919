"""How a script is run: what it tells is found, it is bounded in time, and nothing of it stays."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from clients.catalogue import Client
from clients.environment import Environment
from clients.product import Product
from clients.running import Check, Run, run
from devtools.tether import alive
from devtools.waiting import until

NOWHERE = Product("http://127.0.0.1:9", "http://127.0.0.1:9")


def ran(folder: Path, script: str, seconds: float = 30.0) -> Run:
    path = folder / "script.py"
    path.write_text(script, "utf-8")
    client = Client(name="x", script=str(path), python=("x==1",), seconds=seconds)
    return run(client, Environment(Path(sys.prefix)), NOWHERE, "kimi")


def test_what_a_script_tells_is_found_among_what_it_says(tmp_path: Path) -> None:
    done = ran(
        tmp_path,
        "print('noise')\n"
        'print(\'{"check":"chat: whole"}\')\n'
        'print(\'{"check":"chat: streamed","error":"broken"}\')\n'
        'print(\'{"check":"tools: one","skipped":"no tools"}\')\n',
    )
    assert done.checks == (
        Check("chat: whole"),
        Check("chat: streamed", "broken"),
        Check("tools: one", skipped="no tools"),
    )
    assert done.failed == (Check("chat: streamed", "broken"),)
    assert done.output == "noise"
    assert [(check.form, check.what) for check in done.checks[:2]] == [("chat", "whole"), ("chat", "streamed")]


@pytest.mark.parametrize(
    ("script", "name"),
    [
        ("raise SystemExit(3)", "the script: runs to its end"),
        ("pass", "the script: checks something"),
    ],
)
def test_a_script_that_breaks_is_a_failure(tmp_path: Path, script: str, name: str) -> None:
    assert [check.name for check in ran(tmp_path, script).failed] == [name]


def test_a_script_that_takes_too_long_is_ended_with_all_that_it_has_started(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    script = (
        "import signal, subprocess, sys, pathlib\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import signal; signal.pause()'])\n"
        f"pathlib.Path({str(note)!r}).write_text(str(child.pid))\n"
        "signal.pause()\n"
    )
    done = ran(tmp_path, script, seconds=2)
    assert [check.name for check in done.failed] == ["the script: ends in time"]
    assert done.seconds < 20
    until(lambda: not alive(int(note.read_text())), seconds=10, what="its child is gone")


def test_a_script_sees_nothing_of_the_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-user")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    said = ran(tmp_path, "import os; print(dict(os.environ)); raise SystemExit(1)").output
    assert "sk-of-the-user" not in said and "HTTPS_PROXY" not in said
    assert str(Path.home()) not in said.split("'HOME': '")[1].split("'")[0]
