"""A worker that has accounts in memory alone."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from gateway.holdings import Holdings
from gateway.standby import Standby
from kimi.accounts import Account
from kimi.errors import AllBusy, AwaitingToken, Unreadable
from kimi.pool import Lease, Rest
from kimi.pool.changes import Copy
from tests.gateway.copies import NOW, copy_of
from tests.gateway.fakes import Clock
from tests.kimi.pool.pools import wish

REST = Rest("Overloaded", "too busy", first=5, most=60)


@dataclass
class Desk:
    """A worker without Redis."""

    copies: list[Copy]
    worker: str = "w"
    clock: Clock = field(default_factory=lambda: Clock(NOW))
    called: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.holdings = Holdings(self.clock)
        self.open()

    def open(self) -> None:
        """Redis goes away."""
        self.standby = Standby(
            self.copies, self.holdings, worker=self.worker, clock=self.clock, call=self.called.append
        )

    def take(
        self,
        ticket: str = "",
        *,
        exclude: tuple[str, ...] = (),
        tripped: tuple[str, ...] = (),
        model: str = "kimi",
        only: str = "",
    ) -> Lease:
        return self.standby.acquire(
            wish(model=model, exclude=exclude, tripped=tripped, only=only), ticket=ticket, patience=15 if ticket else 0
        )

    def queue(self, *tickets: str, exclude: tuple[str, ...] = (), model: str = "kimi") -> None:
        for ticket in tickets:
            with pytest.raises((AllBusy, AwaitingToken)):
                self.take(ticket, exclude=exclude, model=model)

    def give(self, lease: Lease, rest: Rest | None = None, *, served: bool = False) -> float:
        return self.standby.release(lease, rest=rest, served=served).rests


def sealed(_: str) -> str:
    raise Unreadable


def desk(*accounts: Copy | Account | str) -> Desk:
    return Desk([entry if isinstance(entry, Copy) else copy_of(entry) for entry in accounts])
