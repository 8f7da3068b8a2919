"""What the newer dialect's answers become."""

from __future__ import annotations

import struct
from typing import Any

import orjson
import pytest

from kimi.errors import (
    AccountBusy,
    BrokenAnswer,
    ContentRefused,
    KimiError,
    ModelRefused,
    Overloaded,
    RateLimited,
    TokenRejected,
    Unreachable,
    UpstreamError,
)
from kimi.events import Answering, ChatOpened, Event, Finish, Source, Sources, Text, Thinking
from kimi.upstreams.connect_reader import Reader
from kimi.upstreams.drift import Drift
from tests.kimi.connecting import ACCOUNT, CHAT, ENVELOPES, TOKEN, connect
from tests.kimi.replay import Recorded, Replay, as_json, broken, read, recorded, said, step, text_of, thinking_of

OPENED = ChatOpened("19a0c0de-1111-8000-8000-00000000c0de")
BEGUN = Answering("m-asst")

ASSISTANT = {"op": "set", "mask": "message", "message": {"role": "assistant", "status": "MESSAGE_STATUS_GENERATING"}}
TEXT = {"op": "set", "mask": "block.text", "block": {"id": "b", "text": {"content": "x"}}}
COMPLETED = {"op": "set", "mask": "message.status", "message": {"status": "MESSAGE_STATUS_COMPLETED"}}
DONE: dict[str, Any] = {"done": {}}


def envelope(message: object, flags: int = 0) -> bytes:
    raw = message if isinstance(message, bytes) else orjson.dumps(message)
    return struct.pack(">BI", flags, len(raw)) + raw


def stream_of(*messages: object, trailer: object = None) -> bytes:
    return b"".join(map(envelope, messages)) + envelope({} if trailer is None else trailer, 2)


def ask(stream: bytes, *, size: int = 65536) -> list[Event]:
    return said(connect(Replay(Recorded(stream, headers=ENVELOPES, size=size))).stream(CHAT, ACCOUNT, TOKEN))


def failure(answer: Recorded) -> tuple[list[Event], KimiError]:
    """What came before, and the error."""
    http = Replay(answer)
    events, error = broken(connect(http).stream(CHAT, ACCOUNT, TOKEN))
    assert http.open == 0
    return events, error


def error_of(stream: bytes) -> KimiError:
    return failure(Recorded(stream, headers=ENVELOPES))[1]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 64, 65536])
def test_an_answer_reads_the_same_however_it_arrives(size: int) -> None:
    events = ask(recorded("connect-answer.bin"), size=size)

    assert text_of(events) == "你好，世界 🌙\n\nBye."
    assert thinking_of(events) == "嗯，一个 greeting."
    assert events == [
        OPENED,
        BEGUN,
        Thinking("嗯，"),
        Thinking("一个 greeting."),
        Text("你好"),
        Text("，世界 🌙"),
        Text("\n\nBye."),
        Finish("stop"),
    ]


def test_tools_and_notices_are_signs_of_life() -> None:
    http = Replay(Recorded(recorded("connect-search.bin"), headers=ENVELOPES, size=50))
    batches = list(connect(http).stream(CHAT, ACCOUNT, TOKEN))
    moon = Sources((Source("web_search:1#0", "https://example.com/moon", "Moon"),))

    assert said(batches) == [OPENED, BEGUN, moon, Text("The moon."), Finish("stop")]
    assert batches.count([]) > 10


@pytest.mark.parametrize("size", [1, 2, 3, 5, 64, 65536])
def test_what_agents_do_between_their_words_is_not_for_the_reader(size: int, caplog: pytest.LogCaptureFixture) -> None:
    events = ask(recorded("connect-tools.bin"), size=size)

    assert events == [OPENED, BEGUN, Text("Let me 算"), Text(": 391"), Text("。"), Finish("stop")]
    assert caplog.records == []


