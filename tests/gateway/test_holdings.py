"""What a worker knows of the leases that it holds."""

from __future__ import annotations

from gateway.holdings import Holdings
from kimi.pool import Lease
from tests.gateway.copies import NOW
from tests.gateway.fakes import Clock
from tests.kimi.pool.pools import web


def test_nothing_is_kept_of_an_account_whose_minute_is_over() -> None:
    clock = Clock(NOW)
    holdings = Holdings(clock)
    for name in ("early", "late"):
        lease = Lease(f"w.{name}", web(name, requests_per_minute=1), "token", 2, clock())
        holdings.add(lease)
        holdings.remove(lease)
        clock.advance(59)
    holdings.for_renewal()
    assert holdings.spent_until("late") == NOW + 59 + 60
    assert "late" in repr(vars(holdings)) and "early" not in repr(vars(holdings))
