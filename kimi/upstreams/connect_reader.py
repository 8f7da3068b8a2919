"""What the Connect dialect answers: envelopes with JSON in them, which say what to do (`op`) and where (`mask`)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from kimi.accounts import Kind
from kimi.errors import BrokenAnswer, KimiError
from kimi.events import Answering, ChatOpened, Event, Finish, Source, Sources, Text, Thinking
from kimi.upstreams import complaints, envelopes
from kimi.upstreams.connect_sources import Calls, of_message
from kimi.upstreams.continuing import explain
from kimi.upstreams.drift import Drift
from kimi.upstreams.reading import parsed

# Where text stands, by mask: below `block`, in the part of this name.
_TEXT_MASKS: Mapping[str, tuple[str, type[Text | Thinking]]] = {
    "block.text.content": ("text", Text),
    "block.text": ("text", Text),
    "block.think.content": ("think", Thinking),
    "block.think": ("think", Thinking),
}
_LIKE_TEXT = ("text", "think")
# The first two words of masks that bring nothing for the reader.
_NOTHING_TO_READ = frozenset(
    {"chat", "chat.lastRequest", "chat.name", "block.multiStage", "block.stage", "block.tool", "block.search"}
    | {"message", "message.status", "message.refs", "message.references"}
)
_FAILURES = frozenset({"error", "exception"})
_ABOUT = frozenset({"op", "mask", "eventOffset"})  # a message, and no part of what it says
_GENERATING, _COMPLETED = "MESSAGE_STATUS_GENERATING", "MESSAGE_STATUS_COMPLETED"
_ID = re.compile(r"\w[\w.:-]{0,127}", re.ASCII)
_MOST_CHATS = 2  # the one that is continued, and another in its place
_NOTIFICATIONS = frozenset({"TYPE_MODEL_DEGRADE"})


class Reader:
    """Reads the envelopes of one answer; see `kimi.upstreams.reading.Reader`.

    Pieces of text come by mask and operation, those of the user's echo like those of the answer:
    they count only from the assistant's message on. `chat_id` is the chat that is continued, where one is, and `token`
    what it was asked with: an error may repeat it.
    """

    def __init__(self, drift: Drift, chat_id: str = "", token: str = "") -> None:
        self._drift = drift
        self._token = token
        self._continues = bool(chat_id)
        self._decoder = envelopes.Decoder()
        self._calls = Calls()
        self._chat_id = chat_id
        self._chats = int(bool(chat_id))  # so many were named
        self._message_id = ""
        self._answering = False
        self._wrote = False
        self._status = ""
        self._done = False

    def feed(self, chunk: bytes, told: list[Event]) -> None:
        """Tells the events that `chunk` completes."""
        decoder = self._decoder
        for data in decoder.feed(chunk):
            said = parsed(data)
            mask = said.get("mask")
            place = _TEXT_MASKS.get(mask) if isinstance(mask, str) else None
            if place is None:
                event = self._event(said, mask)
            elif self._answering:
                event = self._piece(said, place)
            else:
                continue
            if event is not None:
                told.append(event)
        if decoder.is_over:
            told.append(self._finish(parsed(decoder.trailer())))

    def close(self) -> Finish:
        """The stream has ended, which it may not do before its trailer."""
        self._decoder.trailer()
        raise BrokenAnswer("the stream had ended already")

    def _event(self, message: Mapping[str, Any], mask: object) -> Event | None:
        self._refuse_error(message)
        if "block" in message:
            return self._block(message["block"], mask, message.get("op"))
        if "message" in message:
            return self._message(message["message"], mask)
        if "chat" in message:
            return self._chat(message["chat"], mask)
        if "done" in message:
            self._refuse_hidden_error(message)
            self._done = True
        elif "heartbeat" in message:
            self._refuse_hidden_error(message)
        else:
            self._notification(message)
        return None

    def _piece(self, message: Mapping[str, Any], place: tuple[str, type[Text | Thinking]]) -> Event | None:
        name, made = place
        # `set` brings the first piece of a block, which may be empty and then be left out, `append` the others.
        operation = message.get("op")
        if operation not in ("append", "set"):
            self._drift.note(Kind.KIMI, "operation", operation, message)
            raise BrokenAnswer("text comes with an unknown operation")
        block = message.get("block")
        text = None
        if isinstance(block, dict) and isinstance(part := block.get(name), dict):
            if "error" in message or "error" in block or "exception" in message or "exception" in block:
                self._refuse_error(message)
                self._refuse_error(block)
            # What stands there under another name may be text.
            text = part.get("content", "" if operation == "set" and not any(part.values()) else None)
        if not isinstance(text, str):
            self._drift.note(Kind.KIMI, "text", message.get("mask"), message)
            raise BrokenAnswer("a piece of text is no text")
        if not text:
            return None
        if made is Text:
            self._wrote = True
        return made(text)

    def _block(self, block: object, mask: object, operation: object) -> Event | None:
        if not isinstance(block, dict):
            raise BrokenAnswer("a block is no object")
        self._refuse_error(block)
        if self._answering and any(part.startswith(_LIKE_TEXT) for part in block):
            # Passing over it, or over something of a name like it, could leave a hole in the answer.
            self._drift.note(Kind.KIMI, "mask", mask, block)
            raise BrokenAnswer("text comes under an unknown mask")
        self._check_mask(mask, block)
        return _told(self._calls.of_block(block, operation)) if self._answering else None

    def _message(self, message: object, mask: object) -> Event | None:
        if not isinstance(message, dict):
            raise BrokenAnswer("a message is no object")
        self._check_mask(mask, message)
        role, status = message.get("role"), message.get("status")
        if isinstance(role, str):
            self._answering = role == "assistant"
        if not self._answering:
            return None
        if isinstance(status, str):
            self._status = status
            if status not in {_GENERATING, _COMPLETED}:
                self._drift.note(Kind.KIMI, "status", status, message)
        begun = self._begun(message.get("id")) if role == "assistant" else None
        return begun or _told(of_message(message))

    def _begun(self, message_id: object) -> Event | None:
        if not isinstance(message_id, str) or not _ID.fullmatch(message_id):
            self._drift.note(Kind.KIMI, "message", "assistant.without.id", {"id": message_id})
            return None
        if message_id == self._message_id:
            return None
        self._message_id = message_id
        return Answering(message_id)

    def _chat(self, chat: object, mask: object) -> Event | None:
        if not isinstance(chat, dict):
            raise BrokenAnswer("a chat is no object")
        self._check_mask(mask, chat)
        chat_id = chat.get("id")
        if not isinstance(chat_id, str) or not chat_id or chat_id == self._chat_id:
            return None
        if not _ID.fullmatch(chat_id):  # it can be neither continued nor deleted, but its answer is one
            self._drift.note(Kind.KIMI, "chat", "odd.id", {"id": chat_id})
            return None
        if self._chats >= _MOST_CHATS:  # each is written down, and deleted by a call
            raise BrokenAnswer("the stream names one chat after the other")
        self._chats += 1
        self._chat_id = chat_id
        return ChatOpened(chat_id)

    def _notification(self, message: Mapping[str, Any]) -> None:
        notification = message.get("notification")
        if isinstance(notification, dict):
            kind = notification.get("type")
            if not isinstance(kind, str) or kind not in _NOTIFICATIONS:
                self._drift.note(Kind.KIMI, "notification", kind, message)
            return
        name = next((name for name in message if name not in _ABOUT), "empty")
        self._drift.note(Kind.KIMI, "message", name, message)
        self._refuse_hidden_error(message)

    def _check_mask(self, mask: object, content: Mapping[str, Any]) -> None:
        self._refuse_error(content)
        if mask is None:
            return
        if not isinstance(mask, str) or ".".join(mask.split(".", 2)[:2]) not in _NOTHING_TO_READ:
            self._drift.note(Kind.KIMI, "mask", mask, content)
            self._refuse_hidden_error(content)
            if isinstance(mask, str) and not _FAILURES.isdisjoint(mask.split(".")):
                raise self._error(None)  # whatever became of its words

    def _refuse_error(self, said: Mapping[str, Any]) -> None:
        """What is known, too, may say that the answer has failed. What a tool says inside of it is no failure of it."""
        if said.get("error") is not None:
            raise self._error(said)
        if said.get("exception") is not None:
            raise self._error(said["exception"])

    def _refuse_hidden_error(self, unknown: object) -> None:
        """What is not known may be passed over, but not when it says that the answer has failed."""
        if (hidden := complaints.inside(unknown)) is not None:
            raise self._error(hidden)

    def _error(self, said: object) -> KimiError:
        complaint = complaints.of_object(Kind.KIMI, said, secret=self._token)
        if complaint is None:
            return BrokenAnswer("the stream reports an error without words")
        return explain(complaint, self._drift, continues=self._continues)

    def _finish(self, trailer: Mapping[str, Any]) -> Finish:
        self._refuse_error(trailer)
        self._refuse_hidden_error(trailer)
        if complaints.of_object(Kind.KIMI, trailer) is not None:  # without an `error` around it
            raise self._error(trailer)
        # A message that was generating has to be completed; without any status the trailer alone is the word for it.
        complete = self._status in {"", _COMPLETED} or (self._status == _GENERATING and self._done)
        if not complete:
            raise BrokenAnswer("the stream ended before the answer was complete")
        if not self._wrote:
            raise BrokenAnswer("the answer is empty")
        return Finish("stop")


def _told(pages: tuple[Source, ...]) -> Event | None:
    return Sources(pages) if pages else None
