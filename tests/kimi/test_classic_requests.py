"""What the classic dialect sends."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kimi.accounts import Account, Kind
from kimi.chat import Chat, Feature, Message, Upload
from kimi.errors import KimiError, RequestInvalid, TokenRejected, UpstreamError
from kimi.events import Answering, Finish, Text
from kimi.upstreams import Cancels, KeepsChats
from tests.kimi.classical import ACCOUNT, CHAT, CREATED, OPENED, SSE, TOKEN, classic, streamed, told
from tests.kimi.replay import Recorded, Replay, as_json, recorded


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


def test_a_wish_for_thinking_chooses_a_model_that_thinks() -> None:
    assert sent(replace(CHAT, effort="high"))["model"] == "k1"
    assert sent(replace(CHAT, effort="none"))["model"] == "kimi"


def test_a_history_goes_into_one_message() -> None:
    http = Replay(CREATED, Recorded(recorded("classic-answer.sse"), headers=SSE))
    turns = (Message("user", "a"), Message("system", "s"), Message("assistant", "b"), Message("user", "c"))
    list(classic(http).stream(Chat(model="kimi", messages=turns), ACCOUNT, TOKEN))

    assert http.calls[1].json["messages"] == [{"role": "user", "content": "system:s\nuser:a\nassistant:b\nuser:c"}]


def sent(chat: Chat) -> Any:
    http = Replay(CREATED, Recorded(recorded("classic-answer.sse"), headers=SSE))
    list(classic(http).stream(chat, ACCOUNT, TOKEN))
    return http.calls[1].json


def test_links_of_the_user_are_wrapped_because_others_are_not_read() -> None:
    turns = (
        Message("system", "s https://a.com"),
        Message("user", "看https://b.com/x，"),
        Message("assistant", "https://c.com"),
        Message("user", "[d](https://d.com)"),
    )
    tag = '<url id="" type="url" status="" title="" wc="">'

    assert sent(Chat(model="kimi", messages=turns))["messages"][0]["content"] == (
        f"system:s https://a.com\nuser:看{tag}https://b.com/x</url>，\nassistant:https://c.com\n"
        f"user:[d]({tag}https://d.com</url>)"
    )


DETAIL = {"id": "f1", "name": "报告.pdf", "status": "parsed", "type": "file"}
PDF = Upload("f1", "报告.pdf", 2048, "application/pdf", is_image=False, detail=DETAIL)
PNG = Upload("f2", "cat.png", 10, "image/png", is_image=True)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 65536])
def test_an_answer_about_a_file(size: int) -> None:
    events = told(Replay(CREATED, streamed("classic-file.sse", size)), replace(CHAT, files=(PDF,)))

    assert events == [
        OPENED,
        Answering("cs2r0f4pqrs5bbbbbbc0"),
        Text("《报告》says "),
        Text("42。"),
        Finish("stop"),
    ]


def test_files_are_named_twice() -> None:
    body = sent(replace(CHAT, files=(PDF, PNG)))

    assert body["refs"] == ["f1", "f2"]
    assert body["refs_file"][0] == {
        "id": "f1",
        "name": "报告.pdf",
        "size": 2048,
        "file": {},
        "file_info": DETAIL,
        "parse_status": "success",
        "upload_status": "success",
        "upload_progress": 100,
        "detail": DETAIL,
        "done": True,
    }
    assert [ref["id"] for ref in body["refs_file"]] == ["f1", "f2"]
    assert body["messages"][0]["content"] == "你好"


@pytest.mark.parametrize("features", [frozenset[Feature](), frozenset({Feature.SEARCH})])
def test_files_and_links_leave_search_as_it_was_asked_for(features: frozenset[Feature]) -> None:
    body = sent(Chat(model="kimi", messages=(Message("user", "https://a.com"),), features=features, files=(PDF,)))

    assert body["use_search"] == bool(features)


def test_files_without_a_word_are_asked_about_by_their_names() -> None:
    turns = (Message("system", "s"), Message("user", " "))

    body = sent(Chat(model="kimi", messages=turns, files=(PDF, PNG)))

    assert body["messages"][0]["content"] == "system:s\nuser:报告.pdf, cat.png"


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
