"""Accounts for the gateway under test, whose tokens the upstream hands out for ever."""

from __future__ import annotations

import base64
import json
from typing import Any, Final

import yaml

OFFICIAL: Final = "kimi-bench"
"""The upstream's one model of the official platform, for all who speak OpenAI's dialect to it."""
MODELS: Final = {"kimi": "kimi-k2.5", "kimi-classic": "kimi-k1.5", "moonshot": OFFICIAL}
"""By kind, a model that only accounts of this kind serve: a request chooses the upstream's dialect by it."""
_ISSUED, _EXPIRES = 1_750_000_000, 4_102_444_800  # the year 2100


def accounts_file(count: int, streams: int) -> str:
    """So many accounts of every kind, each of which may have so many streams at a time."""
    entries = [_entry(kind, number, streams) for kind in MODELS for number in range(count)]
    return yaml.safe_dump({"accounts": entries})


def _entry(kind: str, number: int, streams: int) -> dict[str, Any]:
    name = f"{kind}-{number}"
    secret = {"api_key": f"sk-{name}"} if kind == "moonshot" else {"refresh_token": _token(name)}
    return {"name": name, "kind": kind, "max_concurrency": streams, **secret}


def _token(name: str) -> str:
    """A token that says whose it is and until when; nobody checks its signature."""
    claims = {"iss": "bench", "sub": name, "ssid": "1", "device_id": "2", "iat": _ISSUED, "exp": _EXPIRES}
    return f"{_part({'alg': 'HS512', 'typ': 'JWT'})}.{_part(claims)}.c2lnbmF0dXJl"


def _part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()
