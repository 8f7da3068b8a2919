"""The whole system at a glance, cheap enough to be asked for every second."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kimi.alerts.notes import Language
from kimi.alerts.now import Shown, active
from kimi.errors import Outdated, StoreUnavailable
from kimi.pool import Store
from kimi.pool.figures import NO_TALLY, Figures, Tally
from kimi.pool.health import Health, PoolHealth, RedisHealth
from kimi.pool.heartbeats import Heartbeats
from kimi.version import VERSION


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """As of `now`, in Unix seconds. `refreshers` are the seconds since each was last heard of."""

    now: float
    started: float | None
    redis: RedisHealth
    refreshers: Mapping[str, float] = field(default_factory=dict)
    pool: PoolHealth = field(default_factory=PoolHealth)
    today: Tally = NO_TALLY
    alerts: Sequence[Shown] = ()

    def described(self) -> dict[str, Any]:
        """As the admin API shows it."""
        redis, pool = self.redis, self.pool
        return {
            "version": VERSION,
            "now": self.now,
            "started": self.started,
            "redis": {
                "up": redis.up,
                "server": redis.server,
                "version": redis.version,
                "used_memory_bytes": redis.used_memory_bytes,
                "persistent": redis.persistent,
            },
            "refreshers": [{"name": name, "seen_seconds": age} for name, age in self.refreshers.items()],
            "pool": {
                "usable": pool.usable,
                "total": pool.total,
                "states": dict(pool.states),
                "in_flight": pool.in_flight,
                "limit": pool.limit,
                "next_expiry": pool.next_expiry,
            },
            "queue": {"waiting": pool.waiting},
            "today": self.today.described(),
            "alerts": [dict(alert) for alert in self.alerts],
        }


class Status:
    """Looks at the system. `started` is when the process that asks began, in Unix seconds; alerts are in `language`."""

    def __init__(self, store: Store, *, started: float | None = None, language: Language = "en") -> None:
        self._store = store
        self._started = started
        self._language = language
        self._health, self._figures, self._heartbeats = Health(store), Figures(store), Heartbeats(store)

    def overview(self) -> Overview:
        """What there is to tell, in a few round trips that take no longer for a large pool.

        While Redis does not answer that is all that is known. Raises `Outdated`.
        """
        now = self._store.now()
        try:
            return Overview(
                now=now,
                started=self._started,
                redis=self._health.redis(),
                refreshers=self._heartbeats.seen(),
                pool=self._health.pool(),
                today=self._figures.today(),
                alerts=active(self._store, self._language),
            )
        except Outdated:
            raise
        except StoreUnavailable:
            return Overview(now=now, started=self._started, redis=RedisHealth(up=False))
