"""One account's try at an answer, and giving the account back in the state that this leaves it in."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Final, Self

from gateway.breaker import Breaker
from gateway.cleanup import ChatRemover
from gateway.conversations import Thread
from gateway.deadlines import Deadlines, Watch
from gateway.files import Luggage
from gateway.forms.telling import told
from gateway.reactions import Outcome, Reactions
from gateway.shaping import shape
from gateway.strays import Strays
from gateway.tools.toolbox import Toolbox
from gateway.verdict import Failure
from kimi.accounts import Kind
from kimi.chat import Call, Chat, Feature, Message, Place
from kimi.errors import AnswerUnfit, BrokenAnswer, Crowded, KimiError, RequestRefused, UpstreamError
from kimi.events import Again, Annotation, Answering, ChatOpened, Event, Finish, Text, Thinking, ToolCall
from kimi.pool import Lease
from kimi.upstreams import Upstream

GIVING_BACK_SECONDS: Final = 2.0
"""What a next attempt waits for the end of the last one."""
_VISIBLE: Final = frozenset({Text, Thinking, ToolCall, Annotation})
_NOTHING: Final[Sequence[Event]] = ()
_SEARCHING: Final = frozenset({Feature.SEARCH, Feature.RESEARCH})


@dataclass(frozen=True, slots=True)
class AttemptCollaborators:
    """What an attempt works with; one set a process.

    `asks_again` hears of each answer that was not what had been asked for, so that the model is asked once more.
    """

    upstreams: Mapping[Kind, Upstream]
    reactions: Reactions
    remover: ChatRemover
    breaker: Breaker
    strays: Strays
    deadlines: Deadlines
    toolbox: Toolbox
    monotonic: Callable[[], float] = time.monotonic
    asks_again: Callable[[KimiError], object] = lambda _error: None


@dataclass(frozen=True, slots=True)
class Question:
    """What one account is asked: `model` is the name that the client gave, `chat` is for the account's dialect."""

    model: str
    chat: Chat
    thread: Thread
    luggage: Luggage


