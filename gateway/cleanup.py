"""What becomes of the chats that requests have made at the upstream: deleted, or kept for a while to be continued."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Protocol

import gevent
from gevent.event import Event
from gevent.lock import BoundedSemaphore
from gevent.pool import Group

from gateway.ledger import HELD_SECONDS, Ledger
from kimi.accounts import Account, Kind, Record
from kimi.errors import KimiError, StoreUnavailable
from kimi.pool.chats import StandingChat
from kimi.pool.conversations import Conversation
from kimi.upstreams import KeepsChats, Upstream

log = logging.getLogger(__name__)

PAUSES: Final = (0.0, 1.0, 4.0)  # seconds before each try
AT_ONCE: Final = 32
"""So many are deleted at the same time, however many have to be, as when a worker ends."""
MARGIN_SECONDS: Final = 10.0
"""So long a record outlives its worker's patience, and a chat its record: whoever deletes finds it as it was."""


class Directory(Protocol):
    """Where an account's present access token is found."""

    def get(self, name: str) -> Record | None: ...


class Records(Protocol):
    """Where conversations that can be continued are recorded; see `kimi.pool.Conversations`."""

    def keep(self, key: str, conversation: Conversation, *, seconds: float, due: float | None) -> None: ...

    def claim(self, key: str, hold: float, *, tells: bool = False) -> Conversation | None: ...

    def end(self, key: str, conversation: Conversation) -> bool: ...


@dataclass(frozen=True, slots=True)
class Keeping:
    """By which key a chat can be continued, behind which of its answers, and for how many seconds.

    One that is kept for a `moment` only is deleted by this process then, any other one by the refresher.
    """

    key: str
    message_id: str
    seconds: float
    moment: bool


class Opened:
    """The chats that a request has at the upstream, known to the ledger from the moment on at which they are."""

    def __init__(self, account: Account, tell: Callable[[StandingChat], object]) -> None:
        self._name = account.name
        self._tell = tell
        self.chats: dict[StandingChat, Keeping | None] = {}

    def append(self, chat_id: str) -> None:
        """It stands there."""
        chat = StandingChat(chat_id, self._name)
        if chat not in self.chats:
            self.chats[chat] = None
            self._tell(chat)

    def keep(self, chat_id: str, keeping: Keeping) -> None:
        """It is not to be deleted before somebody had time to continue it."""
        self.chats[StandingChat(chat_id, self._name)] = keeping


class ChatRemover:
    """Deletes chats in the background, so that neither the client nor the next request waits for it.

    What cannot be deleted after a few tries is left to the refresher, by way of the ledger.
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
        pause: Callable[[float], object] = gevent.sleep,
    ) -> None:
        self._upstreams = upstreams
        self._directory = directory
        self._ledger = ledger
        self._records = records
        self._enabled = enabled
        self._pause = pause
        self._running = Group()
        self._is_ending = Event()
        self._slots = BoundedSemaphore(AT_ONCE)

    @property
    def pending(self) -> int:
        """How many chats are being deleted, or will be in a moment."""
        return len(self._running)

    @contextmanager
    def collecting(self, account: Account, token: str) -> Iterator[Opened]:
        """Yields what takes ids of chats; they are deleted when the block ends, however it ends, or kept."""
        upstream = self._upstreams[account.kind]
        keeps_chats = isinstance(upstream, KeepsChats)
        opened = Opened(account, self._ledger.opened if self._enabled and keeps_chats else lambda _: None)
        try:
            yield opened
        finally:
            if isinstance(upstream, KeepsChats):
                for chat, keeping in opened.chats.items():
                    if keeping is not None and self._keep(chat, keeping):
                        if keeping.moment and self._enabled:
                            self._running.spawn(self._remove_in_time, upstream, chat, keeping, account, token)
                    elif self._enabled:
                        self._running.spawn(self._remove, upstream, chat, account, token)

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
        self._is_ending.set()
        self._running.join(timeout)
        self._is_ending.clear()
        return not self._running

    def _keep(self, chat: StandingChat, keeping: Keeping) -> bool:
        """Lets others continue `chat`; whether they can."""
        self._ledger.let_go(chat)
        later = keeping.seconds + MARGIN_SECONDS
        seconds, due = (later, HELD_SECONDS) if keeping.moment else (keeping.seconds, later)
        conversation = Conversation(chat, keeping.message_id)
        try:
            self._records.keep(keeping.key, conversation, seconds=seconds, due=due if self._enabled else None)
        except StoreUnavailable as error:
            log.debug("a conversation cannot be continued: %s", error)
            if self._enabled:
                self._ledger.opened(chat)
            return False
        return True

    def _put_back(self, conversation: Conversation, keeping: Keeping) -> None:
        if not self._keep(conversation.chat, keeping):
            self.abandon(conversation)

    def _remove_in_time(
        self, upstream: KeepsChats, chat: StandingChat, keeping: Keeping, account: Account, token: str
    ) -> None:
        self._is_ending.wait(keeping.seconds)
        try:
            is_ours = self._records.end(keeping.key, Conversation(chat, keeping.message_id))
        except StoreUnavailable:
            # Somebody may be continuing it, and says so before that time is over.
            self._ledger.left(chat, HELD_SECONDS)
            return
        if is_ours:
            self._remove(upstream, chat, account, token)

    def _remove(self, upstream: KeepsChats, chat: StandingChat, account: Account, token: str) -> None:
        is_gone = False
        try:
            is_gone = self._delete(upstream, chat, account, token)
        finally:
            (self._ledger.deleted if is_gone else self._ledger.left)(chat)

    def _delete(self, upstream: KeepsChats, chat: StandingChat, account: Account, token: str) -> bool:
        failure: KimiError | None = None
        for seconds in PAUSES:
            if seconds:
                self._pause(seconds)
                token = self._present_token(account, token)
            try:
                with self._slots:
                    upstream.delete_chat(chat.id, account, token)
            except KimiError as error:
                failure = error
            else:
                return True
        log.info("a chat of account %s is left to the refresher: %s", account.name, failure)
        return False

    def _present_token(self, account: Account, token: str) -> str:
        """The token that a refresh has put in place of `token` meanwhile."""
        try:
            record = self._directory.get(account.name)
        except StoreUnavailable:
            return token
        return record.access if record and record.access else token
