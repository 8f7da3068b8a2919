"""A client that talks with a house, and sends back what it was answered."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from gateway.completion import Completion
from gateway.turn import Turn
from kimi.chat import Attachment, Chat, Message
from kimi.events import Answering, ChatOpened, Event, Finish, Text
from tests.gateway.houses import CHAT, House, read, texts
from tests.gateway.scripted import Step

Script = tuple[Step, ...]


def answer(chat_id: str, message_id: str, text: str = "Hello there.", finish: Event | None = None) -> Script:
    """A script in which all is well."""
    return (ChatOpened(chat_id), Answering(message_id), Text(text), finish or Finish("stop"))


@dataclass
class Talk:
    """What one client says, and hears."""

    house: House
    turn: Turn = field(default_factory=lambda: Turn(scope="one"))
    model: str = "kimi"
    messages: list[Message] = field(default_factory=list)

    def start(self, text: str, *attachments: Attachment) -> Completion:
        self.messages.append(Message("user", text, attachments))
        return self.house.start(self.model, replace(CHAT, messages=tuple(self.messages)), self.turn)

    def say(self, text: str, *attachments: Attachment) -> str:
        """Says something, takes note of the answer, and gives everybody time to put things away."""
        heard = texts(read(self.start(text, *attachments)))
        self.messages.append(Message("assistant", heard))
        assert self.house.completions.join(5) and self.house.reactions.join(5)
        return heard

    @property
    def asked(self) -> Chat:
        """What the upstream was asked last."""
        return self.house.upstream.asked[-1][2]

    @property
    def account(self) -> str:
        """Who was asked last."""
        return self.house.upstream.asked[-1][0]


def last_words(talk: Talk) -> tuple[str, ...]:
    """The texts that the upstream was asked last."""
    return tuple(message.content for message in talk.asked.messages)