def test_the_users_own_words_are_no_answer() -> None:
    echo = {"op": "append", "mask": "block.text.content", "block": {"text": {"content": "mine"}}}
    user = {"op": "set", "mask": "message", "message": {"role": "user", "status": "MESSAGE_STATUS_COMPLETED"}}

    assert ask(stream_of(user, echo, ASSISTANT, TEXT, COMPLETED)) == [Text("x"), Finish("stop")]
    assert type(error_of(stream_of(user, echo, COMPLETED, DONE))) is BrokenAnswer


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("connect-retract.bin", ContentRefused),
        ("connect-overload.bin", Overloaded),
        ("connect-error-trailer.bin", Overloaded),
        ("connect-error-first.bin", TokenRejected),
    ],
)
@pytest.mark.parametrize("size", [1, 65536])
def test_a_withdrawn_or_failed_answer_is_an_error(name: str, error: type[KimiError], size: int) -> None:
    http = Replay(Recorded(recorded(name), headers=ENVELOPES, size=size))
    with pytest.raises(error):
        list(connect(http).stream(CHAT, ACCOUNT, TOKEN))
    assert http.open == 0


@pytest.mark.parametrize("mask", ["block.exception", "block.exception.error", "message.error"])
def test_a_failure_that_has_lost_its_words_is_one(mask: str) -> None:
    message: dict[str, Any] = {"op": "set", "mask": mask}

    contents: list[dict[str, Any]] = [{"block": {"id": "x0", "exception": None}}, {"message": {}}, {"block": {}}]
    for content in contents:
        assert type(error_of(stream_of(ASSISTANT, TEXT, message | content, COMPLETED, DONE))) is BrokenAnswer


def test_the_chat_is_named_before_the_failure_so_that_it_can_be_deleted() -> None:
    stream = connect(Replay(Recorded(recorded("connect-retract.bin"), headers=ENVELOPES))).stream(CHAT, ACCOUNT, TOKEN)

    assert next(stream) == [OPENED, BEGUN, Text("so far")]
    with pytest.raises(ContentRefused, match="无法回答"):
        next(stream)


def test_the_chat_is_named_although_the_rest_of_its_chunk_is_broken() -> None:
    raw = envelope({"op": "set", "chat": {"id": "c1"}}) + b"\xff\xff\xff\xff\xff"
    stream = connect(Replay(Recorded(raw, headers=ENVELOPES))).stream(CHAT, ACCOUNT, TOKEN)

    assert next(stream) == [ChatOpened("c1")]
    with pytest.raises(BrokenAnswer):
        next(stream)


def test_what_is_unknown_is_ignored_and_told_once_without_its_words(caplog: pytest.LogCaptureFixture) -> None:
    assert ask(recorded("connect-unknown.bin")) == [OPENED, BEGUN, Text("fine"), Finish("stop")]
    told = [record.getMessage().partition(", in ")[0] for record in caplog.records]
    assert [line.removeprefix("the kimi upstream sends an unknown ") for line in told] == [
        "mask: block.hologram",
        "mask: chat.mood",
        "message: weather",
        "notification: TYPE_NEW",
        "mask: message.mood",
    ]


def test_an_answer_is_cut_wherever_it_stops_before_its_end() -> None:
    stream = recorded("connect-answer.bin")
    for length in range(len(stream)):
        assert type(error_of(stream[:length])) is BrokenAnswer, length


@pytest.mark.parametrize("end", [(COMPLETED,), (DONE,), (COMPLETED, DONE)])
def test_an_answer_is_complete_when_its_message_or_the_stream_says_so(end: tuple[object, ...]) -> None:
    assert ask(stream_of(ASSISTANT, TEXT, *end)) == [Text("x"), Finish("stop")]


def test_a_clean_trailer_completes_an_answer_that_tells_no_status() -> None:
    bare = {"op": "set", "mask": "message", "message": {"role": "assistant"}}
    assert ask(stream_of(bare, TEXT)) == [Text("x"), Finish("stop")]


