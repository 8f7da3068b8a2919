"""Recordings of `./dev capture`, played to the adapters: a report becomes a test when its recording is put there."""

from __future__ import annotations

from pathlib import Path

import pytest

from devtools.captures import load
from devtools.recorder import play
from tests.kimi.replay import DATA

CAPTURES = sorted((DATA / "captures").glob("*.jsonl"))


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_a_recorded_answer_is_read_as_it_was(path: Path) -> None:
    capture = load(path.read_bytes())
    assert play(capture) == capture.outcome


def test_every_dialect_is_among_them() -> None:
    assert {load(path.read_bytes()).question.kind for path in CAPTURES} == {"kimi", "kimi-classic", "moonshot"}
