"""Other pools of the same Redis, which may have accounts that somebody brings into this one as well."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from redis.exceptions import ResponseError

from kimi.errors import StoreUnavailable
from kimi.pool.hashes import read
from kimi.pool.locks import is_locked
from kimi.pool.private_names import private_name
from kimi.pool.scanning import PAGE
from kimi.pool.store import Store, to_ms
from kimi.pool_name import prefix_of

LOOK_SECONDS: Final = 60.0
"""So long what was found counts for every process of the pool: to find it Redis looks at all its keys."""
_KEPT_SECONDS: Final = 3_600  # for those who ask while one looks anew
_SCANNED: Final = 1_000  # keys in one step, for which others wait less than a millisecond
_SET: Final = "accounts"  # every pool of any release has it
_ITS_NAME: Final = re.compile(re.escape(prefix_of("*") + _SET).replace(r"\*", "(.+)"))
_ENTERED: Final = "1"  # the version of a credential that was never exchanged


class Neighbours:
    """Finds what other pools have. Whoever shows a token that one of them has spent loses the account for both.

    Pools on other servers of a cluster are not seen, nor what the user of `REDIS_URL` may not look at. Two that are
    given the same accounts at the same moment do not see each other. May raise `StoreUnavailable`.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._closed: set[str] = set()

    @property
    def closed(self) -> tuple[str, ...]:
        """The pools of which this user may not see what they have, as far as it was asked for."""
        return tuple(sorted(self._closed))

    def names(self) -> tuple[str, ...] | None:
        """The other pools that were there a minute ago or later; None where this user may not look for them."""
        with self._store.guarded() as redis:
            is_due = redis.set(self._store.key("beside", "looked"), "", nx=True, px=to_ms(LOOK_SECONDS))
            known = redis.get(self._store.key("beside"))
        return self.look() if known is None or is_due else tuple(known.split())

    def look(self) -> tuple[str, ...] | None:
        """The same as it is now, whoever looked when."""
        keys = self._found()
        if keys is None:
            return None
        names = tuple(sorted(match[1] for key in keys if (match := _ITS_NAME.fullmatch(key))))
        with self._store.guarded() as redis:
            redis.set(self._store.key("beside"), " ".join(names), ex=_KEPT_SECONDS)
        return names

    def strangers(self, fingerprints: Sequence[str]) -> dict[str, str]:
        """Which of these secrets this pool does not know, but another has; the name of that one, by fingerprint."""
        serving = {*_in_service(self._store, fingerprints)}
        rest = [each for each in fingerprints if each not in serving]
        kept = {each for each, _ in _kept(self._store, rest)}
        return self.holding([each for each in rest if each not in kept])

    def holding(self, fingerprints: Sequence[str]) -> dict[str, str]:
        """Which of these secrets another pool has, and which pool, by fingerprint.

        It has those with which its accounts were entered and, of web accounts, the newest refresh tokens; 0.1.0 notes
        none of these. One that was taken out there before it was ever exchanged is anybody's.
        """
        found: dict[str, str] = {}
        for name in (self.names() or ()) if fingerprints else ():
            try:
                found |= dict.fromkeys(_held(Store(self._store.redis, name), fingerprints), name)
            except StoreUnavailable as error:
                if not isinstance(error.__cause__, ResponseError):
                    raise
                self._closed.add(name)
        return found

    def _found(self) -> set[str] | None:
        """The keys that show that there is a pool, but for our own."""
        found, cursor = set[str](), 0
        while True:
            with self._store.guarded() as redis:
                try:
                    cursor, keys = redis.scan(cursor, match=prefix_of("*") + _SET, count=_SCANNED)
                except ResponseError:  # this user may not, or a server that lacks it: nothing that blows a fuse
                    return None
            found.update(keys)  # it may tell one twice
            if cursor == 0:
                return found - {self._store.key(_SET)}


def _held(store: Store, fingerprints: Sequence[str]) -> Iterator[str]:
    serving = {*_in_service(store, fingerprints)}
    serving.update(_at_index(store, "newest", fingerprints))
    serving.update(_in_service_of_clients(store, [each for each in fingerprints if each not in serving]))
    yield from serving
    for fingerprint, row in _kept(store, [each for each in fingerprints if each not in serving]):
        if row["version"] != _ENTERED or is_locked(store, row["name"]):
            yield fingerprint


def _in_service(store: Store, fingerprints: Sequence[str]) -> Iterator[str]:
    return _at_index(store, "holders", fingerprints)


def _at_index(store: Store, index: str, fingerprints: Sequence[str]) -> Iterator[str]:
    for start in range(0, len(fingerprints), PAGE):
        page = fingerprints[start : start + PAGE]
        with store.guarded() as redis:
            names = redis.hmget(store.key(index), page)
        yield from (each for each, name in zip(page, names, strict=True) if name)


def _in_service_of_clients(store: Store, fingerprints: Sequence[str]) -> Iterator[str]:
    rows = read(store, [f"account:{private_name(each)}" for each in fingerprints], ("fingerprint", "present"))
    for each, row in zip(fingerprints, rows, strict=True):
        if row.get("present") == "1" and row.get("fingerprint") == each:
            yield each


def _kept(store: Store, fingerprints: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
    rows = read(store, [f"kept:{each}" for each in fingerprints], ("name", "version"))
    yield from ((each, row) for each, row in zip(fingerprints, rows, strict=True) if row)
