from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Draining
from gateway.explaining import describe
from gateway.surfaces.chat_completions import ChatAnswer, ChatStream
from gateway.surfaces.tally import Tally
from gateway.surfaces.wire import Identity
from kimi.chat import Message
from kimi.events import Annotation, Answering, ChatOpened, Event, Finish, Text, Thinking, ToolCall, Usage
from tests.timing import seconds

IDENTITY = Identity(id="chatcmpl-1", created=17, model='kimi "x"')
QUESTION = (Message("user", "What is the answer?"),)
GIVEN = Usage(5, 7)
BEGUN = Answering("s")
USAGE = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}


def stream(*, include_usage: bool = False) -> ChatStream:
    return ChatStream(IDENTITY, Tally(QUESTION), include_usage=include_usage)


def chunks(data: bytes) -> list[Any]:
    """The objects of a stream's events; every event is one `data:` line, and the last may be `[DONE]`."""
    assert data.endswith(b"\n\n")
    lines = data.removesuffix(b"\n\n").split(b"\n\n")
    assert all(line.startswith(b"data: ") and b"\n" not in line and len(line) < 65_536 for line in lines)
    return [line if line == b"data: [DONE]" else orjson.loads(line.removeprefix(b"data: ")) for line in lines]


def deltas(data: bytes) -> list[Any]:
    return [chunk["choices"][0]["delta"] for chunk in chunks(data)]


def whole(*events: Event) -> Any:
    answer = ChatAnswer(IDENTITY, Tally(QUESTION))
    for event in events:
        answer.add([event])
    return orjson.loads(answer.body())


def test_an_ordinary_answer_byte_by_byte() -> None:
    rendered = stream()
    head = b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":17,"model":"kimi \\"x\\"","choices":['
    assert rendered.render([Text("Hé\n")]) == (
        head + b'{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}\n\n'
        + head + '{"index":0,"delta":{"content":"Hé\\n"},"finish_reason":null}]}\n\n'.encode()
    )  # fmt: skip
    assert rendered.render([Text("!")]) == (
        head + b'{"index":0,"delta":{"content":"!"},"finish_reason":null}]}\n\n'
    )  # fmt: skip
    assert rendered.render([Finish("stop", GIVEN)]) == (
        head + b'{"index":0,"delta":{},"finish_reason":"stop"}],'
        b'"usage":{"prompt_tokens":5,"completion_tokens":7,"total_tokens":12}}\n\n'
        b"data: [DONE]\n\n"
    )  # fmt: skip


def test_the_role_comes_once_and_first() -> None:
    rendered = stream()
    events: list[Event] = [Thinking("a"), Text("b"), Text("c")]
    data = b"".join(rendered.render([event]) for event in events)
    assert deltas(data) == [
        {"role": "assistant", "content": ""},
        {"reasoning_content": "a"},
        {"content": "b"},
        {"content": "c"},
    ]


