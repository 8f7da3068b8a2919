"""Other pools of the same Redis, which may have accounts that somebody brings into this one as well."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from redis.exceptions import ResponseError

from kimi.errors import StoreUnavailable
from kimi.pool.hashes import read
from kimi.pool.scanning import PAGE
from kimi.pool.store import Store
from kimi.pool_name import prefix_of

LOOK_SECONDS: Final = 60.0
"""So long the pools that were found are remembered: to find them Redis looks at all its keys, a page at a time."""
_SCANNED: Final = 1_000  # keys in one step, for which others wait less than a millisecond
_SET: Final = "accounts"  # every pool of any release has it
_ITS_NAME: Final = re.compile(re.escape(prefix_of("*") + _SET).replace(r"\*", "(.+)"))
_ENTERED: Final = "1"  # the version of a credential that was never exchanged


class Neighbours:
    """Finds what other pools have. Whoever shows a token that one of them has spent loses the account for both.

    Pools on other servers of a cluster are not seen, nor what the user of `REDIS_URL` may not look at. Two that are
    given the same accounts at the same moment do not see each other. May raise `StoreUnavailable`.
    """

    def __init__(self, store: Store, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._monotonic = monotonic
        self._names: tuple[str, ...] = ()
        self._next_look = 0.0

    def names(self) -> tuple[str, ...]:
        """The other pools that are there."""
        if self._monotonic() >= self._next_look:
            self._names = tuple(sorted(self._found()))
            self._next_look = self._monotonic() + LOOK_SECONDS
        return self._names

    def strangers(self, fingerprints: Sequence[str]) -> dict[str, str]:
        """Which of these secrets this pool does not know, but another has; the name of that one, by fingerprint."""
        serving = {*_in_service(self._store, fingerprints)}
        rest = [each for each in fingerprints if each not in serving]
        kept = {each for each, _ in _kept(self._store, rest)}
        return self.holding([each for each in rest if each not in kept])

    def holding(self, fingerprints: Sequence[str]) -> dict[str, str]:
        """Which of these secrets another pool has, and which pool, by fingerprint.

        One that was taken out there before it was ever exchanged is anybody's.
        """
        found: dict[str, str] = {}
        for name in self.names() if fingerprints else ():
            try:
                found |= dict.fromkeys(_held(Store(self._store.redis, name), fingerprints), name)
            except StoreUnavailable as error:
                if not isinstance(error.__cause__, ResponseError):
                    raise
        return found

    def _found(self) -> Iterator[str]:
        pattern = prefix_of("*") + _SET
        try:
            with self._store.guarded() as redis:
                for key in set(redis.scan_iter(match=pattern, count=_SCANNED)):  # it may tell one twice
                    if key != self._store.key(_SET) and (match := _ITS_NAME.fullmatch(key)):
                        yield match[1]
        except StoreUnavailable as error:
            if not isinstance(error.__cause__, ResponseError):  # this user may not, or a server that lacks it
                raise


def _held(store: Store, fingerprints: Sequence[str]) -> Iterator[str]:
    serving = {*_in_service(store, fingerprints)}
    yield from serving
    for fingerprint, row in _kept(store, [each for each in fingerprints if each not in serving]):
        if row["version"] != _ENTERED or _is_locked(store, row["name"]):
            yield fingerprint


def _in_service(store: Store, fingerprints: Sequence[str]) -> Iterator[str]:
    for start in range(0, len(fingerprints), PAGE):
        page = fingerprints[start : start + PAGE]
        with store.guarded() as redis:
            holders = redis.hmget(store.key("holders"), page)
        yield from (each for each, holder in zip(page, holders, strict=True) if holder)


def _kept(store: Store, fingerprints: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
    rows = read(store, [f"kept:{each}" for each in fingerprints], ("name", "version"))
    yield from ((each, row) for each, row in zip(fingerprints, rows, strict=True) if row)


def _is_locked(store: Store, name: str) -> bool:
    with store.guarded() as redis:
        return bool(redis.exists(store.key("lock", name)))
