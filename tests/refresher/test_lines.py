from __future__ import annotations

import pytest

from kimi.pool.due import LineState, Room
from refresher.lines import FORGET_SECONDS, SILENT_SECONDS, THREADS, TRIALS, Lines
from refresher.outcomes import Outcome
from tests.kimi.pool.pools import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def lines(clock: Clock) -> Lines:
    return Lines(THREADS, clock=clock)


def begin(lines: Lines, line: str, count: int = 1) -> None:
    for _ in range(count):
        lines.begun(line)


def answer(lines: Lines, line: str, outcome: Outcome = Outcome.REFRESHED) -> None:
    lines.begun(line)
    lines.ended(line, outcome, 0.5)


def fail(lines: Lines, line: str) -> None:
    lines.begun(line)
    lines.ended(line, Outcome.POSTPONED, SILENT_SECONDS)


def fill(lines: Lines, *names: str) -> dict[str, int]:
    """What each has under way in the end where all take whatever they may have."""
    counts = dict.fromkeys(names, 0)
    while grown := [name for name in names if left(lines.room(), name)]:
        for name in grown:
            if left(lines.room(), name):
                lines.begun(name)
                counts[name] += 1
    return counts


def left(room: Room, line: str) -> int:
    places, known = room.lines.get(line, (room.usual, LineState.UNKNOWN))
    if known in (LineState.ANSWERS, LineState.FAILS):
        return places
    assert room.unknown is not None and room.silent is not None
    return min(places, room.unknown, room.silent if known is LineState.SILENT else places)


def test_one_line_may_have_three_quarters_of_all_threads(lines: Lines) -> None:
    assert lines.room() == Room(96, {}, unknown=96, silent=32)
    assert fill(lines, "a") == {"a": 96}


@pytest.mark.parametrize(("slow", "free"), [(1, 32), (2, 18), (5, 8), (10, 4)])
def test_however_many_are_slow_there_is_something_left_for_others(lines: Lines, slow: int, free: int) -> None:
    names = [f"slow-{number}" for number in range(slow)]
    for name in (*names, "good"):
        answer(lines, name)
    counts = fill(lines, *names)
    assert THREADS - sum(counts.values()) == free
    assert max(counts.values()) - min(counts.values()) <= 1
    assert left(lines.room(), "good") > 0


def test_lines_that_nobody_knows_share_what_one_may_have(lines: Lines) -> None:
    answer(lines, "good")
    counts = fill(lines, *(f"unknown-{number}" for number in range(400)))
    assert sum(counts.values()) == 96
    assert left(lines.room(), "good") > 20


def test_silent_lines_together_have_a_quarter_of_the_threads(lines: Lines) -> None:
    silent = [f"silent-{number}" for number in range(400)]
    for line in silent:
        fail(lines, line)
    counts = fill(lines, *silent)
    assert sum(counts.values()) == 32
    assert left(lines.room(), "unknown") > 0


def test_along_a_silent_line_a_few_try(lines: Lines) -> None:
    fail(lines, "a")
    assert lines.room().lines == {"a": (TRIALS, LineState.SILENT)}
    assert lines.silent == 1
    begin(lines, "a", TRIALS)
    assert lines.room().lines == {"a": (0, LineState.SILENT)}


@pytest.mark.parametrize("outcome", [Outcome.REFRESHED, Outcome.DEAD, Outcome.BANNED])
def test_one_answer_opens_the_line_to_all_however_slow_it_was(lines: Lines, outcome: Outcome) -> None:
    fail(lines, "a")
    lines.begun("a")
    lines.ended("a", outcome, 50)
    assert lines.room().lines == {"a": (96, LineState.ANSWERS)}


def test_what_failed_at_once_is_open_to_all_but_known_to_fail(lines: Lines) -> None:
    fail(lines, "a")
    answer(lines, "a", Outcome.POSTPONED)
    assert lines.room().lines == {"a": (96, LineState.FAILS)}
    answer(lines, "a")
    assert lines.room().lines == {"a": (96, LineState.ANSWERS)}


@pytest.mark.parametrize("outcome", [Outcome.NOT_DUE, None])
def test_where_nobody_was_asked_nothing_is_known(lines: Lines, outcome: Outcome | None) -> None:
    fail(lines, "a")
    for line in ("a", "b"):
        lines.begun(line)
        lines.ended(line, outcome, 0)
    assert lines.room().lines == {"a": (TRIALS, LineState.SILENT)}


def test_a_silent_line_that_nobody_goes_along_any_more_is_forgotten(lines: Lines, clock: Clock) -> None:
    for line in ("gone", "tried"):
        fail(lines, line)
    clock.now += FORGET_SECONDS - 1
    fail(lines, "tried")
    assert {*lines.room().lines} == {"gone", "tried"}
    clock.now += 1
    assert {*lines.room().lines} == {"tried"}
    assert lines.silent == 1


def test_those_are_remembered_that_answered_last(lines: Lines) -> None:
    for number in range(5000):
        answer(lines, f"{number}")
        answer(lines, "often")
    assert len(lines.room().lines) < 300
    assert left(lines.room(), "often") == 96


def test_lines_that_fail_push_out_none_that_answers(lines: Lines) -> None:
    answer(lines, "seldom")
    for number in range(5000):
        answer(lines, f"{number}", Outcome.POSTPONED)
    assert lines.room().lines["seldom"] == (96, LineState.ANSWERS)
    assert len(lines.room().lines) < 300
