"""An official key, and the upstream that it opens."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from kimi.accounts import Account, Kind
from kimi.chat import Chat, Message
from kimi.errors import KimiError
from kimi.events import Event
from kimi.http import Endpoints
from kimi.upstreams.line import Line
from kimi.upstreams.moonshot import Moonshot
from tests.kimi.replay import Recorded, Replay, said

ACCOUNT = Account(name="official", kind=Kind.MOONSHOT, proxy="http://proxy")
BODY: dict[str, Any] = {"model": "kimi-k2.6", "messages": [{"role": "user", "content": "你好"}]}
CHAT = Chat(model="kimi-k2.6", messages=(Message("user", "你好"),), body=BODY)
SSE = {"Content-Type": "text/event-stream"}


def moonshot(http: Replay) -> Moonshot:
    return Moonshot(Line(http, Endpoints(moonshot="http://official/v1")))


def ask(stream: bytes, *, size: int = 65536) -> list[Event]:
    return said(moonshot(Replay(Recorded(stream, headers=SSE, size=size))).stream(CHAT, ACCOUNT, "sk-x"))


def failure(answer: Recorded) -> KimiError:
    http = Replay(answer)
    with pytest.raises(KimiError) as raised:
        list(moonshot(http).stream(CHAT, ACCOUNT, "sk-x"))
    assert http.open == 0
    return raised.value


def chunk(delta: object = None, reason: object = None, **more: object) -> bytes:
    choice = {"index": 0, "delta": {} if delta is None else delta, "finish_reason": reason, **more}
    return b"data: " + orjson.dumps({"choices": [choice]}) + b"\n\n"


DONE = b"data: [DONE]\n\n"
TEXT = chunk({"content": "x"})
