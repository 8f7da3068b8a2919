"""Continuing a conversation in the chat that it was begun in, so that only what is new is sent.

A chat is found by all that was said in it (`gateway.fingerprints`), by the name that the client has for it, or by the
id that its last answer had for the client.
When its account cannot be had, or fails before it has said anything, the whole history is put to any other one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property, partial
from typing import Final

from gateway import fingerprints
from gateway.cleanup import ChatRemover, Keeping
from gateway.reactions import Outcome
from gateway.shield import Shielded
from gateway.tools.telling import left
from gateway.turn import Turn
from kimi.accounts import Kind
from kimi.chat import Chat, Message
from kimi.errors import (
    AwaitingToken,
    BrokenAnswer,
    ChatGone,
    ContentRefused,
    ConversationBusy,
    ConversationLost,
    KimiError,
    NoAccount,
    StoreUnavailable,
    TokenRejected,
)
from kimi.events import Finish
from kimi.models import Selection
from kimi.pool import Lease
from kimi.pool.conversations import Conversation
from kimi.pool.private import narrowed

MOMENT_SECONDS: Final = 60.0
"""So long this process sees to a chat itself; what stays for longer is left to the refresher."""
_BROKEN = (ChatGone, ContentRefused, BrokenAnswer)
"""After these a chat in which nothing was answered is of no more use."""


class Fate(StrEnum):
    """What has become of a conversation that could have been continued."""

    CONTINUED = "continued"
    FOLDED = "folded"  # its whole history was sent
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Conversations:
    """Makes threads. A conversation can be continued for so many `seconds`, not at all where they are 0.

    `first_turn` are the seconds for the chat of a question without anything before it and without a call behind it:
    programs go on at once, and most first questions are the only ones. `count` hears what became of every other one.
    """

    remover: ChatRemover
    seconds: float
    first_turn: float
    count: Callable[[Fate], object] = lambda _: None

    def thread(self, turn: Turn, selection: Selection, chat: Chat) -> Thread:
        """The thread of a request. Nothing is looked up so far."""
        return Thread(self, turn, selection, chat.messages)


class Thread:
    """One request as a part of a conversation: finds its chat, and says what is to become of it.

    `close` has to be called in any case.
    """

    def __init__(
        self, conversations: Conversations, turn: Turn, selection: Selection, messages: tuple[Message, ...]
    ) -> None:
        self._with = conversations
        self._turn = turn
        self._selection = selection
        self._messages = messages
        answers = [number for number, message in enumerate(messages, 1) if message.role == "assistant"]
        self._known = answers[-1] if answers and not turn.follows else 0  # so many messages were said before
        is_web = any(not route.startswith(f"{Kind.MOONSHOT}:") for route in selection.routes)
        self.is_on = bool(turn.scope) and conversations.seconds > 0 and is_web
        self._is_named = turn.is_named
        self._looks = bool(turn.follows or (turn.name and not turn.begins)) or bool(self.is_on and self._known)
        self._claimed: Conversation | None = None
        self._is_continued = False  # by the attempt that runs, or ran last

    @property
    def only(self) -> str:
        """The one account that can continue the conversation; nothing when any will do."""
        return self._claimed.chat.account if self._claimed else ""

    @property
    def unsent(self) -> tuple[Message, ...]:
        """What the next account is to read: what is new in the chat that it goes on with, or everything."""
        return self._new if self._claimed else self._messages

    @property
    def can_fold(self) -> bool:
        """Whether the messages tell the whole conversation, so that any account can go on with it."""
        return not self._is_named or self._turn.begins or self._known > 0

    @property
    def routes(self) -> tuple[str, ...]:
        """Along which the request may be sent. A conversation with a name needs an account that keeps chats."""
        routes = narrowed(self._selection.routes, self.only) if self.only else self._selection.routes
        if not self.is_on or not self._is_named:
            return routes
        return tuple(route for route in routes if not route.startswith(f"{Kind.MOONSHOT}:"))

    def look_up(self) -> None:
        """Claims the chat to go on in, if there is one, once.

        Where nothing but that chat will do, raises `ConversationLost`, `ConversationBusy` while an answer in it runs,
        and `StoreUnavailable` where nobody knows.
        """
        if not self._looks:
            return
        self._looks = False
        try:
            self._claimed = self._claim() if self.is_on and self._asks else None
        except (StoreUnavailable, ConversationBusy):
            if not self.can_fold:
                raise
        if self._claimed is None and not self.can_fold:
            raise self._lost()

    def asked_of(self, lease: Lease, chat: Chat) -> Chat:
        """What the account of `lease` is asked: what is new, or everything."""
        self._is_continued = False
        if self._claimed is None:
            return chat
        new, place = (*self._called, *self._new), self._claimed.place
        self._claimed = None
        self._is_continued = True
        if lease.account.kind is Kind.KIMI:  # takes the system's words with every question, in a slot of their own
            known = self._messages[: self._known]
            new = (*(message for message in known if message.role == "system"), *new)
        return replace(chat, messages=new, behind=place, tools=left(chat.tools, self._messages))

    def refused(self, error: KimiError, *, was_asked: bool) -> bool:
        """The account that could continue cannot be had; whether any other will do.

        Raises `ConversationLost` when it is gone, unless it `was_asked` and is only left alone now.
        """
        if self._claimed is not None and self.can_fold:
            self._with.remover.abandon(self._claimed)
            self._claimed = None
            return True
        is_gone = isinstance(error, NoAccount) and not isinstance(error, AwaitingToken) and not was_asked
        if self._claimed is not None and is_gone:  # it may come back, or serve another model than this
            raise self._lost()
        return False

    def failed(self, error: KimiError) -> bool:
        """The account that was asked has not answered; whether to try on. Raises `ConversationLost`."""
        if not self._is_continued or self.can_fold:
            return True
        if isinstance(error, ChatGone):
            raise self._lost() from error
        self._looks = isinstance(error, TokenRejected)  # the chat was kept, see `keeping`
        return self._looks

    def goes_on_behind(self, finish: Finish | None) -> bool:
        """Whether the conversation may be continued behind an answer with that end, in its chat."""
        return self.is_on and (_is_whole(finish) or self._is_named or bool(self._turn.answer))

    def keeping(
        self, kind: Kind, outcome: Outcome, chat: Chat, answer: Message, finish: Finish | None
    ) -> Keeping | None:
        """How the chat of an attempt is kept; None when it is to be deleted. `answer` is what the client has read."""
        if not self.goes_on_behind(finish) or not kind.is_web or not outcome.chat_id:
            return None
        key, also = self._keys(answer, finish)
        message_id = outcome.segment_id
        if outcome.error is not None or not outcome.served or (self._turn.follows and finish is None):
            # A client that knows the conversation by its name only would lose it.
            is_broken = not outcome.served and (self.can_fold or isinstance(outcome.error, _BROKEN))
            if not self._is_named or chat.behind is None or is_broken:
                return None
            key, also, message_id = self._key, "", chat.behind.message_id
        if not key or (kind is Kind.KIMI and not message_id):
            return None
        return self._keeping(key, message_id, also, is_grown=self._is_grown or bool(answer.calls))

    def answered(self) -> None:
        """The request has its answer."""
        if self.is_on and (self._known or (self._is_named and not self._turn.begins)):
            self._with.count(Fate.CONTINUED if self._is_continued else Fate.FOLDED)

    def close(self) -> None:
        """What was claimed and not continued can be claimed again."""
        if self._claimed is not None:
            conversation, self._claimed = self._claimed, None
            keeping = Keeping(self._key, conversation.message_id, self._with.seconds, moment=False)
            self._with.remover.put_back(conversation, keeping)

    @property
    def _new(self) -> tuple[Message, ...]:
        return self._messages[self._known :]

    @property
    def _asks(self) -> bool:
        return any(message.content.strip() or message.attachments or message.role == "tool" for message in self._new)

    @property
    def _called(self) -> tuple[Message, ...]:
        """The turn whose calls the new messages answer. It is in the chat; without it nobody knows their names."""
        last = self._messages[self._known - 1 : self._known] if self._known else ()
        return tuple(message for message in last if message.calls)

    @property
    def _is_grown(self) -> bool:
        is_asked_behind = bool(self._known or self._is_named or self._turn.answer)
        return is_asked_behind or any(message.attachments for message in self._messages)

    @cached_property
    def _past(self) -> bytes:
        """All up to the last answer."""
        start = fingerprints.beginning(self._turn.scope, self._selection)
        return fingerprints.after(start, self._messages[: self._known])

    @cached_property
    def _said(self) -> bytes:
        """All of the request."""
        return fingerprints.after(self._past, self._new)

    @cached_property
    def _key(self) -> str:
        """By which the conversation is found."""
        name = self._turn.follows or self._turn.name
        return fingerprints.named(self._turn.scope, name) if name else self._past.hex()

    def _keys(self, answer: Message, finish: Finish | None) -> tuple[str, str]:
        """By which it is found behind `answer` with that end, and by which else; empty where by nothing."""
        if self._turn.name:
            return self._key, ""
        named = fingerprints.named(self._turn.scope, self._turn.answer) if self._turn.answer else ""
        says = bool(answer.content.strip() or answer.calls)
        if self._turn.follows or not says or not _is_whole(finish):  # or nobody knows all that was said in it
            return named, ""
        return fingerprints.after(self._said, (answer,)).hex(), named

    def _claim(self) -> Conversation | None:
        claim = partial(self._with.remover.claim, self._key, tells=self._is_named)
        return Shielded(claim, orphaned=self._orphaned).result()

    def _orphaned(self, found: Conversation | None) -> None:
        self._claimed = found
        self.close()

    def _keeping(self, key: str, message_id: str, also: str, *, is_grown: bool) -> Keeping:
        seconds = self._with.seconds if is_grown else min(self._with.first_turn, self._with.seconds)
        was = self._key if self._turn.follows else ""
        return Keeping(key, message_id, seconds, not is_grown and seconds <= MOMENT_SECONDS, also, was)

    def _lost(self) -> ConversationLost:
        self._with.count(Fate.LOST)
        return ConversationLost("the chat of the conversation cannot be continued")


def _is_whole(finish: Finish | None) -> bool:
    return finish is not None and finish.reason in ("stop", "tool_calls") and not finish.cut