@pytest.mark.parametrize(
    "stream",
    [
        stream_of(),
        stream_of(ASSISTANT, COMPLETED, DONE),
        stream_of(ASSISTANT, TEXT),
        stream_of(ASSISTANT, TEXT, {"mask": "message.status", "message": {"status": "MESSAGE_STATUS_NEW"}}, DONE),
        stream_of(ASSISTANT, {**TEXT, "mask": "block.text.parts"}, COMPLETED),
        stream_of(ASSISTANT, {"op": "set", "block": {"text": {"content": "x"}}}, COMPLETED),
        stream_of(ASSISTANT, TEXT, {"mask": "block.text2.content", "block": {"text2": {"content": "y"}}}, COMPLETED),
        stream_of(ASSISTANT, {**TEXT, "op": "replace"}, COMPLETED),
        stream_of(ASSISTANT, {"mask": "block.text", "op": "set"}),
        stream_of(ASSISTANT, {"mask": "block.text", "op": "set", "block": {"text": "x"}}),
        stream_of(ASSISTANT, {"mask": "block.text", "op": "set", "block": {"text": {"content": 3}}}),
        stream_of(ASSISTANT, {"op": "set", "mask": "block.think", "block": {"think": {"content": "hm"}}}, COMPLETED),
        stream_of(ASSISTANT, TEXT, COMPLETED, trailer={"error": {}}),
        stream_of({"error": {}}),
        stream_of({"block": 3}),
        stream_of({"message": 3}),
        stream_of({"chat": 3}),
        stream_of([]),
        stream_of(b"{"),
        stream_of(b'{"a":"\xff"}'),
        envelope({}, 1),
        envelope({}, 4),
        b"\x00\xff\xff\xff\xff",
    ],
)
def test_nothing_broken_or_empty_passes_for_an_answer(stream: bytes) -> None:
    assert type(error_of(stream)) is BrokenAnswer


@pytest.mark.parametrize("late", [0, 1])
def test_a_complete_answer_is_not_spoilt_by_what_stands_behind_its_trailer(late: int) -> None:
    stream = stream_of(ASSISTANT, TEXT, COMPLETED) + b"\x00"

    assert ask(stream, size=len(stream) - late) == [Text("x"), Finish("stop")]


def test_an_answer_ends_once() -> None:
    reader = Reader(Drift())

    assert read(reader, stream_of(ASSISTANT, TEXT, COMPLETED))[-1] == Finish("stop")
    with pytest.raises(BrokenAnswer, match="ended already"):
        reader.close()


def test_empty_and_missing_pieces_are_nothing() -> None:
    nothing = {"op": "set", "mask": "block.text", "block": {"id": "b", "text": {}}}

    assert ask(stream_of(ASSISTANT, nothing, TEXT, COMPLETED)) == [Text("x"), Finish("stop")]


def test_a_chat_is_named_once() -> None:
    named = {"op": "set", "chat": {"id": "c1"}}
    unnamed = {"op": "set", "chat": {}}

    events = ask(stream_of(unnamed, named, named, {**named, "mask": 3}, ASSISTANT, TEXT, COMPLETED))

    assert events == [ChatOpened("c1"), Text("x"), Finish("stop")]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (as_json({"code": "unauthenticated", "message": ""}, 401), TokenRejected),
        (as_json({"code": "resource_exhausted", "message": "session in progress"}, 429), AccountBusy),
        (as_json({"code": "permission_denied", "message": "concurrent request limit"}, 403), AccountBusy),
        (as_json({"code": "resource_exhausted", "message": "the scenario is not in your plan"}), ModelRefused),
        (as_json({"error": {"code": "unauthenticated"}}), TokenRejected),
        (as_json({}), BrokenAnswer),
        (Recorded(b"", 429, {"retry-after": "3"}), RateLimited),
        (Recorded(b"<html>", 200, {"content-type": "text/html; charset=utf-8"}), BrokenAnswer),
        (Recorded(b"<html>", 503, {"content-type": "text/html"}), UpstreamError),
        (Recorded(b"", 302, {"location": "https://www.kimi.ai/"}), UpstreamError),
        (Recorded(envelope({"heartbeat": {}}), headers=ENVELOPES, error=Unreachable()), Unreachable),
    ],
)
def test_an_error_in_place_of_the_stream(answer: Recorded, error: type[KimiError]) -> None:
    assert type(failure(answer)[1]) is error


def test_closing_early_lets_go_of_the_connection() -> None:
    http = Replay(Recorded(recorded("connect-answer.bin"), headers=ENVELOPES))
    stream = connect(http).stream(CHAT, ACCOUNT, TOKEN)
    while not text_of(step(stream)):
        pass
    assert http.open == 1

    stream.close()

    assert http.open == 0
