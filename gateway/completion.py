"""The one way of a request through the pool: lease, stream, the next account when one fails, everything given back."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from gevent import getcurrent
from gevent.pool import Group

from gateway.attempt import Attempt, AttemptCollaborators, Question
from gateway.conversations import Conversations
from gateway.files import Files
from gateway.shield import Shieldable
from gateway.turn import Turn
from gateway.verdict import Failure, truest
from gateway.waiting import WaitingRoom
from kimi.accounts import Kind
from kimi.chat import Chat
from kimi.errors import (
    AccountBusy,
    BrokenAnswer,
    ChatGone,
    KimiError,
    RequestRefused,
    TokenRejected,
    UpstreamDown,
    UpstreamError,
)
from kimi.events import Event
from kimi.models import Selection
from kimi.pool import Lease, Wish

log = logging.getLogger(__name__)

ATTEMPTS: Final = 3
"""So many are made in any case, while there are accounts."""
FAILOVER_SECONDS: Final = 45.0
"""For so long further accounts are tried; clients such as NextChat wait for headers 60 seconds."""
UPSTREAM_FAILURES: Final = 24
"""After so many answers that no account is to blame for it is the request, or the upstream as a whole."""
PROBE_SECONDS: Final = 1.0
"""For so long a request waits for another one that finds out whether an upstream is back."""
_ALONE: Final = Turn()
_NONE: Final[frozenset[str]] = frozenset()
_SECOND_CHANCE = (TokenRejected, BrokenAnswer, ChatGone, RequestRefused)
"""After these the same account may be asked once more: with a fresh token, and in a new chat."""


@dataclass(frozen=True, slots=True)
class Collaborators:
    """What a completion works with; one set a process."""

    waiting: WaitingRoom
    conversations: Conversations
    files: Files
    attempts: AttemptCollaborators
    monotonic: Callable[[], float] = time.monotonic


class Completions:
    """Starts completions and knows which of them nobody reads any more."""

    def __init__(self, collaborators: Collaborators) -> None:
        self._with = collaborators
        self._leading = Group()

    def start(self, selection: Selection, chat: Chat, turn: Turn = _ALONE) -> Completion:
        """Starts to answer `chat`, as the `turn` of a conversation that it is, for the greenlet that asks for it."""
        completion = Completion(selection, chat, turn, self._with)
        self._leading.add(completion.leader)
        return completion

    def join(self, timeout: float) -> bool:
        """Waits up to `timeout` seconds until all that were closed early have ended; whether they have."""
        self._leading.join(timeout)
        return not self._leading


class Completion:
    """A running answer. The greenlet that started it reads it with `next` and always calls `close`.

    Until the first piece of the answer a greenlet of its own leads, so that the reader can do other things while there
    is nothing to read. From there on the reader itself goes on: two greenlets a stream would cost twice the memory, and
    waking one from the other as much as all that is done to an event.

    `account`, `kind`, `queue_seconds`, `failovers` (the errors of those that failed before any output) and `failed`
    (whose those were) are for the log; where none answered, `account` is the last of them.
    """

    def __init__(self, selection: Selection, chat: Chat, turn: Turn, collaborators: Collaborators) -> None:
        self.account: str | None = None
        self.kind: Kind | None = None
        self.queue_seconds = 0.0
        self.attempts = 0
        self.failovers: list[str] = []
        self.failed: list[str] = []
        self._chat = chat
        self._turn = turn
        self._with = collaborators
        self._go_along(selection)
        self._failures: tuple[Failure, ...] = ()
        self._forgiven: frozenset[str] = _NONE  # accounts, as in the next
        self._exclude: frozenset[str] = _NONE
        self._asked: frozenset[str] = _NONE  # lines
        self._started = collaborators.monotonic()
        self._reader = getcurrent()
        self._batches = self._run()
        self._failure: KimiError | None = None  # before the answer has begun
        self._is_closed = False  # then as well
        self.leader: Any = Shieldable.spawn(self._begin)

    @property
    def is_fetching(self) -> bool:
        """Whether the files of the request are being fetched."""
        return self._luggage.is_fetching

    def next(self, timeout: float) -> Sequence[Event]:
        """What there is, or nothing after `timeout` seconds of silence; the last of it is `Finish`.

        Once the answer has begun it is nothing also when the upstream gives a sign of life, or after a second; only
        a connection to it, where one more is needed, is waited for.
        Raises `KimiError` when there is no answer, or no more of it.
        """
        leader = self.leader
        if leader is None:
            return next(self._batches)
        leader.join(timeout)
        if not leader.ready():
            return ()
        self.leader = None  # takes up as much as all the rest
        if self._failure is None:
            begun: Sequence[Event] = leader.get()
            return begun
        try:
            raise self._failure
        finally:
            self._failure = None  # it knows this completion by its traceback

    def close(self) -> None:
        """Ends it, whatever state it is in. Everything is given back in the background."""
        if self.leader is None or self.leader.ready():
            self._batches.close()
        else:
            self._is_closed = True
            self.leader.kill(block=False)

    def _begin(self) -> Sequence[Event]:
        """All up to the first piece of the answer, unless there is none."""
        try:
            begun = next(batch for batch in self._batches if batch)
        except KimiError as error:
            self._failure = error
            return ()
        self._luggage.close()  # from here on nobody else is asked
        if self._is_closed:  # what ends this greenlet comes too late
            self._batches.close()
        return begun

    def _run(self) -> Generator[Sequence[Event]]:
        """Asks one account after the other until one answers. Raises what tells most when none does."""
        try:
            end: Sequence[Event] = ()
            while not end:
                lease = self._next()
                with Attempt(lease, self._question_to(lease), self._with.attempts, self._reader) as attempt:
                    yield from attempt.read()
                if attempt.failure is not None:
                    self._take(attempt.failure, lease.account.name)
                end = attempt.end
            self._thread.answered()
        finally:
            self._failures = ()  # the one that is raised knows this completion by its traceback
            self._thread.close()
            self._luggage.close()
        yield end

    def _next(self) -> Lease:
        """Of the next account to be asked. Raises what tells most when there is none."""
        while self._may_try_on():
            self._thread.look_up()
            self._luggage.fetch(self._thread.unsent)
            try:
                return self._lease()
            except KimiError as nobody_else:
                if self._thread.refused(nobody_else, was_asked=bool(self._failures)):
                    continue
                self._failures = (*self._failures, Failure(nobody_else))
                if not self._goes_elsewhere():
                    break
        raise truest(self._failures, self._with.monotonic())

    def _go_along(self, selection: Selection) -> None:
        self._selection = selection
        self._thread = self._with.conversations.thread(self._turn, selection, self._chat)
        self._luggage = self._with.files.luggage(selection.routes, self._turn.scope)

    def _goes_elsewhere(self) -> bool:
        """Nobody can be had of those who serve the request best: whether there are others."""
        chosen = self._selection
        if chosen.otherwise:
            self._thread.close()
            self._luggage.close()
            self._go_along(replace(chosen, routes=(*chosen.routes, *chosen.otherwise), otherwise=()))
        return bool(chosen.otherwise)

    def _take(self, failure: Failure, name: str) -> None:
        """The account of that name has not answered. Raises what tells most where no other can."""
        error = failure.error
        self._failures = (*self._failures, failure)
        self.failovers.append(type(error).__name__)
        self.failed.append(name)
        if not self._thread.failed(error):
            raise truest(self._failures, self._with.monotonic())
        if isinstance(error, _SECOND_CHANCE) and name not in self._forgiven:
            self._forgiven |= {name}
        elif not isinstance(error, AccountBusy):  # that rests, and may be waited for like any busy one
            self._exclude |= {name}

    def _may_try_on(self) -> bool:
        if self.attempts < ATTEMPTS:
            return True
        blameless = sum(isinstance(failure.error, UpstreamError) for failure in self._failures)
        in_time = self._with.monotonic() - self._started < FAILOVER_SECONDS
        return in_time and blameless < UPSTREAM_FAILURES

    def _lease(self) -> Lease:
        came = self._with.monotonic()
        try:
            lease = self._admitted()
        finally:
            self.queue_seconds += self._with.monotonic() - came
        self.attempts += 1
        self.account, self.kind = lease.account.name, lease.account.kind
        return lease

    def _admitted(self) -> Lease:
        """An account whose upstream may be asked. A line that this request has asked before stays open to it."""
        breaker, thread, came = self._with.attempts.breaker, self._thread, self._with.monotonic()
        others_will_do = bool(self._selection.otherwise) or bool(thread.only and thread.can_fold)  # and at once
        wish = Wish(thread.routes, self._selection.name, self._exclude, only=thread.only)
        may_hope = not others_will_do
        while True:
            waited = math.inf if others_will_do else self.queue_seconds + self._with.monotonic() - came
            try:
                lease = self._with.waiting.acquire(wish, waited, self._asked)
            except UpstreamDown as down:
                if may_hope and breaker.await_probe(PROBE_SECONDS):
                    may_hope = False
                    continue
                raise UpstreamDown(str(down), retry_after=breaker.remaining()) from down
            self._asked |= {lease.account.line}
            return lease

    def _question_to(self, lease: Lease) -> Question:
        chosen, chat = self._selection, self._chat
        model = chosen.model_for(lease.account.kind)
        if (chat.model, chat.features) != (model, chosen.features):
            chat = replace(chat, model=model, features=chosen.features)
        return Question(chosen.name, self._thread.asked_of(lease, chat), self._thread, self._luggage)
