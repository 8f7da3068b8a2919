"""The one way of a request through the pool: lease, stream, the next account when one fails, everything given back."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from typing import Any, Final

import gevent
from gevent.pool import Group

from gateway.breaker import Breaker
from gateway.channel import Channel
from gateway.cleanup import ChatRemover
from gateway.deadlines import Deadlines, Watch
from gateway.errors import ClientGone
from gateway.reactions import Outcome, Reactions
from gateway.strays import Strays
from gateway.verdict import Failure, truest
from gateway.waiting import WaitingRoom
from kimi.accounts import Kind
from kimi.chat import Answering, Chat, ChatOpened, Event, Finish, Text, Thinking, ToolCall
from kimi.errors import BrokenAnswer, KimiError, RequestRefused, TokenRejected, UpstreamDown, UpstreamError
from kimi.models import Selection
from kimi.pool import Lease, Wish
from kimi.upstreams import Upstream

log = logging.getLogger(__name__)

ATTEMPTS: Final = 3
"""So many are made in any case, while there are accounts."""
FAILOVER_SECONDS: Final = 45.0
"""For so long further accounts are tried; clients such as NextChat wait for headers 60 seconds."""
UPSTREAM_FAILURES: Final = 24
"""After so many answers that no account is to blame for it is the request, or the upstream as a whole."""
PROBE_SECONDS: Final = 1.0
"""For so long a request waits for another one that finds out whether an upstream is back."""
GIVING_BACK_SECONDS: Final = 2.0
"""What a next attempt waits for the end of the last one."""
_VISIBLE = (Text, Thinking, ToolCall)
_SECOND_CHANCE = (TokenRejected, BrokenAnswer)
"""After these the same account may be asked once more: with a fresh token, and in a new chat."""


@dataclass(frozen=True, slots=True)
class Collaborators:
    """What a completion works with; one set a process."""

    upstreams: Mapping[Kind, Upstream]
    waiting: WaitingRoom
    reactions: Reactions
    remover: ChatRemover
    breaker: Breaker
    strays: Strays
    deadlines: Deadlines
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

    def start(self, selection: Selection, chat: Chat) -> Completion:
        """Starts to answer `chat`."""
        completion = Completion(selection, chat, self._with)
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

    def __init__(self, selection: Selection, chat: Chat, collaborators: Collaborators) -> None:
        self.account: str | None = None
        self.kind: Kind | None = None
        self.queue_seconds = 0.0
        self.attempts = 0
        self.failovers: list[str] = []
        self._selection = selection
        self._chat = chat
        self._with = collaborators
        self._channel = Channel()
        self._visible = False  # something of the answer is on its way to the client
        self._asked: set[str] = set()  # lines
        self._started = collaborators.monotonic()
        self.worker: Any = gevent.spawn(self._run)
        self.worker.link_exception(self._report)

    def next(self, timeout: float) -> list[Event]:
        """All events that are there, or an empty list after `timeout` seconds of silence.

        The last list ends with `Finish`. Raises `KimiError` when there is no answer, or no more of it, and `ClientGone`
        when it is closed meanwhile.
        """
        return self._channel.take(timeout)

    def close(self) -> None:
        """Ends it, whatever state it is in. Everything is given back in the background."""
        self.worker.kill(block=False)
        self._channel.fail(ClientGone())

    def _run(self) -> None:
        try:
            self._answer()
        except KimiError as error:
            self._channel.fail(error)

    def _report(self, worker: Any) -> None:
        """A mistake of ours ends the answer as well, instead of leaving its reader waiting."""
        self._channel.fail(worker.exception)

    def _answer(self) -> None:
        """Asks one account after the other until one answers. Raises what tells most when none does."""
        failures: list[Failure] = []
        forgiven: set[str] = set()
        exclude: set[str] = set()
        while self._may_try_on(failures):
            try:
                lease = self._lease(exclude)
            except KimiError as nobody_else:
                failures.append(Failure(nobody_else))
                break
            failure = self._attempt(lease)
            if failure is None:
                return
            failures.append(failure)
            self.failovers.append(type(failure.error).__name__)
            name = lease.account.name
            if isinstance(failure.error, _SECOND_CHANCE) and name not in forgiven:
                forgiven.add(name)
            else:
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
        breaker, selection, came = self._with.breaker, self._selection, self._with.monotonic()
        may_hope = True
        while True:
            tripped = breaker.tripped() - self._asked
            try:
                wish = Wish(selection.routes, selection.name, frozenset(exclude), tripped)
                waited = self.queue_seconds + self._with.monotonic() - came
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
            self._with.reactions.give_back(lease, Outcome(model=selection.name)).wait(GIVING_BACK_SECONDS)

    def _attempt(self, lease: Lease) -> Failure | None:
        """Lets one account answer; why it has not, if another may. Raises what ends the whole request."""
        outcome = Outcome(model=self._selection.name)
        ending = ExitStack()  # is closed where the account is given back
        try:
            chats = ending.enter_context(self._with.remover.collecting(lease.account, lease.token))
            self._read(lease, outcome, chats.append)
        except KimiError as error:
            outcome.error = error
        finally:
            self._with.breaker.ended(lease.account, lease.id, outcome.error)
            outcome.is_stray = isinstance(outcome.error, UpstreamError) and self._with.strays.failed(lease.account)
            given_back = self._with.reactions.give_back(lease, outcome, ending.close)
        if outcome.error is None:
            return None
        if self._visible or isinstance(outcome.error, RequestRefused):
            raise outcome.error
        # The next attempt has to find the account as this one leaves it.
        rests = given_back.wait(GIVING_BACK_SECONDS)
        return Failure(outcome.error, self._with.monotonic() + rests if rests else None)

    def _read(self, lease: Lease, outcome: Outcome, opened: Callable[[str], object]) -> None:
        account = lease.account
        chat = replace(self._chat, model=self._selection.model_for(account.kind), features=self._selection.features)
        stream = self._with.upstreams[account.kind].stream(chat, account, lease.token)
        with closing(stream):
            for event in Watch(self._with.deadlines).over(stream):
                if isinstance(event, _VISIBLE):
                    if not outcome.served:
                        outcome.served = self._visible = True
                        self._with.breaker.answered(account)
                    self._channel.put(event)
                elif isinstance(event, Finish):
                    outcome.served = outcome.finished = True
                    self._with.breaker.answered(account)
                    self._with.strays.finished(account)
                    self._channel.put(event)
                    return
                elif isinstance(event, ChatOpened):
                    outcome.chat_id = event.chat_id
                    opened(event.chat_id)
                elif isinstance(event, Answering):
                    outcome.segment_id = event.segment_id
        raise BrokenAnswer("the stream ended without an end")
