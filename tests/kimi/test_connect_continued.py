"""Chats of the newer dialect that stand already, and answers behind which a next question can be put."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest

from kimi.chat import Chat, Message, Place
from kimi.errors import BrokenAnswer, ChatGone, KimiError, TokenRejected, UpstreamError
from kimi.events import Answering, ChatOpened, Event, Finish, Text
from kimi.upstreams import envelopes
from kimi.upstreams.connect_reader import Reader
from kimi.upstreams.drift import Drift
from tests.kimi.connecting import ACCOUNT, CHAT, ENVELOPES, TOKEN, connect, streamed
from tests.kimi.replay import Recorded, Replay, as_json, read, said, step


@pytest.mark.parametrize("size", [1, 2, 3, 5, 64, 65536])
def test_a_chat_that_stands_is_continued_behind_its_last_answer(size: int) -> None:
    http = Replay(streamed("connect-continued.bin", size))
    chat_id = "19a0c0de-1111-8000-8000-00000000c0de"
    turns = (Message("system", "s"), Message("user", "and the sun?"))
    chat = Chat(model="kimi", messages=turns, behind=Place(chat_id, "m-asst"))
    events = said(connect(http).stream(chat, ACCOUNT, TOKEN))
    body = orjson.loads((http.calls[0].content or b"")[5:])

    assert (body["chat_id"], body["message"]["parent_id"]) == (chat_id, "m-asst")
    assert body["message"]["blocks"][0]["text"]["content"] == "and the sun?"
    assert body["options"]["system_prompt"] == "s"
    assert events == [
        ChatOpened(chat_id),
        Answering("m-asst-2"),
        Text("更远，"),
        Text("149,600,000 km ☀"),
        Finish("stop"),
    ]


def trailer(error: dict[str, Any]) -> Recorded:
    raw = orjson.dumps({"error": error})
    return Recorded(b"\x02" + len(raw).to_bytes(4, "big") + raw, headers=ENVELOPES)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (as_json({"code": "not_found", "message": "x"}, 404), ChatGone),
        (as_json({"code": "not_found", "message": "x"}, 410), ChatGone),
        (Recorded(b"", 404), ChatGone),
        (trailer({"code": "not_found", "message": "chat not found"}), ChatGone),
        (trailer({"code": "unauthenticated", "message": ""}), TokenRejected),
        (Recorded(b"", 502), UpstreamError),
    ],
)
def test_a_chat_that_cannot_be_continued(answer: Recorded, error: type[KimiError]) -> None:
    stream = connect(Replay(answer)).stream(replace(CHAT, behind=Place("c1", "m1")), ACCOUNT, TOKEN)

    assert list(step(stream)) == [ChatOpened("c1")]
    with pytest.raises(error) as raised:
        list(stream)
    assert type(raised.value) is error


@pytest.mark.parametrize("answer", [Recorded(b"", 404), trailer({"code": "not_found", "message": "x"})])
def test_a_new_chat_that_is_not_found_is_a_broken_answer(answer: Recorded) -> None:
    with pytest.raises(BrokenAnswer):
        list(connect(Replay(answer)).stream(CHAT, ACCOUNT, TOKEN))


TEXT = {"op": "set", "mask": "block.text", "block": {"id": "b", "text": {"content": "x"}}}


def told(*messages: object) -> list[Event]:
    return read(Reader(Drift()), b"".join(envelopes.encode(orjson.dumps(message)) for message in messages))


def assistant(message_id: object) -> dict[str, Any]:
    return {"op": "set", "mask": "message", "message": {"id": message_id, "role": "assistant"}}


@pytest.mark.parametrize("message_id", [None, 3, "", "a b", "x" * 200])
def test_an_answer_without_an_id_can_be_read_and_not_be_continued(
    message_id: object, caplog: pytest.LogCaptureFixture
) -> None:
    assert told(assistant(message_id), TEXT) == [Text("x")]
    assert "assistant.without.id" in caplog.text


def test_an_answer_is_announced_once_and_so_is_each_that_follows_it() -> None:
    assert told(assistant("a"), assistant("a"), TEXT, assistant("b")) == [Answering("a"), Text("x"), Answering("b")]
