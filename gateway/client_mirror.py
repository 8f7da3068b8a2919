"""The client keys that the operator has created, as this worker knows them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from hmac import compare_digest
from typing import Final, Protocol

import gevent
from gevent.lock import BoundedSemaphore

from gateway.following import SECONDS, Follower
from kimi.errors import StoreUnavailable
from kimi.pool.clients import Client, ClientBatch, id_of

LOOK_UPS: Final = 32
"""So many keys that are not in the copy are looked up while it may be so old; anybody can make up more."""


class Source(Protocol):
    """Where keys are kept, see `kimi.pool.clients.Clients`. Every method may raise `StoreUnavailable`."""

    def since(self, number: int) -> ClientBatch: ...

    def find(self, digest: bytes) -> Client | None: ...


class ClientMirror(Follower[Client]):
    """A copy of all keys that are not revoked: for as long as it may be old a revoked one is still good.

    While Redis is away it stays as it is. `monotonic` is in seconds. `hold` comes before a look-up, and raises where
    the sender has sent so many wrong keys that he is not to take those of others.
    """

    def __init__(
        self,
        source: Source,
        *,
        hold: Callable[[], None],
        pause: Callable[[float], object] = gevent.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__("the client keys", pause)
        self._source = source
        self._hold = hold
        self._monotonic = monotonic
        self._one_at_a_time = BoundedSemaphore()
        self._found: dict[bytes, Client | None] = {}
        self._good_until = float("-inf")

    def find(self, digest: bytes) -> Client | None:
        """The key of that digest. One that was created just now is found too.

        Raises `StoreUnavailable` where Redis would have to be asked and is away, or is asked too much already: it may
        be anybody's. Raises what `hold` raises.
        """
        # How long looking in a table takes tells something of the digests in it. That is of no use: nobody can choose
        # the digest of what he sends, nor make a key of 256 random bits out of a part of its digest.
        known = self._copies.get(id_of(digest)) if self._copies is not None else None
        if known is not None and compare_digest(known.digest, digest):
            return known
        with self._one_at_a_time:  # many requests with the same new key ask once
            return self._look_up(digest)

    def _changes(self, number: int) -> tuple[int, int, Sequence[Client]]:
        batch = self._source.since(number)
        return batch.number, batch.latest, batch.clients

    def _take(self, changed: Client) -> None:
        if changed.revoked is None:
            self._coming[changed.id] = changed
        else:
            self._coming.pop(changed.id, None)

    def _look_up(self, digest: bytes) -> Client | None:
        """What Redis says of a key that is not in the copy. The answer holds no longer than the copy does."""
        now = self._monotonic()
        if now >= self._good_until:
            self._good_until, self._found = now + SECONDS, {}
        if digest not in self._found:
            self._hold()
            if len(self._found) >= LOOK_UPS:
                raise StoreUnavailable("too many client keys at a time that are not known yet")
            self._found[digest] = self._source.find(digest)
        return self._found[digest]
