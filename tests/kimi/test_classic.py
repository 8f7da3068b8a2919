from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jwt
import orjson
import pytest

from kimi.accounts import Account, Kind
from kimi.chat import Alive, Answering, Chat, ChatOpened, Event, Feature, Finish, Message, Text, Thinking
from kimi.errors import (
    AccountBusy,
    BrokenAnswer,
    KimiError,
    Overloaded,
    PromptTooLong,
    RequestInvalid,
    TokenRejected,
    Unreachable,
    UpstreamError,
)
from kimi.http import Endpoints
from kimi.upstreams import Cancels, KeepsChats
from kimi.upstreams.classic import Classic, Reader
from kimi.upstreams.drift import Drift
from kimi.upstreams.line import Line
from tests.kimi.replay import Recorded, Replay, as_json, recorded, text_of, thinking_of

ACCOUNT = Account(name="alice", kind=Kind.CLASSIC, proxy="http://proxy")
TOKEN = jwt.encode({"sub": "u1", "ssid": "s1", "device_id": "d1", "typ": "access"}, "k" * 64, algorithm="HS512")
CHAT = Chat(model="kimi", messages=(Message("user", "你好"),))
CREATED = as_json({"id": "cs2r0f4pqrs5ccccccc0", "name": "x", "created_at": "2025-01-01T00:00:00Z"})
OPENED = ChatOpened("cs2r0f4pqrs5ccccccc0")
SSE = {"Content-Type": "text/event-stream; charset=utf-8"}


def classic(http: Replay) -> Classic:
    return Classic(Line(http, Endpoints(classic="http://classic")))


def ask(stream: bytes, *, size: int = 65536, chat: Chat = CHAT, headers: Mapping[str, str] = SSE) -> list[Event]:
    return list(classic(Replay(CREATED, Recorded(stream, headers=headers, size=size))).stream(chat, ACCOUNT, TOKEN))


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
    begun = Answering("cs2r0f4pqrs5bbbbbbb0")
    assert [event for event in events if not isinstance(event, Alive | Text)] == [OPENED, begun, Finish("stop")]


def test_bytes_that_say_nothing_are_a_sign_of_life() -> None:
    assert ask(recorded("classic-length.sse"), size=40).count(Alive()) > 3
    assert Alive() not in ask(recorded("classic-length.sse"))


def test_thinking_stands_apart() -> None:
    events = ask(recorded("classic-thinking.sse"))

    begun = Answering("cs2r0f4pqrs5bbbbbbb1")
    assert events == [OPENED, begun, Thinking("嗯，"), Thinking("one and one."), Text("2"), Finish("stop")]


def test_nothing_behind_the_end_is_read() -> None:
    stream = b'data: {"event":"k1","text":""}\n\ndata: {"event":"cmpl","text":"x"}\n\n'
    stream += b'data: {"event":"all_done"}\n\ndata: {"event":"cmpl","text":"y"}\n\n'

    assert list(Reader(Drift()).feed(stream)) == [Text("x"), Finish("stop")]


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

    assert [next(stream) for _ in range(3)] == [OPENED, Answering("cs2r0f4pqrs5bbbbbbb3"), Text("so far")]
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
    assert [record.getMessage() for record in caplog.records] == [
        "the kimi-classic upstream sends an unknown event: hologram",
        "the kimi-classic upstream sends an unknown event: without.name",
        "the kimi-classic upstream sends an unknown event: (list)",
    ]


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


def test_what_is_sent_for_a_plain_question() -> None:
    http = Replay(CREATED, Recorded(recorded("classic-answer.sse"), headers=SSE))
    list(classic(http).stream(CHAT, ACCOUNT, TOKEN))
    create, complete = http.calls

    assert (create.method, create.url, create.timeout) == ("POST", "http://classic/api/chat", 30)
    assert create.json == {"name": "未命名会话", "is_example": False, "kimiplus_id": "kimi", "enter_method": "new_chat"}
    assert (complete.method, complete.timeout, complete.proxy) == ("POST", 120, "http://proxy")
    assert complete.url == "http://classic/api/chat/cs2r0f4pqrs5ccccccc0/completion/stream"
    assert complete.json == {
        "kimiplus_id": "kimi",
        "model": "kimi",
        "messages": [{"role": "user", "content": "你好"}],
        "refs": [],
        "history": [],
        "scene_labels": [],
        "use_search": False,
        "use_math": False,
        "use_research": False,
        "extend": {"sidebar": True},
    }
    assert complete.headers["Authorization"] == f"Bearer {TOKEN}"
    assert complete.headers["Content-Type"] == "application/json"
    assert complete.headers["Referer"] == "http://classic/chat/cs2r0f4pqrs5ccccccc0"
    assert complete.headers["Origin"] == "http://classic"
    assert complete.headers["X-Traffic-Id"] == "u1"
    assert complete.headers["X-Msh-Session-Id"] == "s1"
    assert complete.headers["X-Msh-Device-Id"] == "d1"


