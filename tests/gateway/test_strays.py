"""When an account is to blame for what looks like its upstream's failure."""

from __future__ import annotations

from gateway.strays import FAILURES, MOST, Strays
from tests.kimi.pool.pools import web

ALICE, BOB = web("alice"), web("bob")
ELSEWHERE = web("carol", proxy="http://proxy")


def test_an_account_that_fails_while_others_are_served_is_a_stray() -> None:
    strays = Strays()
    found = []
    for _ in range(5):
        found.append(strays.failed(ALICE))
        strays.finished(BOB)
    assert found == [False, False, True, True, True]
    assert not strays.failed(BOB)


def test_of_more_than_can_be_counted_the_oldest_are_forgotten() -> None:
    strays = Strays()
    for _ in range(FAILURES - 1):
        strays.failed(ALICE)
        strays.finished(BOB)
    for number in range(MOST):
        strays.failed(web(f"a{number}"))
    strays.finished(BOB)
    assert not strays.failed(ALICE)


def test_an_outage_makes_nobody_a_stray() -> None:
    strays = Strays()
    strays.finished(BOB)
    assert not any(strays.failed(account) for _ in range(20) for account in (ALICE, BOB))


def test_what_is_served_elsewhere_says_nothing() -> None:
    strays = Strays()
    for _ in range(5):
        assert not strays.failed(ALICE)
        strays.finished(ELSEWHERE)


def test_an_answer_ends_the_row() -> None:
    strays = Strays()
    for _ in range(5):
        for _ in range(2):
            assert not strays.failed(ALICE)
            strays.finished(BOB)
        strays.finished(ALICE)
