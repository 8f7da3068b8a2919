"""An account of the simulator, and everything that talks to it over real HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kimi.accounts import Account, Kind
from kimi.chat import Chat, Message
from kimi.events import ChatOpened, Event
from kimi.exchange import Exchange
from kimi.http import Endpoints, Transport
from kimi.upstreams import KeepsChats
from kimi.upstreams.line import Line
from kimi.upstreams.registry import build
from tests.simulator.running import Simulator

KINDS = list(Kind)
WEB = [Kind.KIMI, Kind.CLASSIC]
ANSWER = "Guten Tag，世界 🌙\n\n再见。"


@dataclass
class Bench:
    """One account of the simulator and everything that talks to it."""

    simulator: Simulator
    transport: Transport
    endpoints: Endpoints
    account: Account
    secret: str
    token: str = ""

    def log_in(self) -> None:
        if self.account.kind is Kind.MOONSHOT:
            self.token = self.secret
        else:
            self.token = Exchange(self.transport, self.endpoints).refresh(self.account, self.secret).access

    def stream(self, *, idle: float = 20, **chat: Any) -> list[Event]:
        model = "kimi-k2.6" if self.account.kind is Kind.MOONSHOT else "kimi"
        wanted = {"model": model, "messages": (Message("user", "你好"),), **chat}
        upstream = build(Line(self.transport, self.endpoints, idle=idle))[self.account.kind]
        events: list[Event] = []
        try:
            for batch in upstream.stream(Chat(**wanted), self.account, self.token):
                events += batch or ()  # what came before an error counts
        finally:
            for event in events:
                if isinstance(event, ChatOpened) and isinstance(upstream, KeepsChats):
                    upstream.delete_chat(event.chat_id, self.account, self.token)
        return events

    def chats(self) -> int:
        return int(self.simulator.account(self.account.name)["chats_alive"])
