"""Who the master is now, where that is for Sentinels or for a cluster to say.

All keys of a pool stand in one slot, so that to us both are the same: one server takes all that is written, and a
moment later it may be another one. Every new connection asks for it anew.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache, partial
from typing import Any, Final

from redis import Redis
from redis.backoff import NoBackoff
from redis.connection import ConnectionPool
from redis.crc import key_slot
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.retry import Retry

from kimi.pool.voters import Place, Word, by_name, by_slot
from kimi.pool_name import prefix_of
from kimi.redis_address import parse

log = logging.getLogger(__name__)

_Ask = Callable[[Redis, Place], Word]
"""Asks one that stands there."""

LOOK_SECONDS: Final = 1.0
"""How long a connection may lead to who was the master, where both take commands."""
_SECONDS: Final = 0.3
"""How long each of those may take that know where the master is."""
_THOROUGH: Final = 10
"""Of so many looks one asks all."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A master since an election, its replicas, and those of them that could take its place.

    A replica is among `candidates` while any one says so of most of those who elect, for who replaces a master chooses
    by what that one knows. None while most do not agree, or have anything against the master.
    A server may have several names, as one that was the master by another name than it announces: by `runs` it is one,
    and stands here by one of them.
    """

    place: Place
    epoch: int
    replicas: frozenset[Place]
    candidates: frozenset[Place] | None = None
    runs: Mapping[Place, str] = field(default_factory=dict)

    def is_of(self, other: Standing) -> bool:
        """Whether it is the same master by the same election."""
        return (self.place, self.epoch) == (other.place, other.epoch)


def each_once(places: Iterable[Place], runs: Mapping[Place, str]) -> frozenset[Place]:
    """Those places, of each server one alone: what `runs` there says which are one."""
    first = {run: place for place, run in sorted(runs.items(), reverse=True)}
    return frozenset(first[runs[place]] if place in runs else place for place in places)


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of asking all who they think is the master: who of those that are named did `not_say` it, and why not.

    And which `replicas` it has, by all of their names, and whether most of the `electors` agree, and nobody has
    anything against that master.
    """

    not_say: Sequence[str]
    replicas: frozenset[Place]
    electors: int
    are_most: bool


@cache
def lead(url: str, pool: str, /) -> Lead | None:
    """What leads all connections of this process to the master that has that pool; None where there is one server."""
    address = parse(url)
    if not address.asked:
        return None
    slot = key_slot(prefix_of(pool).encode())
    if address.service:
        return Lead(address.asked, partial(by_name, address.service), electors=len(address.asked))
    return Lead(address.asked, partial(by_slot, slot), each_knows_all=True)


