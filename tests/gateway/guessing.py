"""The door of a worker where keys and tokens are guessed, counted on a real Valkey."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from gateway.auth import ClientKeys
from gateway.backoff import LocalAttempts
from gateway.client_keys import CreatedKeys
from gateway.errors import TooManyWrongKeys, UnknownKey
from gateway.guesses import GuardedKeys, Guesses
from gateway.passthrough import PassThrough, Strangers
from kimi.accounts import Kind
from kimi.errors import StoreUnavailable
from kimi.pool.attempts import CLIENTS, Attempts, Pause
from tests.gateway.bringing import Found, Shelf
from tests.gateway.fakes import Clock as Ticks
from tests.kimi.pool.pools import Pool

RIGHT = "sk-a-right-key"
HERE = "192.0.2.1"


def guess(number: int) -> str:
    """One of many, all of which begin otherwise."""
    return f"{number:09}-wrong"


@dataclass
class Shared:
    """What all workers count with; says how often it was asked."""

    inner: Attempts
    asked: int = 0
    away: bool = False

    def attempt(self, buckets: Sequence[str], *, counts: bool) -> list[Pause]:
        self.asked += 1
        if self.away:
            raise StoreUnavailable("away")
        return self.inner.attempt(buckets, counts=counts)


@dataclass
class Gate:
    """The door of one worker; `address` is where the next request comes from."""

    pool: Pool
    address: str = HERE
    shelf: Shelf = field(default_factory=Shelf)
    ticks: Ticks = field(default_factory=Ticks)

    def __post_init__(self) -> None:
        self.shared = Shared(Attempts(self.pool.store, CLIENTS))
        self.guesses = Guesses(self.shared, LocalAttempts(CLIENTS, self.ticks), lambda: self.address, b"secret")
        self.keys = CreatedKeys(ClientKeys([RIGHT]), Found())
        self.strangers = Strangers(self.shelf, Kind.KIMI, monotonic=self.ticks)
        self.door = GuardedKeys(self.keys, self.guesses)
        self.bringing = GuardedKeys(PassThrough(self.keys, self.strangers, self.guesses), self.guesses)

    def advance(self, seconds: float) -> None:
        self.ticks.advance(seconds)
        self.pool.clock.now += seconds

    def tries(self, key: str, *, of: GuardedKeys | None = None) -> float | None:
        """How long he has to wait who sends a wrong key: None where it is no more than wrong."""
        with pytest.raises((UnknownKey, TooManyWrongKeys)) as caught:
            (of or self.door).caller(f"Bearer {key}", None)
        return caught.value.retry_after if isinstance(caught.value, TooManyWrongKeys) else None
