"""What the robots of Feishu, DingTalk and WeCom answer.

They answer 200 to what they refuse as well, be it for an unknown token, a word that is missing or a flood, and say so
in the body only. Apprise (2.2) does not read that, and would call it delivered. So its modules for these three are
given a `requests` that does.
"""

from __future__ import annotations

from typing import Any, Final

import orjson
import requests

from kimi.alerts.quiet import complain

ROBOTS: Final = frozenset({"feishu", "dingtalk", "wecombot"})
"""Apprise's modules that need it."""
_REFUSED: Final = 422  # any status that Apprise takes for a refusal


class _Reading:
    """The part of `requests` that these modules use."""

    codes = requests.codes
    RequestException = requests.RequestException

    @staticmethod
    def post(url: str, **options: Any) -> requests.Response:
        """As `requests.post`, but what the body refuses has a status that says so."""
        answer = requests.post(url, **options)  # noqa: S113 - Apprise gives a timeout
        refusal = _refusal(answer.content) if answer.status_code == requests.codes.ok else ""
        if refusal:
            answer.status_code = _REFUSED
            complain(refusal)
        return answer


READING: Final = _Reading()


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
