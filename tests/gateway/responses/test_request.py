"""Bodies of Responses as bodies of chat completions."""

from __future__ import annotations

import time
from typing import Any

import pytest

from gateway.errors import BadRequest
from gateway.explaining import describe
from gateway.problems import is_harmless
from gateway.surfaces.responses.request import Question, as_chat
from gateway.surfaces.tools import tools
from kimi.errors import ConversationLost
from kimi.models import select

PIXEL = "data:image/png;base64,iVBORw0KGgo="
LOOK = {"type": "function", "name": "look", "description": "Looks.", "parameters": {"type": "object"}, "strict": True}

GROUP = {"type": "namespace", "name": "mcp__files", "description": "Files", "tools": [LOOK]}


def asked(**body: Any) -> Question:
    return as_chat({"model": "kimi", "input": "hi", **body})


def messages(*items: Any, **body: Any) -> list[dict[str, Any]]:
    return list(asked(input=list(items), **body).chat["messages"])


def test_a_text_is_what_a_user_says_behind_the_instructions() -> None:
    assert asked(instructions="Be brief.").chat == {
        "model": "kimi",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}],
        "stream": None,
    }


def test_messages_in_all_their_forms() -> None:
    assert messages(
        {"role": "developer", "content": "Be brief."},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "a"}]},
        {"role": "assistant", "content": [{"type": "output_text", "text": "b", "annotations": []}], "id": "msg_1"},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}], "phase": "final_answer"},
        {"role": "user", "content": [{"type": "input_text", "text": "c"}, {"type": "input_text", "text": "d"}]},
    ) == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "b"},
        {"role": "assistant", "content": "No."},
        {"role": "user", "content": "c\nd"},
    ]


def test_files_and_images_become_those_of_chat_completions() -> None:
    image = {"type": "input_image", "image_url": PIXEL, "detail": "low"}
    file = {"type": "input_file", "filename": "a.pdf", "file_data": "JVBERi0="}
    link = {"type": "input_file", "file_url": "https://files.example/a.pdf"}
    content = [{"type": "input_text", "text": "What is this?"}, image, file, link]
    (message,) = messages({"role": "user", "content": content})
    assert message["content"] == [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": PIXEL, "detail": "low"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "JVBERi0="}},
        {"type": "file", "file": {"file_url": "https://files.example/a.pdf"}},
    ]
    understood = asked(input=[{"role": "user", "content": content}]).understood()
    assert [(each.where, each.is_image) for each in understood.messages[0].attachments] == [
        ("input[0].content[1]", True),
        ("input[0].content[2]", False),
        ("input[0].content[3]", False),
    ]


def test_calls_belong_to_what_the_assistant_said_and_results_follow() -> None:
    call = {"type": "function_call", "call_id": "c1", "name": "look", "arguments": '{"q":1}', "id": "fc_1"}
    other = {"type": "function_call", "call_id": "c2", "name": "look", "arguments": "{}"}
    assert messages(
        {"role": "user", "content": "a"},
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm."}]},
        {"role": "assistant", "content": "Let me see."},
        call,
        other,
        {"type": "function_call_output", "call_id": "c1", "output": "1"},
        {"type": "function_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "2"}]},
        {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "So."}]},
        {"type": "function_call", "call_id": "c3", "name": "look", "arguments": "{}"},
    )[1:] == [
        {
            "role": "assistant",
            "content": "Let me see.",
            "reasoning_content": "Hm.",
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"q":1}'}},
                {"id": "c2", "type": "function", "function": {"name": "look", "arguments": "{}"}},
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "1"},
        {"role": "tool", "tool_call_id": "c2", "content": "2"},
        {
            "role": "assistant",
            "content": "",
            "reasoning_content": "So.",
            "tool_calls": [{"id": "c3", "type": "function", "function": {"name": "look", "arguments": "{}"}}],
        },
    ]


def test_thinking_in_the_middle_stays_with_its_answer() -> None:
    thought = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]}
    call = {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"}
    (message,) = messages({"role": "assistant", "content": "a"}, thought, call)
    assert (message["content"], message["reasoning_content"], len(message["tool_calls"])) == ("a", "Hm.", 1)
    (message,) = messages(thought, call, thought, {**call, "call_id": "c2"})
    assert (message["reasoning_content"], len(message["tool_calls"])) == ("Hm.\n\nHm.", 2)


def test_thinking_that_came_to_nothing_belongs_to_no_later_answer() -> None:
    thought = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]}
    said = messages(thought, {"role": "user", "content": "b"}, {"role": "assistant", "content": "c"})
    assert said == [{"role": "user", "content": "b"}, {"role": "assistant", "content": "c"}]


MANY = 4_000


@pytest.mark.parametrize(
    "items",
    [
        [{"role": "system", "content": "a"}] * MANY + [{"id": "msg_ab_0"}] * MANY,
        [
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "x" * 1_000}]},
            {"type": "function_call", "call_id": "c", "name": "look", "arguments": "{}"},
        ]
        * MANY,
    ],
    ids=["references", "thoughts"],
)
def test_time_grows_with_the_items_and_not_with_their_square(items: list[Any]) -> None:
    began = time.process_time()
    assert messages(*items, {"role": "user", "content": "b"})[-1] == {"role": "user", "content": "b"}
    assert time.process_time() - began < 1


