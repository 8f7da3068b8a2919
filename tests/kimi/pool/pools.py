"""A pool whose clock the test turns."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from kimi.accounts import Account, ConfiguredAccount, Kind, Tokens
from kimi.pool import Lease, Leases, Members, Rest, Store, TokenStore, Wish, connect
from kimi.pool.locks import Lock
from kimi.pool.store import to_ms
from kimi.pool.tokens import LOCK_SECONDS


@dataclass
class Clock:
    """Unix seconds, standing still until a test moves them."""

    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Pool:
    """The pool's parts and shortcuts to fill it."""

    store: Store
    clock: Clock
    members: Members = field(init=False)
    tokens: TokenStore = field(init=False)
    leases: Leases = field(init=False)

    def __post_init__(self) -> None:
        self.members = Members(self.store)
        self.tokens = TokenStore(self.store)
        self.leases = Leases(self.store)

    def configure(self, *accounts: Account) -> None:
        """Makes these the configured accounts; each one's first secret is made of its name."""
        self.members.sync([ConfiguredAccount(account, f"refresh-{account.name}") for account in accounts])

    def fill(self, *accounts: Account, lifetime: float = 900.0, models: tuple[str, ...] = ()) -> None:
        """Configures accounts and gives each an access token."""
        self.configure(*accounts)
        for account in accounts:
            self.freshen(account.name, lifetime=lifetime, models=models)

    def freshen(self, name: str, *, lifetime: float = 900.0, models: tuple[str, ...] = ()) -> None:
        """Stores a new token pair, as the refresher would."""
        record = self.members.get(name)
        assert record is not None
        tokens = Tokens(f"access-{name}-{record.version + 1}", f"refresh-{name}-{record.version + 1}")
        now = self.clock.now
        assert self.tokens.save(
            record, tokens, issued=now, expires=now + lifetime, next_due=now + lifetime / 2, models=models
        )

    def due(self) -> list[str]:
        """Names whose refresh time has come, the most overdue first."""
        now = to_ms(self.store.now())
        return list(self.store.redis.zrange(self.store.key("refresh"), "-inf", now, byscore=True))

    @contextmanager
    def held(self, name: str, seconds: float = LOCK_SECONDS) -> Iterator[Lock]:
        """A refresher is at the account, which need not be due for that."""
        lock = Lock(self.store, name, secrets.token_hex(16), seconds)
        assert self.store.redis.set(self.store.key("lock", name), lock.owner, nx=True, px=to_ms(seconds))
        with self.tokens.holding(lock):
            yield lock

    def count(self, name: str) -> int:
        """How many leases of an account are out."""
        record = self.members.get(name)
        assert record is not None
        return record.in_flight


@contextmanager
def turned(url: str) -> Iterator[Pool]:
    """A pool at the Redis of `url`, whose clock the test turns."""
    with connect(url) as redis:
        clock = Clock()
        yield Pool(Store(redis, clock=clock), clock)


@contextmanager
def present(url: str) -> Iterator[Pool]:
    """A pool that goes by Redis's own clock."""
    with connect(url) as redis:
        store = Store(redis)
        yield Pool(store, Clock(store.now()))


def web(name: str, **options: object) -> Account:
    """A `kimi` account."""
    return Account(name=name, kind=Kind.KIMI, **options)  # type: ignore[arg-type]


def rest(seconds: float, because: str = "overloaded", **options: object) -> Rest:
    """A rest of so many seconds, the first time and every time."""
    return Rest(because, because, seconds, seconds, **options)  # type: ignore[arg-type]


def wish(
    *routes: str, model: str = "kimi", exclude: Iterable[str] = (), tripped: Iterable[str] = (), only: str = ""
) -> Wish:
    """What a request needs, along the route `kimi` if nothing else is said."""
    return Wish(routes or ("kimi",), model, frozenset(exclude), frozenset(tripped), only)


KIMI = wish()


def take(pool: Pool, routes: Iterable[str] = ("kimi",), model: str = "kimi", exclude: Iterable[str] = ()) -> Lease:
    """A lease for such a wish, at once or not at all."""
    return pool.leases.acquire(wish(*routes, model=model, exclude=exclude))