def test_an_empty_answer_still_has_a_role() -> None:
    data = stream().render([Finish("length", GIVEN)])
    role, finish, done = chunks(data)
    assert role["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert finish["choices"] == [{"index": 0, "delta": {}, "finish_reason": "length"}]
    assert done == b"data: [DONE]"


def test_what_arrives_together_leaves_together() -> None:
    rendered = stream()
    data = rendered.render([BEGUN, Thinking("a"), Thinking("b"), Text("c"), BEGUN, Text("d"), Text("e")])
    assert deltas(data)[1:] == [{"reasoning_content": "ab"}, {"content": "c"}, {"content": "de"}]


@pytest.mark.parametrize("events", [[], [BEGUN], [ChatOpened("c"), BEGUN], [Text(""), Thinking("")]])
def test_what_is_nothing_to_the_reader_is_not_sent(events: list[Event]) -> None:
    assert stream().render(events) == b""


def test_usage_can_have_a_chunk_of_its_own() -> None:
    finish, usage, done = chunks(stream(include_usage=True).render([Text("a"), Finish("stop", GIVEN)]))[2:]
    assert "usage" not in finish
    assert (usage["choices"], usage["usage"], done) == ([], USAGE, b"data: [DONE]")


def test_what_was_cached_and_what_was_thinking_is_told_where_it_is_known() -> None:
    finish = Finish("stop", Usage(5, 7, cached=4, reasoning=2))
    told = {
        **USAGE,
        "prompt_tokens_details": {"cached_tokens": 4},
        "completion_tokens_details": {"reasoning_tokens": 2},
    }
    assert chunks(stream().render([Text("a"), finish]))[-2]["usage"] == told
    assert whole(Text("a"), finish)["usage"] == told


def test_usage_is_estimated_where_the_upstream_gives_none() -> None:
    usage = chunks(stream().render([Thinking("Well, "), Text("forty-two."), Finish("stop")]))[-2]["usage"]
    assert usage["prompt_tokens"] > 0
    assert usage["completion_tokens"] > 2
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


def test_a_long_delta_is_cut_into_lines_that_every_client_reads() -> None:
    text = "月\x00" * 40_000
    assert "".join(delta["content"] for delta in deltas(stream().render([Text(text)]))) == text


@given(st.lists(st.builds(Text, st.text(max_size=30)) | st.builds(Thinking, st.text(max_size=30)), max_size=12))
def test_no_text_is_lost_or_reordered(events: Sequence[Text | Thinking]) -> None:
    data = stream().render(events)
    found = deltas(data) if data else []
    for field, kind in (("content", Text), ("reasoning_content", Thinking)):
        sent = "".join(event.text for event in events if isinstance(event, kind))
        assert "".join(delta.get(field, "") for delta in found) == sent


def test_tool_calls_carry_their_index_always_and_their_name_once() -> None:
    rendered = stream()
    data = rendered.render([ToolCall(0, "call-a", "look", '{"q":'), ToolCall(0, None, None, '"x"}')])
    data += rendered.render([ToolCall(1, "call-b", "find", ""), ToolCall(1, "call-b", "find", "{}")])
    assert [delta["tool_calls"] for delta in deltas(data)[1:]] == [
        [{"index": 0, "id": "call-a", "type": "function", "function": {"name": "look", "arguments": '{"q":'}}],
        [{"index": 0, "function": {"arguments": '"x"}'}}],
        [{"index": 1, "id": "call-b", "type": "function", "function": {"name": "find", "arguments": ""}}],
        [{"index": 1, "function": {"arguments": "{}"}}],
    ]


def test_long_arguments_are_cut_and_a_missing_id_is_made_up() -> None:
    arguments = '"' + "x" * 40_000 + '"'
    calls = [delta["tool_calls"][0] for delta in deltas(stream().render([ToolCall(0, None, None, arguments)]))[1:]]
    assert "".join(call["function"]["arguments"] for call in calls) == arguments
    assert [call.get("id") for call in calls] == ["call-chatcmpl-1-0", *[None] * (len(calls) - 1)]


def test_a_failure_is_an_error_chunk_and_the_end() -> None:
    rendered = stream()
    rendered.render([Text("Half an ans")])
    problem = describe(Draining(), "r")
    error, done = chunks(rendered.fail(problem))
    assert (error["id"], error["object"], error["created"]) == ("chatcmpl-1", "chat.completion.chunk", 17)
    assert (error["model"], error["choices"]) == ('kimi "x"', [])
    assert error["usage"]["completion_tokens"] > 0
    assert error["error"] == problem.error
    assert done == b"data: [DONE]"


def test_a_whole_answer() -> None:
    assert whole(BEGUN, Text("Forty-"), Text("two 😀"), Finish("stop", GIVEN)) == {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 17,
        "model": 'kimi "x"',
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Forty-two 😀", "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": USAGE,
    }


def test_a_whole_answer_with_thinking_and_tools() -> None:
    message = whole(
        Thinking("Hm."),
        ToolCall(1, None, "b", ""),
        ToolCall(0, "call-a", "a", '{"q":'),
        ToolCall(0, None, None, "1}"),
        Finish("tool_calls"),
    )["choices"][0]["message"]
    assert message == {
        "role": "assistant",
        "content": "",
        "refusal": None,
        "reasoning_content": "Hm.",
        "tool_calls": [
            {"id": "call-a", "type": "function", "function": {"name": "a", "arguments": '{"q":1}'}},
            {"id": "call-chatcmpl-1-1", "type": "function", "function": {"name": "b", "arguments": ""}},
        ],
    }


def test_halves_of_a_character_that_came_apart_are_joined() -> None:
    assert whole(Text("\ud83d"), Text("\ude00"), Finish("stop"))["choices"][0]["message"]["content"] == "😀"


def test_halves_that_came_apart_in_a_call_are_joined() -> None:
    halves = ToolCall(0, "call-a", "a", '{"q":"\ud83d'), ToolCall(0, None, None, '\ude00"}')
    (call,) = whole(*halves, Finish("tool_calls"))["choices"][0]["message"]["tool_calls"]
    assert call["function"]["arguments"] == '{"q":"😀"}'


def test_the_work_grows_as_a_call_does() -> None:
    def add(pieces: int) -> None:
        answer = ChatAnswer(IDENTITY, Tally(QUESTION))
        for _ in range(pieces):
            answer.add((ToolCall(0, "call-a", "a", "0123456789"),))

    few, many = seconds(lambda: add(5_000)), seconds(lambda: add(160_000))
    assert many < 32 * few * 3 + 0.05, "32 times the pieces, not 1,024 times the work"


NOTE = Annotation(3, 7, "https://moon.example/a?b=\u6708", 'The "moon"')
CITATION = {
    "type": "url_citation",
    "url_citation": {"start_index": 3, "end_index": 7, "url": "https://moon.example/a?b=\u6708", "title": 'The "moon"'},
}


def test_sources_are_annotations_of_the_message() -> None:
    assert whole(Text("The moon"), NOTE, Finish("stop"))["choices"][0]["message"] == {
        "role": "assistant",
        "content": "The moon",
        "refusal": None,
        "annotations": [CITATION],
    }


def test_sources_come_on_a_delta_of_their_own_before_the_end() -> None:
    rendered = stream()
    data = rendered.render([Text("The moon"), NOTE]) + rendered.render([NOTE, Finish("stop", GIVEN)])
    *_, text, noted, finish, done = chunks(data)
    assert text["choices"][0]["delta"] == {"content": "The moon"}
    assert noted["choices"] == [{"index": 0, "delta": {"annotations": [CITATION, CITATION]}, "finish_reason": None}]
    assert (finish["choices"][0]["finish_reason"], done) == ("stop", b"data: [DONE]")


def test_many_sources_come_in_lines_that_every_client_reads_and_can_put_together() -> None:
    notes = [Annotation(n, n + 1, f"https://moon.example/{n}/" + "\u6708" * 4_000, "\ud83d") for n in range(20)]
    parts = [
        delta["annotations"]
        for delta in deltas(stream().render([*notes, Finish("stop")]).removesuffix(b"data: [DONE]\n\n"))[1:-1]
    ]
    entries = [entry for part in parts for entry in part]
    assert len(parts) > 1
    assert [entry["index"] for entry in entries] == list(range(20))
    assert [entry["url_citation"]["start_index"] for entry in entries] == list(range(20))


def test_an_answer_that_failed_names_no_sources() -> None:
    rendered = stream()
    data = rendered.render([Text("Half"), NOTE]) + rendered.fail(describe(Draining(), "r"))
    assert b"annotations" not in data
