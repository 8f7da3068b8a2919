"""The pool and its Redis at a glance, mostly in a round trip each, whatever the size of the pool."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from redis.exceptions import ResponseError

from kimi.pool.store import Store

_A_STEP: Final = 250
"""Accounts, or requests that wait, that are looked at in one step, so that Redis is not held up for long."""


@dataclass(frozen=True, slots=True)
class RedisHealth:
    """What Redis says of itself. `persistent` is whether it notes each write on its disk.

    `server` is what it is, "Redis" or "Valkey", and `version` which of those. All but `up` is not known where it may
    not be asked.
    """

    up: bool
    server: str = ""
    version: str = ""
    used_memory_bytes: int | None = None
    persistent: bool | None = None


@dataclass(frozen=True, slots=True)
class PoolHealth:
    """The operator's accounts: how many there are, by state too, and how much is to do.

    `limit` is how many requests those in service may have at once; `next_expiry` is when the first access token that is
    in use expires, in Unix seconds. `in_flight` and `waiting` are all requests, also those of clients who have brought
    an account along.
    """

    usable: int = 0
    total: int = 0
    states: Mapping[str, int] = field(default_factory=dict)
    in_flight: int = 0
    limit: int = 0
    next_expiry: float | None = None
    waiting: int = 0


class Health:
    """Reads both. Every method may raise `StoreUnavailable`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def facts(self) -> Mapping[str, Any]:
        """What Redis says of itself, in its own words; nothing where it may not be asked."""
        with self._store.guarded() as redis:
            return facts_of(redis)

    def clock(self) -> float:
        """The time by the clock of Redis, in Unix seconds."""
        with self._store.guarded() as redis:
            seconds, microseconds = redis.time()
        return int(seconds) + int(microseconds) / 1e6

    def redis(self) -> RedisHealth:
        """The same in short."""
        told = self.facts()
        if not told:
            return RedisHealth(up=True)
        valkey = told.get("valkey_version")  # it says besides with which release of Redis it is compatible
        return RedisHealth(
            True,
            "Valkey" if valkey else "Redis",
            str(valkey or told["redis_version"]),
            int(told["used_memory"]),
            bool(told["aof_enabled"]),
        )

    def pool(self) -> PoolHealth:
        """How the pool is."""
        told: list[Any] = []
        while not told:  # as many steps as there are changes, which are few from one look to the next
            told = self._store.run("overview", _A_STEP)
        usable, in_flight, expiry, waiting, limit, *counts = told
        states = {state: int(count) for state, count in zip(counts[::2], counts[1::2], strict=True)}
        return PoolHealth(
            usable=int(usable),
            total=sum(states.values()),
            states=states,
            in_flight=int(in_flight),
            limit=int(limit),
            next_expiry=int(expiry) / 1000 if expiry else None,
            waiting=int(waiting),
        )


def facts_of(redis: Any) -> Mapping[str, Any]:
    """What `INFO` says, nothing where it may not be asked. All of it: older ones take no list of sections."""
    try:
        told: Mapping[str, Any] = redis.info()
    except ResponseError:
        return {}
    return told
