"""Tools with accounts of the web chat: offered and called in words, told to clients as every other model's."""

from __future__ import annotations

from typing import Any

import pytest
from openai import APIStatusError, BadRequestError, OpenAI

from tests.features.asking import answers, ask, asked, complaint, seen
from tests.features.kinds import streaming
from tests.system.stack import KEY, Stack

PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS = [
    {"type": "function", "function": {"name": "get_weather", "description": "Rain or not.", "parameters": PARAMETERS}},
    {"type": "function", "function": {"name": "clock"}},
]
BONN = {"name": "get_weather", "arguments": {"city": "Bonn"}}
CALLED = {"name": "get_weather", "arguments": '{"city":"Bonn"}'}


@streaming
def test_a_tool_is_called(house: Stack, streamed: bool) -> None:
    answers(house, "Let me look.", calls=[BONN])
    answer = ask(house, "Rain in Bonn?", tools=TOOLS, streamed=streamed)
    assert answer.finish == "tool_calls"
    assert answer.tool_calls == [CALLED]
    assert "<" not in answer.text and "call" not in answer.text
    assert answer.usage.prompt_tokens > 100, "what is told of tools has to be read"


@streaming
def test_several_are_called_at_once_or_one_after_the_other(house: Stack, streamed: bool) -> None:
    for is_parallel, count in ((True, 2), (False, 1)):
        answers(house, "", calls=[BONN, {"name": "clock"}])
        answer = ask(house, "Well?", tools=TOOLS, parallel_tool_calls=is_parallel, streamed=streamed)
        assert [call["name"] for call in answer.tool_calls] == ["get_weather", "clock"][:count]
        assert answer.finish == "tool_calls"


@streaming
@pytest.mark.parametrize("events", [1, 50, None])
def test_words_before_a_call_are_shown_and_those_behind_it_are_not(
    house: Stack, streamed: bool, events: int | None
) -> None:
    pieces = {} if events is None else {"events": events}
    answers(house, "Let me look.\n{calls}\nIt rains in Bonn, I would say.", calls=[BONN], **pieces)
    answer = ask(house, "Rain in Bonn?", tools=TOOLS, streamed=streamed)
    assert (answer.text.strip(), answer.tool_calls, answer.finish) == ("Let me look.", [CALLED], "tool_calls")


@streaming
def test_a_call_in_a_code_block_is_an_example(house: Stack, streamed: bool) -> None:
    answers(house, "It would be:\n```xml\n{calls}\n```\nShall I?", calls=[BONN])
    answer = ask(house, "How would you call it?", tools=TOOLS, streamed=streamed)
    assert (answer.tool_calls, answer.finish) == ([], "stop")
    assert answer.text.startswith("It would be:\n```xml\n<") and answer.text.endswith(">\n```\nShall I?")


NATIVE = (
    '<|tool_calls_section_begin|><|tool_call_begin|>functions.get_weather:0<|tool_call_argument_begin|>{"city": "Bonn"}'
    "<|tool_call_end|><|tool_calls_section_end|>"
)


@streaming
def test_kimis_own_marks_are_understood_and_what_comes_behind_is_not_shown(house: Stack, streamed: bool) -> None:
    answers(house, f"Let me look. {NATIVE} It rains in Bonn, I would say.")
    answer = ask(house, "Rain in Bonn?", tools=TOOLS, streamed=streamed)
    assert (answer.text.strip(), answer.tool_calls, answer.finish) == ("Let me look.", [CALLED], "tool_calls")


@streaming
def test_examples_in_code_are_left_alone(house: Stack, streamed: bool) -> None:
    text = f"It would write `{NATIVE}`, or\n\n```text\n{NATIVE}\n```\nThat is all."
    answers(house, text)
    answer = ask(house, "How do you call tools?", tools=TOOLS, streamed=streamed)
    assert (answer.text, answer.tool_calls, answer.finish) == (text, [], "stop")


def test_where_no_tool_helps_it_is_an_ordinary_answer(house: Stack) -> None:
    answers(house, "Hello. Use `<call-abc>` or\n```\n<call-abc name='x'>\n```\n")
    answer = ask(house, "Hi", tools=TOOLS)
    assert (answer.finish, answer.tool_calls) == ("stop", [])
    assert answer.text.strip().endswith("```")


@streaming
def test_a_tool_that_has_to_be_called_is_called(house: Stack, streamed: bool) -> None:
    named = {"type": "function", "function": {"name": "clock"}}
    for choice, name in (("required", "get_weather"), (named, "clock")):
        answer = ask(house, "Hi", tools=TOOLS, tool_choice=choice, streamed=streamed)
        assert [call["name"] for call in answer.tool_calls] == [name]
        assert answer.text == ""


def test_a_tool_that_must_not_be_called_is_not_even_offered(house: Stack) -> None:
    answer = ask(house, "Use get_weather", tools=TOOLS, tool_choice="none")
    assert (answer.finish, answer.tool_calls) == ("stop", [])
    assert "get_weather" not in str(asked(house)["read"].get("system", "")) + asked(house)["prompt"].replace(
        "Use get_weather", ""
    )


@streaming
def test_a_call_that_does_not_fit_is_asked_for_once_more(house: Stack, streamed: bool) -> None:
    before = house.simulator.total("chats_created")
    answers(house, "", calls=[{"name": "get_weather", "arguments": {"town": "Bonn"}}])
    answers(house, "", calls=[BONN])
    answer = ask(house, "Rain in Bonn?", tools=TOOLS, streamed=streamed)
    assert answer.tool_calls == [CALLED]
    assert "city" in asked(house)["prompt"]
    assert house.simulator.total("chats_created") == before + 1


