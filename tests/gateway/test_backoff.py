"""Wrong keys are borne with by one rule, whether Redis counts them or a worker by itself."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.backoff import Attempts, LocalAttempts
from kimi.pool import attempts
from kimi.pool.attempts import CLIENTS, OPERATORS, Patience
from tests.kimi.pool.pools import Pool

Make = Callable[[Pool, Patience], Attempts]


def shared(pool: Pool, patience: Patience) -> Attempts:
    return attempts.Attempts(pool.store, patience)


def local(pool: Pool, patience: Patience) -> Attempts:
    return LocalAttempts(patience, pool.clock)


@pytest.fixture(params=[shared, local], ids=["in Redis", "in a worker"])
def make(request: pytest.FixtureRequest) -> Make:
    made: Make = request.param
    return made


def wrong(by: Attempts, pool: Pool) -> tuple[float, bool]:
    """The pause that a wrong key begins, which is over when this returns."""
    (pause,) = by.attempt(["here"], counts=True)
    pool.clock.now += pause.seconds
    return pause.seconds, pause.begins


@pytest.mark.parametrize(
    ("patience", "pauses"),
    [
        (OPERATORS, [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60]),
        (CLIENTS, [*[0] * 10, 0.5, 1, 2, 4, 8, 16, 32, 60, 60]),
    ],
    ids=["operators", "clients"],
)
def test_pauses_double_behind_those_that_are_free(
    pool: Pool, make: Make, patience: Patience, pauses: list[float]
) -> None:
    by = make(pool, patience)
    assert [wrong(by, pool) for _ in pauses] == [(seconds, seconds > 0) for seconds in pauses]
    assert [patience.pause_after(number) for number in range(1, len(pauses) + 1)] == pauses


def test_in_a_pause_nothing_counts_and_right_keys_begin_none(pool: Pool, make: Make) -> None:
    by = make(pool, CLIENTS)
    for _ in range(CLIENTS.free):
        wrong(by, pool)
    assert by.attempt(["here"], counts=False) == by.attempt(["there"], counts=False)
    assert by.attempt(["here"], counts=True)[0].seconds == 0.5
    for left in (0.5, 0.25):
        for counts in (True, False):
            (pause,) = by.attempt(["here"], counts=counts)
            assert (pause.seconds, pause.begins) == (left, False)
        pool.clock.now += 0.25
    assert wrong(by, pool) == (1, True)


def test_where_one_bucket_waits_none_counts(pool: Pool, make: Make) -> None:
    by = make(pool, CLIENTS)
    for _ in range(CLIENTS.free + 1):
        by.attempt(["here"], counts=True)
    for _ in range(CLIENTS.free + 1):
        assert [pause.seconds for pause in by.attempt(["here", "there"], counts=True)] == [0.5, 0]
    pool.clock.now += 0.5
    assert [pause.seconds for pause in by.attempt(["here", "there"], counts=True)] == [1, 0]
