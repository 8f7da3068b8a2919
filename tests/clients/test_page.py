"""The page of what was run."""

from __future__ import annotations

import subprocess
import sys

import pytest

from clients.catalogue import Client
from clients.page import PATH, Result, render
from clients.running import Check, Run

ONE = Client(name="one", script="one.py", python=("one-sdk[fast]==1.2.3", "pytest"))
TWO = Client(name="two", script="two.mjs", node=("@two/sdk@4.5.6", "three@7.8.9"))


def test_a_client_has_a_version() -> None:
    assert (ONE.package, ONE.version) == ("one-sdk", "1.2.3")
    assert (TWO.package, TWO.version) == ("@two/sdk", "4.5.6")
    assert (ONE.versions, TWO.versions) == ("one-sdk 1.2.3", "@two/sdk 4.5.6, three 7.8.9")


def test_a_row_for_each_form_with_what_was_tried() -> None:
    checks = (Check("chat: whole"), Check("chat: streamed"), Check("tools: one"))
    text = render([Result(ONE, (Run("kimi", checks, 1.0), Run("kimi-k1.5", checks, 1.0)))])
    assert "| one | one-sdk 1.2.3 | chat | whole; streamed | `kimi`, `kimi-k1.5` | 4 of 4 ✓ |\n" in text
    assert "|  |  | tools | one | `kimi`, `kimi-k1.5` | 2 of 2 ✓ |\n" in text
    assert "What failed" not in text and "What was not tried" not in text


def test_what_failed_and_what_was_left_out_is_told() -> None:
    checks = (Check("chat: whole", "it | broke"), Check("chat: thinking", skipped="it does not think"))
    text = render([Result(ONE, (Run("kimi", checks, 1.0),)), Result(TWO, (), "there is no npm")])
    assert "| one | one-sdk 1.2.3 | chat | whole | `kimi` | 0 of 1 ✗ |\n" in text
    assert "| two | @two/sdk 4.5.6, three 7.8.9 |  |  |  | not installed |\n" in text
    assert "- it | broke: one, chat: whole (`kimi`)\n" in text
    assert "- it does not think: one, chat: thinking (`kimi`)\n" in text
    assert "- there is no npm: two\n" in text


def test_it_is_known_whether_something_failed() -> None:
    assert not Result(TWO, (), "no npm").failed
    assert not Result(ONE, (Run("kimi", (Check("a: b", skipped="c"),), 1.0),)).failed
    assert Result(ONE, (Run("kimi", (Check("a: b", "c"),), 1.0),)).failed


@pytest.mark.parametrize("some", [["llm"], ["--model", "kimi"]])
def test_the_page_is_not_written_from_a_part_of_it(some: list[str]) -> None:
    before = PATH.read_bytes()
    command = [sys.executable, "-m", "clients", *some, "--write"]
    done = subprocess.run(command, cwd=PATH.parents[1], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, "--write is for all clients" in done.stderr) == (2, True)
    assert PATH.read_bytes() == before
