"""What the classic dialect's answers become."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
import pytest

from kimi.errors import (
    AccountBusy,
    BrokenAnswer,
    KimiError,
    Overloaded,
    PromptTooLong,
    TokenRejected,
    Unreachable,
    UpstreamError,
)
from kimi.events import Answering, Finish, Source, Sources, Text, Thinking
from kimi.upstreams.classic_reader import Reader
from kimi.upstreams.drift import Drift
from tests.kimi.classical import ACCOUNT, CHAT, CREATED, OPENED, SSE, TOKEN, ask, classic
from tests.kimi.replay import Recorded, Replay, as_json, read, recorded, step, text_of, thinking_of


def failure(*answers: Recorded) -> KimiError:
    http = Replay(*answers)
    with pytest.raises(KimiError) as raised:
        list(classic(http).stream(CHAT, ACCOUNT, TOKEN))
    assert http.open == 0
    return raised.value


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 65536])
def test_an_answer_reads_the_same_however_it_arrives(size: int) -> None:
    events = ask(recorded("classic-answer.sse"), size=size)

    assert events[0] == OPENED
    assert text_of(events) == "你好，世界 🌙\n\nBye."
    assert thinking_of(events) == ""
    assert events[-1] == Finish("stop")
    begun, moon = Answering("cs2r0f4pqrs5bbbbbbb0"), Sources((Source("1", "https://example.com/moon", "Moon"),))
    assert [event for event in events if not isinstance(event, Text)] == [
        OPENED,
        begun,
        moon,
        moon,
        Finish("stop"),
    ]


def test_thinking_stands_apart() -> None:
    events = ask(recorded("classic-thinking.sse"))

    begun = Answering("cs2r0f4pqrs5bbbbbbb1")
    assert events == [OPENED, begun, Thinking("嗯，"), Thinking("one and one."), Text("2"), Finish("stop")]


def test_nothing_behind_the_end_is_read() -> None:
    stream = b'data: {"event":"k1","text":""}\n\ndata: {"event":"cmpl","text":"x"}\n\n'
    stream += b'data: {"event":"all_done"}\n\ndata: {"event":"cmpl","text":"y"}\n\n'

    assert read(Reader(Drift()), stream) == [Text("x"), Finish("stop")]


def test_the_output_limit_is_told() -> None:
    assert ask(recorded("classic-length.sse")) == [
        OPENED,
        Answering("cs2r0f4pqrs5bbbbbbb2"),
        Text("so far"),
        Finish("length"),
    ]


def test_an_error_inside_the_stream_is_raised_behind_what_came_before() -> None:
    http = Replay(CREATED, Recorded(recorded("classic-error.sse"), headers=SSE))
    stream = classic(http).stream(CHAT, ACCOUNT, TOKEN)

    assert [*step(stream), *step(stream)] == [OPENED, Answering("cs2r0f4pqrs5bbbbbbb3"), Text("so far")]
    with pytest.raises(Overloaded, match="有点累了"):
        next(stream)
    assert http.open == 0


@pytest.mark.parametrize("resp", [{}, {"id": 3}, {"id": "../../x"}, {"id": ""}])
def test_an_answer_without_an_id_can_be_read_and_not_be_cancelled(
    resp: Mapping[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    stream = b'data: {"event":"cmpl","text":"x"}\n\ndata: {"event":"all_done"}\n\n'

    assert ask(b"data: " + orjson.dumps({"event": "resp", **resp}) + b"\n\n" + stream) == [
        OPENED,
        Text("x"),
        Finish("stop"),
    ]
    assert "resp.without.id" in caplog.text


def test_unknown_events_are_ignored_and_told_once_without_their_words(caplog: pytest.LogCaptureFixture) -> None:
    begun = Answering("cs2r0f4pqrs5bbbbbbb4")
    assert ask(recorded("classic-unknown.sse")) == [OPENED, begun, Text("fine"), Finish("stop")]
    assert [record.getMessage().partition(", in ")[0] for record in caplog.records] == [
        "the kimi-classic upstream sends an unknown event: hologram",
        "the kimi-classic upstream sends an unknown event: without.name",
        "the kimi-classic upstream sends an unknown event: (list)",
    ]


@pytest.mark.parametrize("odd", [{"event": "cmpl_v2", "text": "rest"}, {"event": "cmpl", "content": "rest"}])
def test_words_that_come_in_an_unknown_way_leave_no_hole_in_an_answer(odd: dict[str, str]) -> None:
    words = [{"event": "cmpl", "text": "half"}, odd, {"event": "all_done"}]
    stream = b"".join(b"data: %b\n\n" % orjson.dumps(each) for each in words)
    assert type(failure(CREATED, Recorded(stream, headers=SSE))) is BrokenAnswer


def test_an_answer_is_cut_wherever_it_stops_before_its_end() -> None:
    stream = recorded("classic-thinking.sse")
    for length in range(len(stream) - 2):
        assert type(failure(CREATED, Recorded(stream[:length], headers=SSE))) is BrokenAnswer, length


@pytest.mark.parametrize("missing", [1, 2])
def test_the_end_may_lack_its_blank_line(missing: int) -> None:
    assert ask(recorded("classic-thinking.sse")[:-missing])[-1] == Finish("stop")


@pytest.mark.parametrize(
    "stream",
    [
        b"",
        b'data: {"event":"all_done"}\n\n',
        b'data: {"event":"k1","text":"hm"}\n\ndata: {"event":"all_done"}\n\n',
        b'data: {"event":"rename","text":"title"}\n\ndata: {"event":"all_done"}\n\n',
        b'data: {"event":"cmpl","text":""}\n\ndata: {"event":"all_done"}\n\n',
        b'data: {"event":"cmpl"}\n\ndata: {"event":"all_done"}\n\n',
        b'data: {"event":"cmpl","text":3}\n\n',
        b'data: {"event":"cmpl","text":"x"\n\n',
        b'data: {"event":"error"}\n\n',
        b'data: {"event":3,"text":"x"}\n\ndata: {"event":"all_done"}\n\n',
        b'data: {"text":"x"}\n\ndata: {"event":"all_done"}\n\n',
        b"data: [1]\n\n",
        b'data: {"event":"cmpl","text":"\xff"}\n\n',
    ],
)
def test_nothing_broken_or_empty_passes_for_an_answer(stream: bytes) -> None:
    assert type(failure(CREATED, Recorded(stream, headers=SSE))) is BrokenAnswer


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (as_json({"error_type": "auth.token.invalid", "message": "x"}, 401), TokenRejected),
        (as_json({"error_type": "chat.user_stream_pushing", "message": "x"}, 429), AccountBusy),
        (as_json({"error_type": "openai.completion.token_length_too_long"}), PromptTooLong),
        (as_json({}), BrokenAnswer),
        (as_json({"id": "x"}), BrokenAnswer),
        (Recorded(b"<html>", 200, {"content-type": "text/html"}), BrokenAnswer),
        (Recorded(b"", 200, {"content-type": "application/json"}), BrokenAnswer),
        (Recorded(b"", 307, {"location": "https://www.kimi.com/"}), UpstreamError),
        (Recorded(b"", 502), UpstreamError),
        (Recorded(b'data: {"error_type":"auth.token.invalid"}\n\n', headers=SSE), TokenRejected),
        (Recorded(b'data: {"event":"cmpl","text":"x"}\n\n', headers=SSE, error=Unreachable()), Unreachable),
    ],
)
def test_an_error_in_place_of_the_stream(answer: Recorded, error: type[KimiError]) -> None:
    assert type(failure(CREATED, answer)) is error


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (as_json({"error_type": "auth.token.invalid"}, 401), TokenRejected),
        (as_json({"error_type": "auth.token.invalid"}, 200), TokenRejected),
        (as_json({"error_type": "chat.forbidden", "message": "会话已被禁用"}, 403), TokenRejected),
        (as_json({"error_type": "some.thing"}, 200), BrokenAnswer),
        (as_json({}), BrokenAnswer),
        (as_json({"id": ""}), BrokenAnswer),
        (as_json({"id": "../../user"}), BrokenAnswer),
        (as_json({"id": 3}), BrokenAnswer),
        (as_json([]), BrokenAnswer),
        (Recorded(b"<html>", 200), BrokenAnswer),
        (Recorded(b"", 307, {"location": "https://www.kimi.com/"}), UpstreamError),
        (Recorded(b"", 500), UpstreamError),
    ],
)
def test_a_chat_that_is_not_made(answer: Recorded, error: type[KimiError]) -> None:
    assert type(failure(answer)) is error


def test_closing_early_lets_go_of_the_connection() -> None:
    http = Replay(CREATED, Recorded(recorded("classic-answer.sse"), headers=SSE))
    stream = classic(http).stream(CHAT, ACCOUNT, TOKEN)
    while not text_of(step(stream)):
        pass
    assert http.open == 1

    stream.close()

    assert http.open == 0
