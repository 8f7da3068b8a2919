from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadRequest, Draining
from gateway.explaining import describe
from gateway.surfaces.messages.envelope import NO_END
from gateway.surfaces.messages.signatures import Unsealing
from gateway.surfaces.messages.stream import MessageStream
from gateway.surfaces.places import Places
from kimi.errors import BrokenAnswer
from kimi.events import Annotation, Answering, ChatOpened, Event, Finish, FinishReason, Text, Thinking, ToolCall, Usage
from tests.gateway.messages.reading import kinds, read, stream

GIVEN = Usage(5, 7)
SIGNED = {"type": "signature_delta", "signature": "bXNnXzE="}


def events_of(*events: Event, by: MessageStream | None = None) -> list[Any]:
    """What is told of `events`, all of which came at once."""
    return read((by or stream()).render(events))


def test_an_ordinary_answer_byte_by_byte() -> None:
    rendered = stream()
    prompt = rendered.usage.prompt
    assert prompt > 0
    assert (
        rendered.render([Text("Hé\n")])
        == (
            b'event: message_start\ndata: {"type":"message_start","message":{"id":"msg_1","type":"message",'
            b'"role":"assistant","model":"claude \\"x\\"","content":[],'
            b'"stop_reason":null,"stop_sequence":null,"stop_details":null,"container":null,'
            b'"usage":{"input_tokens":%d,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":0,'
            b'"output_tokens_details":null,"server_tool_use":null,'
            b'"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":0},'
            b'"service_tier":"standard","inference_geo":null}}}'
            b"\n\n"
            b'event: content_block_start\ndata: {"type":"content_block_start","index":0,'
            b'"content_block":{"type":"text","text":"","citations":null}}\n\n'
            b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,'
            b'"delta":{"type":"text_delta","text":"H\xc3\xa9\\n"}}\n\n'
        )
        % prompt
    )
    assert rendered.render([Text("!")]) == (
        b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,'
        b'"delta":{"type":"text_delta","text":"!"}}\n\n'
    )
    assert rendered.render([Finish("stop", GIVEN)]) == (
        b'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\n'
        b'event: message_delta\ndata: {"type":"message_delta","delta":'
        b'{"stop_reason":"end_turn","stop_sequence":null,"stop_details":null,"container":null},'
        b'"usage":{"input_tokens":5,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":7,'
        b'"output_tokens_details":null,"server_tool_use":null}}\n\n'
        b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
    )


def test_blocks_come_one_after_the_other_and_thinking_is_signed() -> None:
    told = events_of(Thinking("a"), Thinking("b"), Text("c"), ToolCall(0, "t", "look", '{"q":1}'), Finish("tool_calls"))
    assert [(event["type"], event.get("index")) for event in told] == [
        ("message_start", None),
        *[("content_block_start", 0), ("content_block_delta", 0), ("content_block_delta", 0)],
        *[("content_block_stop", 0), ("content_block_start", 1), ("content_block_delta", 1), ("content_block_stop", 1)],
        *[("content_block_start", 2), ("content_block_delta", 2), ("content_block_stop", 2)],
        *[("message_delta", None), ("message_stop", None)],
    ]
    assert told[1]["content_block"] == {"type": "thinking", "thinking": "", "signature": ""}
    assert [told[2]["delta"], told[3]["delta"]] == [{"type": "thinking_delta", "thinking": "ab"}, SIGNED]
    assert told[8]["content_block"] == {
        "type": "tool_use", "id": "t", "name": "look", "input": {}, "caller": {"type": "direct"},
    }  # fmt: skip
    assert told[9]["delta"] == {"type": "input_json_delta", "partial_json": '{"q":1}'}
    assert told[-2]["delta"] == {**NO_END, "stop_reason": "tool_use"}


