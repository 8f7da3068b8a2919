"""Secrets that stand in Redis already: with which key they are sealed, and sealing them anew while others use them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from kimi.accounts import SEALED
from kimi.errors import Unreadable
from kimi.pool.canary import CANARY, KEY
from kimi.pool.specs import proxy_of, with_proxy
from kimi.pool.store import PREFIX, Store

_PAGE: Final = 100  # hashes that are read in one round trip
_SCANNED: Final = 1_000  # keys that Redis looks at in one step, for which others wait less than a millisecond
_TRIES: Final = 10  # for what others write just then
_SECRETS: Final = ("access", "refresh", CANARY)
_SPECS: Final = ("spec", "written")  # of which the proxy is a secret

Fields = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Seals:
    """How many secrets are sealed with which key: `current` is the first, `older` are counted by number, from 2 on."""

    plain: int = 0
    current: int = 0
    older: Mapping[int, int] = field(default_factory=dict)
    unreadable: int = 0

    @property
    def total(self) -> int:
        """All secrets that there are."""
        return self.plain + self.current + sum(self.older.values()) + self.unreadable


@dataclass(frozen=True, slots=True)
class Resealed:
    """What came of it: hashes `changed`, and those that are left because no key opens them, or others write them."""

    changed: int = 0
    left: int = 0


def _untold(_done: int, _total: int) -> None:
    """Nobody wants to know."""


class Resealing:
    """Looks at every secret in Redis, page by page. Every method may raise `StoreUnavailable`.

    What others write meanwhile they have sealed themselves, and it stays.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._vault = store.vault

    def status(self) -> Seals:
        """With which keys the secrets are sealed."""
        counts = Counter(self._seal(secret) for _, fields in self._all() for secret in _secrets(fields))
        plain, current, unreadable = (counts.pop(seal, 0) for seal in ("plain", 1, "unreadable"))
        older = {number: counts[number] for number in sorted(counts) if isinstance(number, int)}
        return Seals(plain, current, older, unreadable)

    def rotate(self, progress: Callable[[int, int], object] = _untold) -> Resealed:
        """Seals everything with the first key that is not; `progress` is told how many hashes of all are looked at.

        What shows whether a process has the right keys comes last, and only where nothing is left: the older keys are
        wanted until then.
        """
        found = self._reseal(lambda secret: not self._vault.is_current(secret), progress)
        if not found.left:
            self._reseal_hash(KEY, lambda secret: not self._vault.is_current(secret))
        return found

    def seal_plain(self) -> Resealed:
        """Seals what stands in plain text, and nothing else: others may not have a newer key yet."""
        if not self._vault.seals:
            return Resealed()
        return self._reseal(lambda secret: not secret.startswith(SEALED), _untold)

    def _reseal(self, wanted: Callable[[str], bool], progress: Callable[[int, int], object]) -> Resealed:
        keys, changed, left = self._keys(), 0, 0
        for done, (key, fields) in enumerate(self._read(keys), 1):
            if any(wanted(secret) for secret in _secrets(fields)):
                is_done = self._reseal_hash(key, wanted)
                changed, left = changed + is_done, left + (not is_done)
            if done % _PAGE == 0 or done == len(keys):
                progress(done, len(keys))
        return Resealed(changed, left)

    def _reseal_hash(self, key: str, wanted: Callable[[str], bool]) -> bool:
        """Whether all that is wanted of it is sealed."""
        for _ in range(_TRIES):
            ((_, fields),) = self._read([key])
            new = self._sealed_anew(secret for secret in _secrets(fields) if wanted(secret))
            words = _words(fields, {old: sealed for old, sealed in new.items() if sealed})
            if not words or not self._store.run("reseal", key, *words):
                return all(new.values())
        return False

    def _sealed_anew(self, secrets: Iterable[str]) -> dict[str, str]:
        """What is to take the place of each; '' where it cannot be opened."""
        new = dict.fromkeys(secrets, "")
        for old in new:
            with suppress(Unreadable):
                new[old] = self._vault.seal(self._vault.open(old))
        return new

    def _seal(self, secret: str) -> int | str:
        try:
            number = self._vault.key_of(secret)
        except Unreadable:
            return "unreadable"
        return "plain" if number is None else number + 1

    def _all(self) -> Iterator[tuple[str, Fields]]:
        yield from self._read([*self._keys(), KEY])

    def _keys(self) -> list[str]:
        """The keys of all hashes that hold secrets of accounts, behind the prefix."""
        with self._store.guarded() as redis:
            names = sorted(redis.smembers(self._store.key("accounts")))
            kept = set(redis.scan_iter(match=self._store.key("kept", "*"), count=_SCANNED))  # it may tell one twice
        return [f"account:{name}" for name in names] + [key.removeprefix(PREFIX) for key in sorted(kept)]

    def _read(self, keys: list[str]) -> Iterator[tuple[str, Fields]]:
        wanted = (*_SECRETS, *_SPECS)
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
