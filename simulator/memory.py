"""What the upstream saw: the last requests of each account, without secrets."""

from __future__ import annotations

from typing import Any

import orjson
from flask import request

from simulator.accounts import Account
from simulator.kinds import Kind
from simulator.world import World

_SECRET_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization", "x-api-key"})
_SECRET_FIELDS = frozenset({"refresh_token", "refreshToken"})
_KEPT_BYTES = 2_000_000  # of a body that is no JSON, nothing is kept; of one that is, no more than this


def remember(world: World, account: Account | None, endpoint: str, dialect: Kind, raw: bytes) -> dict[str, Any]:
    """Note a request and count it. The note can be added to while the request is served."""
    note: dict[str, Any] = {
        "time": world.clock(),
        "endpoint": endpoint,
        "dialect": dialect.value,
        "method": request.method,
        "path": request.full_path.rstrip("?"),
        "headers": {name: value for name, value in request.headers if name.lower() not in _SECRET_HEADERS},
        "body": _body(raw),
        "status": None,
    }
    if account is None:
        world.strangers[endpoint] += 1
        return note
    account.counts.calls[endpoint] += 1
    account.requests.append(note)
    while len(account.requests) > world.settings.keep_requests:
        account.requests.popleft()
    return note


def _body(raw: bytes) -> Any:
    if not raw or len(raw) > _KEPT_BYTES:
        return None
    payload = raw[5:] if raw[:1] == b"\0" else raw
    try:
        body = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return None
    if isinstance(body, dict):
        return {name: "…" if name in _SECRET_FIELDS else value for name, value in body.items()}
    return body
