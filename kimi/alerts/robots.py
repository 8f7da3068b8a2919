"""The robots of Feishu, DingTalk and WeCom, each of which is told by one POST.

They answer 200 to what they refuse as well, be it for an unknown token, a word that is missing or a flood, and say so
in the body only. Apprise (2.2) does not read that, and cannot sign what goes to Feishu. So they are asked without it;
their addresses have its form.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import time
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote, unquote

import orjson

from kimi.alerts.delivery import Undelivered
from kimi.alerts.notes import Note
from kimi.alerts.posting import post
from kimi.redaction import redact

SCHEMES: Final = ("feishu", "dingtalk", "wecombot")
_ADDRESSES: Final = (
    re.compile(r"(?P<kind>feishu)://(?:(?P<secret>[^/@:]+)@)?(?P<token>[A-Za-z0-9_-]+)/?"),
    re.compile(r"(?P<kind>dingtalk)://(?:(?P<secret>[^/@:]+)@)?(?P<token>[A-Za-z0-9]+)/?"),
    re.compile(r"(?P<kind>wecom)bot://(?P<token>[A-Za-z0-9_-]+)/?"),
)
_MOST_BYTES: Final = 2_000
"""Of a text in UTF-8; WeCom takes 2,048, and refuses what is longer."""


def robot_of(url: str) -> Robot | None:
    """The robot of an address; None where it is no robot's, or has a mistake."""
    for form in _ADDRESSES:
        if found := form.fullmatch(url):
            parts = found.groupdict()
            return Robot(parts["kind"], parts["token"], unquote(parts.get("secret") or ""))
    return None


class Robot:
    """One robot. With a `secret` every message is signed, as the robot's settings ask for."""

    def __init__(self, kind: str, token: str, secret: str = "", *, clock: Callable[[], float] = time.time) -> None:
        self.name = kind
        self.id = hashlib.sha256(f"{kind} {token}".encode()).hexdigest()[:12]
        self._token = token
        self._secret = secret
        self._clock = clock

    def deliver(self, note: Note) -> None:
        """Raises `Undelivered`."""
        url, message = self._addressed(_cut(f"{note.title}\n{note.text}"))
        refusal = _refusal(post(url, orjson.dumps(message), reads=True))
        if refusal:
            raise Undelivered(self._clean(refusal))

    def _addressed(self, text: str) -> tuple[str, dict[str, Any]]:
        match self.name:
            case "feishu":
                message = {"msg_type": "text", "content": {"text": text}, **self._signed_for_feishu()}
                return f"https://open.feishu.cn/open-apis/bot/v2/hook/{self._token}", message
            case "dingtalk":
                url = f"https://oapi.dingtalk.com/robot/send?access_token={self._token}{self._signed_for_dingtalk()}"
            case _:
                url = f"https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key={self._token}"
        return url, {"msgtype": "text", "text": {"content": text}}

    def _signed_for_feishu(self) -> dict[str, str]:
        if not self._secret:
            return {}
        at = str(int(self._clock()))
        return {"timestamp": at, "sign": _signature(f"{at}\n{self._secret}", "")}

    def _signed_for_dingtalk(self) -> str:
        if not self._secret:
            return ""
        at = str(int(self._clock() * 1000))
        sign = _signature(self._secret, f"{at}\n{self._secret}")
        return f"&timestamp={at}&sign={quote(sign, safe='')}"

    def _clean(self, words: str) -> str:
        for secret in (self._token, self._secret):
            words = words.replace(secret, "[redacted]") if secret else words
        return redact(words, limit=200)


def _signature(key: str, text: str) -> str:
    return base64.b64encode(hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()).decode()


def _cut(text: str) -> str:
    data = text.encode()
    return text if len(data) <= _MOST_BYTES else data[:_MOST_BYTES].decode(errors="ignore") + "…"


def _refusal(body: bytes) -> str:
    """Why the robot has refused it, in its own words; empty when it has not."""
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        return "the answer is not JSON"
    if not isinstance(told, dict):
        return "the answer is not a JSON object"
    code = told.get("errcode", told.get("code", told.get("StatusCode")))
    if code == 0:
        return ""
    return f"{code}: {told.get('errmsg') or told.get('msg') or 'no reason is given'}"
