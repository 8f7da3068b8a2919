"""Deleting chats at the upstreams in the background, with few greenlets and few questions to Redis."""

from __future__ import annotations

import heapq
import itertools
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from gevent.event import Event
from gevent.pool import Group

from gateway.ledger import HELD_SECONDS, Ledger
from kimi.accounts import Account, Record
from kimi.errors import KimiError, StoreUnavailable
from kimi.pool import Conversation
from kimi.pool.chats import StandingChat
from kimi.upstreams import KeepsChats

log = logging.getLogger(__name__)

PAUSES: Final = (0.0, 1.0, 4.0)
"""Seconds before each try."""
AT_ONCE: Final = 32
"""So many are deleted at the same time, however many have to be, as when a worker ends."""
GATHERED_SECONDS: Final = 0.25
"""What is due waits so long for others, so that Redis is asked for all of them at once."""
MOST: Final = 10_000
"""So many wait here, at about 1 KiB each; what is more is left to the refresher."""


class Directory(Protocol):
    """Where an account's present access token is found."""

    def get(self, name: str) -> Record | None: ...


class Endings(Protocol):
    """Where it is decided whose a chat is that somebody may continue; see `kimi.pool.Conversations`."""

    def end(self, kept: Sequence[tuple[str, Conversation]]) -> list[bool]: ...


@dataclass(frozen=True, slots=True)
class Doomed:
    """A chat that is to be deleted, and what that takes."""

    chat: StandingChat
    account: Account
    token: str = field(repr=False)
    upstream: KeepsChats
    tries: int = 0


class Deletions:
    """Chats that wait for their deletion, and those whose turn it is.

    One greenlet waits for all of them, and only while there are any.
    What cannot be deleted after a few tries is left to the refresher, by way of the ledger.
    """

    def __init__(
        self,
        directory: Directory,
        ledger: Ledger,
        endings: Endings,
        *,
        pauses: Sequence[float] = PAUSES,
        most: int = MOST,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._directory = directory
        self._ledger = ledger
        self._endings = endings
        self._pauses = pauses
        self._most = most
        self._monotonic = monotonic
        self._waiting: list[tuple[float, int, str, Doomed]] = []  # a heap, by time; with the key, where there is one
        self._numbers = itertools.count()
        self._due: deque[Doomed] = deque()
        self._hands = 0  # greenlets that delete
        self._has_caretaker = False
        self._hurries = False
        self._woken = Event()
        self._running = Group()
        self.pending = 0

    def now(self, doomed: Doomed) -> None:
        """Deletes a chat that nobody can continue."""
        if self.pending >= self._most:
            self._ledger.left(doomed.chat)
            return
        self.pending += 1
        self._begin(doomed)

    def after(self, seconds: float, doomed: Doomed, key: str) -> None:
        """Deletes a chat so many seconds from now, unless somebody has continued it until then.

        That is possible as long as its conversation is kept by `key`. Of what is kept the refresher knows already.
        """
        if self.pending < self._most:
            self.pending += 1
            self._wait(seconds, doomed, key)

    def join(self, timeout: float) -> bool:
        """Waits up to `timeout` seconds until all are deleted, now, whenever they are due; whether all of them are."""
        self._hurries = True
        self._woken.set()
        self._running.join(timeout)
        self._hurries = False
        return not self.pending

    def _wait(self, seconds: float, doomed: Doomed, key: str = "") -> None:
        entry = (self._monotonic() + seconds, next(self._numbers), key, doomed)
        heapq.heappush(self._waiting, entry)
        if self._waiting[0] is entry:
            self._woken.set()
        if not self._has_caretaker:
            self._has_caretaker = True
            self._running.spawn(self._look_after)

    def _look_after(self) -> None:
        try:
            while self._waiting:
                self._await_first()
                for doomed in self._ours(self._take_due()):
                    self._begin(doomed)
        finally:
            self._has_caretaker = False

    def _await_first(self) -> None:
        while not self._hurries and (left := self._waiting[0][0] + GATHERED_SECONDS - self._monotonic()) > 0:
            self._woken.clear()
            self._woken.wait(left)

    def _take_due(self) -> list[tuple[str, Doomed]]:
        now, due = self._monotonic(), list[tuple[str, Doomed]]()
        while self._waiting and (self._hurries or self._waiting[0][0] <= now):
            due.append(heapq.heappop(self._waiting)[2:])
        return due

    def _ours(self, due: Sequence[tuple[str, Doomed]]) -> list[Doomed]:
        """Those of them that nobody else has."""
        kept = [(key, doomed) for key, doomed in due if key]
        try:
            ended = self._endings.end([(key, Conversation(doomed.chat)) for key, doomed in kept]) if kept else []
        except StoreUnavailable:
            # Somebody may be continuing them, and says so before that time is over.
            for _, doomed in kept:
                self._ledger.left(doomed.chat, HELD_SECONDS)
            ended = [False] * len(kept)
        self.pending -= ended.count(False)
        ours = [doomed for (_, doomed), is_ours in zip(kept, ended, strict=True) if is_ours]
        return ours + [doomed for key, doomed in due if not key]

    def _begin(self, doomed: Doomed) -> None:
        self._due.append(doomed)
        self._take_hands()

    def _take_hands(self) -> None:
        if self._due and self._hands < AT_ONCE:
            self._hands += 1
            self._running.spawn(self._delete_all)

    def _delete_all(self) -> None:
        try:
            while self._due:
                self._delete(self._due.popleft())
        finally:
            self._hands -= 1
            self._take_hands()

    def _delete(self, doomed: Doomed) -> None:
        end: Callable[[StandingChat], object] | None = self._ledger.left  # after a mistake of ours as well
        try:
            failure, tries = self._failure(doomed), doomed.tries + 1
            if failure is None:
                end = self._ledger.deleted
            elif tries < len(self._pauses):
                end = None
                self._wait(self._pauses[tries], replace(doomed, tries=tries))
            else:
                log.info("a chat of account %s is left to the refresher: %s", doomed.account.name, failure)
        finally:
            if end is not None:
                self.pending -= 1
                end(doomed.chat)

    def _failure(self, doomed: Doomed) -> KimiError | None:
        """Why the chat could not be deleted just now."""
        token = self._present_token(doomed) if doomed.tries else doomed.token
        try:
            doomed.upstream.delete_chat(doomed.chat.id, doomed.account, token)
        except KimiError as error:
            return error
        return None

    def _present_token(self, doomed: Doomed) -> str:
        """The token that a refresh has put in place of the one that was used."""
        try:
            record = self._directory.get(doomed.account.name)
            present = record.access if record else ""
        except StoreUnavailable:
            present = ""
        return present or doomed.token
