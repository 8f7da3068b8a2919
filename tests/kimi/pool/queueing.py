"""Waiting for an account, and hearing who is called."""

from __future__ import annotations

import itertools

import pytest
import redis
from redis.client import PubSub

from kimi.errors import AllBusy
from kimi.pool import Lease
from tests.kimi.pool.pools import Pool, wish

PATIENCE = 10.0


class Ear:
    """Hears which tickets are called."""

    def __init__(self, url: str, *workers: str) -> None:
        self.client = redis.Redis.from_url(url, decode_responses=True)
        self.pubsub: PubSub = self.client.pubsub()  # type: ignore[no-untyped-call]
        self.pubsub.subscribe(*(f"kimi:{{pool}}:freed:{worker}" for worker in workers))
        for _ in workers:
            assert self.pubsub.get_message(timeout=5) is not None

    def calls(self) -> list[str]:
        """The tickets that were called since."""
        self.client.publish("kimi:{pool}:freed:w", "end")
        heard = itertools.takewhile(lambda text: text != "end", iter(self._next, None))
        return [str(text) for text in heard]

    def _next(self) -> object:
        message = self.pubsub.get_message(timeout=5)
        assert message is not None
        return message["data"]


def take(
    pool: Pool, ticket: str = "", *routes: str, model: str = "kimi", exclude: tuple[str, ...] = (), only: str = ""
) -> Lease:
    return pool.leases.acquire(wish(*routes, model=model, exclude=exclude, only=only), ticket=ticket, patience=PATIENCE)


def queue(pool: Pool, *tickets: str, model: str = "kimi", exclude: tuple[str, ...] = (), only: str = "") -> None:
    for ticket in tickets:
        with pytest.raises(AllBusy):
            take(pool, ticket, model=model, exclude=exclude, only=only)


def in_queue(pool: Pool) -> list[str]:
    return list(pool.store.redis.zrange(pool.store.key("route", "kimi", "queue"), 0, -1))