def test_custom_tools_and_namespaces_in_a_history() -> None:
    said = messages(
        {"type": "custom_tool_call", "call_id": "c1", "name": "apply_patch", "input": "*** Begin"},
        {"type": "function_call", "call_id": "c2", "name": "read", "namespace": "mcp__files", "arguments": "{}"},
        {"type": "tool_search_call", "call_id": "c3", "arguments": {"query": "x"}, "execution": "client"},
        {"type": "custom_tool_call_output", "call_id": "c1", "output": "Done."},
        {"type": "tool_search_output", "call_id": "c3", "tools": [LOOK], "execution": "client", "status": "completed"},
        {"type": "tool_search_call", "call_id": None, "arguments": {}, "execution": "server"},
        {"type": "tool_search_output", "call_id": None, "tools": [], "execution": "server"},
    )
    assert [call["function"] for call in said[0]["tool_calls"]] == [
        {"name": "apply_patch", "arguments": '{"input":"*** Begin"}'},
        {"name": "mcp__files__read", "arguments": "{}"},
        {"name": "tool_search", "arguments": '{"query":"x"}'},
    ]
    assert said[1:] == [
        {"role": "tool", "tool_call_id": "c1", "content": "Done."},
        {"role": "tool", "tool_call_id": "c3", "content": "These can be called now: look"},
    ]


def test_a_result_that_nobody_called_for_follows_a_call_of_its_own() -> None:
    """Codex brings so what comes from outside of a turn."""
    output = {"type": "function_call_output", "name": "inbox", "namespace": "mail", "output": "One new."}
    _, called, told = messages({"role": "user", "content": "a"}, output)
    (call,) = called["tool_calls"]
    assert call["function"] == {"name": "mail__inbox", "arguments": "{}"}
    assert told == {"role": "tool", "tool_call_id": call["id"], "content": "One new."}


def test_other_agents_have_their_say() -> None:
    said = [{"type": "input_text", "text": "Done."}]
    item = {"type": "agent_message", "author": "/root/a", "recipient": "/root", "content": said}
    assert messages(item) == [{"role": "user", "content": "Done."}]


def test_tools_can_come_with_the_input() -> None:
    found = {"type": "tool_search_output", "call_id": "c", "tools": [LOOK], "execution": "client"}
    more = {"type": "additional_tools", "role": "developer", "tools": [{**LOOK, "name": "see"}]}
    question = asked(input=[found, more, found, {"role": "user", "content": "hi"}])
    assert [tool["function"]["name"] for tool in question.chat["tools"]] == ["look", "see"]
    assert question.places.of("tools[1].function.parameters") == "input[1].tools[0].parameters"


def test_what_others_have_done_is_passed_over() -> None:
    search = {
        "type": "web_search_call",
        "id": "ws_1",
        "status": "completed",
        "action": {"type": "search", "query": "x"},
    }
    assert messages(search, {"role": "user", "content": "hi"}) == [{"role": "user", "content": "hi"}]


def test_a_reference_leads_to_the_response_that_its_item_is_of() -> None:
    """So the AI SDK speaks of all that it believes to be stored."""
    question = asked(
        input=[
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "a"},
            {"type": "item_reference", "id": "rs_0a1b_0"},
            {"type": "item_reference", "id": "fc_0a1b_1"},
            {"type": "function_call_output", "call_id": "c", "output": "1"},
            {"id": "msg_2c3d_0"},
            {"role": "user", "content": "b"},
        ]
    )
    assert question.follows == "resp_2c3d"
    assert question.chat["messages"] == [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "b"}]
    assert question.places.of("messages[1].content") == "input[6].content"


def test_a_response_that_is_named_has_the_items_that_are_referred_to() -> None:
    result = {"type": "function_call_output", "call_id": "c", "output": "1"}
    items = [result, {"type": "item_reference", "id": "msg_0a1b_0"}, {"role": "user", "content": "b"}]
    question = asked(input=items, previous_response_id="resp_2c3d")
    assert (question.follows, question.referred) == ("resp_2c3d", "")
    assert [each["content"] for each in question.chat["messages"]] == ["1", "b"]


def test_references_to_thoughts_lead_nowhere() -> None:
    """The AI SDK sends calls themselves, behind a reference to what was thought before."""
    call = {"type": "function_call", "call_id": "c", "name": "look", "arguments": "{}"}
    result = {"type": "function_call_output", "call_id": "c", "output": "1"}
    question = asked(
        input=[{"role": "user", "content": "a"}, {"type": "item_reference", "id": "rs_0a1b_0"}, call, result]
    )
    assert (question.follows, len(question.chat["messages"])) == ("", 3)


def test_a_reference_that_leads_nowhere_is_told_by_its_place() -> None:
    question = asked(input=[{"type": "item_reference", "id": "msg_0a1b_0"}, {"role": "user", "content": "a"}])
    told = question.told(describe(ConversationLost("gone"), "r"))
    assert (told.code, told.param) == ("previous_response_not_found", "input[0].id")
    assert "send items themselves" in told.message


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
