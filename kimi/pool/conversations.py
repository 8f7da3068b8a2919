"""Where conversations stand that can be continued in the chat that they were begun in.

Whoever takes a record out has the chat for himself: to continue it, or to delete it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from kimi.chat import Place
from kimi.errors import ConversationBusy
from kimi.pool.chats import StandingChat
from kimi.pool.store import Store, to_ms

REPLACED_SECONDS: Final = 10.0
"""What a worker has to delete a chat that nobody can continue any more, before others do."""

RUNNING_SECONDS: Final = 3_600.0
"""No answer takes longer."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """A chat of an account, and the answer in it behind which the next question belongs."""

    chat: StandingChat
    message_id: str = ""

    @property
    def place(self) -> Place:
        """The same for an upstream."""
        return Place(self.chat.id, self.message_id)


class Conversations:
    """Records by a key that tells nothing of what was said. Every method may raise `StoreUnavailable`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def keep(self, key: str, conversation: Conversation, *, seconds: float, due: float | None) -> None:
        """Whoever knows `key` may continue `conversation` for so many `seconds`.

        In the same step it is noted that somebody else is to delete its chat in `due` seconds, which are more, unless
        it is claimed before; None where chats are not deleted. Of another chat that was kept by this key before, with
        the same words in it, nobody can come any more: whoever ends it has it, or somebody else deletes it soon.
        """
        self._store.run(
            "conversation_keep",
            key,
            conversation.chat.member,
            conversation.message_id,
            to_ms(seconds),
            "" if due is None else to_ms(due),
            to_ms(REPLACED_SECONDS),
        )

    def claim(self, key: str, hold: float, *, tells: bool = False) -> Conversation | None:
        """The conversation of `key`, for this caller alone; nobody else deletes its chat within `hold` seconds.

        Where he `tells`, others who come while he continues it hear so. Raises `ConversationBusy` for them.
        """
        found = self._store.run("conversation_claim", key, to_ms(hold), to_ms(RUNNING_SECONDS) if tells else 0)
        if found == []:
            raise ConversationBusy("an answer of the conversation is still running", retry_after=1.0)
        return Conversation(StandingChat.of(found[0]), found[1]) if found else None

    def end(self, key: str, conversation: Conversation) -> bool:
        """Takes the record out, for its chat to be deleted. False when somebody else has it, and with it the chat."""
        return bool(self._store.run("conversation_end", key, conversation.chat.member))
