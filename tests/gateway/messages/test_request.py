from __future__ import annotations

from typing import Any

import pytest

from gateway.errors import BadRequest
from gateway.surfaces.chat_request import understand
from gateway.surfaces.messages.request import Question, as_chat
from tests.timing import within

HI: dict[str, Any] = {"model": "kimi", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
SCHEMA = {"type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"]}
LOOK = {"name": "look", "description": "Looks.", "input_schema": SCHEMA, "cache_control": {"type": "ephemeral"}}
FUNCTION = {"name": "look", "description": "Looks.", "parameters": SCHEMA}
SEARCH = {"type": "web_search_20250305", "name": "web_search", "max_uses": 5}


def asked(**more: Any) -> Question:
    return as_chat({**HI, **more})


def fields(**more: Any) -> dict[str, Any]:
    """What is said beside the question itself."""
    body = dict(asked(**more).body)
    return {name: body[name] for name in body.keys() - {"model", "messages", "stream", "max_tokens"}}


def refused(**more: Any) -> str:
    with pytest.raises(BadRequest) as caught:
        asked(**more)
    return caught.value.param or ""


def test_a_plain_question() -> None:
    question = asked(model=" claude-sonnet-4-5 ", stream=True)
    assert (question.model, question.thinking) == ("claude-sonnet-4-5", "hidden")
    assert question.body == {**HI, "model": "claude-sonnet-4-5", "stream": True}


def test_what_only_anthropic_knows_is_left_alone() -> None:
    told = {
        "metadata": {"user_id": "somebody"},
        "top_k": 5,
        "service_tier": "auto",
        "container": None,
        "context_management": {"edits": []},
        "cache_control": {"type": "ephemeral"},
        "mcp_servers": [],
        "anthropic_beta": ["x"],
    }
    assert fields(**told) == {}


def test_sampling_and_stops_have_their_names_of_chat_completions() -> None:
    told = fields(temperature=0.5, top_p=0.9, stop_sequences=["END"])
    assert told == {"temperature": 0.5, "top_p": 0.9, "stop": ["END"]}
    assert understand(asked(stop_sequences=["END"]).body).limits.stop == ("END",)
    assert fields(temperature=None, stop_sequences=[]) == {}


@pytest.mark.parametrize(
    ("more", "where"),
    [
        ({"model": None}, "model"),
        ({"model": " "}, "model"),
        ({"max_tokens": None}, "max_tokens"),
        ({"stream": "perhaps"}, "stream"),
        ({"stop_sequences": "END"}, "stop_sequences"),
        ({"stop_sequences": [7]}, "stop_sequences"),
        ({"stop_sequences": ["x"] * 17}, "stop_sequences"),
        ({"mcp_servers": [{"type": "url"}]}, "mcp_servers"),
        ({"output_config": "high"}, "output_config"),
        ({"output_config": {"format": {"type": "json_object"}}}, "output_config.format.type"),
        ({"output_config": {"format": {"type": "json_schema"}}}, "output_config.format.schema"),
        ({"output_config": {"effort": "extreme"}}, "output_config.effort"),
        ({"output_format": {"type": "json_schema", "schema": 7}}, "output_format.schema"),
        ({"thinking": {"type": "perhaps"}}, "thinking.type"),
        ({"thinking": True}, "thinking.type"),
        ({"thinking": {"type": "enabled"}}, "thinking.budget_tokens"),
        ({"thinking": {"type": "enabled", "budget_tokens": "many"}}, "thinking.budget_tokens"),
        ({"tools": {}}, "tools"),
        ({"tools": ["look"]}, "tools.0"),
        ({"tools": [LOOK, {"type": "bash_20250124", "name": "bash"}]}, "tools.1.type"),
        ({"tools": [{"type": 7}]}, "tools.0.type"),
        ({"tools": [{**LOOK, "name": ""}]}, "tools.0.name"),
        ({"tools": [{**LOOK, "description": 7}]}, "tools.0.description"),
        ({"tools": [{**LOOK, "input_schema": None}]}, "tools.0.input_schema"),
        ({"tools": [LOOK], "tool_choice": "any"}, "tool_choice.type"),
        ({"tools": [LOOK], "tool_choice": {"type": ["any"]}}, "tool_choice.type"),
        ({"tools": [LOOK], "tool_choice": {"type": "tool", "name": "find"}}, "tool_choice.name"),
        ({"tools": [SEARCH], "tool_choice": {"type": "tool", "name": ["web_search"]}}, "tool_choice.name"),
        ({"tool_choice": {"type": "any"}}, "tool_choice"),
    ],
)
def test_what_cannot_be_understood_is_named(more: dict[str, Any], where: str) -> None:
    assert refused(**more) == where


def test_counting_needs_no_limit() -> None:
    question = as_chat({name: HI[name] for name in ("model", "messages")}, purpose="count")
    assert "max_tokens" not in question.body


