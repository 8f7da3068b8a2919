"""Who the master is now, where that is for Sentinels or for a cluster to say.

All keys of a pool stand in one slot, so that to us both are the same: one server takes all that is written, and a
moment later it may be another one. Every new connection asks for it anew.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from functools import cache, partial
from typing import Any, Final, NamedTuple

from redis import Redis
from redis.backoff import NoBackoff
from redis.connection import ConnectionPool
from redis.crc import key_slot
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.retry import Retry

from kimi.pool_name import POOL, prefix_of
from kimi.redis_address import parse

Place = tuple[str, int]
"""Host and port."""


class Answer(NamedTuple):
    """What one knows: where the master is, since which election (0: that is not told), and who else may be asked."""

    place: Place | None
    epoch: int = 0
    others: Collection[Place] = ()


_Ask = Callable[[Redis, Place], Answer]
"""Asks one that stands there."""

LOOK_SECONDS: Final = 1.0
"""How long a connection may lead to who was the master, where both take commands."""
_SECONDS: Final = 0.3
"""How long each of those may take that know where the master is."""


@cache
def lead(url: str, pool: str = POOL) -> Lead | None:
    """What leads all connections of this process to the master that has that pool; None where there is one server."""
    address = parse(url)
    if not address.asked:
        return None
    slot = key_slot(prefix_of(pool).encode())
    return Lead(address.asked, partial(_by_name, address.service) if address.service else partial(_by_slot, slot))


class Lead:
    """Knows where the master is, from those that stand at `urls`; `place` is where it was when last asked.

    A connection that leads elsewhere is closed before its next command. That matters where the operator hands over in
    peace: what was the master takes writes for some seconds more, and forgets them.
    """

    def __init__(self, urls: Collection[str], ask: _Ask, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        made = [ConnectionPool.from_url(url, socket_timeout=_SECONDS, socket_connect_timeout=_SECONDS) for url in urls]
        self._options: dict[str, Any] = {**made[0].connection_kwargs, "retry": Retry(NoBackoff(), 0)}
        self._connection = made[0].connection_class
        self._named = {(str(each.connection_kwargs["host"]), int(each.connection_kwargs["port"])) for each in made}
        self._asked = self._named
        self._ask = ask
        self._monotonic = monotonic
        self._next_look = 0.0
        self._epoch = 0
        self.place: Place | None = None

    def find(self) -> Place:
        """Where the master is, as the first says that knows. Raises what redis-py raises.

        They are asked in another order each time. One that knows of an older election than others did is believed only
        where nobody else answers.
        """
        return self._ask_on(until=self._epoch)

    def look(self) -> None:
        """Asks all, and believes who knows of the latest election; where nobody knows a master, all stays as it is."""
        with suppress(RedisError):
            self._ask_on(until=math.inf)

    def _ask_on(self, *, until: float) -> Place:
        """Asks one after the other, until one knows of an election as late as that."""
        errors: list[str] = []
        latest: Answer | None = None
        for place in random.sample(list(self._asked), len(self._asked)):
            try:
                with self._client(place) as node:  # nobody is asked often enough to stay connected with
                    answer = self._ask(node, place)
            except RedisError as error:
                errors.append(f"{place[0]}:{place[1]}: {error}")
                continue
            if answer.place is None:
                errors.append(f"{place[0]}:{place[1]} knows none")
            elif latest is None or answer.epoch > latest.epoch:
                latest = answer
                if answer.epoch >= until:
                    break
        if latest is None or latest.place is None:
            raise RedisConnectionError(f"nobody says who the master is: {'; '.join(errors)}")
        self._asked = self._named.union(latest.others)
        self._epoch = latest.epoch
        self.place = latest.place
        return latest.place

    def follow(self) -> None:
        """Looks where the master is now, once a second, however often it is called; where nobody knows, all stays."""
        if self._monotonic() >= self._next_look:
            self._next_look = self._monotonic() + LOOK_SECONDS
            self.look()

    def _client(self, place: Place) -> Redis:
        options = {**self._options, "host": place[0], "port": place[1]}
        return Redis.from_pool(ConnectionPool(self._connection, **options))


def _by_name(service: str, sentinel: Redis, _: Place) -> Answer:
    state: Any = sentinel.execute_command("SENTINEL MASTER", service)  # type: ignore[no-untyped-call]
    return Answer(_place(state["ip"], state["port"]), int(state["config-epoch"]))


def _by_slot(slot: int, node: Redis, place: Place) -> Answer:
    rows: Any = node.execute_command("CLUSTER SLOTS")  # type: ignore[no-untyped-call]
    known: set[Place] = set()
    master = None
    for first, last, *servers in rows:
        # One that does not know by which name it is reached tells none.
        places = [_place(host or place[0], port) for host, port, *_ in servers]
        known.update(places)
        if first <= slot <= last:
            master = places[0]
    return Answer(master, others=known)


def _place(host: str | bytes, port: str | bytes | int) -> Place:
    return host.decode() if isinstance(host, bytes) else host, int(port)
