"""One account's try at an answer, and giving the account back in the state that this leaves it in."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from io import StringIO
from typing import Final

from gateway.breaker import Breaker
from gateway.channel import Channel
from gateway.cleanup import ChatRemover, Opened
from gateway.conversations import Thread
from gateway.deadlines import Deadlines, Watch
from gateway.files import Luggage
from gateway.reactions import Outcome, Reactions
from gateway.shaping import shape
from gateway.strays import Strays
from gateway.verdict import Failure
from kimi.accounts import Kind
from kimi.chat import Annotation, Answering, Chat, ChatOpened, Event, Finish, Text, Thinking, ToolCall
from kimi.errors import BrokenAnswer, KimiError, RequestRefused, UpstreamError
from kimi.pool import Lease
from kimi.upstreams import Upstream

GIVING_BACK_SECONDS: Final = 2.0
"""What a next attempt waits for the end of the last one."""
_VISIBLE: Final = frozenset({Text, Thinking, ToolCall, Annotation})


@dataclass(frozen=True, slots=True)
class AttemptCollaborators:
    """What an attempt works with; one set a process."""

    upstreams: Mapping[Kind, Upstream]
    reactions: Reactions
    remover: ChatRemover
    breaker: Breaker
    strays: Strays
    deadlines: Deadlines
    monotonic: Callable[[], float] = time.monotonic


@dataclass(frozen=True, slots=True)
class Question:
    """What one account is asked: `model` is the name that the client gave, `chat` is for the account's dialect."""

    model: str
    chat: Chat
    thread: Thread
    luggage: Luggage


class Attempt:
    """Asks the account of `lease`. What of the answer is for the client goes to `channel`."""

    def __init__(self, lease: Lease, question: Question, collaborators: AttemptCollaborators, channel: Channel) -> None:
        self._lease = lease
        self._question = question
        self._with = collaborators
        self._channel = channel
        self._outcome = Outcome(model=question.model)
        self._text = StringIO()  # a list would take several times as much for the short pieces that come
        self._finish: Finish | None = None

    def run(self) -> Failure | None:
        """Asks; why there is no answer, if another account may be asked. Raises what ends the whole request."""
        lease, outcome = self._lease, self._outcome
        chats = self._with.remover.collecting(lease.account, lease.token)
        try:
            self._read(chats)
        except KimiError as error:
            outcome.error = error if outcome.served else self._question.luggage.failed(lease, error)
        finally:
            self._with.breaker.ended(lease.account, lease.id, outcome.error)
            outcome.is_stray = isinstance(outcome.error, UpstreamError) and self._with.strays.failed(lease.account)
            self._keep(chats)
            given_back = self._with.reactions.give_back(lease, outcome, chats)
        is_refused = isinstance(outcome.error, RequestRefused) and self._question.chat.behind is None
        if outcome.error is not None and (outcome.served or is_refused):
            raise outcome.error
        # The next attempt, or the next question in this chat, has to find the account as this one leaves it.
        rests = None
        if outcome.error is not None or self._question.thread.goes_on_behind(self._finish):
            self._channel.flush()
            rests = given_back.wait(GIVING_BACK_SECONDS)
        if outcome.error is None:
            if self._finish is not None:
                self._channel.put(self._finish)
            return None
        return Failure(outcome.error, self._with.monotonic() + rests if rests else None)

    def _keep(self, chats: Opened) -> None:
        outcome, chat = self._outcome, self._question.chat
        keeping = self._question.thread.keeping(
            self._lease.account.kind, outcome, chat, self._text.getvalue(), self._finish
        )
        if keeping is not None:
            chats.keep(outcome.chat_id, keeping)

    def _read(self, chats: Opened) -> None:
        account, outcome, behind = self._lease.account, self._outcome, self._question.chat.behind
        if behind is not None:
            outcome.chat_id = behind.chat_id
            chats.append(behind.chat_id)
        put, flush, note = self._channel.put, self._channel.flush, self._text.write
        watch = Watch(self._with.deadlines.of(self._question.chat))
        with closing(self._batches()) as stream, watch:
            for batch in stream:
                watch.is_held = True
                for event in batch:
                    if type(event) in _VISIBLE:
                        if not outcome.served:
                            outcome.served = True
                            self._with.breaker.answered(account)
                        if isinstance(event, Text):
                            note(event.text)
                        put(event)
                    else:
                        self._note(event, chats)
                if self._finish is not None:
                    return
                flush()
                if _is_announcement(batch):
                    watch.is_held = False
                else:
                    watch.goes_on()
        raise BrokenAnswer("the stream ended without an end")

    def _note(self, event: Event, chats: Opened) -> None:
        """What is not for the client."""
        account, outcome = self._lease.account, self._outcome
        if isinstance(event, Finish):
            outcome.served, outcome.finished = True, not event.cut
            self._with.breaker.answered(account)
            self._with.strays.finished(account)
            self._finish = event
        elif isinstance(event, ChatOpened):
            outcome.chat_id = event.chat_id
            chats.append(event.chat_id)
        elif isinstance(event, Answering):
            outcome.segment_id = event.segment_id

    def _batches(self) -> Generator[Sequence[Event]]:
        account, chat = self._lease.account, self._question.chat
        upstream = self._with.upstreams[account.kind]
        files = yield from self._question.luggage.give(chat, self._lease, upstream)
        asked = replace(chat, files=files) if files else chat
        shaped = shape(chat, account.kind)
        with closing(upstream.stream(asked, account, self._lease.token)) as stream:
            for batch in stream:
                shown = shaped(batch)
                if shown and isinstance(shown[-1], Finish):
                    stream.close()  # before a slow client has read what came before
                yield shown


def _is_announcement(batch: Sequence[Event]) -> bool:
    """Whether only the chat is told, in which the answer has still to be asked for."""
    return len(batch) == 1 and type(batch[0]) is ChatOpened
