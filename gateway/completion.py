"""The one way of a request through the pool: lease, stream, the next account when one fails, everything given back."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from gevent.pool import Group

from gateway.attempt import GIVING_BACK_SECONDS, Attempt, AttemptCollaborators, Question
from gateway.channel import Channel, Consume
from gateway.conversations import Conversations
from gateway.errors import ClientGone
from gateway.files import Files
from gateway.reactions import Outcome
from gateway.shield import Shieldable
from gateway.turn import Turn
from gateway.verdict import Failure, truest
from gateway.waiting import WaitingRoom
from kimi.accounts import Kind
from kimi.chat import Chat, Event
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
    """Starts completions and knows which of them still run."""

    def __init__(self, collaborators: Collaborators) -> None:
        self._with = collaborators
        self._running = Group()

    @property
    def running(self) -> int:
        """How many have not given everything back."""
        return len(self._running)

    def start(self, selection: Selection, chat: Chat, turn: Turn = _ALONE) -> Completion:
        """Starts to answer `chat`, as the `turn` of a conversation that it is."""
        completion = Completion(selection, chat, turn, self._with)
        self._running.add(completion.worker)
        return completion

    def join(self, timeout: float) -> bool:
        """Waits up to `timeout` seconds until all have given everything back; whether they have."""
        self._running.join(timeout)
        return not self._running


class Completion:
    """A running answer. Whoever started it reads it with `next` and always calls `close`.

    `account`, `kind`, `queue_seconds` and `failovers` (the errors that nobody saw) are for the log.
    """

    def __init__(self, selection: Selection, chat: Chat, turn: Turn, collaborators: Collaborators) -> None:
        self.account: str | None = None
        self.kind: Kind | None = None
        self.queue_seconds = 0.0
        self.attempts = 0
        self.failovers: list[str] = []
        self._selection = selection
        self._chat = chat
        self._thread = collaborators.conversations.thread(turn, selection, chat)
        self._luggage = collaborators.files.luggage(selection.routes)
        self._with = collaborators
        self._channel = Channel()
        self._asked: set[str] = set()  # lines
        self._started = collaborators.monotonic()
        self.worker: Any = Shieldable.spawn(self._run)
        self.worker.link_exception(self._report)

    @property
    def is_fetching(self) -> bool:
        """Whether the files of the request are being fetched."""
        return self._luggage.is_fetching

    def next(self, timeout: float, consume: Consume | None = None) -> list[Event]:
        """All events that are there, or an empty list after `timeout` seconds of silence.

        What comes meanwhile is given to `consume`, see `Channel.take`. The last list ends with `Finish`.
        Raises `KimiError` when there is no answer, or no more of it, and `ClientGone` when it is closed meanwhile.
        """
        return self._channel.take(timeout, consume)

    def close(self) -> None:
        """Ends it, whatever state it is in. Everything is given back in the background."""
        self.worker.kill(block=False)
        self._channel.fail(ClientGone())

    def _run(self) -> None:
        try:
            self._answer()
        except KimiError as error:
            self._channel.fail(error)
        finally:
            self._thread.close()
            self._luggage.close()

    def _report(self, worker: Any) -> None:
        """A mistake of ours ends the answer as well, instead of leaving its reader waiting."""
        self._channel.fail(worker.exception)

    def _answer(self) -> None:
        """Asks one account after the other until one answers. Raises what tells most when none does."""
        failures: list[Failure] = []
        forgiven: set[str] = set()
        exclude: set[str] = set()
        while self._may_try_on(failures):
            self._thread.look_up()
            self._luggage.fetch(self._thread.unsent)
            try:
                lease = self._lease(exclude)
            except KimiError as nobody_else:
                if self._thread.refused(nobody_else, was_asked=bool(failures)):
                    continue
                failures.append(Failure(nobody_else))
                break
            failure = self._attempt(lease)
            if failure is None:
                self._thread.answered()
                return
            failures.append(failure)
            self.failovers.append(type(failure.error).__name__)
            if not self._thread.failed(failure.error):
                break
            name = lease.account.name
            if isinstance(failure.error, _SECOND_CHANCE) and name not in forgiven:
                forgiven.add(name)
            elif not isinstance(failure.error, AccountBusy):  # that rests, and may be waited for like any busy one
                exclude.add(name)
        raise truest(failures, self._with.monotonic())

    def _may_try_on(self, failures: Sequence[Failure]) -> bool:
        if self.attempts < ATTEMPTS:
            return True
        blameless = sum(isinstance(failure.error, UpstreamError) for failure in failures)
        in_time = self._with.monotonic() - self._started < FAILOVER_SECONDS
        return in_time and blameless < UPSTREAM_FAILURES

    def _lease(self, exclude: set[str]) -> Lease:
        came = self._with.monotonic()
        try:
            lease = self._admitted(exclude)
        finally:
            self.queue_seconds += self._with.monotonic() - came
        self.attempts += 1
        self.account, self.kind = lease.account.name, lease.account.kind
        return lease

    def _admitted(self, exclude: set[str]) -> Lease:
        """An account whose upstream may be asked. A line that this request has asked before stays open to it."""
        breaker, thread, came = self._with.attempts.breaker, self._thread, self._with.monotonic()
        may_hope = True
        while True:
            tripped = breaker.tripped() - self._asked
            try:
                wish = Wish(thread.routes, self._selection.name, frozenset(exclude), tripped, thread.only)
                waited = self.queue_seconds + self._with.monotonic() - came
                if thread.only and thread.can_fold:  # others would do as well, and at once
                    waited = math.inf
                lease = self._with.waiting.acquire(wish, waited)
            except UpstreamDown as down:
                if may_hope and breaker.await_probe(PROBE_SECONDS):
                    may_hope = False
                    continue
                raise UpstreamDown(str(down), retry_after=breaker.remaining()) from down
            line = lease.account.line
            if line in self._asked or breaker.admits(line, lease.id):
                self._asked.add(line)
                return lease
            # It was left alone, or is being probed, since this request began to wait.
            self._with.attempts.reactions.give_back(lease, Outcome(model=wish.model)).wait(GIVING_BACK_SECONDS)

    def _attempt(self, lease: Lease) -> Failure | None:
        """Lets one account answer; why it has not, if another may. Raises what ends the whole request."""
        attempt = Attempt(lease, self._question_to(lease), self._with.attempts, self._channel)
        return attempt.run()

    def _question_to(self, lease: Lease) -> Question:
        chosen, chat = self._selection, self._chat
        model = chosen.model_for(lease.account.kind)
        if (chat.model, chat.features) != (model, chosen.features):
            chat = replace(chat, model=model, features=chosen.features)
        return Question(chosen.name, self._thread.asked_of(lease, chat), self._thread, self._luggage)
