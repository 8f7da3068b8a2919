from __future__ import annotations

from kimi.pool.due import PUT_OFF
from refresher.lines import SILENT_SECONDS, TRIALS, Lines
from refresher.outcomes import Outcome


def fail(lines: Lines, line: str) -> None:
    lines.begun(line)
    lines.ended(line, Outcome.POSTPONED, SILENT_SECONDS)


def test_a_line_has_a_share_of_all_that_may_be_under_way() -> None:
    lines = Lines(10)
    assert lines.room() == {}
    for _ in range(10):
        lines.begun("a")
    lines.begun("b")
    assert lines.room() == {"a": 0, "b": 9}
    lines.ended("b", Outcome.REFRESHED, 1)
    assert lines.room() == {"a": 0}, "a line that is not used is not looked at"


def test_along_a_silent_line_a_few_try_and_all_others_are_put_off() -> None:
    lines = Lines(10)
    fail(lines, "a")
    assert lines.room() == {"a": TRIALS}
    for _ in range(TRIALS):
        lines.begun("a")
    assert lines.room() == {"a": PUT_OFF}


def test_one_answer_opens_the_line_to_all_however_slow_it_was() -> None:
    for answer in (Outcome.REFRESHED, Outcome.DEAD, Outcome.BANNED):
        lines = Lines(10)
        fail(lines, "a")
        lines.begun("a")
        lines.ended("a", answer, 50)
        assert lines.room() == {}


def test_what_failed_at_once_had_an_answer() -> None:
    lines = Lines(10)
    fail(lines, "a")
    lines.begun("a")
    lines.ended("a", Outcome.POSTPONED, 0.5)
    assert lines.room() == {}


def test_where_nobody_was_asked_nothing_is_known() -> None:
    for outcome in (Outcome.LOCKED, Outcome.NOT_DUE, None):
        lines = Lines(10)
        fail(lines, "a")
        lines.begun("a")
        lines.ended("a", outcome, 0)
        assert lines.room() == {"a": TRIALS}
