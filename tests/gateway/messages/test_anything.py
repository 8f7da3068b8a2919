"""Whatever a client sends, it is understood or refused with a sentence."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import BadRequest
from gateway.surfaces.chat_request import understand
from gateway.surfaces.messages.request import as_chat

IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}}
DOCUMENT = {"type": "document", "title": "T", "source": {"type": "content", "content": [IMAGE]}}
BODY: dict[str, Any] = {
    "model": "kimi",
    "max_tokens": 9,
    "stream": True,
    "system": [{"type": "text", "text": "Be brief."}],
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "hi"}, IMAGE, DOCUMENT]},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "Hm.", "signature": "x"},
                {"type": "text", "text": "Well."},
                {"type": "tool_use", "id": "t", "name": "look", "input": {"q": 1}},
            ],
        },
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": "t", "content": [IMAGE], "is_error": True}],
        },
        {"role": "system", "content": "Be kind."},
    ],
    "tools": [{"name": "look", "input_schema": {"type": "object"}}, {"type": "web_search_20250305", "name": "search"}],
    "tool_choice": {"type": "tool", "name": "look", "disable_parallel_tool_use": True},
    "thinking": {"type": "enabled", "budget_tokens": 1_024, "display": "omitted"},
    "output_config": {"effort": "high", "format": {"type": "json_schema", "schema": {"type": "object"}}},
    "stop_sequences": ["END"],
    "temperature": 0.5,
}
SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(max_size=5)
)
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "text", "x"]), inner, max_size=2)
    ),
    max_leaves=6,
)


def places(value: Any, *before: Any) -> Iterator[tuple[Any, ...]]:
    """Where something stands in `value`."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*before, key)
        yield from places(inner, *before, key)


PLACES = list(places(BODY))


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(PLACES), JSON), min_size=1, max_size=3))
def test_what_is_wrong_anywhere_is_understood_or_refused(changes: list[tuple[tuple[Any, ...], Any]]) -> None:
    body = copy.deepcopy(BODY)
    for (*way, last), value in changes:
        holder: Any = body
        for key in way:
            holder = holder[key] if isinstance(holder, dict | list) and _has(holder, key) else None
        if isinstance(holder, dict) or (isinstance(holder, list) and _has(holder, last)):
            holder[last] = value
    with suppress(BadRequest):
        assert understand(as_chat(body).body).read


def _has(holder: Any, key: Any) -> bool:
    return key in holder if isinstance(holder, dict) else isinstance(key, int) and key < len(holder)


def test_the_body_that_is_changed_is_a_good_one() -> None:
    asked = understand(as_chat(BODY).body)
    assert (asked.model, asked.stream, len(asked.messages)) == ("kimi", True, 6)
