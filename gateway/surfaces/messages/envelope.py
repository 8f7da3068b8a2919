"""What a stream and a whole message say in the same words."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping
from typing import Any, Final

import orjson

from gateway.surfaces.wire import Identity, literal
from kimi.chat import Annotation, Finish, FinishReason, ToolCall, Usage

_ENDS: Final[Mapping[FinishReason, str]] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "content_filter": "refusal",
    "tool_calls": "tool_use",
}


def usage_of(usage: Usage) -> dict[str, Any]:
    """The figures of an answer. What was read from a cache is not among `input_tokens`; nothing is billed for one."""
    cached = usage.cached or 0
    figures: dict[str, Any] = {
        "input_tokens": max(usage.prompt - cached, 0),
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": cached,
        "output_tokens": usage.completion,
    }
    if usage.reasoning is not None:
        figures["output_tokens_details"] = {"thinking_tokens": usage.reasoning}
    return figures


def end_of(finish: Finish, *, has_calls: bool) -> dict[str, str | None]:
    """Why an answer has ended. Clients run the tools that are called only where that is the reason."""
    reason = _ENDS["tool_calls" if has_calls and finish.reason == "stop" else finish.reason]
    if reason == "end_turn" and finish.stop:
        return {"stop_reason": "stop_sequence", "stop_sequence": finish.stop}
    return {"stop_reason": reason, "stop_sequence": None}


def head(identity: Identity) -> dict[str, Any]:
    """What stands first in a message."""
    named = {name: orjson.Fragment(literal(text)) for name, text in (("id", identity.id), ("model", identity.model))}
    return {"id": named["id"], "type": "message", "role": "assistant", "model": named["model"]}


def signature(identity: Identity) -> str:
    """What closes a thinking block. Nobody here checks it; Claude Code leaves out blocks without one."""
    return b64encode(identity.id.encode(errors="replace")).decode()


def call_block(call: ToolCall, identity: Identity) -> dict[str, Any]:
    """The block of a call, without what it is called with."""
    return {
        "type": "tool_use",
        "id": orjson.Fragment(literal(call.id or f"toolu_{identity.id}_{call.index}")),
        "name": orjson.Fragment(literal(call.name or "")),
        "input": {},
        "caller": {"type": "direct"},
    }


def citations(notes: Iterable[Annotation]) -> list[dict[str, Any]]:
    """The pages that a text draws on, each once: Anthropic has no positions for them."""
    titles = {note.url: note.title for note in notes}
    return [
        {
            "type": "web_search_result_location",
            "url": orjson.Fragment(literal(url)),
            "title": orjson.Fragment(literal(title)),
            "cited_text": "",
            "encrypted_index": "",
        }
        for url, title in titles.items()
    ]
