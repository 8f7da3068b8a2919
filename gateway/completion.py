"""The one way of a request through the pool: lease, stream, the next account when one fails, everything given back."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

import gevent
from gevent.pool import Group

from gateway.channel import Channel
from gateway.cleanup import ChatRemover
from gateway.deadlines import Deadlines, Watch
from gateway.errors import ClientGone
from gateway.reactions import Reactions
from gateway.renewal import LeaseKeeper
from gateway.waiting import WaitingRoom, Wish
from kimi.accounts import Kind
from kimi.chat import Chat, ChatOpened, Event, Finish, Text, Thinking, ToolCall
from kimi.errors import BrokenAnswer, KimiError, NoAccount, PoolError, RequestRefused, TokenRejected
from kimi.models import Selection
from kimi.pool import Lease
from kimi.upstreams import Upstream

log = logging.getLogger(__name__)

ATTEMPTS: Final = 3
_VISIBLE = (Text, Thinking, ToolCall)
_SECOND_CHANCE = (TokenRejected, BrokenAnswer)
"""After these the same account may be asked once more: with a fresh token, and in a new chat."""


@dataclass(frozen=True, slots=True)
class Collaborators:
    """What a completion works with; one set a process."""

    upstreams: Mapping[Kind, Upstream]
    waiting: WaitingRoom
    keeper: LeaseKeeper
    reactions: Reactions
    remover: ChatRemover
    deadlines: Deadlines


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
        failure: KimiError = NoAccount("no account was asked")
        forgiven: set[str] = set()
        exclude: set[str] = set()
        while self.attempts < ATTEMPTS:
            try:
                lease = self._lease(exclude)
            except PoolError as nobody_else:
                raise (failure if self.attempts else nobody_else) from nobody_else
            name = lease.account.name
            try:
                self._attempt(lease)
            except KimiError as error:
                if self._visible or isinstance(error, RequestRefused):
                    raise
                failure = error
                self.failovers.append(type(error).__name__)
                if isinstance(error, _SECOND_CHANCE) and name not in forgiven:
                    forgiven.add(name)
                else:
                    exclude.add(name)
            else:
                return
        raise failure

    def _lease(self, exclude: set[str]) -> Lease:
        started = time.monotonic()
        try:
            lease = self._with.waiting.acquire(Wish(self._selection.routes, self._selection.name, frozenset(exclude)))
        finally:
            self.queue_seconds += time.monotonic() - started
        self.attempts += 1
        self.account, self.kind = lease.account.name, lease.account.kind
        return lease

    def _attempt(self, lease: Lease) -> None:
        account = lease.account
        chat = replace(self._chat, model=self._selection.model_for(account.kind), features=self._selection.features)
        with self._with.remover.collecting(account, lease.token) as opened, self._held(lease):
            stream = self._with.upstreams[account.kind].stream(chat, account, lease.token)
            with closing(stream):
                for event in Watch(self._with.deadlines).over(stream):
                    if isinstance(event, _VISIBLE):
                        self._visible = True
                        self._channel.put(event)
                    elif isinstance(event, Finish):
                        self._channel.put(event)
                        return
                    elif isinstance(event, ChatOpened):
                        opened.append(event.chat_id)
            raise BrokenAnswer("the stream ended without an end")

    @contextmanager
    def _held(self, lease: Lease) -> Iterator[None]:
        """Keeps the lease alive, and gives the account back with what this block has found out about it."""
        error: KimiError | None = None
        try:
            with self._with.keeper.keeping(lease):
                yield
        except KimiError as caught:
            error = caught
            raise
        finally:
            given_back = self._with.reactions.give_back(lease, self._selection.name, error)
            if error is not None:
                given_back.wait()  # the next attempt has to find the account as this one leaves it
