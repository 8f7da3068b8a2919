"""A pool on a real server, and the plain model of it: what every step of a state machine works on."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from kimi.accounts import Account, Kind, Record
from kimi.pool import Lease
from kimi.pool.interventions import Interventions
from kimi.pool.vault import Vault
from kimi.sealing_keys import new_key
from tests.kimi.pool.model import Member
from tests.kimi.pool.pools import Pool

NAMES = ("a", "b", "c")
SECRETS = ("secret-S", "secret-T", "secret-U", "secret-V")
PROXIES = (None, "http://user:password-1@proxy:1", "http://user:password-2@proxy:1")
RATES = {"c": 2}  # requests a minute
KINDS = (Kind.KIMI, Kind.CLASSIC)

accounts = st.builds(
    Account,
    name=st.just("?"),
    kind=st.sampled_from(KINDS),
    max_concurrency=st.integers(1, 2),
    priority=st.integers(-1, 1),
    weight=st.sampled_from((0.5, 1.0, 3.0)),
    proxy=st.sampled_from(PROXIES),
)
some_names = st.sampled_from(NAMES)


class Steps(RuleBasedStateMachine):
    """Drives both with the same steps, which classes that come from it have."""

    def __init__(self, pool: Pool) -> None:
        super().__init__()
        self.pool = pool
        self.hands = Interventions(pool.store)
        self.redis: Any = pool.store.redis
        self.redis.flushall()
        self.keys = [new_key()]
        pool.store.vault = Vault(self.keys)
        self.members: dict[str, Member] = {}
        self.latest: dict[str, str] = {}  # what has become of each secret
        self.kept: dict[str, tuple[str, int]] = {}  # secrets that no account has: who had them last, and its version
        self.records: list[tuple[Record, str]] = []
        self.leases: list[Lease] = []
        self.returned: set[str] = set()
        self.count = 0
        self.wanted: dict[str, tuple[Account, str]] = {}

    @property
    def now(self) -> float:
        return self.pool.clock.now

    @rule(by=st.sampled_from((1, 6, 21, 45)))
    def time_passes(self, by: float) -> None:
        self.pool.clock.now += by


def named(account: Account, name: str) -> Account:
    """`account` with the name, and with what goes with that name."""
    return Account(
        name=name,
        kind=account.kind,
        max_concurrency=account.max_concurrency,
        priority=account.priority,
        weight=account.weight,
        requests_per_minute=RATES.get(name),
        proxy=account.proxy,
    )
