from __future__ import annotations

from typing import Any

import pytest

from gateway.errors import BadRequest
from gateway.surfaces.chat_request import understand
from gateway.surfaces.tools import MOST_BYTES, MOST_TOOLS, calls, tools
from kimi.chat import Call, Tool, Tools

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
F = {"type": "function", "function": {"name": "f", "description": "Does.", "parameters": SCHEMA, "strict": True}}
G = {"type": "function", "function": {"name": "g"}}
MADE_F, MADE_G = Tool("f", "Does.", SCHEMA), Tool("g")


def offered(**fields: Any) -> Tools | None:
    return tools({"tools": [F, G]} | fields)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, Tools((MADE_F, MADE_G))),
        ({"tool_choice": "auto", "parallel_tool_calls": None}, Tools((MADE_F, MADE_G))),
        ({"tool_choice": "none"}, Tools((MADE_F, MADE_G), "none")),
        ({"tool_choice": "required"}, Tools((MADE_F, MADE_G), "required")),
        ({"tool_choice": "any"}, Tools((MADE_F, MADE_G), "required")),
        ({"tool_choice": {"type": "auto"}}, Tools((MADE_F, MADE_G))),
        ({"tool_choice": {"type": "function", "function": {"name": "g"}}}, Tools((MADE_F, MADE_G), "named", "g")),
        ({"tool_choice": {"type": "function", "name": "g"}}, Tools((MADE_F, MADE_G), "named", "g")),
        (
            {"tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [G]}}},
            Tools((MADE_G,), "required"),
        ),
        ({"parallel_tool_calls": False}, Tools((MADE_F, MADE_G), is_parallel=False)),
        ({"tools": None, "functions": [F["function"]]}, Tools((MADE_F,), is_parallel=False)),
        (
            {"tools": None, "functions": [F["function"]], "function_call": {"name": "f"}},
            Tools((MADE_F,), "named", "f", is_parallel=False),
        ),
        ({"tools": []}, None),
        ({"tools": [], "tool_choice": "none"}, None),
        ({"tools": None}, None),
    ],
)
def test_what_is_offered(fields: dict[str, Any], expected: Tools | None) -> None:
    assert offered(**fields) == expected


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tools": {}}, "tools"),
        ({"tools": ["f"]}, "tools[0].type"),
        ({"tools": [F, {"type": "web_search"}]}, "tools[1].type"),
        ({"tools": [{"type": "function"}]}, "tools[0].function"),
        ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function.name"),
        ({"tools": [{"type": "function", "function": {"name": 'a"b'}}]}, "tools[0].function.name"),
        (
            {"tools": [{"type": "function", "function": {"name": "a", "description": 3}}]},
            "tools[0].function.description",
        ),
        (
            {"tools": [{"type": "function", "function": {"name": "a", "parameters": []}}]},
            "tools[0].function.parameters",
        ),
        (
            {"tools": [{"type": "function", "function": {"name": "a", "parameters": {"type": "string"}}}]},
            "tools[0].function.parameters.type",
        ),
        ({"tools": [F, F]}, "tools[1]"),
        ({"tools": [G] * (MOST_TOOLS + 1)}, "tools"),
        ({"tools": [F, {"type": "function", "function": {"name": "g", "description": "x" * MOST_BYTES}}]}, "tools"),
        ({"tools": None, "functions": [{"name": "a", "parameters": 1}]}, "functions[0].parameters"),
        ({"tool_choice": "perhaps"}, "tool_choice"),
        ({"tool_choice": ["auto"]}, "tool_choice"),
        ({"tool_choice": {"type": "function", "function": {"name": "h"}}}, "tool_choice"),
        ({"tool_choice": {"type": "function", "name": ["f"]}}, "tool_choice"),
        ({"tool_choice": {"type": "allowed_tools"}}, "tool_choice"),
        (
            {"tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "h"}]}},
            "tool_choice",
        ),
        ({"tool_choice": {}}, "tool_choice"),
        ({"tools": None, "functions": [G["function"]], "function_call": {}}, "function_call"),
        ({"tools": [], "tool_choice": "required"}, "tool_choice"),
        ({"tools": None, "functions": [G["function"]], "function_call": {"name": "f"}}, "function_call"),
        ({"parallel_tool_calls": "perhaps"}, "parallel_tool_calls"),
    ],
)
def test_what_is_wrong_is_said_where_it_is(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as caught:
        offered(**fields)
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("parameters", "where"),
    [
        ({"type": "strng"}, ".type"),
        ({"properties": {"a": {"$ref": "http://127.0.0.1:1/a.json"}}}, ""),
        ({"properties": {"a": {"pattern": "("}}}, ".properties.a.pattern"),
    ],
)
def test_a_broken_schema_is_told_before_an_account_is_asked(parameters: dict[str, Any], where: str) -> None:
    with pytest.raises(BadRequest, match="no valid JSON schema") as caught:
        offered(tools=[{"type": "function", "function": {"name": "a", "parameters": parameters}}])
    assert caught.value.param == f"tools[0].function.parameters{where}"


def test_calls_come_back_as_they_were_made() -> None:
    made = [
        {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}},
        {"id": "c2", "function": {"name": "g", "arguments": {"a": 1}}},
        {"function": {"name": "g"}},
    ]
    assert calls({"tool_calls": made}, "messages[1]") == (
        Call("c1", "f", '{"a": 1}'),
        Call("c2", "g", '{"a":1}'),
        Call("call_of_messages[1].tool_calls[2]", "g", "{}"),
    )
    assert calls({"tool_calls": None}, "messages[1]") == ()


@pytest.mark.parametrize(
    ("item", "param"),
    [
        ({"tool_calls": {}}, "m.tool_calls"),
        ({"tool_calls": [3]}, "m.tool_calls[0]"),
        ({"tool_calls": [{"id": 3}]}, "m.tool_calls[0].id"),
        ({"tool_calls": [{"id": "c"}]}, "m.tool_calls[0].function.name"),
        ({"tool_calls": [{"function": {"name": "f", "arguments": 3}}]}, "m.tool_calls[0].function.arguments"),
        ({"function_call": "auto"}, "m.function_call.name"),
    ],
)
def test_what_is_no_call_is_said(item: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as caught:
        calls(item, "m")
    assert caught.value.param == param


def test_a_request_has_its_tools_and_all_of_it_is_counted() -> None:
    messages = [{"role": "user", "content": "hi"}]
    asked = understand({"model": "kimi", "messages": messages, "tools": [F]})
    assert asked.tools == Tools((MADE_F,)) and not asked.old_calls
    assert len(asked.read) == 2 and "Does." in asked.read[0].content
    assert understand({"model": "kimi", "messages": messages, "functions": [F["function"]]}).old_calls


def test_many_tools_can_have_dates_as_client_libraries_check_them() -> None:
    leap = r"(?:(?:\d\d[2468][048]|\d\d[13579][26]|\d\d0[48]|[02468][048]00|[13579][26]00)-02-29"
    day = r"\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\d|30)|02-(?:0[1-9]|1\d)))"
    date = {"type": "string", "pattern": rf"^{leap}|{day}T(?:(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d+)?)?Z)$"}
    span = {"type": "object", "properties": {"begins": date, "ends": date}}
    many = [{"type": "function", "function": {"name": f"f{n}", "parameters": span}} for n in range(45)]
    found = offered(tools=many)
    assert found is not None and len(found.offered) == 45
