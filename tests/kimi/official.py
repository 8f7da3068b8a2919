"""An official key, and the upstream that it opens."""

from __future__ import annotations

from typing import Any

from kimi.accounts import Account, Kind
from kimi.chat import Chat, Message
from kimi.http import Endpoints
from kimi.upstreams.line import Line
from kimi.upstreams.moonshot import Moonshot
from tests.kimi.replay import Replay

ACCOUNT = Account(name="official", kind=Kind.MOONSHOT, proxy="http://proxy")
BODY: dict[str, Any] = {"model": "kimi-k2.6", "messages": [{"role": "user", "content": "你好"}]}
CHAT = Chat(model="kimi-k2.6", messages=(Message("user", "你好"),), body=BODY)
SSE = {"Content-Type": "text/event-stream"}


def moonshot(http: Replay) -> Moonshot:
    return Moonshot(Line(http, Endpoints(moonshot="http://official/v1")))
