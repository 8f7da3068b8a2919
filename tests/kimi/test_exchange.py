"""How refresh tokens are exchanged: what is sent where, and how long for."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from kimi.accounts import Kind, Region
from kimi.errors import BrokenAnswer, UpstreamError, UpstreamTimeout
from kimi.exchange import Exchange
from kimi.http import Endpoints
from tests.kimi.exchanging import (
    CAMEL,
    CLASSIC_LINE,
    KIMI_LINE,
    PAIR,
    SNAKE,
    TRANSPORT,
    Vendor,
    account,
    failure,
    http_answer,
    vendor,
)
from tests.kimi.loopback import Peer, Received, Server, refused_port


@pytest.mark.parametrize("body", [CAMEL, SNAKE, {"data": CAMEL}, {"data": SNAKE, "code": 0}, {**CAMEL, "more": {}}])
def test_kimi_tokens_come_in_any_of_their_shapes(body: object) -> None:
    with vendor(http_answer(200, body)) as (seen, exchange):
        assert exchange.refresh(account(Kind.KIMI), "R0") == PAIR

    (call,) = seen.seen
    assert call.line == KIMI_LINE
    assert orjson.loads(call.body) == {"refresh_token": "R0"}
    assert call.headers["content-type"] == "application/json"
    assert "authorization" not in call.headers


def test_classic_sends_the_refresh_token_as_the_bearer() -> None:
    with vendor(http_answer(200, SNAKE)) as (seen, exchange):
        assert exchange.refresh(account(Kind.CLASSIC), "R0") == PAIR

    (call,) = seen.seen
    assert (call.line, call.headers["authorization"], call.body) == (CLASSIC_LINE, "Bearer R0", b"")
    assert call.headers["cache-control"] == "no-cache, no-store"  # one address for all accounts


def test_a_kimi_account_without_the_new_path_takes_the_old_one_on_the_web_host_once() -> None:
    with vendor(http_answer(404, b""), http_answer(200, SNAKE)) as (seen, exchange):
        assert exchange.refresh(account(Kind.KIMI), "R0") == PAIR

    assert [call.line for call in seen.seen] == [KIMI_LINE, CLASSIC_LINE.replace("/api", "/web/api")]
    assert isinstance(failure(Kind.KIMI, http_answer(404, b""), http_answer(404, b"")), BrokenAnswer)


def test_an_old_path_that_was_pointed_to_late_is_taken_the_next_time() -> None:
    now = iter((0.0, 30.0, 100.0, 101.0))
    with Server(seen := Vendor(http_answer(404, b""), http_answer(404, b""), http_answer(200, SNAKE))) as server:
        endpoints = Endpoints(f"{server.url}/web", server.url, server.url)
        exchange = Exchange(TRANSPORT, endpoints, clock=lambda: next(now))
        with pytest.raises(UpstreamTimeout) as late:
            exchange.refresh(account(Kind.KIMI), "R0")
        assert not late.value.sent, "a 404 spends nothing"
        assert exchange.refresh(account(Kind.KIMI), "R0") == PAIR
    assert [call.line.split()[0] for call in seen.seen] == ["POST", "POST", "GET"]


def test_neither_errors_nor_calls_repeat_the_token() -> None:
    error = failure(
        Kind.CLASSIC, http_answer(401, {"error_type": "auth.token.invalid", "message": "eyJabc.def.ghi bad"})
    )

    assert str(error) == "the exchange answered 401 auth.token.invalid [redacted] bad"


def test_every_exchange_has_a_connection_of_its_own() -> None:
    def handle(peer: Peer) -> None:
        while True:
            assert peer.request().headers["connection"] == "close"
            peer.send(http_answer(200, SNAKE))

    with Server(handle) as server:
        exchange = Exchange(TRANSPORT, Endpoints(server.url, server.url, server.url))
        for kind in (Kind.KIMI, Kind.KIMI, Kind.CLASSIC):
            exchange.refresh(account(kind), "R0")
        assert server.connections == 3


def test_a_lost_answer_is_not_asked_for_again() -> None:
    calls: list[Received] = []

    def handle(peer: Peer) -> None:
        calls.append(peer.request())
        peer.reset()

    with Server(handle) as server, pytest.raises(UpstreamError):
        Exchange(TRANSPORT, Endpoints(server.url, server.url, server.url)).refresh(account(Kind.KIMI), "R0")

    assert len(calls) == 1


def test_the_accounts_proxy_is_used() -> None:
    with vendor(http_answer(200, CAMEL)) as (seen, exchange), Server(seen) as proxy:
        exchange.refresh(account(Kind.KIMI, proxy=proxy.url), "R0")

    assert seen.seen[0].line.startswith("POST http://127.0.0.1:")


def test_an_account_of_the_other_region_goes_to_its_own_host() -> None:
    seen: list[str] = []

    def proxy(peer: Peer) -> None:
        seen.append(peer.request().line)

    with Server(proxy) as server, pytest.raises(UpstreamError):
        Exchange(TRANSPORT, Endpoints()).refresh(account(Kind.KIMI, region=Region.GLOBAL, proxy=server.url), "R0")

    assert seen[0].startswith("CONNECT auth.kimi.ai:443")


def test_a_key_is_not_exchanged() -> None:
    with pytest.raises(ValueError, match="alice"):
        Exchange(TRANSPORT, Endpoints()).refresh(account(Kind.MOONSHOT), "sk-x")


def test_nobody_answers() -> None:
    nowhere = f"http://127.0.0.1:{refused_port()}"

    with pytest.raises(UpstreamError) as raised:
        Exchange(TRANSPORT, Endpoints(nowhere, nowhere, nowhere)).refresh(account(Kind.KIMI), "R0")

    assert not isinstance(raised.value, UpstreamTimeout | BrokenAnswer)


class Silent:
    """Another side that never answers; keeps for how long it was waited for, in seconds."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    def stream(self, *_: object, timeout: float, **__: object) -> Any:
        self.waits.append(timeout)
        raise UpstreamTimeout("nothing came in time")


@pytest.mark.parametrize("kind", [Kind.KIMI, Kind.CLASSIC])
def test_a_slow_answer_which_holds_the_only_good_token_is_waited_for(kind: Kind) -> None:
    silent = Silent()
    with pytest.raises(UpstreamTimeout):
        Exchange(silent, Endpoints()).refresh(account(kind), "R0")
    assert silent.waits == [60]
