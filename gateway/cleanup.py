"""Deleting the chats that requests have left at the upstream."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final, Protocol

import gevent
from gevent.pool import Group

from gateway.ledger import Ledger
from kimi.accounts import Account, Kind, Record
from kimi.errors import KimiError, StoreUnavailable
from kimi.pool.chats import StandingChat
from kimi.upstreams import KeepsChats, Upstream

log = logging.getLogger(__name__)

PAUSES: Final = (0.0, 1.0, 4.0)  # seconds before each try


class Directory(Protocol):
    """Where an account's present access token is found."""

    def get(self, name: str) -> Record | None: ...


class Sink(Protocol):
    """Takes the ids of the chats that a request opens."""

    def append(self, chat_id: str, /) -> None: ...


class _Opened:
    """Chats of one request, known to the ledger from the moment on at which they are."""

    def __init__(self, ledger: Ledger, account: Account) -> None:
        self._ledger = ledger
        self._name = account.name
        self.chats: list[StandingChat] = []

    def append(self, chat_id: str, /) -> None:
        chat = StandingChat(chat_id, self._name)
        self.chats.append(chat)
        self._ledger.opened(chat)


class ChatRemover:
    """Deletes chats in the background, so that neither the client nor the next request waits for it.

    What cannot be deleted after a few tries is left to the refresher, by way of the ledger.
    """

    def __init__(
        self,
        upstreams: Mapping[Kind, Upstream],
        directory: Directory,
        ledger: Ledger,
        *,
        enabled: bool = True,
        pause: Callable[[float], object] = gevent.sleep,
    ) -> None:
        self._upstreams = upstreams
        self._directory = directory
        self._ledger = ledger
        self._enabled = enabled
        self._pause = pause
        self._running = Group()

    @property
    def pending(self) -> int:
        """How many chats are being deleted."""
        return len(self._running)

    @contextmanager
    def collecting(self, account: Account, token: str) -> Iterator[Sink]:
        """Yields something that takes ids of chats; they are deleted when the block ends, however it ends."""
        upstream = self._upstreams[account.kind]
        if not self._enabled or not isinstance(upstream, KeepsChats):
            yield []
            return
        opened = _Opened(self._ledger, account)
        try:
            yield opened
        finally:
            for chat in opened.chats:
                self._running.spawn(self._remove, upstream, chat, account, token)

    def join(self, timeout: float) -> bool:
        """Waits up to `timeout` seconds for what is being deleted; whether all of it is."""
        self._running.join(timeout)
        return not self._running

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