@pytest.mark.parametrize(
    "written",
    [
        '{"city": "Bonn",}',
        '{"city": "Bonn"',
        '```json\n{"city": "Bonn"}\n```',
        '"{\\"city\\": \\"Bonn\\"}"',
        '{"name": "get_weather", "arguments": {"city": "Bonn"}}',
    ],
)
def test_slips_in_arguments_are_put_right(house: Stack, written: str) -> None:
    answers(house, "", calls=[{"name": "get_weather", "arguments": written}])
    before = seen(house)
    assert ask(house, "Rain in Bonn?", tools=TOOLS).tool_calls == [CALLED]
    assert seen(house, last=2)[:-1] == before


@pytest.mark.parametrize("limit", [30, 50, 70])
@streaming
def test_a_call_goes_on_behind_the_upstreams_limit(classic: Stack, limit: int, streamed: bool) -> None:
    answers(classic, "Let me look.", calls=[BONN], limit=limit)
    answer = ask(classic, "Rain in Bonn?", tools=TOOLS, streamed=streamed)
    assert (answer.text.strip(), answer.tool_calls, answer.finish) == ("Let me look.", [CALLED], "tool_calls")
    assert seen(classic)[0]["body"].get("action") == "continue"


@streaming
def test_one_that_is_longer_still_is_no_call(classic: Stack, streamed: bool) -> None:
    long = {"name": "get_weather", "arguments": {"city": "Bonn " * 100}}
    answers(classic, "Let me look.", calls=[long], limit=60)
    answer = ask(classic, "Rain in Bonn?", tools=TOOLS, streamed=streamed)
    assert (answer.text.strip(), answer.tool_calls, answer.finish) == ("Let me look.", [], "length")


@streaming
def test_no_right_call_even_then_is_a_clear_failure(house: Stack, streamed: bool) -> None:
    before = seen(house)
    answers(house, "", calls=[{"name": "no_such_tool"}], times=2)
    with pytest.raises(APIStatusError) as failed:
        ask(house, "Hi", tools=TOOLS, tool_choice="required", streamed=streamed)
    assert complaint(failed.value)[:2] == (502, "tool_call_failed")
    assert "no_such_tool" in failed.value.message
    assert failed.value.response.headers["x-should-retry"] == "false"
    assert seen(house, last=3)[:-2] == before


@streaming
@pytest.mark.parametrize("text", ["I would rather not.", "```\n{calls}\n```"])
def test_words_in_place_of_a_call_that_had_to_be_are_never_shown(house: Stack, streamed: bool, text: str) -> None:
    required: dict[str, Any] = {"tools": TOOLS, "tool_choice": "required", "streamed": streamed}
    answers(house, text, calls=[BONN] if "{calls}" in text else [])
    answers(house, "", calls=[BONN])
    answer = ask(house, "Rain in Bonn?", **required)
    assert (answer.text.strip(), answer.tool_calls, answer.finish) == ("", [CALLED], "tool_calls")
    answers(house, text, calls=[BONN] if "{calls}" in text else [], times=2)
    with pytest.raises(APIStatusError) as failed:
        ask(house, "Rain in Bonn?", **required)
    assert complaint(failed.value)[:2] == (502, "tool_call_failed")


def test_a_broken_schema_is_told_with_its_place(house: Stack) -> None:
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"properties": {"a": {"type": "years"}}}}}]
    with pytest.raises(BadRequestError) as refused:
        ask(house, tools=tools)
    assert complaint(refused.value) == (400, "invalid_schema", "tools[0].function.parameters.properties.a.type")


def test_a_conversation_goes_on_in_its_chat_with_what_a_call_has_brought(house: Stack) -> None:
    with OpenAI(base_url=f"{house.url}/v1", api_key=KEY, max_retries=0, timeout=60) as client:
        turns: list[Any] = [{"role": "user", "content": "Rain in Bonn?"}]
        tools: Any = TOOLS
        answers(house, "I look.", calls=[BONN])
        first = client.chat.completions.create(model="kimi", messages=turns, tools=tools).choices[0].message
        assert first.tool_calls
        before = house.simulator.total("chats_created")
        result = {"role": "tool", "tool_call_id": first.tool_calls[0].id, "content": "12 °C and dry"}
        turns += [first.model_dump(exclude_none=True), result]
        second = client.chat.completions.create(model="kimi", messages=turns, tools=tools).choices[0].message
        assert second.content and "12 °C and dry" in second.content
        turns += [second.model_dump(exclude_none=True), {"role": "user", "content": "Thanks"}]
        client.chat.completions.create(model="kimi", messages=turns, tools=tools)
        assert house.simulator.total("chats_created") == before


@streaming
def test_the_old_functions(house: Stack, streamed: bool) -> None:
    answers(house, "", calls=[BONN])
    function: Any = TOOLS[0]["function"]
    with OpenAI(base_url=f"{house.url}/v1", api_key=KEY, max_retries=0, timeout=60) as client:
        who: Any = [{"role": "user", "content": "Rain in Bonn?"}]
        if not streamed:
            choice = client.chat.completions.create(model="kimi", messages=who, functions=[function]).choices[0]
            assert choice.finish_reason == "function_call" and choice.message.function_call
            assert choice.message.function_call.model_dump() == CALLED
            assert choice.message.tool_calls is None
            return
        chunks = [
            chunk.choices[0]
            for chunk in client.chat.completions.create(model="kimi", messages=who, functions=[function], stream=True)
            if chunk.choices
        ]
        calls = [chunk.delta.function_call for chunk in chunks if chunk.delta.function_call]
        assert [call.name for call in calls if call.name] == ["get_weather"]
        assert "".join(call.arguments or "" for call in calls) == CALLED["arguments"]
        assert chunks[-1].finish_reason == "function_call"
