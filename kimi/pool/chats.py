"""The chats that stand at the upstreams, so that somebody deletes them when their gateway cannot."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, NamedTuple
from urllib.parse import quote, unquote

from kimi.accounts import Account
from kimi.errors import Unreadable
from kimi.pool.scanning import pages
from kimi.pool.specs import unpack
from kimi.pool.store import Store, to_ms

MOST: Final = 100_000
FORGOTTEN_AFTER: Final = 7 * 86_400.0
LEAST_PAUSE: Final = 120.0
"""How long whoever claimed chats has for them, in seconds."""
_LONGEST_PAUSE: Final = 3_600.0
_PLAIN: Final = re.compile(r"[\w.~-]+", re.ASCII)  # what `quote` leaves as it is, found ten times as fast
_BATCH: Final = 500  # notes a script, so that none of them keeps Redis long


class StandingChat(NamedTuple):
    """A chat of an account, which is known by its name. A tuple, as it is looked up some twenty times in its life."""

    id: str
    account: str

    @property
    def member(self) -> str:
        """The chat as it stands in Redis. The name comes last, because it may hold any character."""
        chat_id = self.id if _PLAIN.fullmatch(self.id) else quote(self.id, safe="")
        return f"{chat_id}:{self.account}"

    @classmethod
    def of(cls, member: str) -> StandingChat:
        """The chat that stands so in Redis."""
        chat_id, _, account = member.partition(":")
        return cls(unquote(chat_id), account)


@dataclass(frozen=True, slots=True)
class DueChat:
    """A chat that is to be deleted, with what that takes."""

    id: str
    account: Account
    token: str = field(repr=False)

    @property
    def standing(self) -> StandingChat:
        """The same without what it takes."""
        return StandingChat(self.id, self.account.name)


class Chats:
    """What is known of chats that are not deleted yet, at most `most`. Every method may raise `StoreUnavailable`."""

    def __init__(self, store: Store, *, most: int = MOST) -> None:
        self._store = store
        self._most = most

    def note(self, waits: Mapping[StandingChat, float | None]) -> int:
        """Notes after how many seconds each chat is to be deleted by somebody else; None where it is deleted.

        What is noted again waits anew. Returns how many of the oldest were forgotten because there are too many.
        """
        words = [(chat.member, "" if wait is None else to_ms(wait)) for chat, wait in waits.items()]
        forgotten = 0
        for page in pages(words, _BATCH):
            batch = [word for pair in page for word in pair]
            forgotten += int(self._store.run("chats_note", self._most, *batch))
        return forgotten

    def deleted(self, chats: Iterable[DueChat]) -> None:
        """These are gone."""
        self.note({chat.standing: None for chat in chats})

    def claim(self, limit: int) -> list[DueChat]:
        """Up to `limit` chats that are due and whose account has a good access token, for this caller alone.

        What the caller does not report as deleted comes back after a pause: as long as it has stood already, and never
        less than `LEAST_PAUSE`. What has stood for a week is forgotten.
        """
        words = self._store.run("chats_claim", limit, to_ms(LEAST_PAUSE), to_ms(_LONGEST_PAUSE), to_ms(FORGOTTEN_AFTER))
        vault = self._store.vault
        due = []
        for member, spec, token in zip(*[iter(words)] * 3, strict=True):
            with suppress(Unreadable):  # that one comes back after its pause
                due.append(DueChat(StandingChat.of(member).id, unpack(spec, vault), vault.open(token)))
        return due

    def count(self) -> int:
        """How many there are, those of running requests included."""
        with self._store.guarded() as redis:
            return int(redis.zcard(self._store.key("chats")))
