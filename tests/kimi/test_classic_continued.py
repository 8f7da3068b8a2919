"""Chats of the classic dialect that stand already."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kimi.chat import Place
from kimi.errors import BrokenAnswer, ChatGone, KimiError, TokenRejected, UpstreamError
from kimi.events import ChatOpened
from tests.kimi.classical import CHAT, CREATED, SSE, streamed, told
from tests.kimi.replay import Recorded, Replay, as_json

BEHIND = replace(CHAT, behind=Place("cs2r0f4pqrs5ccccccc9"))


def test_a_chat_that_stands_is_continued_in_place() -> None:
    http = Replay(streamed("classic-answer.sse"))
    events = told(http, BEHIND)
    (call,) = http.calls

    assert events[0] == ChatOpened("cs2r0f4pqrs5ccccccc9")
    assert call.url == "http://classic/api/chat/cs2r0f4pqrs5ccccccc9/completion/stream"
    assert call.headers["Referer"] == "http://classic/chat/cs2r0f4pqrs5ccccccc9"
    assert call.json["messages"] == [{"role": "user", "content": "你好"}]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (as_json({"error_type": "chat.not_found", "message": "x"}, 404), ChatGone),
        (as_json({"error_type": "chat.not_found", "message": "x"}), ChatGone),
        (Recorded(b"gone", 410), ChatGone),
        (Recorded(b'data: {"event":"error","error":{"error_type":"chat.not_found"}}\n\n', headers=SSE), ChatGone),
        (as_json({"error_type": "auth.token.invalid", "message": "x"}, 401), TokenRejected),
        (Recorded(b"", 502), UpstreamError),
    ],
)
def test_a_chat_that_cannot_be_continued(answer: Recorded, error: type[KimiError]) -> None:
    with pytest.raises(error) as raised:
        told(Replay(answer), BEHIND)
    assert type(raised.value) is error


def test_a_new_chat_that_is_not_found_is_a_broken_answer() -> None:
    with pytest.raises(BrokenAnswer):
        told(Replay(CREATED, as_json({"error_type": "chat.not_found", "message": "x"}, 404)))
