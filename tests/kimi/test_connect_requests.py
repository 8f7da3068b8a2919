"""What the newer dialect sends."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import Any

import orjson
import pytest

from kimi.accounts import Account, Kind, Region
from kimi.chat import Chat, Feature, Message, Upload
from kimi.errors import (
    KimiError,
    RequestInvalid,
    TokenRejected,
    UpstreamError,
)
from kimi.upstreams import KeepsChats
from tests.kimi.connecting import ACCOUNT, CHAT, ENVELOPES, TOKEN, connect
from tests.kimi.replay import Recorded, Replay, as_json, recorded


def test_what_is_sent_for_a_plain_question() -> None:
    http = Replay(Recorded(recorded("connect-answer.bin"), headers=ENVELOPES))
    list(connect(http).stream(CHAT, ACCOUNT, TOKEN))
    (call,) = http.calls

    assert call.url == "http://web/apiv2/kimi.gateway.chat.v1.ChatService/Chat"
    assert (call.method, call.timeout, call.proxy) == ("POST", 120, "http://proxy")
    assert call.content is not None
    flags, length = struct.unpack(">BI", call.content[:5])
    assert (flags, length) == (0, len(call.content) - 5)
    assert orjson.loads(call.content[5:]) == {
        "scenario": "SCENARIO_K2D5",
        "tools": [],
        "message": {
            "id": "",
            "children_message_ids": [],
            "role": "user",
            "blocks": [{"id": "", "message_id": "", "text": {"content": "你好"}}],
            "scenario": "SCENARIO_K2D5",
            "labels": [],
            "references": [],
            "is_goal": False,
        },
        "options": {"thinking": False, "enable_plugin": False, "reasoning_effort": "REASONING_EFFORT_NONE"},
        "project_id": "",
    }
    assert call.headers["Content-Type"] == "application/connect+json"
    assert call.headers["Connect-Protocol-Version"] == "1"
    assert call.headers["Authorization"] == f"Bearer {TOKEN}"
    assert call.headers["X-Traffic-Id"] == "u1"
    assert call.headers["X-Msh-Session-Id"] == "s1"
    assert call.headers["X-Msh-Device-Id"] == "d1"


def sent(chat: Chat, account: Account = ACCOUNT) -> tuple[str, dict[str, Any]]:
    http = Replay(Recorded(recorded("connect-answer.bin"), headers=ENVELOPES))
    list(connect(http).stream(chat, account, TOKEN))
    return http.calls[0].url, orjson.loads((http.calls[0].content or b"")[5:])


@pytest.mark.parametrize(
    ("model", "features", "scenario", "kimiplus", "options"),
    [
        (
            "kimi",
            {Feature.THINKING},
            "SCENARIO_K2D5",
            None,
            {"thinking": True, "reasoning_effort": "REASONING_EFFORT_LOW"},
        ),
        ("kimi-k2", set(), "SCENARIO_K2", None, {"thinking": False}),
        ("kimi-k3", set(), "SCENARIO_OK_COMPUTER", "ok-computer", {"reasoning_effort": "REASONING_EFFORT_LOW"}),
        ("conpg00t7lagbbsfqkq0", set(), "SCENARIO_K2D5", "conpg00t7lagbbsfqkq0", {"thinking": False}),
    ],
)
def test_what_models_become(
    model: str, features: set[Feature], scenario: str, kimiplus: str | None, options: dict[str, Any]
) -> None:
    _, body = sent(Chat(model=model, messages=CHAT.messages, features=frozenset(features)))

    assert (body["scenario"], body["message"]["scenario"], body.get("kimiplus_id")) == (scenario, scenario, kimiplus)
    assert options.items() <= body["options"].items()
    assert ("reasoning_effort" in body["options"]) == (model != "kimi-k2")


def test_search_is_a_tool() -> None:
    _, body = sent(Chat(model="kimi", messages=CHAT.messages, features=frozenset({Feature.SEARCH})))

    assert body["tools"] == [{"type": "TOOL_TYPE_SEARCH", "search": {}}]
    assert body["options"]["enable_plugin"] is True


def test_a_history_is_folded_and_the_systems_words_have_their_own_place() -> None:
    turns = (Message("user", "a"), Message("system", "s"), Message("assistant", "b"), Message("user", "c"))
    _, body = sent(Chat(model="kimi", messages=turns))

    assert body["options"]["system_prompt"] == "s"
    assert body["message"]["blocks"][0]["text"]["content"] == "user:a\nassistant:b\nuser:c"


PDF = Upload("f1", "报告.pdf", 2048, "application/pdf", is_image=False)
PNG = Upload("f2", "cat.png", 10, "image/png", is_image=True)


def test_files_stand_beside_the_text() -> None:
    _, body = sent(replace(CHAT, files=(PDF, PNG)))

    assert body["message"]["blocks"] == [
        {"id": "", "message_id": "", "text": {"content": "你好"}},
        {"id": "", "message_id": "", "file": {"id": "f1", "status": "PROCESS_STATUS_SUCCESS"}},
        {"id": "", "message_id": "", "file": {"id": "f2", "status": "PROCESS_STATUS_SUCCESS"}},
    ]
    assert body["tools"] == []


def test_files_without_a_word_are_asked_about_by_their_names() -> None:
    _, body = sent(Chat(model="kimi", messages=(Message("system", "s"), Message("user", "\n")), files=(PDF, PNG)))

    assert body["message"]["blocks"][0]["text"]["content"] == "报告.pdf, cat.png"
    assert body["options"]["system_prompt"] == "s"


def test_links_stand_as_they_are() -> None:
    _, body = sent(Chat(model="kimi", messages=(Message("user", "看https://a.com。"),)))

    assert body["message"]["blocks"][0]["text"]["content"] == "看https://a.com。"


def test_a_wish_for_thinking_is_met() -> None:
    assert sent(replace(CHAT, effort="high"))[1]["options"]["thinking"] is True
    assert sent(replace(CHAT, effort="none"))[1]["options"]["thinking"] is False


def test_a_new_chat_has_no_keys_of_an_old_one() -> None:
    _, body = sent(CHAT)

    assert body.keys().isdisjoint({"chat_id", "chatId"})
    assert body["message"].keys().isdisjoint({"parent_id", "parentId"})


def test_an_account_of_the_other_region_goes_to_its_own_host() -> None:
    url, _ = sent(CHAT, Account(name="bob", kind=Kind.KIMI, region=Region.GLOBAL))

    assert url.startswith("https://www.kimi.ai/apiv2/")


def test_a_model_that_the_dialect_lacks() -> None:
    http = Replay()
    with pytest.raises(RequestInvalid) as raised:
        list(connect(http).stream(Chat(model="kimi-k1", messages=CHAT.messages), ACCOUNT, TOKEN))

    assert raised.value.param == "model"
    assert http.calls == []


@pytest.mark.parametrize(
    "answer", [as_json({}), Recorded(b"", 200), Recorded(b"", 404), as_json({"code": "not_found"}, 410)]
)
def test_a_chat_is_deleted_or_was_gone_already(answer: Recorded) -> None:
    http = Replay(answer)
    upstream = connect(http)
    upstream.delete_chat("c1", ACCOUNT, TOKEN)
    (call,) = http.calls

    assert isinstance(upstream, KeepsChats)
    assert (call.method, call.url) == ("POST", "http://web/apiv2/kimi.chat.v1.ChatService/DeleteChat")
    assert call.json == {"chat_id": "c1"}
    assert call.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (as_json({"code": "unauthenticated"}, 401), TokenRejected),
        (as_json({"code": "unauthenticated"}, 200), TokenRejected),
        (Recorded(b"", 500), UpstreamError),
    ],
)
def test_a_chat_that_is_not_deleted(answer: Recorded, error: type[KimiError]) -> None:
    with pytest.raises(error):
        connect(Replay(answer)).delete_chat("c1", ACCOUNT, TOKEN)