class Lead:
    """Knows where the master is, from those that stand at `urls`.

    One of them is asked in turn, and all of them where it says anything else than what is known: who knows of the
    latest election is believed, and of those what most say. An earlier one than what is known is believed only where
    most of those who elect say so. Who forgets the others is not most of them: there are as many as any one ever told
    of, and at first as many as are named where those are `electors`, until most of these, or all that are named, say
    that they are fewer. Where `each_knows_all`, as in a cluster, who is cut off counts the others on: there most of
    those told of now will do.
    A connection that leads elsewhere is closed before its next command. That matters where the operator hands over in
    peace: what was the master takes writes for some seconds more, and forgets them.
    """

    def __init__(
        self,
        urls: Collection[str],
        ask: _Ask,
        *,
        electors: int = 0,
        each_knows_all: bool = False,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        made = [ConnectionPool.from_url(url, socket_timeout=_SECONDS, socket_connect_timeout=_SECONDS) for url in urls]
        self._options: dict[str, Any] = {**made[0].connection_kwargs, "retry": Retry(NoBackoff(), 0)}
        self._connection = made[0].connection_class
        places = [(str(each.connection_kwargs["host"]), int(each.connection_kwargs["port"])) for each in made]
        # In an order of its own, so that not all processes ask the same one.
        self._named = {place: self._client(place) for place in random.sample(places, len(places))}
        self._others: Collection[Place] = ()
        self._ask = ask
        self._electors = electors
        self._each_knows_all = each_knows_all
        self._monotonic = monotonic
        self._next_look = 0.0
        self._alone_until = 0.0
        self._asking = threading.Lock()
        self._looks = 0
        self._last_thorough = 0
        self._known: Standing | None = None
        self._silent: dict[Place, str] = {}

    @property
    def place(self) -> Place | None:
        """Where the master was when somebody last said so."""
        return self._known.place if self._known else None

    def find(self) -> Place:
        """Where the master is, or was before all fell silent. Raises what redis-py raises while nobody has said it."""
        return self._looked(thoroughly=False).place

    def standing(self) -> Standing:
        """What was last known of the master. Raises as `find`."""
        return self._known or self._looked(thoroughly=False)

    def confirmed(self) -> Standing:
        """What all say now: none of it was said before this was called. Raises as `find`."""
        return self._looked(thoroughly=True)

    def ask_all(self) -> Asked:
        """What comes of asking all now. Raises as `find`."""
        standing = self.confirmed()
        return Asked(
            self._not_say, standing.replicas | standing.runs.keys(), self._electors, standing.candidates is not None
        )

    @property
    def _not_say(self) -> list[str]:
        return [f"{host}:{port}: {error}" for (host, port), error in sorted(self._silent.items())]

    def follow(self) -> None:
        """Looks where the master is now, once a second, however often it is called; where nobody knows, all stays."""
        if self._monotonic() >= self._next_look:
            self._next_look = self._monotonic() + LOOK_SECONDS
            with suppress(RedisError):
                self._looked(thoroughly=self._looks % _THOROUGH == 0)

    def close(self) -> None:
        """Closes all connections that nobody uses just now; whoever asks anew opens them anew."""
        for client in self._named.values():
            client.connection_pool.disconnect(inuse_connections=False)

    def _looked(self, *, thoroughly: bool) -> Standing:
        """What is known behind a look that began after this was called; many threads share one."""
        before = self._looks
        with self._asking:
            known = self._known
            if known is None or (self._last_thorough if thoroughly else self._looks) <= before:
                known = self._known = self._look(known, thoroughly=thoroughly)
        return known

    def _look(self, known: Standing | None, *, thoroughly: bool) -> Standing:
        self._looks += 1
        if known and not thoroughly and (self._monotonic() < self._alone_until or self._says_so(known)):
            return known
        self._last_thorough = self._looks
        words = self._words()
        if words:
            self._others = {place for word in words for place in word.others}.difference(self._named)
            settled = self._settled(words, known)
            self._count(words)
            return settled
        if known is None:
            raise RedisConnectionError(f"nobody says who the master is: {'; '.join(self._not_say)}")
        self._alone_until = self._monotonic() + LOOK_SECONDS
        return replace(known, candidates=None)

    def _says_so(self, known: Standing) -> bool:
        """Whether the next one says what is known already."""
        places = [place for place in self._named if place not in self._silent] or list(self._named)
        place = places[self._looks % len(places)]
        try:
            word = self._ask(self._named[place], place)
        except RedisError:
            return False
        replicas = each_once(word.replicas, word.runs)
        return (word.place, word.epoch) == (known.place, known.epoch) and len(replicas) <= len(known.replicas)

    def _words(self) -> list[Word]:
        """What all say that are named, and so many of the others that most of those who elect agree."""
        words: list[Word] = []
        silent: dict[Place, str] = {}
        for place, client in self._named.items():
            try:
                words.append(self._ask(client, place))
            except RedisError as error:
                silent[place] = str(error)
        before, self._silent = self._silent, silent
        if silent.keys() - before.keys():
            log.warning("some that REDIS_URL names do not say who the master is: %s", "; ".join(self._not_say))
        for place in self._others:
            if self._are_most(words):
                break
            with suppress(RedisError), self._client(place) as client:
                words.append(self._ask(client, place))
        return words

    def _client(self, place: Place) -> Redis:
        options = {**self._options, "host": place[0], "port": place[1]}
        return Redis.from_pool(ConnectionPool(self._connection, **options))

    def _settled(self, words: Sequence[Word], known: Standing | None) -> Standing:
        """What is to be believed when that was said, and something was known before."""
        latest = max(word.epoch for word in words)
        said = [word for word in words if word.epoch == latest]
        if known and latest < known.epoch and not self._are_most(said):
            return replace(known, candidates=None)
        (place, count), *_ = Counter(word.place for word in said).most_common()
        agreed = [word for word in said if word.place == place]
        is_calm = count == len(said) and all(word.is_calm for word in agreed)
        is_sure = is_calm and self._are_most([word for word in agreed if word.is_reached])
        runs = {place: run for word in agreed for place, run in word.runs.items()}
        candidates = each_once({place for word in agreed for place in word.candidates}, runs) if is_sure else None
        replicas = [each_once(word.replicas, runs) for word in agreed]
        if known and not is_sure:
            replicas.append(known.replicas)  # few may have forgotten some
        return Standing(place, latest, max(replicas, key=len), candidates, runs)

    def _count(self, words: Collection[Word]) -> None:
        """Takes down how many elect: more by any word, fewer by the word of most or of all that are named."""
        voters = {word.voter for word in words if word.voter}
        told = max(len(voters), *(word.votes for word in words))
        are_all = 1 < len(voters) == len(self._named) == told and not self._silent
        are_most = len(voters) > (told if self._each_knows_all else self._electors) / 2
        if told > self._electors or are_all or are_most:
            self._electors = told

    def _are_most(self, words: Collection[Word]) -> bool:
        """Whether they come from more than half of those who elect, and name one master."""
        voters = {word.voter for word in words if word.voter}
        is_one = len({(word.place, word.epoch) for word in words}) == 1
        return is_one and len(voters) > max(self._electors, *(word.votes for word in words)) / 2
