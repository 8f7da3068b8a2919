"""The copy of the pool is whole, fresh and bounded."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import gevent
import pytest

from gateway.following import SECONDS
from gateway.mirror import Mirror, Timed
from kimi.accounts import Account, Kind
from kimi.errors import StoreUnavailable
from kimi.pool.changes import Batch, Copy
from tests.gateway.copies import copy_of


class Told:
    """Tells what it is told to tell, and notes what it was asked."""

    def __init__(self, *batches: Batch | StoreUnavailable) -> None:
        self.batches = list(batches)
        self.asked: list[int] = []

    def since(self, number: int) -> Batch:
        self.asked.append(number)
        batch = self.batches.pop(0)
        if isinstance(batch, StoreUnavailable):
            raise batch
        return batch


def batch(number: int, latest: int, *copies: Copy) -> Batch:
    return Batch(number, latest, copies)


def names(mirror: Mirror) -> Sequence[str] | None:
    return None if mirror.copies is None else list(mirror.copies)


def test_nothing_is_known_before_everything_is() -> None:
    told = Told(batch(2, 3, copy_of("a"), copy_of("b")), batch(3, 3, copy_of("c")), batch(3, 3))
    mirror = Mirror(told)
    assert names(mirror) is None
    mirror.refresh()
    assert names(mirror) == ["a", "b", "c"]
    mirror.refresh()
    assert told.asked == [0, 2, 3]


def test_an_empty_pool_is_known_too() -> None:
    mirror = Mirror(Told(batch(0, 0)))
    mirror.refresh()
    assert names(mirror) == []


def test_what_changes_is_taken_over_and_what_is_taken_out_goes() -> None:
    newer = copy_of("a", stored_token="newer")
    mirror = Mirror(Told(batch(2, 2, copy_of("a"), copy_of("b")), batch(4, 4, newer, copy_of("b", configured=False))))
    mirror.refresh()
    mirror.refresh()
    assert mirror.copies == {"a": newer}


@pytest.mark.parametrize("failure", [batch(1, 1), StoreUnavailable("away")])
def test_a_store_that_was_away_or_has_lost_something_is_read_anew(failure: Batch | StoreUnavailable) -> None:
    told = Told(batch(5, 5, copy_of("a"), copy_of("b")), failure, batch(1, 2, copy_of("a")), batch(2, 2, copy_of("c")))
    mirror = Mirror(told)
    mirror.refresh()
    if isinstance(failure, StoreUnavailable):
        with pytest.raises(StoreUnavailable):
            mirror.refresh()
        assert names(mirror) == ["a", "b"], "what was known stays"
    mirror.refresh()
    assert names(mirror) == ["a", "c"]
    assert told.asked == [0, 5, 0, 1]


def test_a_reading_that_breaks_off_changes_nothing() -> None:
    told = Told(batch(1, 1, copy_of("a")), StoreUnavailable(""), batch(1, 2, copy_of("b")), StoreUnavailable(""))
    mirror = Mirror(told)
    mirror.refresh()
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            mirror.refresh()
    assert names(mirror) == ["a"]


def test_no_more_are_copied_than_there_is_room_for_and_that_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    newer = copy_of("a", stored_token="newer")
    mirror = Mirror(Told(batch(4, 4, *map(copy_of, "abcd")), batch(5, 5, newer)), most=2)
    with caplog.at_level(logging.WARNING):
        mirror.refresh()
        mirror.refresh()
    assert mirror.copies == {"a": newer, "b": copy_of("b")}
    assert [record.message for record in caplog.records] == [
        "only 2 accounts are copied for the time when Redis is away, there are more"
    ]


def test_accounts_of_clients_leave_room_for_the_operators() -> None:
    guests = [copy_of(Account(name=name, kind=Kind.KIMI, owner=name)) for name in "stuv"]
    mirror = Mirror(Told(batch(6, 6, *guests, copy_of("a"), copy_of("b"))), most=4)
    mirror.refresh()
    assert names(mirror) == ["s", "t", "a", "b"]


def test_it_is_kept_fresh_whatever_happens() -> None:
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            raise gevent.GreenletExit

    mirror = Mirror(Told(StoreUnavailable("away"), batch(1, 1, copy_of("a"))), pause=pause)
    with pytest.raises(gevent.GreenletExit):
        mirror.run()
    assert names(mirror) == ["a"]
    assert pauses == [SECONDS, SECONDS]


def test_what_clients_made_up_is_not_copied() -> None:
    mine, made_up = (Account(name=name, kind=Kind.KIMI, owner=name) for name in ("mine", "made up"))
    told = Told(batch(1, 1, copy_of("a"), copy_of(mine), copy_of(made_up, stored_token="")))
    mirror = Mirror(told)
    mirror.refresh()
    assert names(mirror) == ["a", "mine"]


def test_an_answer_is_timed_and_a_failure_is_not() -> None:
    seconds: list[float] = []
    clock = iter((10.0, 10.25, 20.0))
    source = Timed(Told(batch(1, 1), StoreUnavailable("gone")), seconds.append, monotonic=lambda: next(clock))
    assert source.since(0) == batch(1, 1)
    with pytest.raises(StoreUnavailable):
        source.since(1)
    assert seconds == [0.25]
