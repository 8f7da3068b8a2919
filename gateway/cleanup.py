"""Deleting the chats that requests have left at the upstream."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final, Protocol

import gevent
from gevent.pool import Group

from kimi.accounts import Account, Kind, Record
from kimi.errors import KimiError, StoreUnavailable
from kimi.upstreams import KeepsChats, Upstream

log = logging.getLogger(__name__)

PAUSES: Final = (0.0, 1.0, 4.0, 10.0, 30.0)  # seconds before each try


class Directory(Protocol):
    """Where an account's present access token is found."""

    def get(self, name: str) -> Record | None: ...


class ChatRemover:
    """Deletes chats in the background, so that neither the client nor the next request waits for it."""

    def __init__(
        self,
        upstreams: Mapping[Kind, Upstream],
        directory: Directory,
        *,
        enabled: bool = True,
        pause: Callable[[float], object] = gevent.sleep,
    ) -> None:
        self._upstreams = upstreams
        self._directory = directory
        self._enabled = enabled
        self._pause = pause
        self._running = Group()

    @property
    def pending(self) -> int:
        """How many chats are being deleted."""
        return len(self._running)

    @contextmanager
    def collecting(self, account: Account, token: str) -> Iterator[list[str]]:
        """Yields a list for ids of chats; they are deleted when the block ends, however it ends."""
        chats: list[str] = []
        try:
            yield chats
        finally:
            upstream = self._upstreams[account.kind]
            if self._enabled and isinstance(upstream, KeepsChats):
                for chat_id in chats:
                    self._running.spawn(self._remove, upstream, chat_id, account, token)

    def join(self, timeout: float) -> bool:
        """Waits up to `timeout` seconds for what is being deleted; whether all of it is."""
        self._running.join(timeout)
        return not self._running

    def _remove(self, upstream: KeepsChats, chat_id: str, account: Account, token: str) -> None:
        failure: KimiError | None = None
        for seconds in PAUSES:
            if seconds:
                self._pause(seconds)
                token = self._present_token(account, token)
            try:
                upstream.delete_chat(chat_id, account, token)
            except KimiError as error:
                failure = error
            else:
                return
        log.warning("a chat of account %s was left behind: %s", account.name, failure)

    def _present_token(self, account: Account, token: str) -> str:
        """The token that a refresh has put in place of `token` meanwhile."""
        try:
            record = self._directory.get(account.name)
        except StoreUnavailable:
            return token
        return record.access if record and record.access else token
