"""The classic dialect over answers that a test has written."""

from __future__ import annotations

from collections.abc import Mapping

import jwt

from kimi.accounts import Account, Kind
from kimi.chat import Chat, Message
from kimi.events import ChatOpened, Event
from kimi.http import Endpoints
from kimi.upstreams.classic import Classic
from kimi.upstreams.line import Line
from tests.kimi.replay import Recorded, Replay, as_json, recorded, said

ACCOUNT = Account(name="alice", kind=Kind.CLASSIC, proxy="http://proxy")
TOKEN = jwt.encode({"sub": "u1", "ssid": "s1", "device_id": "d1", "typ": "access"}, "k" * 64, algorithm="HS512")
CHAT = Chat(model="kimi", messages=(Message("user", "你好"),))
CREATED = as_json({"id": "cs2r0f4pqrs5ccccccc0", "name": "x", "created_at": "2025-01-01T00:00:00Z"})
OPENED = ChatOpened("cs2r0f4pqrs5ccccccc0")
SSE = {"Content-Type": "text/event-stream; charset=utf-8"}


def classic(http: Replay) -> Classic:
    return Classic(Line(http, Endpoints(classic="http://classic")))


def streamed(name: str, size: int = 65536) -> Recorded:
    """An answer of tests/data, `size` bytes at a time."""
    return Recorded(recorded(name), headers=SSE, size=size)


def ask(stream: bytes, *, size: int = 65536, chat: Chat = CHAT, headers: Mapping[str, str] = SSE) -> list[Event]:
    return said(classic(Replay(CREATED, Recorded(stream, headers=headers, size=size))).stream(chat, ACCOUNT, TOKEN))


def told(http: Replay, chat: Chat = CHAT) -> list[Event]:
    """What comes of `chat`, without signs of life."""
    events = said(classic(http).stream(chat, ACCOUNT, TOKEN))
    assert http.open == 0
    return events