def test_pieces_of_calls_lead_to_their_blocks() -> None:
    rendered = stream()
    told = events_of(ToolCall(0, "a", "look", '{"q":'), ToolCall(0, None, None, "1}"), by=rendered)
    told += events_of(ToolCall(3, None, "find", ""), Text("Well."), Finish("tool_calls"), by=rendered)
    pieces = [(event["index"], event["delta"]["partial_json"]) for event in told if "partial_json" in str(event)]
    assert pieces == [(0, '{"q":'), (0, "1}")]
    begun = [event["content_block"] for event in told if event["type"] == "content_block_start"]
    assert [block.get("id") for block in begun] == ["a", "toolu_msg_1_3", None]


def test_a_call_that_goes_on_behind_its_end_is_no_answer() -> None:
    rendered = stream()
    rendered.render([ToolCall(0, "a", "look", '{"q":1}'), ToolCall(1, "b", "look", "{}")])
    with pytest.raises(BrokenAnswer):
        rendered.render([ToolCall(0, None, None, " ")])


@pytest.mark.parametrize("arguments", ["{", "[1]", "nothing"])
@pytest.mark.parametrize("after", [Text("So."), ToolCall(1, "b", "look", "{}"), Finish("stop"), Finish("tool_calls")])
def test_a_call_that_is_none_is_not_made(arguments: str, after: Event) -> None:
    rendered = stream()
    rendered.render([ToolCall(0, "a", "look", arguments[:1]), ToolCall(0, None, None, arguments[1:])])
    with pytest.raises(BrokenAnswer):
        rendered.render([after])


def test_a_call_that_was_cut_off_by_the_limit_is_told_so() -> None:
    told = events_of(ToolCall(0, "a", "look", '{"q":'), Finish("length"))
    assert told[-2]["delta"]["stop_reason"] == "max_tokens"


def test_thinking_can_be_left_out_but_not_its_block() -> None:
    rendered = stream("omitted")
    told = events_of(Thinking("Let me "), by=rendered) + events_of(Thinking("see."), by=rendered)
    assert kinds(told) == ["message_start", "content_block_start"]
    assert rendered.usage.completion > 1
    closed = events_of(Text("c"), by=rendered)
    assert closed[0]["delta"]["type"] == "signature_delta"
    assert Unsealing().read(closed[0]["delta"]["signature"]) == "Let me see."
    closed = events_of(Thinking("More."), Finish("stop"), by=rendered)
    assert Unsealing().read(closed[2]["delta"]["signature"]) == "More."


def test_thinking_can_be_hidden_altogether() -> None:
    rendered = stream("hidden")
    assert rendered.render([Thinking("a")]) == b""
    told = events_of(Thinking("b"), Text("c"), Finish("stop"), by=rendered)
    assert [event["content_block"]["type"] for event in told if "content_block" in event] == ["text"]


@pytest.mark.parametrize("events", [[], [Answering("s")], [ChatOpened("c"), Answering("s")], [Text(""), Thinking("")]])
def test_what_is_nothing_to_the_reader_is_not_sent(events: list[Event]) -> None:
    assert stream().render(events) == b""


def test_an_empty_answer_is_a_message_too() -> None:
    told = events_of(Finish("length", GIVEN))
    assert kinds(told) == ["message_start", "message_delta", "message_stop"]
    assert told[1]["delta"]["stop_reason"] == "max_tokens"


@pytest.mark.parametrize(
    ("finish", "reason", "sequence"),
    [
        (Finish("stop"), "end_turn", None),
        (Finish("stop", cut=True, stop="END"), "stop_sequence", "END"),
        (Finish("length"), "max_tokens", None),
        (Finish("content_filter"), "refusal", None),
        (Finish("tool_calls"), "tool_use", None),
    ],
)
def test_why_it_ended(finish: Finish, reason: str, sequence: str | None) -> None:
    assert events_of(Text("a"), finish)[-2]["delta"] == {**NO_END, "stop_reason": reason, "stop_sequence": sequence}


@pytest.mark.parametrize(("reason", "told"), [("stop", "tool_use"), ("length", "max_tokens")])
def test_calls_are_to_be_run_even_where_the_upstream_only_says_that_it_stopped(reason: FinishReason, told: str) -> None:
    assert events_of(ToolCall(0, "t", "look", "{}"), Finish(reason))[-2]["delta"]["stop_reason"] == told


