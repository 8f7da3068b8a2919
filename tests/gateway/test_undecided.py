"""Which tokens are remembered until Kimi has told what they are worth."""

from __future__ import annotations

from gateway.undecided import MOST, Undecided
from kimi.accounts import Kind
from kimi.pool.private import private_account

ALICE, BOB = (private_account(name, Kind.KIMI) for name in ("alice", "bob"))


def test_each_is_handed_out_once_and_to_its_sender() -> None:
    undecided = Undecided()
    undecided.note("here", ALICE)
    undecided.note("there", BOB)
    assert undecided.pop("here") == [ALICE]
    assert undecided.pop("here") == []
    assert undecided.pop("there") == [BOB]


def test_where_nobody_is_counted_none_is_remembered() -> None:
    undecided = Undecided()
    undecided.note(None, ALICE)
    assert undecided.pop(None) == []


def test_of_too_many_the_oldest_is_forgotten() -> None:
    undecided = Undecided()
    undecided.note("here", BOB)
    for _ in range(MOST):
        undecided.note("here", ALICE)
    assert undecided.pop("here") == [ALICE] * MOST
