"""Answers that go on behind the output limit."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kimi.chat import Place
from kimi.errors import AccountBusy, BrokenAnswer, KimiError, Unreachable
from kimi.events import Answering, Finish, Text, Thinking
from tests.kimi.classical import ACCOUNT, CHAT, CREATED, OPENED, SSE, TOKEN, classic, streamed, told
from tests.kimi.replay import Recorded, Replay, as_json, broken, recorded, text_of, thinking_of

LONG = replace(CHAT, continuations=3)
BEGUN = [OPENED, Answering("cs2r0f4pqrs5bbbbbbb7"), Thinking("想一想…"), Text("床前明"), Text("月")]


def events_of(*lines: str) -> Recorded:
    return Recorded("".join(f"data: {line}\n\n" for line in lines).encode(), headers=SSE)


def at_limit(text: str, segment: str = "") -> Recorded:
    req = [f'{{"event":"req","id":"{segment}"}}'] if segment else []
    return events_of(*req, f'{{"event":"cmpl","text":"{text}"}}', '{"event":"length"}', '{"event":"all_done"}')


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 65536])
def test_an_answer_at_the_limit_is_continued_without_a_seam(size: int) -> None:
    http = Replay(CREATED, streamed("classic-long-1.sse", size), streamed("classic-long-2.sse", size))
    events = told(http, LONG)
    _, first, second = http.calls

    assert events == [
        *BEGUN,
        Answering("cs2r0f4pqrs5bbbbbbb8"),
        Text("光，"),
        Text("疑是地上霜 🌙"),
        Finish("stop"),
    ]
    assert (second.method, second.url, second.headers) == (first.method, first.url, first.headers)
    assert second.json == {
        "segment_id": "cs2r0f4pqrs5aaaaaaa7",
        "action": "continue",
        "messages": [{"role": "user", "content": " "}],
        "kimiplus_id": "kimi",
        "extend": {"sidebar": True},
    }


def test_the_account_never_has_two_streams_at_once() -> None:
    http = Replay(CREATED, streamed("classic-long-1.sse"), streamed("classic-long-2.sse"))
    for _ in classic(http).stream(LONG, ACCOUNT, TOKEN):
        assert http.open <= 1


@pytest.mark.parametrize("times", [0, 1, 2])
def test_it_is_continued_so_often_and_no_more(times: int) -> None:
    http = Replay(CREATED, at_limit("a", "q1"), at_limit("b"), at_limit("c", "q3"))
    events = told(http, replace(CHAT, continuations=times))

    assert text_of(events) == "abc"[: times + 1]
    assert events[-1] == Finish("length")
    assert len(http.calls) == times + 2


def test_each_rest_is_asked_for_behind_the_latest_question_that_is_known() -> None:
    http = Replay(CREATED, at_limit("a", "q1"), at_limit("b"), at_limit("c", "q3"), streamed("classic-long-2.sse"))
    told(http, LONG)

    assert [call.json["segment_id"] for call in http.calls[2:]] == ["q1", "q1", "q3"]


def test_an_answer_whose_question_has_no_id_ends_at_the_limit() -> None:
    http = Replay(CREATED, at_limit("a"))

    assert told(http, LONG) == [OPENED, Text("a"), Finish("length")]


def test_thinking_that_stops_at_the_limit_goes_on() -> None:
    thought = events_of(
        '{"event":"req","id":"q1"}', '{"event":"k1","text":"hm"}', '{"event":"length"}', '{"event":"all_done"}'
    )
    rest = events_of('{"event":"k1","text":"!"}', '{"event":"cmpl","text":"x"}', '{"event":"all_done"}')
    events = told(Replay(CREATED, thought, rest), LONG)

    assert (thinking_of(events), text_of(events)) == ("hm!", "x")


def test_a_rest_that_says_nothing_leaves_the_answer_at_the_limit() -> None:
    http = Replay(CREATED, streamed("classic-long-1.sse"), events_of('{"event":"all_done"}'))

    assert told(http, LONG) == [*BEGUN, Finish("length")]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (as_json({"error_type": "chat.user_stream_pushing", "message": "x"}, 429), AccountBusy),
        (as_json({"error_type": "chat.not_found", "message": "x"}, 404), BrokenAnswer),
        (Recorded(recorded("classic-long-2.sse")[:-30], headers=SSE), BrokenAnswer),
        (Recorded(b"", headers=SSE, error=Unreachable()), Unreachable),
    ],
)
@pytest.mark.parametrize("behind", [None, Place("cs2r0f4pqrs5ccccccc0")])
def test_a_rest_that_fails_ends_the_answer_as_an_error(
    answer: Recorded, error: type[KimiError], behind: Place | None
) -> None:
    before = [CREATED] if behind is None else []
    http = Replay(*before, streamed("classic-long-1.sse"), answer)
    stream = classic(http).stream(replace(LONG, behind=behind), ACCOUNT, TOKEN)
    events, failure = broken(stream)

    assert events[: len(BEGUN)] == BEGUN
    assert isinstance(failure, error)
    assert http.open == 0