def test_what_was_cached_and_what_was_thinking_is_told_where_it_is_known() -> None:
    assert events_of(Text("a"), Finish("stop", Usage(9, 7, cached=4, reasoning=2)))[-2]["usage"] == {
        "input_tokens": 5,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 4,
        "output_tokens": 7,
        "output_tokens_details": {"thinking_tokens": 2},
        "server_tool_use": None,
    }


def test_sources_are_citations_of_the_text_each_once() -> None:
    moon, tides = "https://moon.example/", "https://tides.example/"
    notes = [Annotation(4, 8, moon, "The moon"), Annotation(8, 8, tides, "潮汐"), Annotation(9, 9, moon, "The moon")]
    told = events_of(Text("The moon"), *notes, Finish("stop"))
    cited = [event["delta"]["citation"] for event in told if event.get("delta", {}).get("type") == "citations_delta"]
    assert [(each["type"], each["url"], each["title"]) for each in cited] == [
        ("web_search_result_location", moon, "The moon"),
        ("web_search_result_location", tides, "潮汐"),
    ]
    assert kinds(told)[-3] == "content_block_stop"


def test_long_texts_are_cut_into_lines_that_every_client_reads() -> None:
    text = "月\x00" * 40_000
    told = events_of(Text(text), ToolCall(0, "t", "look", text))
    deltas = [event["delta"] for event in told if event["type"] == "content_block_delta"]
    assert "".join(delta.get("text", "") for delta in deltas) == text
    assert "".join(delta.get("partial_json", "") for delta in deltas) == text


@given(st.lists(st.builds(Text, st.text(max_size=30)) | st.builds(Thinking, st.text(max_size=30)), max_size=12))
def test_no_text_is_lost_or_reordered_however_it_comes(events: Sequence[Text | Thinking]) -> None:
    at_once, one_by_one = events_of(*events, Finish("stop", GIVEN)), stream()
    in_turn = [told for event in [*events, Finish("stop", GIVEN)] for told in read(one_by_one.render([event]))]
    assert texts(at_once) == texts(in_turn)
    for field, kind in (("text", Text), ("thinking", Thinking)):
        sent = "".join(event.text for event in events if isinstance(event, kind))
        assert "".join(each.get(field, "") for each in texts(at_once)) == sent


def texts(told: list[Any]) -> list[dict[str, str]]:
    """What the deltas of each block say together."""
    blocks: list[dict[str, str]] = []
    for event in told:
        if event["type"] == "content_block_start":
            blocks.append({})
        elif event["type"] == "content_block_delta":
            for field, text in event["delta"].items():
                blocks[event["index"]][field] = blocks[event["index"]].get(field, "") + text if field != "type" else ""
    return blocks


def test_a_failure_is_an_event_of_its_own() -> None:
    rendered = stream()
    rendered.render([Text("Half an ans")])
    (error,) = read(rendered.fail(describe(Draining(), "r")))
    assert error["error"]["type"] == "overloaded_error"
    assert "restarting" in error["error"]["message"]


def test_a_failure_names_the_field_of_the_client() -> None:
    rendered = stream(places=Places({"messages[1].content[0]": "messages.0.content.2"}))
    (error,) = read(rendered.fail(describe(BadRequest("This is no file.", param="messages[1].content[0]"), "r")))
    assert error["error"] == {
        "type": "invalid_request_error",
        "message": "messages.0.content.2: This is no file.",
    }


def test_silence_is_bridged_by_an_event_that_clients_know_once_the_message_has_begun() -> None:
    rendered = stream("hidden")
    assert rendered.render([Thinking("Hm.")]) == b""
    told = read(rendered.heartbeat() + rendered.heartbeat() + rendered.render([Text("a"), Finish("stop")]))
    assert kinds(told)[:4] == ["message_start", "ping", "ping", "content_block_start"]
    assert kinds(told).count("message_start") == 1
