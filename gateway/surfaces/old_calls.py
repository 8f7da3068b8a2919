"""Chat completions as they were before there were tools: a request with `functions` gets a `function_call`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import orjson

from gateway.surfaces.chat_completions import ChatAnswer, ChatStream
from gateway.surfaces.wire import literals
from kimi.events import ToolCall

_REASON: Final = {"tool_calls": "function_call"}


class OldChatStream(ChatStream):
    """Events as chunks. There was one call to an answer, and it had no id."""

    def _call(self, event: ToolCall) -> Iterator[bytes]:
        if event.index:
            return
        name = {"name": event.name or ""} if not self._calls else {}
        self._calls[event.index] = ""
        for piece in literals(event.arguments):
            yield self._chunk(b'"function_call":%b' % orjson.dumps({**name, "arguments": orjson.Fragment(piece)}))
            name = {}

    def _finish(self, reason: str) -> bytes:
        return super()._finish(_REASON.get(reason, reason))


class OldChatAnswer(ChatAnswer):
    """Events as one `chat.completion`."""

    def _choice(self) -> dict[str, Any]:
        choice = super()._choice()
        calls = choice["message"].pop("tool_calls", ())
        if calls:
            choice["message"]["function_call"] = calls[0]["function"]
        choice["finish_reason"] = _REASON.get(choice["finish_reason"], choice["finish_reason"])
        return choice
