"""Whatever a body holds, it is understood or refused with a place in it."""

from __future__ import annotations

import re
from typing import Any, Final

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import BadRequest
from gateway.explaining import describe
from gateway.surfaces.responses.envelope import Envelope
from gateway.surfaces.responses.request import as_chat
from gateway.surfaces.wire import Identity

WORDS: Final = (
    *("message", "user", "assistant", "system", "input_text", "output_text", "input_image", "input_file", "text"),
    *("function_call", "function_call_output", "custom_tool_call", "custom_tool_call_output", "reasoning"),
    *("tool_search_call", "tool_search_output", "additional_tools", "item_reference", "web_search_call"),
    *("function", "custom", "namespace", "tool_search", "web_search", "allowed_tools", "client", "grammar"),
    *("json_schema", "json_object", "auto", "required", "look", "msg_ab_0", "rs_ab_0", "{}", "data:,x", ""),
)
NAMES: Final = (
    *("type", "role", "content", "text", "image_url", "file_data", "file_url", "file_id", "filename", "id", "call_id"),
    *("name", "namespace", "arguments", "input", "output", "summary", "tools", "execution", "parameters", "format"),
    *("description", "strict", "external_web_access", "mode", "effort", "schema", "syntax", "definition"),
)
FIELDS: Final = (
    *("input", "instructions", "tools", "tool_choice", "parallel_tool_calls", "text", "reasoning", "store", "stream"),
    *("previous_response_id", "max_output_tokens", "temperature", "metadata", "conversation", "background", "prompt"),
)
plain = st.none() | st.booleans() | st.integers(-2, 9) | st.floats(0, 2) | st.sampled_from(WORDS)
values = st.recursive(
    plain,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5),
    max_leaves=12,
)


@settings(deadline=None, max_examples=400)
@given(st.dictionaries(st.sampled_from(FIELDS), values, max_size=6))
def test_a_body_is_understood_or_refused(body: dict[str, Any]) -> None:
    place = refused({"model": "kimi", "input": "hi", **body})
    assert place is None or re.split(r"[.\[]", place)[0] in FIELDS


def refused(body: dict[str, Any]) -> str | None:
    """The place in `body` of what is wrong with it."""
    try:
        question = as_chat(body)
    except BadRequest as problem:
        return problem.param
    try:
        question.understood()
        envelope = Envelope(Identity(id="resp_ab", created=1, model="kimi"), body, question, clock=lambda: 1.0)
    except BadRequest as problem:
        return question.told(describe(problem, "r")).param
    assert orjson.loads(envelope.begun())["status"] == "in_progress"
    return None
