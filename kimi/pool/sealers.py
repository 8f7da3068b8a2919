"""With which keys the processes that live seal, as they show themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

from kimi.pool.store import Store, to_ms

LIVES_SECONDS: Final = 60.0
"""One that was not heard of for so long is forgotten: it was killed. Who stops says so."""
REFRESHER: Final = "refresher "
"""The names of refreshers begin so."""
EVERYBODY: Final = "sealers"
REFRESHERS: Final = "sealers:refreshers"
_WORD: Final = "sealed"


class Sealers:
    """Words that each has sealed with its first key, by its `name`. Every method may raise `StoreUnavailable`.

    What is sealed already does not show what a process seals next.
    """

    def __init__(self, store: Store, name: str = "") -> None:
        self._store = store
        self._member = f"{name} {store.vault.seal(_WORD)}"  # sealed once: each time it would be another text

    def beat(self) -> None:
        """This process lives."""
        self._words(self._member)

    def meet(self) -> None:
        """The same for one that has to open what refreshers seal. Raises `Unreadable` where one has another key."""
        for word in _by_name(self._words(self._member, REFRESHERS)).values():
            self._store.vault.key_of(word)

    def leave(self) -> None:
        """This process seals nothing any more."""
        with self._store.guarded() as redis:
            for whose in (EVERYBODY, REFRESHERS):
                redis.zrem(self._store.key(whose), self._member)

    def living(self) -> Mapping[str, str]:
        """The word of each."""
        return _by_name(self._words("", EVERYBODY))

    def _words(self, member: str, *whose: str) -> list[str]:
        words: list[str] = self._store.run("sealers", to_ms(LIVES_SECONDS), member, *whose)
        return words


def _by_name(words: list[str]) -> Mapping[str, str]:
    """The word of each. Several may have one name, as containers that have that of their host: these are numbered."""
    found: dict[str, str] = {}
    times: Counter[str] = Counter()
    for name, _, word in (each.rpartition(" ") for each in words):
        times[name] += 1
        found[name if times[name] == 1 else f"{name} ({times[name]})"] = word
    return found
