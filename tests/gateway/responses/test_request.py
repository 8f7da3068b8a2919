"""Bodies of Responses as bodies of chat completions, and what cannot be one."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.errors import BadRequest
from gateway.explaining import describe
from kimi.errors import ConversationLost
from tests.gateway.responses.asking import GROUP, LOOK, asked


def test_wishes_have_other_names() -> None:
    question = asked(
        max_output_tokens=7,
        reasoning={"effort": "high", "summary": "auto"},
        tools=[LOOK],
        temperature=0.5,
        prompt_cache_key="k",
        parallel_tool_calls=False,
        stream=True,
        include=["reasoning.encrypted_content"],
        truncation="auto",
        service_tier="auto",
        metadata={"a": "b"},
        store=False,
        text={"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": True}},
    )
    assert {name: value for name, value in question.chat.items() if name not in ("messages", "model", "tools")} == {
        "stream": True,
        "temperature": 0.5,
        "prompt_cache_key": "k",
        "parallel_tool_calls": False,
        "max_completion_tokens": 7,
        "reasoning_effort": "high",
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": True},
        },
    }
    assert question.is_kept is False
    assert asked().is_kept is True
    assert "response_format" not in asked(text={"format": {"type": "text"}, "verbosity": "low"}).chat
    assert asked(text={"format": {"type": "json_object"}}).chat["response_format"] == {"type": "json_object"}


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"input": None}, "input"),
        ({"input": []}, "input"),
        ({"input": 7}, "input"),
        ({"input": ["hi"]}, "input[0]"),
        ({"input": [{"type": "compaction", "encrypted_content": "x"}]}, "input[0].type"),
        ({"input": [{"role": "robot", "content": "x"}]}, "input[0].role"),
        ({"input": [{"role": "user", "content": 7}]}, "input[0].content"),
        ({"input": [{"role": "user", "content": [{"type": "input_audio"}]}]}, "input[0].content[0].type"),
        ({"input": [{"role": "user", "content": [{"type": "input_text"}]}]}, "input[0].content[0].text"),
        ({"input": [{"type": "function_call", "call_id": "c", "name": "x"}]}, "input[0].arguments"),
        ({"input": [{"type": "function_call", "name": "x", "arguments": "{}"}]}, "input[0].call_id"),
        ({"input": [{"type": "function_call_output", "output": "x"}]}, "input[0].call_id"),
        ({"input": [{"type": "function_call_output", "name": 7, "output": "x"}]}, "input[0].name"),
        ({"input": [{"type": "agent_message", "content": [{"type": "encrypted"}]}]}, "input[0].content[0].type"),
        ({"input": [{"type": "item_reference", "id": "msg_of_another_kind"}]}, "input[0].id"),
        ({"instructions": ["x"]}, "instructions"),
        ({"tools": {}}, "tools"),
        ({"tools": [{"type": "file_search", "vector_store_ids": ["x"]}]}, "tools[0].type"),
        ({"tools": [{"type": "mcp", "server_label": "x"}]}, "tools[0].type"),
        ({"tools": [{"type": "function"}]}, "tools[0].name"),
        ({"tools": [LOOK, {"type": "custom", "name": "look"}]}, "tools[1]"),
        ({"tools": [{**GROUP, "name": "n" * 257}]}, "tools[0].name"),
        ({"tools": [{**LOOK, "name": f"look{n}"} for n in range(10_001)]}, "tools[10000]"),
        ({"tools": [{"type": "namespace", "name": "n", "tools": [{"name": "x"}]}]}, "tools[0].tools[0]"),
        ({"tools": [{"type": "namespace", "name": "n", "tools": [GROUP]}]}, "tools[0].tools[0].type"),
        ({"tool_choice": {"type": "file_search"}}, "tool_choice"),
        ({"tool_choice": 7}, "tool_choice"),
        ({"text": {"format": {"type": "xml"}}}, "text.format"),
        ({"text": "json"}, "text"),
        ({"reasoning": "high"}, "reasoning"),
        ({"previous_response_id": "a b"}, "previous_response_id"),
        ({"previous_response_id": 7}, "previous_response_id"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"background": True}, "background"),
        ({"prompt": {"id": "pmpt_1"}}, "prompt"),
    ],
)
def test_what_cannot_be_served_is_refused_by_its_name(body: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        asked(**body)
    assert refused.value.param == param


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"reasoning": {"effort": "much"}}, "reasoning.effort"),
        ({"model": ""}, "model"),
        ({"input": [{"role": "user", "content": " "}]}, "input"),
    ],
)
def test_what_the_one_parser_refuses_is_told_in_the_clients_words(body: dict[str, Any], param: str) -> None:
    question = asked(**body)
    with pytest.raises(BadRequest) as refused:
        question.understood()
    told = question.told(describe(refused.value, "r"))
    assert told.param == param
    assert f"`{param}`" in told.message


def test_a_file_that_is_none_is_told_by_its_place() -> None:
    content = [{"type": "input_text", "text": "x"}, {"type": "input_image", "image_url": "ftp://x"}]
    question = asked(input=[{"role": "user", "content": content}])
    refused = question.understood().beyond_web
    assert refused is not None
    assert question.told(describe(refused, "r")).param == "input[0].content[1].image_url"


def test_a_response_that_is_gone_is_told_with_what_to_do() -> None:
    question = asked(previous_response_id="resp_1")
    told = question.told(describe(ConversationLost("gone"), "r"))
    assert (told.status, told.code, told.param) == (400, "previous_response_not_found", "previous_response_id")
    assert "send the whole input" in told.message
