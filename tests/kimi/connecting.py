"""The newer dialect over answers that a test has written."""

from __future__ import annotations

import jwt

from kimi.accounts import Account, Kind
from kimi.chat import Chat, Message
from kimi.http import Endpoints
from kimi.upstreams.connect import Connect
from kimi.upstreams.line import Line
from tests.kimi.replay import Recorded, Replay, recorded

ACCOUNT = Account(name="alice", kind=Kind.KIMI, proxy="http://proxy")
TOKEN = jwt.encode({"sub": "u1", "ssid": "s1", "device_id": "d1", "typ": "access"}, "k" * 64, algorithm="HS512")
CHAT = Chat(model="kimi", messages=(Message("user", "你好"),))
ENVELOPES = {"Content-Type": "application/connect+json"}


def streamed(name: str, size: int = 65536) -> Recorded:
    """An answer of tests/data, `size` bytes at a time."""
    return Recorded(recorded(name), headers=ENVELOPES, size=size)


def connect(http: Replay) -> Connect:
    return Connect(Line(http, Endpoints(web="http://web")))
