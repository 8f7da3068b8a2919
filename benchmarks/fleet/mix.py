"""How often a fleet does what, and when Valkey's thread is full of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from benchmarks.fleet.costs import Cost
from gateway.duties import TICK_SECONDS
from gateway.following import SECONDS
from gateway.mirror import MOST, SAMPLE_SECONDS
from kimi.pool.leases import LEASE_SECONDS
from kimi.pool.schema import LOOK_SECONDS

REFRESHED_EVERY: Final = 495.0
"""Seconds between two refreshes of an account with tokens of 15 minutes, see `refresher.schedule`."""
_NONE: Final = 1e12
PING_SECONDS: Final = 1.0
"""Of silence, after which a listening connection is tried."""
RENEWED_EVERY: Final = LEASE_SECONDS / 3
PROBED_EVERY: Final = 10.0
"""Seconds between two probes of a gateway, or two looks at the models there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """Gateways of so many `workers` each, accounts, and leases a second, of which each lasts so many `seconds`."""

    gateways: float
    workers: float
    accounts: float
    leases: float
    seconds: float

    @property
    def processes(self) -> float:
        """All workers."""
        return self.gateways * self.workers

    @property
    def changes(self) -> float:
        """Accounts that change in a second, mostly by their refreshes."""
        return self.accounts / REFRESHED_EVERY

    @property
    def look_seconds(self) -> float:
        """Between two looks of a worker at what has changed."""
        return SECONDS if self.accounts <= MOST else SAMPLE_SECONDS


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of work, and how often in a second a fleet does it."""

    key: str
    text: str
    rate: Callable[[Fleet], float]


KINDS: Final = (
    Kind("lease", "an account is leased and given back, its conversation kept", lambda f: f.leases),
    Kind("note", "a chat is noted, or noted as deleted", lambda f: 2 * f.leases),
    Kind("limit", "a request with a limited key comes and goes", lambda f: f.leases),
    Kind("find", "a conversation is looked for", lambda f: f.leases),
    Kind("deliver", "a worker delivers what it counted", lambda f: min(f.processes / TICK_SECONDS, f.leases)),
    Kind("counted", "one more request delivered beside", lambda f: max(0.0, f.leases - f.processes / TICK_SECONDS)),
    Kind("renew", "a lease is renewed", lambda f: f.leases * f.seconds / RENEWED_EVERY),
    Kind("look", "a worker looks for accounts that have changed", lambda f: f.processes / f.look_seconds),
    Kind("told", "a worker hears of one account that has changed", lambda f: f.processes * f.changes),
    Kind("keys", "a worker looks for client keys that have changed", lambda f: f.processes / SECONDS),
    Kind("ping", "a worker sees that its listening connection lives", lambda f: f.processes / PING_SECONDS),
    Kind("around", "a worker looks at keys, schema and refreshers", lambda f: f.processes / LOOK_SECONDS),
    Kind("ready", "a probe, or what models there are", lambda f: f.gateways / PROBED_EVERY),
    Kind("refresh", "an account is refreshed", lambda f: f.changes),
)


def load(fleet: Fleet, costs: Mapping[str, Cost]) -> float:
    """The share of the thread that a fleet takes; above 1 it cannot."""
    return sum(kind.rate(fleet) * costs[kind.key].thread / 1e6 for kind in KINDS)


def limit_of(fleet: Fleet, costs: Mapping[str, Cost], of: str) -> float | None:
    """With how many gateways, accounts or leases the thread is full, all else as it is.

    None where it is full of something else, infinite where these take nothing.
    """
    if load(replace(fleet, **{of: 1.0}), costs) >= 1.0:
        return None
    low, high = 1.0, 2.0
    while load(replace(fleet, **{of: high}), costs) < 1.0:
        low, high = high, high * 2
        if high > _NONE:
            return math.inf
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if load(replace(fleet, **{of: middle}), costs) < 1.0 else (low, middle)
    return low
