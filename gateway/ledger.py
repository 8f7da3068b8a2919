"""Telling the pool which chats this process has opened, so that none outlives the process for long."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Final, Protocol

import gevent
from gevent.event import Event
from gevent.lock import BoundedSemaphore

from kimi.errors import StoreUnavailable
from kimi.pool.chats import StandingChat

log = logging.getLogger(__name__)

HELD_SECONDS: Final = 60.0
"""How long after its gateway was last heard of a chat is left to others to delete."""
LEFT_SECONDS: Final = 10.0
"""The same for one that the gateway has given up on itself."""
BETWEEN_SECONDS: Final = 0.05
"""So far apart are two calls at least; all that comes meanwhile is in the next."""
_GATHERED_SECONDS: Final = 0.25
_RETRY_SECONDS: Final = 1.0


class Book(Protocol):
    """Where chats are noted, with the seconds until others are to delete them; None where they are deleted."""

    def note(self, waits: Mapping[StandingChat, float | None]) -> int: ...


class Ledger:
    """Gathers what becomes of chats and writes it down, all that is there in one call.

    No request waits for that. That a chat was opened is written at once, because its gateway may be killed, or with the
    next call where one was just made; that it is gone can wait a moment for others. A chat that is opened and deleted,
    or let go, between two calls is never written.
    While the pool cannot be reached the latest `most` notes are kept.
    """

    def __init__(self, book: Book, *, pause: Callable[[float], object] = gevent.sleep, most: int = 10_000) -> None:
        self._book = book
        self._pause = pause
        self._most = most
        self._held: set[StandingChat] = set()
        self._notes: dict[StandingChat, float | None] = {}
        self._unwritten: set[StandingChat] = set()  # chats that the book cannot know yet
        self._noted = Event()
        self._is_urgent = Event()
        self._writing = BoundedSemaphore(1)
        self._is_down = False

    @property
    def held(self) -> int:
        """How many chats this process has to delete."""
        return len(self._held)

    def opened(self, chat: StandingChat) -> None:
        """`chat` stands at its upstream now, and this process will delete it. One that it has `taken` is known."""
        if chat in self._held:
            return
        self._held.add(chat)
        self._unwritten.add(chat)
        self._note(chat, HELD_SECONDS)
        self._is_urgent.set()

    def deleted(self, chat: StandingChat) -> None:
        """`chat` is gone."""
        self._held.discard(chat)
        if chat in self._unwritten:
            self._unwritten.discard(chat)
            self._notes.pop(chat, None)
        else:
            self._note(chat, None)

    def left(self, chat: StandingChat, seconds: float = LEFT_SECONDS) -> None:
        """This process could not delete `chat`: somebody else has to, `seconds` from now."""
        self._held.discard(chat)
        self._note(chat, seconds)

    def taken(self, chat: StandingChat) -> None:
        """This process has `chat` now, as the book knows already."""
        self._held.add(chat)

    def let_go(self, chat: StandingChat) -> None:
        """What becomes of `chat` is written elsewhere from now on, and nothing of it here any more."""
        with self._writing:  # what is under way would arrive after what others write
            self._held.discard(chat)
            self._unwritten.discard(chat)
            self._notes.pop(chat, None)

    def hold(self) -> None:
        """Says again of all chats that their gateway lives; to be called several times in `HELD_SECONDS`."""
        for chat in self._held:
            if chat not in self._notes:
                self._note(chat, HELD_SECONDS)

    def run(self) -> None:
        """Writes for ever."""
        while True:
            self._noted.wait()
            self._is_urgent.wait(_GATHERED_SECONDS)
            self._is_urgent.clear()
            self._noted.clear()
            if self.flush():
                self._pause(BETWEEN_SECONDS)
            else:
                self._pause(_RETRY_SECONDS)
                self._noted.set()

    def flush(self) -> bool:
        """Writes now; whether that was possible. What could not be written is kept for the next time."""
        with self._writing:
            return self._write()

    def _write(self) -> bool:
        notes, self._notes = self._notes, {}
        self._unwritten.clear()
        if not notes:
            return True
        try:
            forgotten = self._book.note(notes)
        except StoreUnavailable as error:
            if not self._is_down:
                log.warning("chats are not recorded until the store is back: %s", error)
            self._is_down = True
            self._keep(notes)
            return False
        self._is_down = False
        if forgotten:
            log.warning("too many chats are waiting to be deleted, the %d oldest are forgotten", forgotten)
        return True

    def _note(self, chat: StandingChat, wait: float | None) -> None:
        self._notes[chat] = wait
        self._noted.set()

    def _keep(self, notes: dict[StandingChat, float | None]) -> None:
        """What was noted meanwhile is newer. The oldest go when they are too many."""
        kept = notes | self._notes
        for chat in list(kept)[: max(0, len(kept) - self._most)]:
            del kept[chat]
        self._notes = kept
