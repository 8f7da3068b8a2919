"""A word in Redis that shows whether a process has the keys with which the secrets there are sealed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Final

from kimi.errors import Unreadable
from kimi.pool.hashes import account_names, read
from kimi.pool.secret_fields import CANARY, SECRETS, VAULT, secrets_of
from kimi.pool.store import Store

_WORD: Final = "these are the keys"
_SAMPLE: Final = 20  # access tokens


class Canary:
    """Sealed once, when the first refresher comes with keys, and anew when all secrets have been.

    Gateways leave none: refreshers without keys can go on while one gateway after the other is given them. Until there
    is one, what the operator's accounts hold shows the same; what clients have brought along they can send again.

    Every method raises `Unreadable` in a process that has none of the right keys, and may raise `StoreUnavailable`.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._key = store.key(VAULT)

    def look(self) -> bool:
        """Whether it is there. Quick, for those who look again and again."""
        return self._seen() is not None

    def seal(self, text: str) -> str | None:
        """What is to be written for `text` so that all who have the right keys can open it; None where nobody knows.

        Who has put a key of his own before those of the others seals with the one that they share.
        """
        key = self._seen()
        return None if key is None else self._store.vault.seal(text, key=key)

    def _seen(self) -> int | None:
        """The number of the key that opens it; None where it is not there."""
        with self._store.guarded() as redis:
            stored: str | None = redis.hget(self._key, CANARY)
        # Says nothing in the log: whoever asks has a line for it.
        return None if stored is None else self._store.vault.key_of(stored) or 0

    def look_at_served(self) -> None:
        """The same for those who serve. Refreshers may seal with a key that this process lacks: access tokens show it.

        Some are looked at, whatever the size of the pool, and one that can be opened is enough.
        """
        self.look()
        with self._store.guarded() as redis:
            names = redis.zrandmember(self._store.key("usable"), _SAMPLE)
        unreadable: Unreadable | None = None
        # The first alone: as a rule it can be opened, and every worker looks every few seconds.
        for fields in chain(self._accounts(names[:1], ["access"]), self._accounts(names[1:], ["access"])):
            try:
                self._store.vault.key_of(fields.get("access", ""))
            except Unreadable as error:
                unreadable = error
            else:
                return
        if unreadable is not None:
            raise unreadable

    def check(self) -> bool:
        """The same for those who start: where it is not there, they must be able to open all that is."""
        is_there = self.look()
        if not is_there:
            self._try_accounts()
        return is_there

    def keep(self) -> None:
        """Who has keys leaves one where it is missing: from now on only who has one of these can start."""
        if not self.look() and self._store.vault.seals:
            self._try_accounts()
            with self._store.guarded() as redis:
                redis.hsetnx(self._key, CANARY, self._store.vault.seal(_WORD))
            self.look()

    def _try_accounts(self) -> None:
        for fields in self._accounts(account_names(self._store), ("owner", *SECRETS)):
            for secret in () if "owner" in fields else secrets_of(fields):
                self._store.vault.key_of(secret)

    def _accounts(self, names: Iterable[str], fields: Sequence[str]) -> Iterator[dict[str, str]]:
        return read(self._store, [f"account:{name}" for name in names], fields)
