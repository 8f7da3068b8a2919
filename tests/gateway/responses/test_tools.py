"""Tools of Responses as functions."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.errors import BadRequest
from gateway.explaining import describe
from gateway.harmless import is_harmless
from gateway.surfaces.tools import tools
from kimi.models import select
from tests.gateway.responses.asking import LOOK, asked


def test_tools_become_functions() -> None:
    grammar = {"type": "grammar", "syntax": "lark", "definition": 'start: "x"'}
    question = asked(
        tools=[
            LOOK,
            {"type": "custom", "name": "apply_patch", "description": "Edits.", "format": grammar},
            {"type": "namespace", "name": "mcp__files__", "description": "Files", "tools": [{**LOOK, "name": "read"}]},
            {"type": "image_generation", "output_format": "png"},
            {"type": "function", "name": "bare", "parameters": None},
        ]
    )
    look, patch, read, bare = (tool["function"] for tool in question.chat["tools"])
    assert look == {"name": "look", "description": "Looks.", "strict": True, "parameters": {"type": "object"}}
    assert patch["parameters"]["required"] == ["input"]
    assert patch["description"].startswith("Edits.") and 'start: "x"' in patch["description"]
    assert (read["name"], bare["parameters"]) == ("mcp__files__read", {"type": "object", "properties": {}})
    origin = question.tools.origin("mcp__files__read")
    assert (origin.namespace, origin.name, origin.form) == ("mcp__files__", "read", "function")
    assert question.places.of("tools[2].function.parameters.type") == "tools[2].tools[0].parameters.type"
    assert question.places.of("tools[3]") == "tools[4]"


def test_a_name_that_is_too_long_ends_in_what_tells_it_apart() -> None:
    tools = [{**LOOK, "name": f"{'x' * 60}{n}"} for n in range(2)]
    question = asked(tools=[{"type": "namespace", "name": "mcp__files", "description": "", "tools": tools}])
    first, second = (tool["function"]["name"] for tool in question.chat["tools"])
    assert len(first) == len(second) == 64 and first != second
    assert question.tools.origin(second).name == tools[1]["name"]


@pytest.mark.parametrize(
    ("tool", "searches"),
    [
        ({"type": "web_search"}, True),
        ({"type": "web_search_preview_2025_03_11"}, True),
        ({"type": "web_search", "external_web_access": True}, True),
        ({"type": "web_search", "external_web_access": False}, False),
    ],
)
def test_kimi_searches_itself(tool: dict[str, Any], searches: bool) -> None:
    question = asked(tools=[tool])
    assert "tools" not in question.chat
    assert question.understood().search is (True if searches else None)


@pytest.mark.parametrize(
    ("choice", "meant"),
    [
        ("auto", "auto"),
        ("required", "required"),
        ({"type": "function", "name": "look"}, {"type": "function", "function": {"name": "look"}}),
        ({"type": "custom", "name": "edit"}, {"type": "function", "function": {"name": "edit"}}),
        ({"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "look"}]}, "required"),
    ],
)
def test_choices(choice: Any, meant: Any) -> None:
    question = asked(tools=[{"type": "custom", "name": "edit"}, LOOK], tool_choice=choice)
    assert question.chat["tool_choice"] == meant
    if isinstance(choice, dict) and choice["type"] == "allowed_tools":
        assert [tool["function"]["name"] for tool in question.chat["tools"]] == ["look"]
        assert question.places.of("tools[0].function.name") == "tools[1].name"


def test_a_search_can_be_demanded() -> None:
    for choice in ({"type": "web_search_preview"}, "required"):
        question = asked(tools=[{"type": "web_search_preview"}], tool_choice=choice)
        assert question.chat["use_search"] is True
        assert "tool_choice" not in question.chat
        with pytest.raises(BadRequest) as refused:
            question.understood().narrow(select("kimi-k2.6", ("moonshot:kimi-k2.6",)))
        assert question.told(describe(refused.value, "r")).param == "tool_choice"


def test_no_tool_is_no_search_either() -> None:
    assert asked(tools=[{"type": "web_search"}, LOOK], tool_choice="none").understood().search is None


@pytest.mark.parametrize("tools", [[], [{"type": "web_search"}]])
def test_nothing_is_said_of_functions_where_there_are_none(tools: list[Any]) -> None:
    """Codex says how to choose also where it sums a session up, without any tools."""
    chat = asked(tools=tools, tool_choice="auto", parallel_tool_calls=False).chat
    assert chat.keys() & {"tools", "tool_choice", "parallel_tool_calls"} == set()


def test_a_function_that_is_demanded_has_to_be_there() -> None:
    for choice in ("required", {"type": "function", "name": "look"}):
        refused = asked(tool_choice=choice).understood().beyond_web
        assert refused is not None and refused.param == "tool_choice"


def test_the_name_of_a_tool_harms_no_channel() -> None:
    with pytest.raises(BadRequest) as refused:
        asked(tools=[{**LOOK, "name": "get_balance"}, {"type": "custom", "name": "get_balance"}])
    assert is_harmless(str(refused.value))
    twice = {"type": "function", "function": {"name": "get_balance"}}
    with pytest.raises(BadRequest) as refused:
        tools({"tools": [twice, twice]})
    assert is_harmless(str(refused.value))
