"""Who the master is now, where that is for Sentinels or for a cluster to say.

All keys of a pool stand in one slot, so that to us both are the same: one server takes all that is written, and a
moment later it may be another one. Every new connection asks for it anew.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection
from functools import partial
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.connection import ConnectionPool
from redis.crc import key_slot
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.retry import Retry

from kimi.redis_address import RedisAddress

Place = tuple[str, int]
"""Host and port."""
Find = Callable[[], Place]
"""Says where the master is. Raises what redis-py raises."""
_Ask = Callable[[Redis, Place], tuple[Place | None, Collection[Place]]]
"""Asks one that stands there: where the master is (None: it knows none), and who else may be asked from now on."""


def finder(address: RedisAddress, prefix: str, timeout: float) -> Find | None:
    """How the master of `address` is found that has the keys with this prefix; None where there is one server only.

    Each of those that are asked has `timeout` seconds to answer.
    """
    if not address.asked:
        return None
    ask: _Ask = partial(_by_name, address.service) if address.service else partial(_by_slot, key_slot(prefix.encode()))
    return _Masters(address.asked, ask, timeout).find


class _Masters:
    def __init__(self, urls: Collection[str], ask: _Ask, timeout: float) -> None:
        made = [ConnectionPool.from_url(url, socket_timeout=timeout, socket_connect_timeout=timeout) for url in urls]
        self._options: dict[str, Any] = {**made[0].connection_kwargs, "retry": Retry(NoBackoff(), 0)}
        self._connection = made[0].connection_class
        self._named = [(str(pool.connection_kwargs["host"]), int(pool.connection_kwargs["port"])) for pool in made]
        self._asked = {place: self._client(place) for place in self._named}
        self._ask = ask

    def find(self) -> Place:
        """As the first says that knows; see `Find`.

        They are asked in another order each time, for one that was away may know of an old master only.
        """
        errors: list[str] = []
        for place in random.sample(list(self._asked), len(self._asked)):
            try:
                found, others = self._ask(self._asked[place], place)
            except RedisError as error:
                errors.append(str(error))
                continue
            if found is not None:
                self._remember(others)
                return found
            errors.append(f"{place[0]}:{place[1]} knows none")
        raise RedisConnectionError(f"nobody says who the master is: {'; '.join(errors)}")

    def _remember(self, others: Collection[Place]) -> None:
        """Who is neither named by the operator nor by the last answer is asked no more."""
        before = self._asked
        self._asked = {place: before.get(place) or self._client(place) for place in {*self._named, *others}}
        for place in before.keys() - self._asked.keys():
            before[place].close()

    def _client(self, place: Place) -> Redis:
        options = {**self._options, "host": place[0], "port": place[1]}
        return Redis.from_pool(ConnectionPool(self._connection, **options))


def _by_name(service: str, sentinel: Redis, _: Place) -> tuple[Place | None, Collection[Place]]:
    found: Any = sentinel.execute_command("SENTINEL GET-MASTER-ADDR-BY-NAME", service)  # type: ignore[no-untyped-call]
    return (_place(*found) if found else None), ()


def _by_slot(slot: int, node: Redis, place: Place) -> tuple[Place | None, Collection[Place]]:
    rows: Any = node.execute_command("CLUSTER SLOTS")  # type: ignore[no-untyped-call]
    known: set[Place] = set()
    master = None
    for first, last, *servers in rows:
        # One that does not know by which name it is reached tells none.
        places = [_place(host or place[0], port) for host, port, *_ in servers]
        known.update(places)
        if first <= slot <= last:
            master = places[0]
    return master, known


def _place(host: str | bytes, port: str | bytes | int) -> Place:
    return host.decode() if isinstance(host, bytes) else host, int(port)
