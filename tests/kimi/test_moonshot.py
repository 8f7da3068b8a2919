from __future__ import annotations

import pytest

from kimi.errors import (
    AccountDead,
    BrokenAnswer,
    ContentRefused,
    KimiError,
    ModelRefused,
    Overloaded,
    PromptTooLong,
    QuotaSpent,
    RateLimited,
    RequestInvalid,
    Unreachable,
    UpstreamError,
)
from kimi.events import Finish, Text, Thinking, Usage
from kimi.upstreams.drift import Drift
from kimi.upstreams.moonshot_reader import Reader
from tests.kimi.official import ACCOUNT, CHAT, DONE, SSE, TEXT, ask, chunk, failure, moonshot
from tests.kimi.replay import Recorded, Replay, as_json, read, recorded, text_of, thinking_of


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 65536])
def test_an_answer_reads_the_same_however_it_arrives(size: int) -> None:
    events = ask(recorded("moonshot-answer.sse"), size=size)

    assert (thinking_of(events), text_of(events)) == ("嗯，a greeting.", "你好，世界 🌙")
    assert events == [
        Thinking("嗯，"),
        Thinking("a greeting."),
        Text("你好"),
        Text("，世界 🌙"),
        Finish("stop", Usage(9, 7, cached=9)),
    ]


def test_what_stands_beside_the_words_is_passed_over_and_told() -> None:
    drift = Drift()
    stream = (
        chunk({"content": "x", "hologram": "secret words", "refusal": None}, odd={"a": 1})
        + b'data: {"brand_new": 1}\n\n'
        + chunk(reason="stop")
    )

    assert read(Reader(drift), stream) == [Text("x")]
    assert {(seen.what, seen.name) for seen in drift.take()} == {
        ("delta", "hologram"),
        ("choice", "odd"),
        ("chunk", "without.choices"),
    }


@pytest.mark.parametrize("name", ["text", "message", "refusal", "answer"])
def test_words_that_come_in_an_unknown_way_leave_no_hole_in_an_answer(name: str) -> None:
    parts = [{"text": "re"}, {"text": "st"}]
    for said in ({"content": "rest"}, {"content": parts}, "rest", parts):
        for odd in (chunk({name: said}), chunk({}, **{name: said}), chunk(None, "stop", **{name: said})):
            assert type(failure(Recorded(TEXT + odd + chunk(reason="stop") + DONE, headers=SSE))) is BrokenAnswer
    for same in (chunk({"content": "x", name: "x"}), chunk({}, **{name: {"role": "assistant", "content": ""}})):
        assert text_of(ask(TEXT + same + chunk(reason="stop") + DONE)).startswith("x")


@pytest.mark.parametrize("name", ["text", "message", "answer"])
def test_an_answer_may_stand_in_its_last_chunk_once_more(name: str) -> None:
    begun = TEXT + chunk({"content": "yz"})

    for whole in ("xyz", {"role": "assistant", "content": "xyz"}):
        assert text_of(ask(begun + chunk({"content": ""}, "stop", **{name: whole}) + DONE)) == "xyz"
        assert type(failure(Recorded(begun + chunk({}, **{name: "yz"}) + DONE, headers=SSE))) is BrokenAnswer


def test_an_error_inside_the_stream_is_raised_behind_what_came_before() -> None:
    http = Replay(Recorded(recorded("moonshot-error.sse"), headers=SSE))
    stream = moonshot(http).stream(CHAT, ACCOUNT, "sk-x")

    assert next(stream) == [Text("so far")]
    with pytest.raises(Overloaded):
        next(stream)
    assert http.open == 0


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("repeat", "length"),
        ("content_filter", "content_filter"),
    ],
)
def test_why_an_answer_ended(reason: str, finish: str) -> None:
    assert ask(TEXT + chunk(reason=reason) + DONE) == [Text("x"), Finish(finish)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("reason", "error"),
    [
        ("engine_overloaded", Overloaded),
        ("server_interrupted", UpstreamError),
        ("whatever", BrokenAnswer),
        (3, BrokenAnswer),
    ],
)
def test_an_answer_that_was_given_up_is_no_answer(reason: object, error: type[KimiError]) -> None:
    assert type(failure(Recorded(TEXT + chunk(reason=reason) + DONE, headers=SSE))) is error


def test_the_filter_can_leave_nothing_of_an_answer() -> None:
    assert type(failure(Recorded(chunk(reason="content_filter") + DONE, headers=SSE))) is ContentRefused


def test_the_limit_can_be_reached_while_thinking() -> None:
    stream = chunk({"reasoning_content": "hm"}) + chunk(reason="length") + DONE

    assert ask(stream) == [Thinking("hm"), Finish("length")]


@pytest.mark.parametrize(
    "stream",
    [
        TEXT + chunk(reason="stop", usage={"prompt_tokens": 3, "completion_tokens": 2}) + DONE,
        TEXT
        + chunk(reason="stop")
        + b'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}\n\n'
        + DONE,
        TEXT
        + b'data: {"usage":{"prompt_tokens":3,"completion_tokens":1}}\n\n'
        + chunk(reason="stop", usage={"prompt_tokens": 3, "completion_tokens": 2})
        + b'data: {"usage":{"prompt_tokens":"?","completion_tokens":1}}\n\n'
        + DONE,
        TEXT
        + chunk(reason="stop", usage={"prompt_tokens": 3, "completion_tokens": 2})
        + b'data: {"choices":[],"usage":{"prompt_tokens":0,"completion_tokens":0}}\n\n'
        + b'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":9223372036854775807}}\n\n'
        + DONE,
    ],
)
def test_usage_is_the_last_that_was_told_and_never_added_up(stream: bytes) -> None:
    assert ask(stream)[-1] == Finish("stop", Usage(3, 2))


