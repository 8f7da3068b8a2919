"""Secrets that stand in Redis already: with which key they are sealed, and sealing them anew while others use them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Final

from redis.exceptions import ResponseError

from kimi.errors import Unreadable
from kimi.pool.hashes import PAGE, account_names, read
from kimi.pool.old_files import OldFiles
from kimi.pool.sealers import Sealers
from kimi.pool.seals import PLAIN, UNREADABLE, Resealed, Seal, Seals
from kimi.pool.secret_fields import CANARY, SECRETS, VAULT, Fields, changes_of, secrets_of, things_of
from kimi.pool.store import Store
from kimi.pool.vault import SEALED

_SCANNED: Final = 1_000  # keys that Redis looks at in one step, for which others wait less than a millisecond
_TRIES: Final = 10  # for what others write just then
_NAMES: Final = ("present", "name")


def _untold(_done: int, _total: int) -> None:
    """Nobody wants to know."""


class Resealing:
    """Looks at every secret in Redis, page by page. Every method may raise `StoreUnavailable`.

    What others write meanwhile they have sealed themselves, and it stays.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._vault = store.vault
        self._files = OldFiles(store)

    def status(self) -> Seals:
        """With which keys the secrets are sealed, and with which ones those seal that live."""
        counts: Counter[int | None] = Counter()
        unreadable = 0
        lost: set[str] = set()
        gone: set[str] = set()
        for key, fields in self._read(self._keys()):
            for texts in things_of(fields):
                try:
                    counts[self._oldest(texts)] += 1
                except Unreadable:
                    unreadable += 1
                    names = lost if fields.get("present") == "1" else gone
                    names.add(fields.get("name") or key.removeprefix("account:"))
        ((_, vault),) = self._read([VAULT])
        return Seals(
            plain=counts[None],
            current=counts[0],
            older={number + 1: counts[number] for number in sorted(filter(None, counts))},
            unreadable=unreadable,
            lost=tuple(sorted(lost)),
            gone=tuple(sorted(gone - lost)),
            canary=self._seal(vault[CANARY]) if CANARY in vault else None,
            processes=self.processes(),
        )

    def processes(self) -> dict[str, Seal]:
        """With which keys those seal that live, by name."""
        return {name: self._seal(word) for name, word in Sealers(self._store).living().items()}

    def rotate(self, progress: Callable[[int, int], object] = _untold) -> Resealed:
        """Seals everything with the first key that is not; `progress` is told how many hashes of all are looked at.

        What shows whether a process has the right keys comes last, and only where nothing is left: the older keys are
        wanted until then. Nobody wants them for what none of them opens.
        """
        found = self._reseal(lambda secret: not self._vault.is_current(secret), progress)
        if not found.left:
            self._reseal_hash(VAULT, lambda secret: not self._vault.is_current(secret))
        return found

    def seal_plain(self) -> Resealed:
        """Seals what stands in plain text, and nothing else: others may not have a newer key yet."""
        if not self._vault.seals:
            return Resealed()
        found = self._reseal(lambda secret: not secret.startswith(SEALED), _untold)
        if found.changed:
            # It may have noted what was put in the place of what.
            with self._store.guarded() as redis, suppress(ResponseError):
                redis.slowlog_reset()
        return found

    def _reseal(self, wanted: Callable[[str], bool], progress: Callable[[int, int], object]) -> Resealed:
        keys, found = self._keys(), Resealed()
        for done, (key, fields) in enumerate(self._read(keys), 1):
            if any(wanted(secret) for secret in secrets_of(fields)):
                if not found.changed:
                    self._files.mark()
                found += self._reseal_hash(key, wanted)
            if done % PAGE == 0 or done == len(keys):
                progress(done, len(keys))
        return found

    def _reseal_hash(self, key: str, wanted: Callable[[str], bool]) -> Resealed:
        changed = 0
        for _ in range(_TRIES):
            ((_, fields),) = self._read([key])
            old = {secret for secret in secrets_of(fields) if wanted(secret)}
            new = self._sealed_anew(old)
            found = [texts & old for texts in things_of(fields) if texts & old]
            unreadable = sum(not texts <= new.keys() for texts in found)
            changed = len(found) - unreadable
            words = changes_of(fields, new)
            if not words or not self._store.run("reseal", key, "", *words):
                return Resealed(changed, unreadable=unreadable)
        return Resealed(left=changed)

    def _sealed_anew(self, secrets: Iterable[str]) -> dict[str, str]:
        """What is to take the place of each that can be opened."""
        new = {}
        for old in secrets:
            with suppress(Unreadable):
                new[old] = self._vault.seal(self._vault.open(old))
        return new

    def _oldest(self, texts: Iterable[str]) -> int | None:
        """The oldest key of a secret that stands in several places; None where one is plain. Raises `Unreadable`."""
        keys = {self._vault.key_of(text) for text in texts}
        return None if None in keys else max(filter(None, keys), default=0)

    def _seal(self, secret: str) -> Seal:
        try:
            number = self._vault.key_of(secret)
        except Unreadable:
            return UNREADABLE
        return PLAIN if number is None else number + 1

    def _keys(self) -> list[str]:
        """The keys of all hashes that hold secrets of accounts, behind the prefix."""
        accounts = [f"account:{name}" for name in account_names(self._store)]
        with self._store.guarded() as redis:
            kept = set(redis.scan_iter(match=self._store.key("kept", "*"), count=_SCANNED))  # it may tell one twice
        return accounts + [key.removeprefix(self._store.prefix) for key in sorted(kept)]

    def _read(self, keys: list[str]) -> Iterator[tuple[str, Fields]]:
        return zip(keys, read(self._store, keys, (*SECRETS, *_NAMES)), strict=True)
