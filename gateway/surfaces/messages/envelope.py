"""What a stream and a whole message say in the same words.

Anthropic's schema wants all fields of all objects; those that say nothing here are null.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import orjson

from gateway.surfaces.messages.ids import outward
from gateway.surfaces.wire import Identity, literal
from kimi.errors import BrokenAnswer
from kimi.events import Annotation, Finish, FinishReason, ToolCall, Usage

NO_END: Final[Mapping[str, str | None]] = {
    "stop_reason": None,
    "stop_sequence": None,
    "stop_details": None,
    "container": None,
}
"""Of an answer that goes on."""
_ACCOUNT: Final[Mapping[str, Any]] = {
    "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
    "service_tier": "standard",
    "inference_geo": None,
}
"""What is billed in its own way: nothing here is."""
_LONGEST_TITLE: Final = 512
_ENDS: Final[Mapping[FinishReason, str]] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "content_filter": "refusal",
    "tool_calls": "tool_use",
}


def figures(usage: Usage) -> dict[str, Any]:
    """What an answer took. What was read from a cache is not among `input_tokens`."""
    cached = usage.cached or 0
    return {
        "input_tokens": max(usage.prompt - cached, 0),
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": cached,
        "output_tokens": usage.completion,
        "output_tokens_details": None if usage.reasoning is None else {"thinking_tokens": usage.reasoning},
        "server_tool_use": None,
    }


def end_of(finish: Finish, *, has_calls: bool) -> dict[str, str | None]:
    """Why an answer has ended. Clients run the tools that are called only where that is the reason."""
    reason = _ENDS["tool_calls" if has_calls and finish.reason == "stop" else finish.reason]
    if reason == "end_turn" and finish.stop:
        return {**NO_END, "stop_reason": "stop_sequence", "stop_sequence": finish.stop}
    return {**NO_END, "stop_reason": reason}


def message(
    identity: Identity, usage: Usage, content: Sequence[object], end: Mapping[str, str | None]
) -> dict[str, Any]:
    """A message, whole or only begun."""
    return {
        "id": orjson.Fragment(literal(identity.id)),
        "type": "message",
        "role": "assistant",
        "model": orjson.Fragment(literal(identity.model)),
        "content": content,
        **end,
        "usage": {**figures(usage), **_ACCOUNT},
    }


def text_block(text: bytes, cited: Sequence[object] | None = None) -> dict[str, Any]:
    """A block of text; `text` is JSON."""
    return {"type": "text", "text": orjson.Fragment(text), "citations": cited}


def thinking_block(text: bytes, signed: str) -> dict[str, Any]:
    """A block of what was thought; `text` is JSON."""
    return {"type": "thinking", "thinking": orjson.Fragment(text), "signature": signed}


def call_block(call: ToolCall, identity: Identity) -> dict[str, Any]:
    """The block of a call, without what it is called with."""
    return {
        "type": "tool_use",
        "id": outward(call.id) if call.id else f"toolu_{identity.id}_{call.index}",
        "name": orjson.Fragment(literal(call.name or "")),
        "input": {},
        "caller": {"type": "direct"},
    }


def checked(arguments: str) -> str:
    """`arguments` of a call that is whole, where there may be none. Raises `BrokenAnswer` where they are no object."""
    try:
        is_object = isinstance(orjson.loads(arguments or "{}"), dict)
    except orjson.JSONDecodeError:
        is_object = False
    if not is_object:
        raise BrokenAnswer("the arguments of a tool call are no JSON object")
    return arguments or "{}"


def citations(notes: Iterable[Annotation]) -> list[dict[str, Any]]:
    """The pages that a text draws on, each once: Anthropic has no positions for them."""
    titles = {note.url: note.title for note in notes}
    return [
        {
            "type": "web_search_result_location",
            "url": orjson.Fragment(literal(url)),
            "title": orjson.Fragment(literal(title[:_LONGEST_TITLE])),
            "cited_text": "",
            "encrypted_index": "",
        }
        for url, title in titles.items()
    ]
