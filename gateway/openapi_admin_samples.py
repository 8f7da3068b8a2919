"""Examples of what operators see."""

from __future__ import annotations

from typing import Final

from gateway.openapi_words import Json
from kimi.version import VERSION

_NOW: Final = 1_796_000_000
TODAY: Final[Json] = {"requests": 42, "errors": 1, "prompt_tokens": 12_000, "completion_tokens": 8_500}
SESSION: Final[Json] = {"csrf": "5f1c…", "expires": _NOW + 43_200}
ACCOUNT: Final[Json] = {
    "name": "alice",
    "kind": "kimi",
    "region": "cn",
    "origin": "file",
    "state": "active",
    "reason": "",
    "token_issued": _NOW - 300.5,
    "token_expires": _NOW + 600,
    "refresh_due": _NOW + 120.25,
    "refresh_failures": 0,
    "in_flight": 1,
    "max_concurrency": 1,
    "requests_per_minute": None,
    "weight": 1.0,
    "priority": 0,
    "cooling_until": None,
    "cooling_reason": "",
    "models": ["kimi-k2.6"],
    "has_proxy": False,
    "base_url": None,
    "edited": False,
    "today": TODAY,
    "last_used": _NOW - 2.5,
}
DEAD: Final[Json] = {**ACCOUNT, "state": "dead", "reason": "AccountDead: the refresh token was refused", "in_flight": 0}
ALERT: Final[Json] = {"rule": "dead", "subject": "bob", "since": _NOW - 60, "message": "The login of bob was refused."}
OVERVIEW: Final[Json] = {
    "version": VERSION,
    "now": _NOW,
    "started": _NOW - 86_400,
    "redis": {"up": True, "server": "Valkey", "version": "8.0.0", "used_memory_bytes": 2_430_600, "persistent": True},
    "refreshers": [{"name": "host-17", "seen_seconds": 0.8}],
    "pool": {
        "usable": 3,
        "total": 4,
        "states": {"active": 3, "dead": 1},
        "in_flight": 1,
        "limit": 3,
        "next_expiry": _NOW + 600,
    },
    "queue": {"waiting": 0},
    "today": TODAY,
    "alerts": [ALERT],
}
KEY: Final[Json] = {
    "id": "0046f1d133dda866",
    "name": "bob",
    "prefix": "sk-kimi-yh…",
    "created": _NOW - 3_600,
    "revoked": None,
    "origin": "operator",
    "limits": {"requests_per_minute": 60, "tokens_per_day": None, "concurrent": 2, "models": ["kimi*"]},
    "today": TODAY,
    "last_used": _NOW - 2.5,
}
POINT: Final[Json] = {
    "at": _NOW - 60,
    "requests": 7,
    "errors": 0,
    "prompt_tokens": 900,
    "completion_tokens": 700,
    "first_event_seconds": {"p50": 0.8, "p95": 1.9},
    "total_seconds": None,
}
ENTRY: Final[Json] = {
    "id": "1796000000000-0",
    "at": _NOW,
    "who": "admin page",
    "address": "192.0.2.7",
    "action": "pause",
    "subject": "alice",
    "detail": "paused",
}


def results(message: str, **more: float) -> Json:
    """What came of something that was done to two accounts, of which one is not there."""
    return {
        "results": [
            {"name": "alice", "ok": True, "message": message, **more},
            {"name": "nobody", "ok": False, "message": "there is no account nobody"},
        ]
    }
