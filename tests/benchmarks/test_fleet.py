"""Where the next limit of a fleet lies, by what its work costs."""

from __future__ import annotations

import pytest

from benchmarks.fleet.costs import Cost
from benchmarks.fleet.mix import KINDS, Fleet, limit_of, load

FLEET = Fleet(gateways=1_000, workers=2, accounts=100_000, leases=1_000, seconds=20)


def costs(**thread: float) -> dict[str, Cost]:
    """So many microseconds of some kinds of work, and nothing of all others."""
    return {kind.key: Cost(thread.get(kind.key, 0.0)) for kind in KINDS}


def test_the_load_is_what_each_kind_costs_as_often_as_it_is_done() -> None:
    assert load(FLEET, costs()) == 0
    assert load(FLEET, costs(lease=100)) == pytest.approx(0.1)
    assert load(FLEET, costs(lease=100, keys=50)) == pytest.approx(0.2)
    assert load(FLEET, costs(told=1)) == pytest.approx(2_000 * 100_000 / 495 / 1e6)


def test_the_limit_is_where_the_thread_is_full() -> None:
    assert limit_of(FLEET, costs(lease=100), "leases") == pytest.approx(10_000)
    assert limit_of(FLEET, costs(lease=100, keys=50), "leases") == pytest.approx(9_000)
    assert limit_of(FLEET, costs(lease=100, keys=50), "gateways") == pytest.approx(9_000)


def test_there_is_none_where_it_is_full_of_something_else_or_nothing_grows() -> None:
    assert limit_of(FLEET, costs(keys=600, lease=1), "leases") is None
    assert limit_of(FLEET, costs(lease=100), "accounts") == float("inf")
