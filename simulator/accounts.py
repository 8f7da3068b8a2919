"""Accounts, and what the simulator counts about each."""

from __future__ import annotations

import hashlib
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

from simulator.chats import Chat
from simulator.files import File
from simulator.kinds import Kind
from simulator.streams import Stream
from simulator.tokens import Holder, first_refresh

MODELS = ("kimi-k3", "kimi-k2.7-code", "kimi-k2.6")


@dataclass(slots=True)
class Counts:
    """What happened to one account. Plain figures that only grow."""

    exchanges: int = 0  # attempts that named one of this account's tokens
    exchanged: int = 0  # of them those that were carried out, answered or not
    reused: int = 0  # attempts with a refresh token that was spent before
    concurrent: int = 0  # attempts with a token whose exchange was still running
    stale_access: int = 0  # calls with an access token that a newer one had replaced
    expired_access: int = 0
    chats_created: int = 0
    chats_deleted: int = 0
    streams: int = 0
    completed: int = 0  # streams sent to their end
    broken: int = 0  # streams that a fault cut short
    closed_by_peer: int = 0
    refused_busy: int = 0  # streams refused because others were running
    peak_streams: int = 0
    uploads: int = 0
    calls: Counter[str] = field(default_factory=Counter)  # by endpoint

    def shown(self) -> dict[str, Any]:
        """The figures, for the control API."""
        plain = {name: getattr(self, name) for name in self.__slots__ if name != "calls"}
        return plain | {"calls": dict(self.calls)}


@dataclass(slots=True, kw_only=True)
class Account:
    """One login or API key."""

    name: str
    kind: Kind
    device_id: str | None = None
    region: str = "cn"
    plan: str = "paid"  # free: the big scenarios are not in it
    state: str = "ok"  # ok | banned | abnormal
    org: str = ""  # moonshot: limits are shared inside it
    models: list[str] = field(default_factory=lambda: list(MODELS))  # moonshot
    balance: float = 88.88  # moonshot, in CNY
    used: float = 0.25  # kimi: the share of the plan that is used
    resets_in: float = 30 * 86_400.0  # kimi: seconds until the plan begins anew
    classic_exchange: bool = False  # kimi: refreshes by the classic path only
    scenarios: list[str] | None = None  # kimi: what it lists and answers with; None: what the plan has
    research: int = 20  # classic: how many researches are left

    live_refresh: dict[str, None] = field(default_factory=dict, repr=False)  # jti of tokens that work, oldest first
    spent_at: dict[str, float] = field(default_factory=dict, repr=False)
    access: str | None = field(default=None, repr=False)  # jti of the newest access token
    adopts: bool = True  # nothing was exchanged so far: tokens of an earlier run are taken
    last_refresh: str = field(default="", repr=False)  # the newest refresh token itself
    last_access: str = field(default="", repr=False)

    chats: dict[str, Chat] = field(default_factory=dict, repr=False)
    files: dict[str, File] = field(default_factory=dict, repr=False)
    open: list[Stream] = field(default_factory=list, repr=False)
    counts: Counts = field(default_factory=Counts)
    requests: deque[dict[str, Any]] = field(default_factory=deque, repr=False)

    @property
    def sub(self) -> str:
        """The user id, the same for the same name and kind."""
        return hashlib.sha256(f"{self.kind}/{self.name}".encode()).hexdigest()[:20]

    @property
    def holder(self) -> Holder:
        """What its tokens say about it."""
        ssid = str(17 * 10**17 + int(self.sub[:12], 16))
        return Holder(self.sub, ssid, self.device_id, self.region)

    @property
    def api_key(self) -> str:
        """The key of a moonshot account, the same for the same name."""
        return "sk-sim" + hashlib.sha256(b"key" + self.sub.encode()).hexdigest()[:42]

    @property
    def credential(self) -> str:
        """What an operator would write into the accounts file now."""
        if self.kind is Kind.MOONSHOT:
            return self.api_key
        return self.last_refresh or first_refresh(self.holder)

    def shown(self) -> dict[str, Any]:
        """The account without credentials, for the control API."""
        return {
            "name": self.name,
            "kind": self.kind.value,
            "sub": self.sub,
            "ssid": self.holder.ssid,
            "device_id": self.device_id,
            "plan": self.plan,
            "state": self.state,
            "org": self.org,
            "research": self.research,
            "chats_alive": len(self.chats),
            "open_streams": len(self.open),
            **self.counts.shown(),
        }


def made_up_device(name: str) -> str:
    """A 19-digit device id, the same for the same name."""
    return str(7 * 10**18 + int(hashlib.sha256(name.encode()).hexdigest()[:14], 16))