@pytest.mark.parametrize(
    ("model", "features", "sent"),
    [
        ("kimi", {Feature.SEARCH}, {"model": "kimi", "use_search": True}),
        ("kimi", {Feature.MATH}, {"model": "kimi", "use_math": True, "use_search": False}),
        ("kimi", {Feature.RESEARCH}, {"use_research": True, "use_deep_research": True}),
        ("kimi", {Feature.THINKING}, {"model": "k1", "kimiplus_id": "crm40ee9e5jvhsn7ptcg"}),
        ("kimi-k1.5", {Feature.THINKING}, {"model": "k1.5-thinking", "kimiplus_id": "kimi"}),
        ("conpg00t7lagbbsfqkq0", set(), {"model": "kimi", "kimiplus_id": "conpg00t7lagbbsfqkq0"}),
    ],
)
def test_what_models_and_features_become(model: str, features: set[Feature], sent: dict[str, Any]) -> None:
    http = Replay(CREATED, Recorded(recorded("classic-answer.sse"), headers=SSE))
    chat = Chat(model=model, messages=CHAT.messages, features=frozenset(features))
    list(classic(http).stream(chat, ACCOUNT, TOKEN))

    assert sent.items() <= http.calls[1].json.items()
    assert http.calls[0].json["kimiplus_id"] == http.calls[1].json["kimiplus_id"]


def test_a_history_goes_into_one_message() -> None:
    http = Replay(CREATED, Recorded(recorded("classic-answer.sse"), headers=SSE))
    turns = (Message("user", "a"), Message("system", "s"), Message("assistant", "b"), Message("user", "c"))
    list(classic(http).stream(Chat(model="kimi", messages=turns), ACCOUNT, TOKEN))

    assert http.calls[1].json["messages"] == [{"role": "user", "content": "system:s\nuser:a\nassistant:b\nuser:c"}]


def test_an_account_whose_token_names_no_device_keeps_a_made_up_one() -> None:
    devices = []
    for name in ("alice", "alice", "bob"):
        http = Replay(CREATED, Recorded(recorded("classic-answer.sse"), headers=SSE))
        list(classic(http).stream(CHAT, Account(name=name, kind=Kind.CLASSIC), "no-jwt"))
        assert "X-Traffic-Id" not in http.calls[0].headers
        devices.append(http.calls[1].headers["X-Msh-Device-Id"])

    assert devices[0] == devices[1] != devices[2]
    assert all(device.isdigit() and len(device) == 19 for device in devices)


def test_a_model_that_the_dialect_lacks() -> None:
    http = Replay()
    with pytest.raises(RequestInvalid) as raised:
        list(classic(http).stream(Chat(model="kimi-k3", messages=CHAT.messages), ACCOUNT, TOKEN))

    assert raised.value.param == "model"
    assert http.calls == []


def test_closing_early_lets_go_of_the_connection() -> None:
    http = Replay(CREATED, Recorded(recorded("classic-answer.sse"), headers=SSE))
    stream = classic(http).stream(CHAT, ACCOUNT, TOKEN)
    while not isinstance(next(stream), Text):
        pass
    assert http.open == 1

    stream.close()

    assert http.open == 0


@pytest.mark.parametrize(
    "answer", [as_json({}), Recorded(b"", 204), Recorded(b"", 404), Recorded(b"", 410), Recorded(b"ok")]
)
def test_a_chat_is_deleted_or_was_gone_already(answer: Recorded) -> None:
    http = Replay(answer)
    upstream = classic(http)
    upstream.delete_chat("cs2r0f4pqrs5ccccccc0", ACCOUNT, TOKEN)

    assert isinstance(upstream, KeepsChats)
    assert (http.calls[0].method, http.calls[0].url) == ("DELETE", "http://classic/api/chat/cs2r0f4pqrs5ccccccc0")
    assert http.calls[0].headers["Authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (as_json({"error_type": "auth.token.invalid"}, 401), TokenRejected),
        (as_json({"error_type": "auth.token.invalid"}), TokenRejected),
        (Recorded(b"", 500), UpstreamError),
    ],
)
def test_a_chat_that_is_not_deleted(answer: Recorded, error: type[KimiError]) -> None:
    with pytest.raises(error):
        classic(Replay(answer)).delete_chat("cs2r0f4pqrs5ccccccc0", ACCOUNT, TOKEN)


@pytest.mark.parametrize(
    "answer", [as_json({}), Recorded(b"", 204), Recorded(b"", 404), Recorded(b"", 410), Recorded(b"ok")]
)
def test_an_answer_is_cancelled_or_had_ended_already(answer: Recorded) -> None:
    http = Replay(answer)
    upstream = classic(http)
    upstream.cancel("cs2r0f4pqrs5ccccccc0", "cs2r0f4pqrs5bbbbbbb0", ACCOUNT, TOKEN)
    (call,) = http.calls

    assert isinstance(upstream, Cancels)
    assert (call.method, call.url) == ("POST", "http://classic/api/chat/cs2r0f4pqrs5ccccccc0/cancel")
    assert call.json == {"segment_id": "cs2r0f4pqrs5bbbbbbb0"}
    assert call.headers["Authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize("answer", [as_json({"error_type": "auth.token.invalid"}, 401), Recorded(b"", 500)])
def test_an_answer_that_is_not_cancelled(answer: Recorded) -> None:
    with pytest.raises(KimiError):
        classic(Replay(answer)).cancel("cs2r0f4pqrs5ccccccc0", "cs2r0f4pqrs5bbbbbbb0", ACCOUNT, TOKEN)