@pytest.mark.parametrize(
    ("thinking", "effort", "told", "shown"),
    [
        (None, None, {}, "hidden"),
        (None, "high", {}, "hidden"),
        ({"type": "disabled"}, "high", {"thinking": {"type": "disabled"}}, "hidden"),
        ({"type": "adaptive"}, None, {}, "shown"),
        ({"type": "between_tools"}, None, {}, "shown"),
        ({"type": "adaptive", "display": "omitted"}, "xhigh", {"reasoning_effort": "max"}, "omitted"),
        (
            {"type": "enabled", "budget_tokens": 1_024},
            None,
            {"thinking": {"type": "enabled"}, "reasoning_effort": "low"},
            "shown",
        ),
        (
            {"type": "enabled", "budget_tokens": 31_999, "display": "summarized"},
            "medium",
            {"thinking": {"type": "enabled"}, "reasoning_effort": "high"},
            "shown",
        ),
    ],
)
def test_thinking(thinking: Any, effort: str | None, told: dict[str, Any], shown: str) -> None:
    more = {"thinking": thinking, "output_config": {"effort": effort}}
    assert fields(**more) == told
    assert asked(**more).thinking == shown
    understand(asked(**more).body)


def test_clients_with_tools_are_shown_thinking_that_they_have_not_asked_for() -> None:
    assert asked(tools=[LOOK]).thinking == "shown"
    assert asked(tools=[SEARCH]).thinking == "hidden"
    assert asked(tools=[LOOK], thinking={"type": "disabled"}).thinking == "hidden"


@pytest.mark.parametrize("place", ["output_config", "output_format"])
def test_an_answer_in_json(place: str) -> None:
    form = {"type": "json_schema", "schema": SCHEMA}
    told = fields(**{place: {"format": form} if place == "output_config" else form})
    assert told == {
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True},
        }
    }


@pytest.mark.parametrize("place", ["output_config.format", "output_format"])
def test_a_schema_that_is_none_is_found_where_the_client_has_it(place: str) -> None:
    form = {"type": "json_schema", "schema": {"type": "whatever"}}
    question = asked(**{"output_config": {"format": form}} if place == "output_config.format" else {place: form})
    wrong = understand(question.body).beyond_web
    assert wrong is not None and wrong.param is not None
    assert question.places.of(wrong.param).startswith(f"{place}.schema")


def test_tools_are_functions() -> None:
    told = fields(tools=[LOOK, {**LOOK, "type": "custom", "name": "find", "strict": True}])
    assert told["tools"] == [
        {"type": "function", "function": FUNCTION},
        {"type": "function", "function": {**FUNCTION, "name": "find", "strict": True}},
    ]


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        ({"type": "auto"}, {"tool_choice": "auto"}),
        ({"type": "any"}, {"tool_choice": "required"}),
        ({"type": "none"}, {"tool_choice": "none"}),
        ({"type": "tool", "name": "look"}, {"tool_choice": {"type": "function", "function": {"name": "look"}}}),
        (
            {"type": "any", "disable_parallel_tool_use": True},
            {"tool_choice": "required", "parallel_tool_calls": False},
        ),
        ({"type": "auto", "disable_parallel_tool_use": False}, {"tool_choice": "auto"}),
        (None, {}),
    ],
)
def test_choices_among_tools(choice: Any, told: dict[str, Any]) -> None:
    found = fields(tools=[LOOK], tool_choice=choice, thinking={"type": "adaptive"})
    found.pop("tools")
    assert found == told


def test_tools_that_are_deferred_are_offered_once_they_were_found() -> None:
    later = {**LOOK, "name": "find", "defer_loading": True}
    assert [each["function"]["name"] for each in fields(tools=[later, LOOK])["tools"]] == ["look"]
    found = [{"type": "tool_reference", "tool_name": "find"}]
    result = {"type": "tool_result", "tool_use_id": "t", "content": found}
    call = {"type": "tool_use", "id": "t", "name": "look", "input": {}}
    turns = [*HI["messages"], {"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]
    offered = fields(tools=[later, LOOK], messages=turns)["tools"]
    assert [each["function"]["name"] for each in offered] == ["find", "look"]


def test_many_deferred_tools_and_results_are_read_in_a_moment() -> None:
    tools = [{**LOOK, "name": f"t{number}", "defer_loading": True} for number in range(10_000)]
    found = [{"type": "tool_reference", "tool_name": f"x{number}"} for number in range(100_000)]
    turns = [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": found}]}]
    with within(5):  # each tool looked for in all that was found took minutes
        assert "tools" not in fields(tools=tools, messages=turns)
    assert refused(tools=[*tools, LOOK]) == "tools"


@pytest.mark.parametrize("choice", [{"type": "any"}, {"type": "tool", "name": "look"}])
def test_where_a_call_has_to_be_made_nobody_thinks_unless_it_is_asked_for(choice: Any) -> None:
    assert fields(tools=[LOOK], tool_choice=choice)["thinking"] == {"type": "disabled"}
    assert "thinking" not in fields(tools=[LOOK], tool_choice={"type": "auto"})


@pytest.mark.parametrize("choice", [None, {"type": "tool", "name": "web_search"}, {"type": "any"}, {"type": "auto"}])
def test_anthropics_search_is_kimis_own(choice: Any) -> None:
    assert fields(tools=[SEARCH], tool_choice=choice) == {"use_search": True}
    assert understand(asked(tools=[SEARCH], tool_choice=choice).body).search is True


def test_fields_of_the_client_are_found_for_those_that_were_made_of_them() -> None:
    question = asked(tools=[SEARCH, LOOK])
    for made, own in {
        "tools[0].function.name": "tools.1.name",
        "tools[0].function.parameters": "tools.1.input_schema",
        "use_search": "tools",
        "stop": "stop_sequences",
        "top_p": "top_p",
    }.items():
        assert question.places.of(made) == own
