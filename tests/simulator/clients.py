"""Small clients of the three dialects, and readers that know nothing of ours."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import requests

if TYPE_CHECKING:
    from tests.simulator.running import Simulator

CHAT = "/apiv2/kimi.gateway.chat.v1.ChatService/Chat"
REFRESH = "/api/account.gateway.v1.AuthService/RefreshToken"
PATIENCE = 10


def events(body: bytes) -> list[dict[str, Any]]:
    """The JSON of all `data:` lines, [DONE] left out; fails on a body that stops inside an event."""
    assert body.endswith((b"\n\n", b"\r\n\r\n")), body[-80:]
    lines = [line.removeprefix(b"data:").strip() for line in body.splitlines() if line.startswith(b"data:")]
    return [json.loads(line) for line in lines if line != b"[DONE]"]


def frames(body: bytes) -> list[tuple[int, dict[str, Any]]]:
    """All envelopes as (flags, JSON); fails on a body that stops inside one."""
    found = []
    while body:
        flags, length = struct.unpack(">BI", body[:5])
        assert len(body) >= 5 + length
        found.append((flags, json.loads(body[5 : 5 + length])))
        body = body[5 + length :]
    return found


def envelope(message: Any) -> bytes:
    payload = json.dumps(message).encode()
    return struct.pack(">BI", 0, len(payload)) + payload


def connect_text(messages: list[tuple[int, dict[str, Any]]], kind: str = "text") -> str:
    """The assistant's text, or its thinking, by the masks."""
    text, ours = "", False
    for _, message in messages:
        if message.get("mask") == "message":
            ours = message["message"]["role"] == "assistant"
        if ours and message.get("mask") in (f"block.{kind}", f"block.{kind}.content"):
            text += message["block"][kind]["content"]
    return text


@dataclass
class Client:
    """One account of one kind, with an access token of its own."""

    kimi: Simulator
    account: dict[str, Any]
    access: str = ""
    session: requests.Session = field(init=False)

    def __post_init__(self) -> None:
        self.session = self.kimi.new_session()

    @property
    def name(self) -> str:
        return str(self.account["name"])

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.access or self.account.get('api_key')}"}

    def call(self, method: str, path: str, body: Any = None, **more: Any) -> requests.Response:
        more.setdefault("timeout", PATIENCE)
        headers = self.headers | more.pop("headers", {})
        return self.session.request(method, self.kimi.url + path, json=body, headers=headers, **more)

    # kimi

    def refresh(self, token: str | None = None, **more: Any) -> requests.Response:
        token = token or self.account["refresh_token"]
        more.setdefault("timeout", PATIENCE)
        return self.session.post(self.kimi.url + REFRESH, json={"refresh_token": token}, **more)

    def log_in(self) -> Client:
        pair = self.refresh().json()
        self.access, self.account["refresh_token"] = pair["accessToken"], pair["refreshToken"]
        return self

    def chat(self, text: str = "你好 hello", *, stream: bool = False, **more: Any) -> requests.Response:
        message = {"role": "user", "blocks": [{"id": "", "message_id": "", "text": {"content": text}}]}
        message |= more.pop("message", {})
        body = {"scenario": "SCENARIO_K2D5", "tools": [], "message": message, "options": {}} | more
        headers = {"Content-Type": "application/connect+json", "Connect-Protocol-Version": "1"} | self.headers
        return self.session.post(
            self.kimi.url + CHAT, data=envelope(body), headers=headers, stream=stream, timeout=PATIENCE
        )

    # kimi-classic

    def classic_refresh(self, token: str | None = None) -> requests.Response:
        headers = {"Authorization": f"Bearer {token or self.account['refresh_token']}"}
        return self.session.get(self.kimi.url + "/api/auth/token/refresh", headers=headers, timeout=PATIENCE)

    def classic_log_in(self) -> Client:
        self.access = self.classic_refresh().json()["access_token"]
        return self

    def new_chat(self) -> str:
        return str(self.call("POST", "/api/chat", {"name": "a test"}).json()["id"])

    def complete(
        self, chat_id: str, text: str = "你好 hello", *, stream: bool = False, **more: Any
    ) -> requests.Response:
        body = {"messages": [{"role": "user", "content": text}]} | more
        return self.call("POST", f"/api/chat/{chat_id}/completion/stream", body, stream=stream)

    # moonshot

    def ask(
        self, text: str = "你好 hello", *, streamed: bool = False, more: Any = None, **fields: Any
    ) -> requests.Response:
        body = {"model": "kimi-k2.6", "messages": [{"role": "user", "content": text}]} | fields | (more or {})
        return self.call("POST", "/v1/chat/completions", body, stream=streamed)
