"""Measuring what one of each kind of work of a fleet costs Valkey."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from benchmarks.fleet.costs import Cost, cost_of, mean
from benchmarks.fleet.players import Refresher, Worker
from kimi.pool.changes import PAGE, Changes
from kimi.pool.chats import StandingChat
from kimi.pool.clients import Client

AT_ONCE: Final = 20
TIMES: Final = 2_000
_TURNS: Final = 2
_CHANGED: Final = 500
"""Accounts that change between two looks."""


class Bench:
    """A worker and a refresher, and the Valkey that they ask."""

    def __init__(self, client: Any, key: Client) -> None:
        self._client = client
        self._worker = Worker(client, "measured", key)
        self._refresher = Refresher(client)
        self._whole = Changes(self._worker.store)

    def begin(self) -> Mapping[str, Cost]:
        """What happens once: a worker starts, or is back. To be called first."""
        worker, once = self._worker, partial(cost_of, self._client)
        return {
            "a worker reads its copy of the pool": once(lambda _: worker.mirror.refresh(), 1),
            "it would read all of it": once(self._read_all, 1),
            f"a page of {PAGE} accounts, for which all others wait": once(lambda _: self._whole.since(0), 50),
            "a worker looks for leases that it has lost": once(lambda _: worker.leases.abandon("nobody"), 5),
        }

    def costs(self) -> dict[str, Cost]:
        """By the keys of `KINDS`; and of what a worker would be told without a sample."""
        worker, times = self._worker, partial(cost_of, self._client, times=TIMES, at_once=AT_ONCE)
        worker.keys.refresh()
        costs = {
            "look": times(lambda _: worker.mirror.refresh()),
            "keys": times(lambda _: worker.look_at_keys()),
            "ping": times(lambda _: worker.ping()),
            "around": times(lambda _: worker.look_around()),
            "ready": times(lambda _: worker.is_ready()),
            "find": times(lambda number: worker.find(f"k{number}")),
            "limit": times(self._limited),
            "note": times(lambda number: worker.note(StandingChat(str(number), "a"), 60.0)),
            "lease": times(self._request),
            "deliver": times(lambda _: self._deliver(1)),
        }
        ten = cost_of(self._client, lambda _: self._deliver(10), TIMES // 4, at_once=AT_ONCE)
        return costs | {"counted": ten.less(costs["deliver"], 9), "renew": self._renewal()} | self._told(costs["look"])

    def _read_all(self, _: int) -> None:
        batch = self._whole.since(0)
        while batch.number < batch.latest:
            batch = self._whole.since(batch.number)

    def _limited(self, number: int) -> None:
        self._worker.let_in(str(number))
        self._worker.let_out(str(number))

    def _request(self, number: int) -> None:
        lease = self._worker.lease()
        self._worker.give_back(lease, str(number), StandingChat(str(number), lease.account.name))

    def _deliver(self, requests: int) -> None:
        self._worker.count(requests)
        self._worker.deliver()

    def _renewal(self) -> Cost:
        leases = [self._worker.lease() for _ in range(100)]
        cost = cost_of(self._client, lambda _: self._worker.leases.renew(leases), 200)
        for lease in leases:
            self._worker.leases.release(lease)
        return cost.divided(len(leases))

    def _told(self, idle: Cost) -> dict[str, Cost]:
        """Accounts are refreshed, and workers are told of it: each of its sample, and of all as it would be without."""
        sample = None if self._worker.mirror.sample.is_whole else self._worker.mirror.sample
        refreshes, told, without = [], [], []
        for turn in range(_TURNS):
            number = self._whole.names(1 << 52).latest
            again = partial(self._refresh, turn * _CHANGED)
            refreshes.append(cost_of(self._client, again, _CHANGED, at_once=AT_ONCE))
            told.append(cost_of(self._client, partial(self._hear, number, sample), 100))
            without.append(cost_of(self._client, partial(self._hear, number, None), 100))
        return {
            "refresh": mean(refreshes),
            "told": mean(told).less(idle, _CHANGED),
            "without": mean(without).less(idle, _CHANGED),
        }

    def _refresh(self, first: int, number: int) -> None:
        self._refresher.refresh(first + number)

    def _hear(self, number: int, wanted: Any, _: int) -> None:
        self._whole.since(number, wanted)
