"""A worker's pool whose Redis goes away and comes back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import gevent

from gateway.metrics import Metrics
from gateway.pool import Pool
from kimi.accounts import ConfiguredAccount, Tokens
from kimi.pool import Lease, Leases, Members, Rest, Store, TokenStore, Wish, connect
from kimi.pool.fuse import Fuse
from tests.kimi.pool.pools import KIMI, web
from tests.valkey import Valkey

REST = Rest("Overloaded", "too busy", first=30, most=60)
WISH = Wish(("kimi",), "kimi")


@dataclass
class House:
    """A worker's pool on a Valkey of its own, and a look at that Valkey from outside."""

    valkey: Valkey
    worker: str = "w"
    pauses: list[float] = field(default_factory=list)
    meanwhile: Callable[[], object] = lambda: None

    def __post_init__(self) -> None:
        self.redis, self.outside = (connect(self.valkey.url, timeout=0.2) for _ in range(2))
        self.fuse, self.metrics = Fuse(), Metrics()
        self.pool = Pool(
            Store(self.redis, fuse=self.fuse),
            self.fuse,
            Store(self.outside),
            self.metrics,
            worker=self.worker,
            pause=self.pause,
        )
        store = Store(self.outside)
        self.members, self.tokens, self.others = Members(store), TokenStore(store), Leases(store, worker="o")

    def pause(self, seconds: float) -> None:
        """Lets no time pass."""
        self.pauses.append(seconds)
        self.meanwhile()
        gevent.idle()

    def fill(self, *names: str, lifetime: float = 900, **options: object) -> None:
        """Puts accounts with a token into Redis and into the mirror."""
        self.members.sync([ConfiguredAccount(web(name, **options), f"refresh-{name}") for name in names])
        for name in names:
            record = self.members.get(name)
            assert record is not None
            now = Store(self.outside).now()
            self.tokens.save(
                record, Tokens(f"access-{name}", "r"), issued=now, expires=now + lifetime, next_due=now + lifetime
            )
        self.pool.mirror.refresh()

    def take(self, **options: object) -> Lease:
        return self.pool.acquire(KIMI, **options)  # type: ignore[arg-type]

    def counts(self) -> dict[str, int]:
        """How many leases of each account are out, as Redis sees it."""
        return {record.account.name: record.in_flight for record in self.members.all()}

    def leases(self) -> set[str]:
        return {str(member).partition(":")[0] for member in self.outside.zrange("kimi:{pool}:leases", 0, -1)}

    def figure(self, name: str) -> str:
        (line,) = [
            line for line in self.metrics.text().decode().splitlines() if line.startswith(f"kimi_gateway_{name} ")
        ]
        return line.split()[-1]

    def close(self) -> None:
        for client in (self.redis, self.outside):
            client.close()