def test_usage_tells_what_was_cached_and_what_was_thinking() -> None:
    figures = {"prompt_tokens": 3, "completion_tokens": 2}
    details = {"prompt_tokens_details": {"cached_tokens": 1}, "completion_tokens_details": {"reasoning_tokens": 2}}

    assert ask(TEXT + chunk(reason="stop", usage={**figures, **details}))[-1] == Finish("stop", Usage(3, 2, 1, 2))


def test_an_answer_with_its_reason_is_complete_without_done() -> None:
    assert ask(TEXT + chunk(reason="stop")) == [Text("x"), Finish("stop")]


def test_nothing_behind_the_end_is_read() -> None:
    assert read(Reader(Drift()), TEXT + chunk(reason="stop") + DONE + TEXT) == [Text("x"), Finish("stop")]


@pytest.mark.parametrize(
    "stream",
    [
        b"",
        DONE,
        TEXT,
        TEXT + DONE,
        chunk(reason="stop") + DONE,
        chunk({"reasoning_content": "hm"}) + chunk(reason="stop") + DONE,
        chunk({"content": 3}),
        chunk("words"),
        b'data: {"choices":[{"index":0,"message":{"content":"x"}}]}\n\n',
        b'data: {"choices":{"0":{}}}\n\n',
        TEXT + chunk(reason="tool_calls"),
        chunk({"tool_calls": [{"index": 0, "function": {"name": "f"}}]}) + chunk(reason="tool_calls"),
        TEXT + chunk(reason="function_call"),
        chunk({"tool_calls": 3}),
        chunk({"tool_calls": [3]}),
        chunk({"tool_calls": [{"index": 0}]}),
        chunk({"tool_calls": [{"index": "0", "function": {}}]}),
        chunk({"tool_calls": [{"index": -1, "function": {}}]}),
        chunk({"tool_calls": [{"index": 0, "function": {"arguments": {}}}]}),
        b'data: {"choices":[3]}\n\n',
        b"data: []\n\n",
        b"data: {\n\n",
        b'data: {"error":{}}\n\n',
        b'data: {"error":"boom"}\n\n',
        TEXT + b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}',
    ],
)
def test_nothing_broken_or_empty_passes_for_an_answer(stream: bytes) -> None:
    assert type(failure(Recorded(stream, headers=SSE))) is BrokenAnswer


@pytest.mark.parametrize("delta", [{"content": None}, {"role": "assistant"}])
def test_a_delta_without_words_is_nothing(delta: object) -> None:
    assert ask(chunk(delta) + TEXT + chunk(reason="stop"))[-2:] == [Text("x"), Finish("stop")]


@pytest.mark.parametrize(
    ("status", "type_", "message", "error"),
    [
        (400, "content_filter", "high risk", ContentRefused),
        (400, "invalid_request_error", "Your request exceeded model token limit: 262144", PromptTooLong),
        (400, "invalid_request_error", "tools is not valid", RequestInvalid),
        (401, "incorrect_api_key_error", "Incorrect API key provided", AccountDead),
        (403, "permission_denied_error", "", ModelRefused),
        (404, "resource_not_found_error", "", ModelRefused),
        (429, "engine_overloaded_error", "", Overloaded),
        (429, "exceeded_current_quota_error", "", QuotaSpent),
        (429, "rate_limit_reached_error", "please try again after 7 seconds", RateLimited),
        (500, "server_error", "", UpstreamError),
        (200, "server_error", "", UpstreamError),
    ],
)
def test_an_error_in_place_of_the_stream(status: int, type_: str, message: str, error: type[KimiError]) -> None:
    raised = failure(as_json({"error": {"type": type_, "message": message}}, status))

    assert type(raised) is error
    assert raised.retry_after == (7.0 if error is RateLimited else None)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Recorded(b"<html>", 504, {"content-type": "text/html"}), UpstreamError),
        (Recorded(b"<html>", 200, {"content-type": "text/html"}), BrokenAnswer),
        (as_json({"choices": [{"message": {"content": "x"}}]}), BrokenAnswer),
        (Recorded(TEXT, headers=SSE, error=Unreachable()), Unreachable),
    ],
)
def test_anything_else_in_place_of_the_stream(answer: Recorded, error: type[KimiError]) -> None:
    assert type(failure(answer)) is error


@pytest.mark.parametrize(
    "rest", [b'data: {"choices": [{"del', TEXT.rstrip(), b"data: nothing"], ids=["cut", "whole", "odd"]
)
def test_an_answer_that_breaks_off_behind_its_end_is_cut(rest: bytes) -> None:
    assert isinstance(failure(Recorded(TEXT + chunk({}, "stop") + rest, headers=SSE)), BrokenAnswer)


def test_an_error_behind_the_end_is_one_without_its_blank_line_too() -> None:
    error = b'data: {"error": {"type": "engine_overloaded_error", "message": "x"}}'
    assert isinstance(failure(Recorded(TEXT + chunk({}, "stop") + error, headers=SSE)), Overloaded)


@pytest.mark.parametrize("rest", [b"data: [DONE]", b'data: {"choices": [], "usage": null}'], ids=["done", "usage"])
def test_the_last_event_needs_no_blank_line(rest: bytes) -> None:
    assert ask(TEXT + chunk({}, "stop") + rest) == [Text("x"), Finish("stop", None)]


def test_another_answer_is_not_mixed_into_the_one_that_was_asked_for() -> None:
    other = chunk({"content": "y"}, "length", index=1)
    assert ask(TEXT + other + chunk({}, "stop") + other + DONE) == [Text("x"), Finish("stop", None)]
