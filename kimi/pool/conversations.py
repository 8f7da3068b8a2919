"""Where conversations stand that can be continued in the chat that they were begun in.

Whoever takes a record out has the chat for himself: to continue it, or to delete it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from kimi.chat import Place
from kimi.errors import ConversationBusy
from kimi.pool.chats import StandingChat
from kimi.pool.scanning import pages
from kimi.pool.store import Store, to_ms

REPLACED_SECONDS: Final = 10.0
"""What a worker has to delete a chat that nobody can continue any more, before others do."""

RUNNING_SECONDS: Final = 3_600.0
"""No answer takes longer."""
_BATCH: Final = 500  # chats a script, so that none of them keeps Redis long


@dataclass(frozen=True, slots=True)
class Conversation:
    """A chat of an account, and the answer in it behind which the next question belongs."""

    chat: StandingChat
    message_id: str = ""

    @property
    def place(self) -> Place:
        """The same for an upstream."""
        return Place(self.chat.id, self.message_id)


@dataclass(frozen=True, slots=True)
class Bookmark:
    """How a conversation is kept: by which `key` it is found for how many `seconds`, and by which other one, if any.

    `was` is the key by which it was found before, where that is another one.

    In `due` seconds, which are more, somebody else is to delete its chat, unless it is claimed before; None where chats
    are not deleted.
    """

    key: str
    conversation: Conversation
    seconds: float
    due: float | None
    also: str = ""
    was: str = ""

    def words(self) -> tuple[str | int, ...]:
        """The same for the pool's scripts."""
        return (
            self.key,
            self.conversation.chat.member,
            self.conversation.message_id,
            to_ms(self.seconds),
            "" if self.due is None else to_ms(self.due),
            to_ms(REPLACED_SECONDS),
            self.also,
            self.was,
        )


class Conversations:
    """Records by a key that tells nothing of what was said. Every method may raise `StoreUnavailable`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def keep(self, record: Bookmark) -> None:
        """Whoever knows the key of `record` may continue its conversation. See also `Leases.release`.

        Of another chat that was kept by this key before, with the same words in it, nobody can come any more: whoever
        ends it has it, or somebody else deletes it soon. Where `record` has another key it is found by that alone, and
        the one before as ever.
        """
        self._store.run("conversation_keep", *record.words())

    def claim(self, key: str, hold: float, *, tells: bool = False) -> Conversation | None:
        """The conversation of `key`, for this caller alone; nobody else deletes its chat within `hold` seconds.

        Where he `tells`, others who come while he continues it hear so. Raises `ConversationBusy` for them.
        """
        found = self._store.run("conversation_claim", key, to_ms(hold), to_ms(RUNNING_SECONDS) if tells else 0)
        if found == []:
            raise ConversationBusy("an answer of the conversation is still running", retry_after=1.0)
        return Conversation(StandingChat.of(found[0]), found[1]) if found else None

    def end(self, kept: Sequence[tuple[str, Conversation]]) -> list[bool]:
        """Takes the records of these out, by key, for their chats to be deleted.

        False for each which somebody else has, and with it the chat.
        """
        ended: list[bool] = []
        for pairs in pages(kept, _BATCH):
            words = [word for key, conversation in pairs for word in (key, conversation.chat.member)]
            ended += map(bool, self._store.run("conversations_end", *words))
        return ended
