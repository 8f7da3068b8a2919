"""Sweeping up: chats that gateways left behind, and what only time ends."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Final, Protocol

import structlog

from kimi.accounts import Kind
from kimi.errors import KimiError, StoreUnavailable, UpstreamError
from kimi.pool.chats import DueChat
from kimi.upstreams import KeepsChats, Upstream
from refresher.metrics import Metrics
from refresher.stopping import Stop

log = structlog.stdlib.get_logger("refresher")

EVERY_SECONDS: Final = 2.0
GRACE_SECONDS: Final = 10.0
"""How long gateways that live have to say so, where they may not have been able to: a second is enough for them."""
PATIENCE_SECONDS: Final = 10.0
"""How long the answer to a deletion may take, so that a batch ends before its claim does."""
BATCH: Final = 40
"""Chats that are claimed at a time."""
AT_ONCE: Final = 8
"""So many of them are deleted at the same time: what clients begin in a second has to be deleted in one."""
_WEB: Final = frozenset(kind.value for kind in Kind if kind.is_web)


class Book(Protocol):
    """Which chats are to be deleted."""

    def claim(self, limit: int) -> list[DueChat]: ...

    def deleted(self, chats: Sequence[DueChat]) -> None: ...

    def count(self) -> int: ...


class Directory(Protocol):
    """The accounts, and along which routes they are asked."""

    def routes(self) -> set[str]: ...

    def forget(self) -> Sequence[str]: ...


class Guests(Protocol):
    """The accounts that clients brought along."""

    def forget(self) -> Sequence[str]: ...


class Clockwork(Protocol):
    """What time changes about leases, rests and tickets."""

    def look(self, routes: Collection[str]) -> float | None: ...


class Janitor:
    """Does what gateways would have done, had they lived or been busy.

    Several may work at once. Whatever one does not get done comes back by itself.
    `upstreams` is empty where the operator wants chats kept.
    """

    def __init__(
        self,
        chats: Book,
        members: Directory,
        private: Guests,
        leases: Clockwork,
        upstreams: Mapping[Kind, Upstream],
        *,
        stop: Stop,
        metrics: Metrics,
        clock: Callable[[], float],
        at_once: int = AT_ONCE,
    ) -> None:
        self._chats = chats
        self._members = members
        self._private = private
        self._leases = leases
        self._upstreams = upstreams
        self._stop = stop
        self._metrics = metrics
        self._clock = clock
        self._at_once = at_once
        self._not_before = clock() + GRACE_SECONDS

    def run(self) -> None:
        """Sweep every few seconds until `stop` is set."""
        while not self._stop.is_set():
            if not self.sweep():
                self._stop.wait(EVERY_SECONDS)

    def sweep(self) -> bool:
        """Sweep now; whether there is more to do at once. What a store out of reach leaves undone is done later."""
        try:
            self._let_time_pass()
            has_more = self._delete_chats() if self._upstreams and self._clock() >= self._not_before else False
            self._metrics.swept(self._chats.count())
        except StoreUnavailable as error:
            log.debug("sweeping waits for the store", error=str(error))
            self._not_before = self._clock() + GRACE_SECONDS
            return False
        return has_more

    def _let_time_pass(self) -> None:
        # Those of the web as well where no account is configured: requests may have waited for one.
        self._leases.look(sorted(self._members.routes() | _WEB))
        forgotten = self._members.forget()
        if forgotten:
            log.info("accounts forgotten that were taken out long ago", accounts=", ".join(forgotten))
        unused = self._private.forget()
        if unused:
            log.info("accounts of clients forgotten that were not used for long", accounts=len(unused))

    def _delete_chats(self) -> bool:
        claimed = self._chats.claim(BATCH)
        deleted = self._delete(claimed)
        if deleted:
            self._chats.deleted(deleted)
            log.info("chats deleted that were left behind", chats=len(deleted))
        return len(claimed) == BATCH and len(deleted) == BATCH

    def _delete(self, chats: Sequence[DueChat]) -> list[DueChat]:
        """Delete what can be; the others, and all that share their trouble, come back when their claim expires."""
        waiting, deleted, troubled = deque(chats), list[DueChat](), set[str]()
        work = partial(self._delete_on, waiting, deleted, troubled)
        workers = [threading.Thread(target=work, name="deletions", daemon=True) for _ in chats[: self._at_once]]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        return deleted

    def _delete_on(self, waiting: deque[DueChat], deleted: list[DueChat], troubled: set[str]) -> None:
        while True:
            try:
                chat = waiting.popleft()
            except IndexError:
                return
            if self._stop.is_set() or not troubled.isdisjoint((chat.account.name, chat.account.line)):
                continue
            upstream = self._upstreams[chat.account.kind]
            try:
                if isinstance(upstream, KeepsChats):  # or the account has become another that has no chats
                    upstream.delete_chat(chat.id, chat.account, chat.token)
            except KimiError as error:
                troubled.add(chat.account.line if isinstance(error, UpstreamError) else chat.account.name)
                self._metrics.chat_stays()
                log.debug("a chat was not deleted", account=chat.account.name, error=f"{type(error).__name__}: {error}")
            else:
                self._metrics.chat_deleted()
                deleted.append(chat)


@contextmanager
def cleaning(janitor: Janitor) -> Iterator[None]:
    """Let `janitor` work while the block runs, on a thread that holds up nobody's end."""
    thread = threading.Thread(target=janitor.run, name="janitor", daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join(0.5)  # longer only in the middle of a deletion, which may be cut short
