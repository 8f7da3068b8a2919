"""Secrets that stand in Redis already: with which key they are sealed, and sealing them anew while others use them."""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Final

import orjson
from redis.exceptions import ResponseError

from kimi.accounts import SEALED, Kind
from kimi.errors import Unreadable
from kimi.pool.canary import CANARY, VAULT
from kimi.pool.old_files import OldFiles
from kimi.pool.sealers import Sealers
from kimi.pool.seals import PLAIN, UNREADABLE, Resealed, Seal, Seals
from kimi.pool.specs import proxy_of, with_proxy
from kimi.pool.store import PREFIX, Store

_PAGE: Final = 100  # hashes that are read in one round trip
_SCANNED: Final = 1_000  # keys that Redis looks at in one step, for which others wait less than a millisecond
_TRIES: Final = 10  # for what others write just then
_SECRETS: Final = ("access", "refresh", "previous", CANARY)
_SPECS: Final = ("spec", "written")  # of which the proxy is a secret
_NAMES: Final = ("present", "name")

Fields = Mapping[str, str]


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
        counts: Counter[Seal] = Counter()
        lost: set[str] = set()
        gone: set[str] = set()
        for key, fields in self._read(self._keys()):
            seals = [self._worst(texts) for texts in _things(fields)]
            counts.update(seals)
            if UNREADABLE in seals:
                names = lost if fields.get("present") == "1" else gone
                names.add(fields.get("name") or key.removeprefix("account:"))
        plain, current, unreadable = (counts.pop(seal, 0) for seal in (PLAIN, 1, UNREADABLE))
        older = {number: counts[number] for number in sorted(counts, key=_rank) if isinstance(number, int)}
        ((_, fields),) = self._read([VAULT])
        canary = self._seal(fields[CANARY]) if CANARY in fields else None
        processes = {name: self._seal(word) for name, word in Sealers(self._store).living().items()}
        return Seals(
            plain, current, older, unreadable, tuple(sorted(lost)), tuple(sorted(gone - lost)), canary, processes
        )

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
            if any(wanted(secret) for secret in _secrets(fields)):
                if not found.changed:
                    self._files.mark()
                found += self._reseal_hash(key, wanted)
            if done % _PAGE == 0 or done == len(keys):
                progress(done, len(keys))
        return found

    def _reseal_hash(self, key: str, wanted: Callable[[str], bool]) -> Resealed:
        changed = 0
        for _ in range(_TRIES):
            ((_, fields),) = self._read([key])
            old = {secret for secret in _secrets(fields) if wanted(secret)}
            new = self._sealed_anew(old)
            found = [texts & old for texts in _things(fields) if texts & old]
            unreadable = sum(not texts <= new.keys() for texts in found)
            changed = len(found) - unreadable
            words = _words(fields, new)
            if not words or not self._store.run("reseal", key, *words):
                return Resealed(changed, unreadable=unreadable)
        return Resealed(left=changed)

    def _sealed_anew(self, secrets: Iterable[str]) -> dict[str, str]:
        """What is to take the place of each that can be opened."""
        new = {}
        for old in secrets:
            with suppress(Unreadable):
                new[old] = self._vault.seal(self._vault.open(old))
        return new

    def _worst(self, texts: Iterable[str]) -> Seal:
        """The seal of a secret that stands in several places."""
        return max((self._seal(text) for text in texts), key=_rank)

    def _seal(self, secret: str) -> Seal:
        try:
            number = self._vault.key_of(secret)
        except Unreadable:
            return UNREADABLE
        return PLAIN if number is None else number + 1

    def _keys(self) -> list[str]:
        """The keys of all hashes that hold secrets of accounts, behind the prefix."""
        with self._store.guarded() as redis:
            names = sorted(redis.smembers(self._store.key("accounts")))
            kept = set(redis.scan_iter(match=self._store.key("kept", "*"), count=_SCANNED))  # it may tell one twice
        return [f"account:{name}" for name in names] + [key.removeprefix(PREFIX) for key in sorted(kept)]

    def _read(self, keys: list[str]) -> Iterator[tuple[str, Fields]]:
        wanted = (*_SECRETS, *_SPECS, *_NAMES)
        for start in range(0, len(keys), _PAGE):
            page = keys[start : start + _PAGE]
            with self._store.guarded() as redis:
                pipe = redis.pipeline(transaction=False)
                for key in page:
                    pipe.hmget(self._store.key(key), *wanted)
                rows = pipe.execute()
            for key, row in zip(page, rows, strict=True):
                yield key, {name: text for name, text in zip(wanted, row, strict=True) if text}


def _secrets(fields: Fields) -> Iterable[str]:
    """All that are in a hash, each of them once."""
    whole = [fields[name] for name in _SECRETS if name in fields]
    proxies = [proxy_of(fields[name]) for name in _SPECS if name in fields]
    return dict.fromkeys(secret for secret in (*whole, *proxies) if secret)


def _things(fields: Fields) -> list[set[str]]:
    """The same as an operator counts them, each with all texts that it stands in.

    What a refresh token has taken the place of goes with it, and a key of the official platform stands there twice.
    """
    of_one = ("refresh", "previous") if _is_web(fields) else ("refresh", "previous", "access")
    credential = {fields[name] for name in of_one if name in fields}
    return [texts for texts in (credential, *({each} for each in _secrets(fields) if each not in credential)) if texts]


def _is_web(fields: Fields) -> bool:
    return "spec" not in fields or Kind(orjson.loads(fields["spec"])["kind"]).is_web


def _rank(seal: Seal) -> float:
    """How bad it is."""
    return seal if isinstance(seal, int) else math.inf if seal == UNREADABLE else sys.maxsize


def _words(fields: Fields, new: Mapping[str, str]) -> list[str]:
    """Field, old text and new text of each that is to change."""
    words = []
    for name, text in fields.items():
        proxy = proxy_of(text) if name in _SPECS else ""
        if proxy in new:
            words += [name, text, with_proxy(text, new[proxy])]
        elif text in new:
            words += [name, text, new[text]]
    return words
