"""The Connect dialect of Kimi's web chat: one call, whose answer is a stream of envelopes with JSON in them.

What its requests say stands in `connect_request`, what its answers say in `connect_reader` and `connect_sources`; the
names of the plan stand in `membership`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping
from typing import Any

import orjson

from kimi.accounts import Account, Kind
from kimi.chat import Chat, Upload
from kimi.errors import RequestInvalid
from kimi.events import Batch, ChatOpened
from kimi.files import Blob
from kimi.http import Answer
from kimi.upstreams import complaints, envelopes, membership
from kimi.upstreams.connect_files import ConnectFiles
from kimi.upstreams.connect_reader import Reader
from kimi.upstreams.connect_request import question
from kimi.upstreams.faults import classify
from kimi.upstreams.identity import web_headers
from kimi.upstreams.line import Line
from kimi.web_models import connect_model

_CHAT_PATH = "/apiv2/kimi.gateway.chat.v1.ChatService/Chat"
_DELETE_PATH = "/apiv2/kimi.chat.v1.ChatService/DeleteChat"


class Connect:
    """Answers chats with accounts of kind `kimi`."""

    def __init__(self, line: Line, clock: Callable[[], float] = time.time) -> None:
        self._line = line
        self._clock = clock

    def stream(self, chat: Chat, account: Account, token: str) -> Generator[Batch]:
        """See `Upstream.stream`. The chat is announced as soon as the answer names it, or before it is continued."""
        model = connect_model(chat.model, chat.features, chat.effort)
        if model is None:
            raise RequestInvalid(f"the Connect dialect has no model {chat.model!r}", param="model")
        chat_id = "" if chat.behind is None else chat.behind.chat_id
        if chat_id:
            yield (ChatOpened(chat_id),)
        finish = yield from self._line.stream(
            _CHAT_PATH,
            account,
            headers=self._headers(account, token, "application/connect+json"),
            content=envelopes.encode(orjson.dumps(question(chat, model))),
            reader=Reader(self._line.drift, chat_id, token),
            continues=bool(chat_id),
        )
        yield (finish,)

    def upload(self, blob: Blob, account: Account, token: str, alive: Callable[[], object]) -> Upload:
        """See `TakesFiles.upload`."""
        return ConnectFiles(self._line).upload(blob, account, token, alive)

    def delete_chat(self, chat_id: str, account: Account, token: str) -> None:
        """See `KeepsChats.delete_chat`."""
        answer = self._call(_DELETE_PATH, {"chat_id": chat_id}, account, token)
        if answer.status == 200 and answer.body == b"{}":  # nothing to look into, as nearly always
            return
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
