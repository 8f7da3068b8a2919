"""The client keys that the operator has created, as this worker knows them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from hmac import compare_digest
from typing import Final, Protocol

import gevent
from gevent.lock import BoundedSemaphore

from kimi.errors import StoreUnavailable
from kimi.pool.clients import Client, ClientBatch, id_of

log = logging.getLogger(__name__)

SECONDS: Final = 1.0
"""How old the copy may be: so long may a key be used after it was revoked. Looking for changes is one small command."""
LOOK_UPS: Final = 32
"""So many keys that are not in the copy are looked up in that time; anybody can make up others without end."""


class Source(Protocol):
    """Where keys are kept, see `kimi.pool.clients.Clients`. Every method may raise `StoreUnavailable`."""

    def since(self, number: int) -> ClientBatch: ...

    def find(self, digest: bytes) -> Client | None: ...


class ClientMirror:
    """A copy of all keys that are not revoked. While Redis is away it stays as it is. `monotonic` is in seconds."""

    def __init__(
        self,
        source: Source,
        *,
        pause: Callable[[float], object] = gevent.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._pause = pause
        self._monotonic = monotonic
        self._number = 0
        self._coming: dict[str, Client] = {}
        self._clients: dict[str, Client] | None = None
        self._one_at_a_time = BoundedSemaphore()
        self._found: dict[bytes, Client | None] = {}
        self._good_until = float("-inf")

    def find(self, digest: bytes) -> Client | None:
        """The key of that digest. One that was created just now is found too.

        Raises `StoreUnavailable` where Redis is away and nothing was read before.
        """
        # How long looking in a table takes tells something of the digests in it. That is of no use: nobody can choose
        # the digest of what he sends, nor make a key of 256 random bits out of a part of its digest.
        known = self._clients.get(id_of(digest)) if self._clients is not None else None
        if known is not None and compare_digest(known.digest, digest):
            return known
        with self._one_at_a_time:  # many requests with the same new key ask once
            return self._look_up(digest)

    def run(self) -> None:
        """Keeps the copy fresh, for ever."""
        while True:
            try:
                self.refresh()
            except StoreUnavailable as error:
                log.debug("the copy of the client keys grows old: %s", error)
            self._pause(SECONDS)

    def refresh(self) -> None:
        """Reads what has changed. Raises `StoreUnavailable`; after that all is read anew, as Redis may have lost some.

        What was known stays until everything has been read.
        """
        try:
            while self._read_page():
                pass
        except StoreUnavailable:
            self._begin_anew()
            raise

    def _read_page(self) -> bool:
        """Whether there is more to read."""
        batch = self._source.since(self._number)
        if batch.latest < self._number:
            self._begin_anew()
            return True
        for client in batch.clients:
            if client.revoked is None:
                self._coming[client.id] = client
            else:
                self._coming.pop(client.id, None)
        self._number = batch.number
        more = batch.number < batch.latest
        if not more:
            self._clients = self._coming
        return more

    def _begin_anew(self) -> None:
        self._number = 0
        self._coming = {}

    def _look_up(self, digest: bytes) -> Client | None:
        """What Redis says of a key that is not in the copy. The answer holds no longer than the copy does."""
        now = self._monotonic()
        if now >= self._good_until:
            self._good_until, self._found = now + SECONDS, {}
        if digest not in self._found:
            try:
                self._found[digest] = self._ask(digest)
            except StoreUnavailable:
                if self._clients is None:  # it may be anybody's
                    raise
                return None
        return self._found[digest]

    def _ask(self, digest: bytes) -> Client | None:
        if len(self._found) >= LOOK_UPS:
            raise StoreUnavailable("too many unknown client keys at a time")
        return self._source.find(digest)
