"""Secrets as they stand in Redis: sealed with the operator's keys, or plain where there are none."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from cryptography.fernet import Fernet, InvalidToken

from kimi.errors import Unreadable

log = logging.getLogger(__name__)

SEALED: Final = "fernet:"
"""A secret that is sealed begins with this. No token, key or address of a proxy does."""

REMEMBERED: Final = 8_192
"""So many sealed secrets are not opened twice, at about 2 KiB each: a lease must not pay for the same token again."""


class Vault:
    """Seals secrets with the first of `keys`, and opens what was sealed with any of them.

    Without keys nothing is sealed; what was sealed by others cannot be read then. May be used by several threads.
    """

    def __init__(self, keys: Sequence[str] = ()) -> None:
        self._locks = tuple(Fernet(key) for key in keys)
        self._opened = lru_cache(maxsize=REMEMBERED)(self._open)
        self._told = False

    @property
    def seals(self) -> bool:
        """Whether there are keys, so that nothing is written in plain text."""
        return bool(self._locks)

    def seal(self, text: str, *, key: int = 0) -> str:
        """What is to be written to Redis for `text`; each time another text. `key` is the number of one of the keys."""
        if not text or not self._locks:
            return text
        return SEALED + self._locks[key].encrypt(text.encode()).decode()

    def open(self, stored: str) -> str:
        """The text that stands in Redis so. Raises `Unreadable`, and says so in the log the first time."""
        if not stored.startswith(SEALED):
            return stored
        try:
            return self._opened(stored)
        except Unreadable as error:
            if not self._told:
                self._told = True
                log.error("%s; nothing is served or refreshed with what cannot be opened", error)  # noqa: TRY400
            raise

    def opens(self, stored: str) -> bool:
        """Whether it can."""
        try:
            self.open(stored)
        except Unreadable:
            return False
        return True

    def key_of(self, stored: str) -> int | None:
        """The number of the key that opens it, 0 for the one that seals; None for plain text. Raises `Unreadable`."""
        return self._find(stored)[0] if stored.startswith(SEALED) else None

    def is_current(self, stored: str) -> bool:
        """Whether `seal` would do no better: it is sealed with the first key, or plain where there is none."""
        try:
            return not stored or self.key_of(stored) == (0 if self._locks else None)
        except Unreadable:
            return False

    def _open(self, stored: str) -> str:
        return self._find(stored)[1]

    def _find(self, stored: str) -> tuple[int, str]:
        sealed = stored.removeprefix(SEALED).encode()
        for number, lock in enumerate(self._locks):
            try:
                return number, lock.decrypt(sealed).decode()
            except InvalidToken:
                continue
        if not self._locks:
            raise Unreadable("what Redis holds is sealed, but TOKEN_ENCRYPTION_KEYS is not set: set it as it was")
        raise Unreadable(
            "no key of TOKEN_ENCRYPTION_KEYS opens what Redis holds: add the one that it was sealed with, "
            "behind the others"
        )
