"""What becomes of the chats that requests have made at the upstream: deleted, or kept for a while to be continued."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from gevent.pool import Group

from gateway.deletions import PAUSES, Deletions, Directory, Doomed, Endings
from gateway.ledger import HELD_SECONDS, Ledger
from kimi.accounts import Account, Kind
from kimi.errors import StoreUnavailable
from kimi.pool import Bookmark, Conversation
from kimi.pool.chats import StandingChat
from kimi.upstreams import KeepsChats, Upstream

log = logging.getLogger(__name__)

MARGIN_SECONDS: Final = 10.0
"""So long a record outlives its worker's patience, and a chat its record: whoever deletes finds it as it was."""


class Records(Endings, Protocol):
    """Where conversations that can be continued are recorded; see `kimi.pool.Conversations`."""

    def keep(self, bookmark: Bookmark) -> None: ...

    def claim(self, key: str, hold: float, *, tells: bool = False) -> Conversation | None: ...


@dataclass(frozen=True, slots=True)
class Keeping:
    """By which key a chat can be continued, behind which of its answers, and for how many seconds.

    `also` is another key, by which it is found as long as nobody has continued it, `was` the one by which it was found
    before, where that has changed.
    One that is kept for a `moment` only is deleted by this process then, any other one by the refresher.
    """

    key: str
    message_id: str
    seconds: float
    moment: bool
    also: str = ""
    was: str = ""


class ChatRemover:
    """Sees to chats behind their requests, so that neither the client nor the next request waits for it.

    Whether a chat is kept is decided by who takes its record out: a worker that continues it, or one that deletes it.
    """

    def __init__(
        self,
        upstreams: Mapping[Kind, Upstream],
        directory: Directory,
        ledger: Ledger,
        records: Records,
        *,
        enabled: bool = True,
        pauses: Sequence[float] = PAUSES,
    ) -> None:
        self._upstreams = {kind: one for kind, one in upstreams.items() if isinstance(one, KeepsChats)}
        self._ledger = ledger
        self._records = records
        self._enabled = enabled
        self._deletions = Deletions(directory, ledger, records, pauses=pauses)
        self._running = Group()

    @property
    def pending(self) -> int:
        """How many chats are being deleted, or will be in a moment."""
        return self._deletions.pending + len(self._running)

    def collecting(self, account: Account, token: str) -> Opened:
        """Takes the ids of the chats that a request opens."""
        return Opened(self, self._upstreams.get(account.kind), account, token)

    def opened(self, chat: StandingChat) -> None:
        """`chat` stands at its upstream."""
        if self._enabled:
            self._ledger.opened(chat)

    def bookmark(self, chat: StandingChat, keeping: Keeping) -> Bookmark:
        """What the pool is told to keep `chat`. What becomes of it is written nowhere else from now on."""
        self._ledger.let_go(chat)
        later = keeping.seconds + MARGIN_SECONDS
        seconds, due = (later, HELD_SECONDS) if keeping.moment else (keeping.seconds, later)
        conversation = Conversation(chat, keeping.message_id)
        return Bookmark(keeping.key, conversation, seconds, due if self._enabled else None, keeping.also, keeping.was)

    def kept(self, doomed: Doomed, keeping: Keeping) -> None:
        """The pool keeps the chat."""
        if self._enabled and keeping.moment:
            self._deletions.after(keeping.seconds, doomed, keeping.key)

    def delete(self, doomed: Doomed) -> None:
        """Nobody can continue the chat."""
        if self._enabled:
            self._ledger.opened(doomed.chat)  # known already, unless a bookmark was made for it
            self._deletions.now(doomed)

    def claim(self, key: str, *, tells: bool) -> Conversation | None:
        """The conversation of `key`, for this caller alone, who gives its chat to `Opened`, `abandon` or `put_back`.

        Where he `tells`, `ConversationBusy` is raised for others meanwhile. Raises `StoreUnavailable`.
        """
        found = self._records.claim(key, HELD_SECONDS, tells=tells)
        if found is not None and self._enabled:
            self._ledger.taken(found.chat)
        return found

    def abandon(self, conversation: Conversation) -> None:
        """Nobody continues what was claimed. Its account is not at hand: the refresher deletes the chat."""
        if self._enabled:
            self._ledger.left(conversation.chat)

    def put_back(self, conversation: Conversation, keeping: Keeping) -> None:
        """What was claimed was not continued, and may be later. Waits for nothing."""
        self._running.spawn(self._put_back, conversation, keeping)

    def join(self, timeout: float) -> bool:
        """Waits up to `timeout` seconds for what is being deleted; whether all of it is.

        What is kept for a moment is deleted at once.
        """
        until = time.monotonic() + timeout
        self._running.join(timeout)
        return self._deletions.join(max(until - time.monotonic(), 0.0)) and not self._running

    def _put_back(self, conversation: Conversation, keeping: Keeping) -> None:
        try:
            self._records.keep(self.bookmark(conversation.chat, keeping))
        except StoreUnavailable as error:
            log.debug("a conversation cannot be continued: %s", error)
            self.abandon(conversation)


class Opened:
    """The chats that a request has at the upstream, known to the ledger from the moment on at which they are.

    When the request is over one of them may be kept: the pool is given `bookmark` in the step in which it gets the
    account back. Whatever comes of that, `close` has to be called.
    """

    def __init__(self, remover: ChatRemover, upstream: KeepsChats | None, account: Account, token: str) -> None:
        self._remover = remover
        self._upstream = upstream
        self._account = account
        self._token = token
        self._chats: dict[StandingChat, Keeping | None] = {}

    def append(self, chat_id: str) -> None:
        """It stands there."""
        chat = StandingChat(chat_id, self._account.name)
        if self._upstream is not None and chat not in self._chats:
            self._chats[chat] = None
            self._remover.opened(chat)

    def keep(self, chat_id: str, keeping: Keeping) -> None:
        """It is not to be deleted before somebody had time to continue it."""
        chat = StandingChat(chat_id, self._account.name)
        if chat in self._chats:
            self._chats[chat] = keeping

    def bookmark(self) -> Bookmark | None:
        """What the pool is to keep, if anything."""
        for chat, keeping in self._chats.items():
            if keeping is not None:
                return self._remover.bookmark(chat, keeping)
        return None

    def close(self, *, kept: bool = False) -> None:
        """The account is free. All chats are deleted in the background, but the one that the pool has `kept`."""
        if self._upstream is None:
            return
        for chat, keeping in self._chats.items():
            doomed = Doomed(chat, self._account, self._token, self._upstream)
            if keeping is not None and kept:
                self._remover.kept(doomed, keeping)
            else:
                self._remover.delete(doomed)
