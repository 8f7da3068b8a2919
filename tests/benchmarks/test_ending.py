"""How a benchmark ends."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from benchmarks.building import NotBuilt
from benchmarks.ending import run


@pytest.fixture(autouse=True)
def _handler() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def test_the_exit_code_is_that_of_the_benchmark() -> None:
    assert run(lambda: 3) == 3


def test_what_is_missing_is_said_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    def main() -> int:
        raise NotBuilt("There is no C compiler.")

    assert run(main) == 1
    assert capsys.readouterr().err == "There is no C compiler.\n"


def test_sigterm_ends_what_was_started() -> None:
    ended = []

    def main() -> int:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            return 0
        finally:
            ended.append(True)

    assert run(main) == 130
    assert ended
