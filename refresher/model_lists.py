"""What accounts of kind `kimi` can be asked: their own lists of models, looked at behind the refreshes."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, Protocol

import structlog

from kimi.accounts import Account, Kind, Record, State
from kimi.errors import KimiError
from kimi.pool.locks import Lock
from refresher.outcomes import Outcome

log = structlog.stdlib.get_logger("refresher")

PAUSE_SECONDS: Final = 3_600.0
"""An account is asked so often at the most, whether it answers or not, and however many refreshers there are."""

AskModels = Callable[[Account, str], Sequence[str]]
"""What an account may be asked, by its access token; entries of `kimi.scenarios`. Raises `KimiError`."""


class Directory(Protocol):
    """Where lists are kept; see `kimi.pool.Members`. Every method may raise `StoreUnavailable`."""

    def get(self, name: str) -> Record | None: ...

    def may_list(self, name: str, version: int, pause: float) -> bool: ...

    def list_models(self, name: str, version: int, entries: Iterable[str]) -> bool: ...


class ModelLists:
    """Looks at accounts one after the other, on a thread of its own, so that no refresh waits for it or fails by it.

    A list that cannot be had changes nothing: what was known before stays.
    """

    def __init__(self, members: Directory, ask: AskModels) -> None:
        self._members = members
        self._ask = ask
        self._due: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._waiting: set[str] = set()

    def behind(self, refresh: Callable[[Lock], Outcome]) -> Callable[[Lock], Outcome]:
        """`refresh`, and behind each that succeeds a look at the account."""

        def refreshed(lock: Lock) -> Outcome:
            outcome = refresh(lock)
            if outcome is Outcome.REFRESHED and lock.name not in self._waiting:
                self._waiting.add(lock.name)
                self._due.put(lock.name)
            return outcome

        return refreshed

    def run(self) -> None:
        """Look at what is due, until `end`."""
        while (name := self._due.get()) is not None:
            self._waiting.discard(name)
            self.look(name)

    def end(self) -> None:
        """Look at nothing more."""
        self._due.put(None)

    def look(self, name: str) -> None:
        """Ask one account, unless that was done not long ago."""
        try:
            self._look(name)
        except KimiError as error:  # of the store as well
            log.debug(
                "the models of an account stay as they were", account=name, error=f"{type(error).__name__}: {error}"
            )

    def _look(self, name: str) -> None:
        record = self._members.get(name)
        if record is None or record.account.kind is not Kind.KIMI or record.state is not State.ACTIVE:
            return
        if not record.has_access:  # its refresh token came alone
            return
        if not self._members.may_list(name, record.version, PAUSE_SECONDS):
            return
        entries = tuple(self._ask(record.account, record.access))
        if self._members.list_models(name, record.version, entries) and entries != record.models:
            log.info("the models of an account are known", account=name, models=", ".join(entries))


@contextmanager
def looking(lists: ModelLists) -> Iterator[None]:
    """Let `lists` work while the block runs, on a thread that holds up nobody's end."""
    thread = threading.Thread(target=lists.run, name="models", daemon=True)
    thread.start()
    try:
        yield
    finally:
        lists.end()
        thread.join(0.5)  # longer only in the middle of a call, which may be cut short
