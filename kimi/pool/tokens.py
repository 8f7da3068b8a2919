"""Who refreshes a credential, where the new one is kept, and when it is due again."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

import orjson

from kimi.accounts import Record, Tokens
from kimi.errors import StoreUnavailable
from kimi.pool.fingerprints import fingerprint
from kimi.pool.locks import Lock, is_locked
from kimi.pool.store import Store, to_ms
from kimi.pool.sure import run_replicated_on_disk

log = logging.getLogger(__name__)

LOCK_SECONDS: Final = 15.0


@dataclass(frozen=True, slots=True)
class Credential:
    """A refresh token, and the version of the account while it is stored: of the tokens of one secret, its number."""

    refresh: str = field(repr=False)
    version: int


class TokenStore:
    """The refresher's view of the pool. Every method may raise `StoreUnavailable`.

    `disk_seconds` is how long a write may take to reach the disk; with `appendfsync everysec` it takes up to one.
    """

    def __init__(self, store: Store, *, disk_seconds: float = 2.0) -> None:
        self._store = store
        self._disk_seconds = disk_seconds
        self._told = False
        self._held: set[Lock] = set()

    @contextmanager
    def holding(self, lock: Lock) -> Iterator[None]:
        """Prolongs the lock whenever `prolong` is called, and frees it at the end.

        It expires after `Lock.seconds` otherwise, so that it outlives what it guards, and a killed holder by a few
        seconds only; `Lock.spend` and the version check of `save` stand behind it all the same. Only its owner frees
        it.
        """
        self._held.add(lock)
        try:
            yield
        finally:
            self._held.discard(lock)
            with suppress(StoreUnavailable):  # it expires by itself
                lock.free()

    def is_locked(self, name: str) -> bool:
        """Whether somebody is exchanging its credential just now."""
        return is_locked(self._store, name)

    def prolong(self) -> None:
        """Lets each lock that is held last for its `Lock.seconds` from now on. May be called from any thread."""
        held = [word for lock in self._held.copy() for word in (lock.name, lock.owner, to_ms(lock.seconds))]
        if held:
            self._store.run("prolong", *held)

    def save(
        self,
        record: Record,
        tokens: Tokens,
        *,
        issued: float,
        expires: float,
        next_due: float,
        models: tuple[str, ...] = (),
        version: int | None = None,
        spent: str = "",
        alone: bool = False,
    ) -> bool:
        """Stores both tokens in one step and puts the account in service.

        When this returns they are on disk, and with as many replicas as the store asks for.

        False when the account's credential is no longer the one of `record`: somebody stored another meanwhile.
        The refresh token is remembered even then, should the secret that it stems from be configured again.
        Times are Unix seconds. `models` is what a key of the official platform lists. `version` is that of what is
        stored, where it is not the one after that of `record`. `spent` is which of `Record.stored_previous` was
        exchanged for it, where it was not the stored one. With `alone` the refresh token came without an access token.
        """
        saved, durable = run_replicated_on_disk(
            self._store,
            self._disk_seconds,
            "save",
            record.account.name,
            record.version,
            self._store.vault.seal(tokens.access),
            self._store.vault.seal(tokens.refresh),
            to_ms(issued),
            to_ms(expires),
            to_ms(next_due),
            orjson.dumps(models).decode(),
            record.fingerprint,
            record.version + 1 if version is None else version,
            spent,
            int(alone),
            fingerprint(tokens.refresh),
        )
        self._note_durability(durable)
        return bool(saved)

    def postpone(
        self, record: Record, next_due: float, failures: int, *, unanswered: bool = False, reason: str = ""
    ) -> bool:
        """A refresh failed for a passing `reason`: try again at `next_due` (Unix seconds).

        `unanswered` says that it may have spent the credential, because nobody knows what became of it.
        """
        when, lost = to_ms(next_due), int(unanswered)
        name, version = record.account.name, record.version
        return bool(self._store.run("postpone", name, version, when, failures, lost, reason))

    def put_back(self, record: Record, later: Credential, *, refused: bool = True) -> bool:
        """`later` came after the credential of `record`, which was `refused`: it takes its place and is due at once.

        One that nobody has refused stays behind it, to be tried should `later` be refused.
        Brings a dead account back; a paused one stays paused. False when another credential is stored, or when the
        account is banned or not configured.
        """
        name, successor = record.account.name, self._store.vault.seal(later.refresh)
        known_by = fingerprint(later.refresh)
        answer = self._store.run(
            "put_back", name, record.version, record.stored_refresh, later.version, successor, int(refused), known_by
        )
        return bool(answer)

    def _note_durability(self, answer: object) -> None:
        if isinstance(answer, Exception):
            if not self._told:
                self._told = True
                log.warning(
                    "Redis cannot tell when tokens are on disk; use 7.2 or newer with `appendonly yes` (%s)", answer
                )
        elif isinstance(answer, list) and answer[0] == 0:
            log.warning("Redis has not written tokens to its disk within %g s", self._disk_seconds)
