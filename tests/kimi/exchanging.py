"""The exchange, and its other side on loopback."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jwt
import orjson
import pytest

from kimi.accounts import Account, Kind, Tokens
from kimi.errors import KimiError
from kimi.exchange import Exchange
from kimi.http import Endpoints, Transport
from tests.kimi.loopback import Peer, Received, Server

KIMI_LINE = "POST /api/account.gateway.v1.AuthService/RefreshToken HTTP/1.1"
CLASSIC_LINE = "GET /api/auth/token/refresh HTTP/1.1"
CAMEL = {"accessToken": "A1", "refreshToken": "R1"}
SNAKE = {"access_token": "A1", "refresh_token": "R1"}
PAIR = Tokens("A1", "R1")


def made(typ: str, sub: str = "alice", number: int = 1, **more: str) -> str:
    """A token of Kimi's, as far as it can be read."""
    return jwt.encode({"typ": typ, "sub": sub, "jti": str(number), **more}, "0" * 64, algorithm="HS512")


OLD = made("refresh", number=0)
TRANSPORT = Transport(ssl_context=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))


def http_answer(status: int, body: object, content_type: str | None = None, headers: str = "") -> bytes:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    kind = content_type or ("application/json" if not isinstance(body, bytes) else "text/html")
    head = f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\n{headers}Content-Length: {len(raw)}\r\n\r\n"
    return head.encode() + raw


class Vendor:
    """The exchange's other side: answers calls in turn with what it was given, and keeps them."""

    def __init__(self, *answers: bytes) -> None:
        self.seen: list[Received] = []
        self._answers = iter(answers)

    def __call__(self, peer: Peer) -> None:
        self.seen.append(peer.request())
        peer.send(next(self._answers))


@contextmanager
def vendor(*answers: bytes) -> Iterator[tuple[Vendor, Exchange]]:
    handler = Vendor(*answers)
    with Server(handler) as server:
        yield handler, Exchange(TRANSPORT, Endpoints(f"{server.url}/web", server.url, server.url))


def account(kind: Kind, **fields: Any) -> Account:
    return Account(name="alice", kind=kind, **fields)


def failure(kind: Kind, *answers: bytes) -> KimiError:
    with vendor(*answers) as (_, exchange), pytest.raises(KimiError) as raised:
        exchange.refresh(account(kind), "R0")
    return raised.value
