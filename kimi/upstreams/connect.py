"""The Connect dialect of Kimi's web chat: one call, whose answer is a stream of envelopes with JSON in them.

All names that stand in its requests and answers stand in this file; those of the plan stand in `membership`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any

import orjson

from kimi.accounts import Account, Kind
from kimi.chat import Chat, ChatOpened, Event, Feature, Finish, Text, Thinking
from kimi.errors import BrokenAnswer, KimiError, RequestInvalid
from kimi.http import Answer, parse
from kimi.models import ConnectModel, connect_model
from kimi.upstreams import complaints, envelopes, membership
from kimi.upstreams.drift import Drift
from kimi.upstreams.faults import classify
from kimi.upstreams.folding import beside_system
from kimi.upstreams.identity import web_headers
from kimi.upstreams.line import Line

_CHAT_PATH = "/apiv2/kimi.gateway.chat.v1.ChatService/Chat"
_DELETE_PATH = "/apiv2/kimi.chat.v1.ChatService/DeleteChat"

# Where text stands, by mask: below `block`, in the part of this name.
_TEXT_MASKS: Mapping[str, type[Text | Thinking]] = {
    "block.text": Text,
    "block.text.content": Text,
    "block.think": Thinking,
    "block.think.content": Thinking,
}
_PARTS: Mapping[type[Text | Thinking], str] = {Text: "text", Thinking: "think"}
# The first two words of masks that bring nothing for the reader.
_NOTHING_TO_READ = frozenset(
    {"chat", "chat.lastRequest", "chat.name", "block.multiStage", "block.stage", "block.tool", "block.search"}
    | {"message", "message.status", "message.refs"}
)
_GENERATING, _COMPLETED = "MESSAGE_STATUS_GENERATING", "MESSAGE_STATUS_COMPLETED"
_NOTIFICATIONS = frozenset({"TYPE_MODEL_DEGRADE"})


class Connect:
    """Answers chats with accounts of kind `kimi`."""

    def __init__(self, line: Line, clock: Callable[[], float] = time.time) -> None:
        self._line = line
        self._clock = clock

    def stream(self, chat: Chat, account: Account, token: str) -> Generator[Event]:
        """See `Upstream.stream`. The chat is announced as soon as the answer names it."""
        model = connect_model(chat.model, chat.features)
        if model is None:
            raise RequestInvalid(f"the Connect dialect has no model {chat.model!r}", param="model")
        yield from self._line.stream(
            _CHAT_PATH,
            account,
            headers=self._headers(account, token, "application/connect+json"),
            content=envelopes.encode(orjson.dumps(_question(chat, model))),
            reader=Reader(self._line.drift),
        )

    def delete_chat(self, chat_id: str, account: Account, token: str) -> None:
        """See `KeepsChats.delete_chat`."""
        answer = self._call(_DELETE_PATH, {"chat_id": chat_id}, account, token)
        complaint = complaints.of_answer(Kind.KIMI, answer)
        gone = answer.status in {404, 410} or "not_found" in complaint.reasons
        refused = answer.status != 200 or (answer.body.startswith(b"{") and complaint.reasons)
        if refused and not gone:
            raise classify(complaint, self._line.drift)

    def resets_in(self, account: Account, token: str) -> float | None:
        """See `KnowsAllowance.resets_in`."""
        answer = self._call(membership.STATS_PATH, {}, account, token)
        return membership.resets_in(answer.json(), self._clock()) if answer.status == 200 else None

    def _call(self, path: str, body: Mapping[str, Any], account: Account, token: str) -> Answer:
        headers = self._headers(account, token, "application/json")
        return self._line.call("POST", path, account, headers=headers, content=orjson.dumps(body))

    def _headers(self, account: Account, token: str, content_type: str) -> dict[str, str]:
        return {
            **web_headers(account, token, self._line.host(account)),
            "Content-Type": content_type,
            "Connect-Protocol-Version": "1",
        }


class Reader:
    """Reads the envelopes of one answer; see `kimi.upstreams.reading.Reader`.

    Pieces of text come by mask and operation, those of the user's echo like those of the answer:
    they count only from the assistant's message on.
    """

    def __init__(self, drift: Drift) -> None:
        self._drift = drift
        self._decoder = envelopes.Decoder()
        self._chat_id = ""
        self._answering = False
        self._wrote = False
        self._status = ""
        self._done = False

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """The events that `chunk` completes."""
        for envelope in self._decoder.feed(chunk):
            message = parse(envelope.payload)
            if not isinstance(message, dict):
                raise BrokenAnswer("a message of the stream is no object")
            if envelope.last:
                yield self._finish(message)
            elif (event := self._event(message)) is not None:
                yield event

    def close(self) -> Finish:
        """The stream has ended, which it may not do before its trailer."""
        self._decoder.close()
        raise BrokenAnswer("the stream had ended already")

    def _event(self, message: Mapping[str, Any]) -> Event | None:
        mask = message.get("mask")
        made = _TEXT_MASKS.get(mask) if isinstance(mask, str) else None
        if made is not None:
            return self._piece(made, message) if self._answering else None
        if message.get("error") is not None:
            raise self._error(message)
        if "block" in message:
            self._block(message["block"], mask)
        elif "message" in message:
            self._message(message["message"], mask)
        elif "chat" in message:
            return self._chat(message["chat"], mask)
        elif "done" in message:
            self._done = True
        elif "heartbeat" not in message:
            self._notification(message)
        return None

    def _piece(self, made: type[Text | Thinking], message: Mapping[str, Any]) -> Event | None:
        # `set` brings the first piece of a block, `append` the others. An empty string may be left out.
        if message.get("op") not in {"set", "append"}:
            raise BrokenAnswer("text comes with an unknown operation")
        block = message.get("block")
        part = block.get(_PARTS[made]) if isinstance(block, Mapping) else None
        text = part.get("content", "") if isinstance(part, Mapping) else None
        if not isinstance(text, str):
            raise BrokenAnswer("a piece of text is no text")
        if not text:
            return None
        self._wrote = self._wrote or made is Text
        return made(text)

    def _block(self, block: object, mask: object) -> None:
        if not isinstance(block, Mapping):
            raise BrokenAnswer("a block is no object")
        if "exception" in block:
            raise self._error(block["exception"])
        if self._answering and not block.keys().isdisjoint(_PARTS.values()):
            # Passing over it could leave a hole in the answer.
            self._drift.note(Kind.KIMI, "mask", mask)
            raise BrokenAnswer("text comes under an unknown mask")
        self._check_mask(mask)

    def _message(self, message: object, mask: object) -> None:
        if not isinstance(message, Mapping):
            raise BrokenAnswer("a message is no object")
        self._check_mask(mask)
        role, status = message.get("role"), message.get("status")
        if isinstance(role, str):
            self._answering = role == "assistant"
        if self._answering and isinstance(status, str):
            self._status = status
            if status not in {_GENERATING, _COMPLETED}:
                self._drift.note(Kind.KIMI, "status", status)

    def _chat(self, chat: object, mask: object) -> Event | None:
        if not isinstance(chat, Mapping):
            raise BrokenAnswer("a chat is no object")
        self._check_mask(mask)
        chat_id = chat.get("id")
        if not isinstance(chat_id, str) or not chat_id or chat_id == self._chat_id:
            return None
        self._chat_id = chat_id
        return ChatOpened(chat_id)

    def _notification(self, message: Mapping[str, Any]) -> None:
        notification = message.get("notification")
        if isinstance(notification, Mapping):
            if notification.get("type") not in _NOTIFICATIONS:
                self._drift.note(Kind.KIMI, "notification", notification.get("type"))
            return
        self._drift.note(Kind.KIMI, "message", next(iter(message.keys() - {"op", "mask", "eventOffset"}), "empty"))

    def _check_mask(self, mask: object) -> None:
        if mask is None:
            return
        if not isinstance(mask, str) or ".".join(mask.split(".")[:2]) not in _NOTHING_TO_READ:
            self._drift.note(Kind.KIMI, "mask", mask)

    def _error(self, said: object) -> KimiError:
        complaint = complaints.of_object(Kind.KIMI, said)
        if complaint is None:
            return BrokenAnswer("the stream reports an error without words")
        return classify(complaint, self._drift)

    def _finish(self, trailer: Mapping[str, Any]) -> Finish:
        if trailer.get("error") is not None:
            raise self._error(trailer)
        # A message that was generating has to be completed; without any status the trailer alone is the word for it.
        complete = self._status in {"", _COMPLETED} or (self._status == _GENERATING and self._done)
        if not complete:
            raise BrokenAnswer("the stream ended before the answer was complete")
        if not self._wrote:
            raise BrokenAnswer("the answer is empty")
        return Finish("stop")


def _question(chat: Chat, model: ConnectModel) -> dict[str, Any]:
    folded = beside_system(chat.messages)
    search = Feature.SEARCH in chat.features
    options: dict[str, Any] = {"thinking": model.thinking, "enable_plugin": search}
    if model.effort is not None:
        options["reasoning_effort"] = model.effort
    if folded.system is not None:
        options["system_prompt"] = folded.system
    question: dict[str, Any] = {
        "scenario": model.scenario,
        "tools": [{"type": "TOOL_TYPE_SEARCH", "search": {}}] if search else [],
        "message": {
            "id": "",
            "children_message_ids": [],
            "role": "user",
            "blocks": [{"id": "", "message_id": "", "text": {"content": folded.text}}],
            "scenario": model.scenario,
            "labels": [],
            "references": [],
            "is_goal": False,
        },
        "options": options,
        "project_id": "",
    }
    if model.kimiplus_id is not None:
        question["kimiplus_id"] = model.kimiplus_id
    return question
