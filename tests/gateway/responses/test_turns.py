"""Items of Responses as messages of chat completions."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gateway.responses.asking import LOOK, asked, messages
from tests.timing import within

PIXEL = "data:image/png;base64,iVBORw0KGgo="


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
    with within(1):
        assert messages(*items, {"role": "user", "content": "b"})[-1] == {"role": "user", "content": "b"}


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
