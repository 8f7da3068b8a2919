"""A completion being answered: what comes of it, when to give up, and giving everything back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, Protocol

from gevent import GreenletExit

from gateway.channel import Consume
from gateway.drain import Drain
from gateway.errors import ClientGone, Draining
from gateway.journal import Entry
from gateway.peer import Peer
from kimi.accounts import Kind
from kimi.chat import Event, Finish, Text, Thinking, ToolCall, Usage

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

    @property
    def is_fetching(self) -> bool:
        """Whether the files of the request are being fetched, for which no account is needed."""

    def next(self, timeout: float, consume: Consume | None = None) -> list[Event]:
        """All that is there; nothing after `timeout` seconds of silence. The last list ends with `Finish`.

        What comes meanwhile is given to `consume` by whoever brings it, and is not in the list; `Finish` always is.
        Raises `KimiError`, and `ClientGone` once it is closed.
        """

    def close(self) -> None:
        """Gives everything back, and wakes whoever waits in `next`; may be called more than once, also by the loop."""


class Counted(Protocol):
    """An answer that knows what it took so far."""

    @property
    def usage(self) -> Usage: ...


class Run:
    """Pulls events out of a completion and keeps the log's figures.

    A client that leaves closes the completion at once, whatever its reader is doing. `close` has to be called in any
    case: it also ends the watching of the client's socket, which is somebody else's afterwards.
    """

    def __init__(
        self, completion: Completion, entry: Entry, *, peer: Peer, drain: Drain, monotonic: Callable[[], float]
    ) -> None:
        self.entry = entry
        self.finished = False
        self._completion = completion
        self._drain = drain
        self._monotonic = monotonic
        self._look_away = peer.watch(completion.close)

    def pull(self, seconds: float, consume: Consume | None = None) -> list[Event]:
        """What is there, or nothing after `seconds` of silence; what comes meanwhile goes to `consume`.

        Raises `KimiError`, `Draining` when the process has no more time, `ClientGone`.
        """
        if self._drain.over:
            raise Draining
        events = self._completion.next(min(seconds, TICK), consume and partial(self._pass_on, consume))
        if events:
            self._note(events)
        return events

    def first(self, patience: float) -> list[Event]:
        """What came until the first piece of the answer, or until there was silence for `patience` seconds.

        The time that a request waits for an account is nobody's silence. Raises as `pull` does.
        """
        came: list[Event] = []
        left = patience
        while left > 0 and not any(type(event) in _OUTPUT for event in came):
            began, is_silence = self._monotonic(), self._completion.account is not None or self._completion.is_fetching
            came += self.pull(left if is_silence else TICK)
            if is_silence:
                left -= self._monotonic() - began
        return came

    def close(self, answer: Counted) -> None:
        """Gives everything back and completes the entry's figures."""
        self._look_away()
        self._completion.close()
        entry, completion = self.entry, self._completion
        entry.account, entry.kind = completion.account, completion.kind
        entry.attempts, entry.failovers = completion.attempts, tuple(completion.failovers)
        entry.queue_seconds = completion.queue_seconds
        if entry.first_event_seconds is not None:  # before that nothing was read or written
            entry.usage = answer.usage

    def _pass_on(self, consume: Consume, events: Sequence[Event]) -> None:
        self._note(events)
        try:
            consume(events)
        except ClientGone:
            self._completion.close()
            raise GreenletExit from None  # it is the greenlet of the completion that has found out

    def _note(self, events: Sequence[Event]) -> None:
        entry = self.entry
        entry.events = (entry.events or 0) + len(events)
        if entry.first_event_seconds is None and any(type(event) in _OUTPUT for event in events):
            entry.first_event_seconds = self._monotonic() - entry.started
        self.finished = isinstance(events[-1], Finish)