class Attempt:
    """The context in which the account of `lease` is asked; leaving it gives the account back.

    `end` is the last of the answer, `Finish` included, once it has been read: the account is not held for a client that
    takes its time for that. `failure` is why there is none where another account may be asked; what ends the whole
    request is raised.
    `reader` is the greenlet that is interrupted when the time for an answer is over of which it has not taken what
    there is.
    """

    def __init__(self, lease: Lease, question: Question, collaborators: AttemptCollaborators, reader: Any) -> None:
        self.end: Sequence[Event] = ()
        self.failure: Failure | None = None
        self._lease = lease
        self._question = question
        self._with = collaborators
        self._reader = reader
        self._finish: Finish | None = None
        self._again: Again | None = None  # the answer is not what was demanded
        self._outcome = Outcome(model=question.model)
        self._chats = collaborators.remover.collecting(lease.account, lease.token)
        self._calls: list[Call] = []
        self._text = bytearray()  # whatever keeps pieces apart takes ten times as much for the short ones that come

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        lease, outcome = self._lease, self._outcome
        try:
            if isinstance(error, KimiError):
                outcome.error = error
                if not outcome.served:
                    outcome.error = self._question.luggage.failed(lease, error)
            self._keep()
        finally:  # both may have to wait, and a client may leave meanwhile
            self._with.breaker.ended(lease.account, lease.id, outcome.error)
            outcome.is_stray = isinstance(outcome.error, UpstreamError) and self._with.strays.failed(lease.account)
            given_back = self._with.reactions.give_back(lease, outcome, self._chats)
        # The next attempt, or the next question in this chat, has to find the account as this one leaves it.
        if outcome.error is None:
            if kind is None and self._question.thread.goes_on_behind(self._finish):
                given_back.wait(GIVING_BACK_SECONDS)
            return False
        is_new = self._question.chat.behind is None
        is_refused = isinstance(outcome.error, RequestRefused) and (is_new or isinstance(outcome.error, AnswerUnfit))
        is_unchecked = isinstance(outcome.error, Crowded)  # another answer would be no sooner
        if outcome.served or is_refused or is_unchecked:
            raise outcome.error
        rests = given_back.wait(GIVING_BACK_SECONDS)
        forgotten = outcome.error.with_traceback(None)  # which knows all that has to do with the request
        self.failure = Failure(forgotten, self._with.monotonic() + rests if rests else None)
        return True

    def read(self) -> Generator[Sequence[Event]]:
        """What of the answer is for the client, but for its end, in batches as they come; empty ones are silence."""
        chat, account = self._question.chat, self._lease.account
        with Watch(self._with.deadlines.of(chat), self._reader) as watch:
            if chat.behind is not None:
                self._learn(ChatOpened(chat.behind.chat_id))
            upstream = self._with.upstreams[account.kind]
            files = self._question.luggage.give(chat, self._lease, upstream, watch.goes_on)
            for asked in self._questions(replace(chat, files=files) if files else chat):
                yield from self._answer(asked, upstream, watch)

    def _questions(self, chat: Chat) -> Iterator[Chat]:
        """What the account is asked: `chat`, and once more where the answer is not what that demands."""
        asked = self._with.toolbox.told(told(chat)) if self._lease.account.kind.is_web else chat
        yield asked
        again, self._again = self._again, None
        if again is None:
            return
        outcome = self._outcome
        if not outcome.chat_id or (self._lease.account.kind is Kind.KIMI and not outcome.segment_id):
            raise again.error
        # Of its chats the Connect dialect takes the system's words with every question.
        system = [message for message in asked.messages if message.role == "system"]
        kept = system if self._lease.account.kind is Kind.KIMI else []
        place = Place(outcome.chat_id, outcome.segment_id)
        outcome.finished, outcome.segment_id = False, ""
        self._with.asks_again(again.error)
        messages = (*kept, Message("user", again.words))
        features = asked.features - _SEARCHING  # all that had to be looked up has been
        yield replace(asked, messages=messages, features=features, files=(), behind=place)
        if self._again is not None:
            raise self._again.error

    def _answer(self, chat: Chat, upstream: Upstream, watch: Watch) -> Generator[Sequence[Event]]:
        """The answer to `chat`: at its end there is `end`, or what has to be asked again."""
        account = self._lease.account
        shaped = shape(chat, account.kind, self._with.toolbox.calling(chat))
        with closing(upstream.stream(chat, account, self._lease.token)) as stream:
            for batch in stream:
                shown = _NOTHING if batch is None else self._told(shaped(batch))
                if self._finish is not None:
                    self.end = (*shown, self._finish)
                    return
                watch.is_held = True
                yield shown
                if self._again is not None:
                    watch.goes_on()
                    return
                if shown or not (batch is None or _is_announcement(batch)):
                    watch.goes_on()
                else:
                    watch.is_held = False
        raise BrokenAnswer("the stream ended without an end")

    def _told(self, batch: Sequence[Event]) -> Sequence[Event]:
        """Takes note of what was told; what of it is for the client."""
        is_shown = True
        for event in batch:
            if type(event) is Text:
                self._text += event.text.encode(errors="surrogatepass")
            elif type(event) is ToolCall:
                if self._lease.account.kind.is_web:  # of others they come in pieces, and no chat is kept
                    self._calls.append(Call(event.id or "", event.name or "", event.arguments))
            elif type(event) not in _VISIBLE:
                is_shown = False
                self._learn(event)
        shown = batch if is_shown else [event for event in batch if type(event) in _VISIBLE]
        if shown and not self._outcome.served:
            self._outcome.served = True
            self._with.breaker.answered(self._lease.account)
            self._with.reactions.answered(self._lease)
        return shown

    def _learn(self, event: Event) -> None:
        account, outcome = self._lease.account, self._outcome
        if isinstance(event, Finish):
            outcome.served, outcome.finished = True, not event.cut
            self._with.breaker.answered(account)
            self._with.strays.finished(account)
            self._finish = event
        elif isinstance(event, Again):
            self._again = event
            outcome.finished = True
        elif isinstance(event, ChatOpened):
            outcome.chat_id = event.chat_id
            self._chats.append(event.chat_id)
        elif isinstance(event, Answering):
            outcome.segment_id = event.segment_id

    def _keep(self) -> None:
        outcome, chat = self._outcome, self._question.chat
        answer = Message("assistant", self._text.decode(errors="surrogatepass"), calls=tuple(self._calls))
        keeping = self._question.thread.keeping(self._lease.account.kind, outcome, chat, answer, self._finish)
        if keeping is not None:
            self._chats.keep(outcome.chat_id, keeping)


def _is_announcement(batch: Sequence[Event]) -> bool:
    """Whether only the chat is told, in which the answer has still to be asked for."""
    return len(batch) == 1 and type(batch[0]) is ChatOpened
