"""The classic dialect of Kimi's web chat: JSON calls, and an event stream for the answer.

All names that stand in its requests, answers and events stand in this file.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Iterator, Mapping
from typing import Any

import orjson

from kimi.accounts import Account, Kind
from kimi.chat import Answering, Chat, ChatOpened, Event, Feature, Finish, Text, Thinking
from kimi.errors import BrokenAnswer, ContentRefused, RequestInvalid, TokenRejected
from kimi.http import Answer, parse
from kimi.models import ClassicModel, classic_model
from kimi.upstreams import complaints, sse
from kimi.upstreams.drift import Drift
from kimi.upstreams.faults import classify
from kimi.upstreams.folding import into_one
from kimi.upstreams.identity import web_headers
from kimi.upstreams.line import Line

_TITLE = "未命名会话"  # what the vendor's page calls a new chat
_ID = re.compile(r"[\w-]{1,64}", re.ASCII)
_OVER = frozenset({200, 204, 404, 410})  # it is gone, now or before
_NOTHING_TO_READ = frozenset(
    {
        "req",
        "search_plus",
        "ref_docs",
        "rename",
        "ping",
        "debug",
        "done",
        "zone_set",
        "status",
        "search_info",
        "search_citation",
        "loading",
    }
)


class Classic:
    """Answers chats with accounts of kind `kimi-classic`."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def stream(self, chat: Chat, account: Account, token: str) -> Generator[Event]:
        """See `Upstream.stream`. The chat is announced as soon as it is made."""
        model = classic_model(chat.model, chat.features)
        if model is None:
            raise RequestInvalid(f"the classic dialect has no model {chat.model!r}", param="model")
        try:
            chat_id = self._create(model, account, token)
        except ContentRefused as refused:
            # Nothing was said so far that could have been refused: it is the account, and a refresh tells what ails it.
            raise TokenRejected(f"no chat could be made: {refused}") from refused
        yield ChatOpened(chat_id)
        yield from self._line.stream(
            f"/api/chat/{chat_id}/completion/stream",
            account,
            headers={**self._headers(account, token), "Referer": f"{self._line.host(account)}/chat/{chat_id}"},
            content=orjson.dumps(_completion(chat, model)),
            reader=Reader(self._line.drift),
        )

    def delete_chat(self, chat_id: str, account: Account, token: str) -> None:
        """See `KeepsChats.delete_chat`."""
        self._end("DELETE", f"/api/chat/{chat_id}", account, token)

    def cancel(self, chat_id: str, segment_id: str, account: Account, token: str) -> None:
        """See `Cancels.cancel`. Without it the account counts as streaming for a while after its reader has left."""
        self._end("POST", f"/api/chat/{chat_id}/cancel", account, token, {"segment_id": segment_id})

    def _end(self, method: str, path: str, account: Account, token: str, body: Mapping[str, Any] | None = None) -> None:
        answer = self._call(method, path, account, token, body)
        if answer.status not in _OVER:
            raise self._line.error(account, answer)
        if answer.status == 200 and answer.body.startswith(b"{"):
            self._refuse_error(account, answer)

    def _create(self, model: ClassicModel, account: Account, token: str) -> str:
        body = {"name": _TITLE, "is_example": False, "kimiplus_id": model.kimiplus_id, "enter_method": "new_chat"}
        answer = self._call("POST", "/api/chat", account, token, body)
        if answer.status not in {200, 201}:
            raise self._line.error(account, answer)
        self._refuse_error(account, answer)
        made = answer.json()
        chat_id = made.get("id") if isinstance(made, Mapping) else None
        if not isinstance(chat_id, str) or not _ID.fullmatch(chat_id):
            raise BrokenAnswer("a new chat came without an id")
        return chat_id

    def _call(
        self, method: str, path: str, account: Account, token: str, body: Mapping[str, Any] | None = None
    ) -> Answer:
        content = None if body is None else orjson.dumps(body)
        return self._line.call(method, path, account, headers=self._headers(account, token), content=content)

    def _headers(self, account: Account, token: str) -> dict[str, str]:
        return {**web_headers(account, token, self._line.host(account)), "Content-Type": "application/json"}

    def _refuse_error(self, account: Account, answer: Answer) -> None:
        body = answer.json()
        if isinstance(body, Mapping) and body.get("error_type"):
            raise self._line.error(account, answer)


class Reader:
    """Reads the event stream of one answer; see `kimi.upstreams.reading.Reader`."""

    def __init__(self, drift: Drift) -> None:
        self._drift = drift
        self._decoder = sse.Decoder()
        self._wrote = False
        self._at_limit = False

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """The events that `chunk` completes."""
        return self._events(self._decoder.feed(chunk))

    def close(self) -> Finish:
        """The stream has ended, which it may not do before `all_done`."""
        for event in self._events(self._decoder.close()):  # one that was cut off is no JSON
            if isinstance(event, Finish):
                return event
        raise BrokenAnswer("the stream ended before all_done")

    def _events(self, decoded: Iterable[sse.ServerSentEvent]) -> Iterator[Event]:
        for raw in decoded:
            message = parse(raw.data)
            if not isinstance(message, dict):
                raise BrokenAnswer("an event of the stream is no object")
            name = message.get("event")
            if name == "cmpl":
                if text := self._text(message):
                    self._wrote = True
                    yield Text(text)
            elif name == "k1":
                if text := self._text(message):
                    yield Thinking(text)
            elif name == "all_done":
                yield self._finish()
                return
            elif name == "resp":
                yield from self._begun(message)
            elif not isinstance(name, str) or name not in _NOTHING_TO_READ:
                self._rare(name, message)

    def _begun(self, message: Mapping[str, Any]) -> Iterator[Event]:
        segment_id = message.get("id")
        if isinstance(segment_id, str) and _ID.fullmatch(segment_id):
            yield Answering(segment_id)
        else:  # the answer can be read without it
            self._drift.note(Kind.CLASSIC, "event", "resp.without.id")

    def _finish(self) -> Finish:
        if self._at_limit:
            return Finish("length")
        if not self._wrote:
            raise BrokenAnswer("the answer is empty")
        return Finish("stop")

    def _rare(self, name: object, message: object) -> None:
        if name == "length":
            self._at_limit = True
            return
        complaint = complaints.of_object(Kind.CLASSIC, message)
        if name == "error" or (name is None and complaint is not None):
            if complaint is None:
                raise BrokenAnswer("the stream reports an error without words")
            raise classify(complaint, self._drift)
        self._drift.note(Kind.CLASSIC, "event", "without.name" if name is None else name)

    def _text(self, message: Mapping[str, Any]) -> str:
        text = message.get("text")
        if text is None:
            self._drift.note(Kind.CLASSIC, "event", f"{message['event']}.without.text")
            return ""
        if not isinstance(text, str):
            raise BrokenAnswer("the text of an event is no text")
        return text


def _completion(chat: Chat, model: ClassicModel) -> dict[str, Any]:
    research = Feature.RESEARCH in chat.features
    body: dict[str, Any] = {
        "kimiplus_id": model.kimiplus_id,
        "model": model.model,
        "messages": [{"role": "user", "content": into_one(chat.messages)}],
        "refs": [],
        "history": [],
        "scene_labels": [],
        "use_search": Feature.SEARCH in chat.features,
        "use_math": Feature.MATH in chat.features,
        "use_research": research,
        "extend": {"sidebar": True},
    }
    if research:
        body["use_deep_research"] = True
    return body
