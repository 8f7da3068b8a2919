"""A completion being answered: what comes of it, when to give up, and giving everything back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, Protocol

from gevent import getcurrent

from gateway.client_limits import FREE, Place
from gateway.drain import Drain
from gateway.errors import ClientGone, Draining
from gateway.journal import Entry
from gateway.peer import Peer
from kimi.accounts import Kind
from kimi.errors import AnswerUnfit, KimiError
from kimi.events import Event, Finish, Text, Thinking, ToolCall, Usage

TICK: Final = 1.0
"""Silence after which a look is taken at the clock, in seconds."""
_OUTPUT = frozenset({Text, Thinking, ToolCall, Finish})


class Completion(Protocol):
    """An answer under way. The fields are for the log; `account` is known once one was leased."""

    account: str | None
    kind: Kind | None
    attempts: int
    queue_seconds: float
    failovers: list[str]
    failed: list[str]

    @property
    def is_fetching(self) -> bool:
        """Whether the files of the request are being fetched, for which no account is needed."""

    def next(self, timeout: float) -> Sequence[Event]:
        """What has come; nothing after `timeout` seconds of silence, or earlier. The last of all is `Finish`.

        Raises `KimiError`. Whatever is thrown into the greenlet that waits is raised too.
        """

    def close(self) -> None:
        """Gives everything back; may be called more than once, by the greenlet that reads."""


class Counted(Protocol):
    """An answer that knows what it took so far."""

    @property
    def usage(self) -> Usage: ...


class Run:
    """Pulls events out of a completion and keeps the log's figures.

    The greenlet that makes it is the one that reads. When the client leaves, `ClientGone` is raised in whatever it
    does, until `close`, which has to be called in any case: the client's socket is somebody else's afterwards.
    """

    def __init__(
        self,
        completion: Completion,
        entry: Entry,
        *,
        peer: Peer,
        drain: Drain,
        monotonic: Callable[[], float],
        place: Place = FREE,
        leased: Callable[[], object] | None = None,
    ) -> None:
        """`leased` is called when there is an account."""
        self.entry = entry
        self.finished = False
        self._completion = completion
        self._place = place
        self._leased = leased
        self._drain = drain
        self._monotonic = monotonic
        self._events = 0
        self._has_begun = False
        self._failed_by: type[KimiError | Draining] | None = None
        reader: Any = getcurrent()
        self._look_away = peer.watch(partial(reader.throw, ClientGone))

    def pull(self, seconds: float = TICK) -> Sequence[Event]:
        """What has come, or nothing after `seconds` of silence at the latest.

        Raises `KimiError`, `Draining` when the process has no more time, `ClientGone`.
        """
        if self._drain.begun and self._drain.over:
            self._failed_by = Draining
            raise Draining
        try:
            events = self._completion.next(seconds)
        except KimiError as error:
            self._failed_by = type(error)
            raise
        if self._leased is not None and self._completion.account is not None:
            self._leased()
            self._leased = None
        if events:
            self._events += len(events)
            if not self._has_begun and any(type(event) in _OUTPUT for event in events):
                self._has_begun = True
                self.entry.first_event_seconds = self._monotonic() - self.entry.started
            self.finished = type(events[-1]) is Finish
        return events

    def first(self, patience: float) -> list[Event]:
        """What came until the first piece of the answer, or until there was silence for `patience` seconds.

        The time that a request waits for an account is nobody's silence. Raises as `pull` does.
        """
        came: list[Event] = []
        left = patience
        while left > 0 and not any(type(event) in _OUTPUT for event in came):
            began, is_silence = self._monotonic(), self._completion.account is not None or self._completion.is_fetching
            came.extend(self.pull(min(left, TICK) if is_silence else TICK))
            if is_silence:
                left -= self._monotonic() - began
        return came

    def close(self, answer: Counted) -> None:
        """Gives everything back and completes the entry's figures."""
        self._look_away()
        try:
            self._completion.close()
            self._complete(self.entry, answer)
        finally:
            self._place.leave(self.entry.usage)

    def _complete(self, entry: Entry, answer: Counted) -> None:
        completion = self._completion
        entry.account, entry.kind = completion.account, completion.kind
        entry.attempts, entry.failovers = completion.attempts, tuple(completion.failovers)
        entry.failed = tuple(completion.failed)
        entry.queue_seconds = completion.queue_seconds
        entry.events = self._events or None
        if self._has_begun or self._was_asked_in_vain():
            entry.usage = answer.usage

    def _was_asked_in_vain(self) -> bool:
        """Whether an account read the question without anything to show for it that was its fault, or ours.

        So it is where the client has left meanwhile, and where the model answered, but not in the form that was asked
        for. Otherwise nothing is counted of what failed before its first piece.
        """
        if self._failed_by is not None:
            return issubclass(self._failed_by, AnswerUnfit)
        return self._completion.attempts > len(self._completion.failovers)
