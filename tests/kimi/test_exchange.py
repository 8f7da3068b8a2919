from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jwt
import orjson
import pytest

from kimi.accounts import Account, Kind, Region, Tokens
from kimi.errors import (
    AccountBanned,
    AccountBusy,
    AccountDead,
    BrokenAnswer,
    KimiError,
    Overloaded,
    RateLimited,
    TokenRejected,
    UpstreamError,
    UpstreamTimeout,
)
from kimi.exchange import Exchange
from kimi.http import Endpoints, Transport
from kimi.upstreams.drift import Drift
from tests.kimi.loopback import Peer, Received, Server, refused_port

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


@pytest.mark.parametrize("body", [b"", {"error_type": "auth.token.invalid"}])
@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_refusal_on_the_old_path_condemns_no_account_that_may_not_live_there(status: int, body: object) -> None:
    error = failure(Kind.KIMI, http_answer(404, b""), http_answer(status, body, "application/json"))
    assert type(error) is BrokenAnswer
    assert error.retry_after == 600
    assert "RefreshToken is not found" in str(error)


@pytest.mark.parametrize(
    ("kind", "status", "body", "error"),
    [
        (Kind.KIMI, 401, {"code": "unauthenticated"}, AccountDead),
        (Kind.KIMI, 401, {"message": "invalid claims"}, AccountDead),
        (Kind.KIMI, 401, {"code": "unauthenticated", "message": "token is invalid"}, AccountDead),
        (Kind.KIMI, 401, {"details": [{"debug": {"reason": "REASON_INVALID_AUTH_TOKEN"}}]}, AccountDead),
        (Kind.KIMI, 401, {"message": "Unauthorized"}, TokenRejected),
        (Kind.KIMI, 401, {"message": "Invalid authentication credentials", "request_id": "x"}, TokenRejected),
        (Kind.KIMI, 401, b"", TokenRejected),
        (Kind.KIMI, 401, {"code": "new_code"}, TokenRejected),
        (Kind.KIMI, 401, {"code": "unavailable"}, UpstreamError),
        (Kind.KIMI, 403, {}, TokenRejected),
        (Kind.KIMI, 403, b"", TokenRejected),
        (Kind.KIMI, 403, {"code": "permission_denied"}, AccountDead),
        (Kind.KIMI, 403, {"code": "permission_denied", "message": "concurrent request limit"}, AccountBusy),
        (Kind.KIMI, 403, {"error_type": "auth.account_abnormal"}, AccountBanned),
        (Kind.KIMI, 403, b"<html>blocked</html>", UpstreamError),
        (Kind.KIMI, 400, b"", TokenRejected),
        (Kind.KIMI, 400, {"code": "invalid_argument"}, TokenRejected),
        (Kind.KIMI, 400, {"code": "unauthenticated"}, AccountDead),
        (Kind.KIMI, 415, b"", BrokenAnswer),
        (Kind.KIMI, 429, {}, RateLimited),
        (Kind.KIMI, 429, {"code": "resource_exhausted"}, Overloaded),
        (Kind.KIMI, 429, {"code": "resource_exhausted", "message": "quota"}, BrokenAnswer),
        (Kind.KIMI, 500, b"", UpstreamError),
        (Kind.KIMI, 502, b"<html>", UpstreamError),
        (Kind.KIMI, 503, {"code": "unavailable"}, UpstreamError),
        (Kind.KIMI, 307, b"", UpstreamError),
        (Kind.CLASSIC, 401, {"error_type": "auth.token.invalid", "message": "您的授权已过期，请重新登录"}, AccountDead),
        (Kind.CLASSIC, 200, {"error_type": "auth.token.invalid", "message": "您的授权已过期"}, AccountDead),
        (Kind.CLASSIC, 403, {"error_type": "auth.new"}, TokenRejected),
        (Kind.CLASSIC, 403, {}, TokenRejected),
        (Kind.CLASSIC, 403, {"error_type": "chat.forbidden"}, TokenRejected),
        (Kind.CLASSIC, 403, {"code": "unavailable", "message": "maintenance"}, UpstreamError),
        (Kind.CLASSIC, 400, {"error_type": "auth.account_banned", "message": "账号已被封禁"}, AccountBanned),
        (Kind.CLASSIC, 400, {}, TokenRejected),
        (Kind.CLASSIC, 400, {"code": "unavailable"}, UpstreamError),
        (Kind.CLASSIC, 400, {"code": "internal"}, UpstreamError),
        (Kind.CLASSIC, 400, {"code": "resource_exhausted"}, Overloaded),
        (Kind.CLASSIC, 400, {"error_type": "common.invalid_argument"}, TokenRejected),
        (Kind.CLASSIC, 400, {"error_type": "user.banned", "message": "账号已被封禁"}, TokenRejected),
        (Kind.CLASSIC, 401, {"error_type": "user.token_expired"}, TokenRejected),
        (Kind.CLASSIC, 401, {"error_type": "unavailable"}, UpstreamError),
        (Kind.CLASSIC, 400, {"error_type": "auth.token.invalid"}, AccountDead),
        (Kind.CLASSIC, 400, b"", TokenRejected),
        (Kind.CLASSIC, 400, b"<html>The plain HTTP request was sent to HTTPS port</html>", UpstreamError),
        (Kind.CLASSIC, 400, {"error_type": "rate_limited"}, TokenRejected),
        (Kind.CLASSIC, 503, {"error_type": "auth.account_service_unavailable"}, UpstreamError),
        (Kind.CLASSIC, 503, {"error_type": "auth.account_banned"}, UpstreamError),
        (Kind.CLASSIC, 429, {"error_type": "auth.token.invalid"}, RateLimited),
        (Kind.CLASSIC, 404, b"", BrokenAnswer),
        (Kind.CLASSIC, 429, {}, RateLimited),
        (Kind.CLASSIC, 429, b"<html>", UpstreamError),
        (Kind.CLASSIC, 500, {"access_token": "A1", "refresh_token": "R1"}, UpstreamError),
        (Kind.CLASSIC, 302, b"", UpstreamError),
    ],
)
def test_what_a_refusal_means(kind: Kind, status: int, body: object, error: type[KimiError]) -> None:
    assert type(failure(kind, http_answer(status, body))) is error


@pytest.mark.parametrize(
    "said",
    [
        *({"error_type": word} for word in ("maintenance", "portal_login", "waf.blocked", "OAuthException")),
        *({"error_type": word} for word in ("internal_error", "auth.service.timeout", "auth.rate_limit")),
        *({"error_type": word} for word in ("auth.account_service_unavailable", "auth.account_locked_for_a_minute")),
        {"code": "auth.login"},
        {"reason": "auth.portal"},
        {"severity": "permission_denied"},
        {"type": "unauthenticated"},
        {"error": {"type": "permission_denied"}},
    ],
)
@pytest.mark.parametrize(
    ("kind", "status"), [(kind, status) for kind in (Kind.KIMI, Kind.CLASSIC) for status in (400, 401, 403)]
)
def test_words_that_are_not_kimis_own_refusal_end_no_account(kind: Kind, status: int, said: object) -> None:
    assert type(failure(kind, http_answer(status, said))) is TokenRejected


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        None,
        "A1",
        {"access_token": "A1"},
        {"refresh_token": "R1"},
        {"access_token": "", "refresh_token": "R1"},
        {"access_token": "A1", "refresh_token": None},
        {"access_token": 1, "refresh_token": 2},
        {"access_token": "A 1", "refresh_token": "R1"},
        {"access_token": "A1", "refresh_token": "R1\r\n"},
        {"access_token": {"a": 1}, "refresh_token": ["R1"]},
        {"data": {}},
        {"error": {"code": "x"}, **SNAKE},
        {"error_type": "some.thing", **SNAKE},
        {"code": "x", "message": "y"},
        b"",
        b"{",
        b"<html>",
    ],
)
@pytest.mark.parametrize("kind", [Kind.KIMI, Kind.CLASSIC])
def test_what_is_no_token_pair_is_never_taken_for_one(kind: Kind, body: object) -> None:
    assert isinstance(failure(kind, http_answer(200, body)), BrokenAnswer)


@pytest.mark.parametrize(
    "body",
    [
        {"refreshToken": made("access"), "accessToken": made("refresh")},
        {"accessToken": "***", "refreshToken": "***"},
        {"accessToken": "REDACTED", "refreshToken": "REDACTED"},
        {"accessToken": made("access"), "refreshToken": made("refresh")[:30]},
        {"accessToken": made("access"), "refreshToken": made("refresh")[:-30].rpartition(".")[0]},
        {"accessToken": made("access", "mallory"), "refreshToken": made("refresh", "mallory")},
        {"accessToken": made("access"), "refreshToken": made("refresh", "mallory")},
        {"accessToken": made("access", "mallory"), "refreshToken": "R1"},
        {"code": "unauthenticated", "message": "x", "accessToken": "x", "refreshToken": "y"},
        {"error_type": "maintenance", "data": SNAKE},
        {"accessToken": "", "refreshToken": "R1"},
        {"refreshToken": OLD},
    ],
)
@pytest.mark.parametrize("kind", [Kind.KIMI, Kind.CLASSIC])
def test_no_odd_answer_takes_the_place_of_a_good_token(kind: Kind, body: object) -> None:
    drift = Drift()
    with Server(Vendor(http_answer(200, body))) as server:
        exchange = Exchange(TRANSPORT, Endpoints(server.url, server.url, server.url), drift)
        with pytest.raises(BrokenAnswer) as raised:
            exchange.refresh(account(kind), OLD)

    assert "the exchange answered 200 with" in str(raised.value) and "eyJ" not in str(raised.value)
    assert [(seen.what, seen.name) for seen in drift.take()] == [("exchange", "odd.tokens")]


@pytest.mark.parametrize("body", [{"message": "success", "code": "OK"}, {"code": 0}, {"reason": "renewed"}])
def test_words_that_are_no_error_may_stand_beside_tokens(body: dict[str, object]) -> None:
    tokens = {"accessToken": made("access"), "refreshToken": made("refresh")}
    with vendor(http_answer(200, {**body, **tokens})) as (_, exchange):
        assert exchange.refresh(account(Kind.KIMI), OLD) == Tokens(made("access"), made("refresh"))


@pytest.mark.parametrize("more", [{}, {"user": {"id": 1}}, {"accessToken": "A1"}, {"refresh_token": "R1"}])
def test_what_else_an_answer_wraps_hides_no_token_beside_it(more: object) -> None:
    with vendor(http_answer(200, {**CAMEL, "data": more})) as (_, exchange):
        assert exchange.refresh(account(Kind.KIMI), "R0") == PAIR


SEALED = "eyJhbGciOiJkaXIifQ..a.b.c"  # encrypted; where the key is shared, there is none in it


@pytest.mark.parametrize("refresh", ["v1:R1", "12|R1", "sk-R1", SEALED, SEALED.replace("..", ".k."), "!R1,;'{}~"])
@pytest.mark.parametrize("access", [made("access"), "12|A1", SEALED + "x"])
def test_tokens_may_take_another_form(access: str, refresh: str) -> None:
    with vendor(http_answer(200, {"accessToken": access, "refreshToken": refresh})) as (_, exchange):
        assert exchange.refresh(account(Kind.KIMI), OLD) == Tokens(access, refresh)


@pytest.mark.parametrize("refresh", ["R 1", "R1\n", "R1…", "R1***", "eyJ", "eyJa.b", "eyJa..b", "eyJa.b.c."])
def test_a_refresh_token_that_is_surely_none_is_refused(refresh: str) -> None:
    answer = http_answer(200, {"accessToken": made("access"), "refreshToken": refresh})
    assert type(failure(Kind.KIMI, answer)) is BrokenAnswer


@pytest.mark.parametrize("issuer", ["account-nt", "user-center"])
def test_another_issuer_may_name_the_same_user_otherwise(issuer: str) -> None:
    spent = made("refresh", number=0, iss="account-nt")
    access, refresh = (made(typ, "acc-1", iss=issuer) for typ in ("access", "refresh"))
    with vendor(http_answer(200, {"accessToken": access, "refreshToken": refresh})) as (_, exchange):
        if issuer == "user-center":
            assert exchange.refresh(account(Kind.KIMI), spent) == Tokens(access, refresh)
        else:
            with pytest.raises(BrokenAnswer, match="somebody else"):
                exchange.refresh(account(Kind.KIMI), spent)


@pytest.mark.parametrize(
    "access",
    [{}, *({"accessToken": token} for token in ("", "***", made("refresh"), made("access", "mallory")))],
)
def test_a_refresh_token_that_comes_alone_is_not_lost(access: dict[str, str]) -> None:
    with vendor(http_answer(200, {"refreshToken": made("refresh"), **access})) as (_, exchange):
        assert exchange.refresh(account(Kind.KIMI), OLD) == Tokens("", made("refresh"))


def test_an_exchange_of_a_new_shape_is_told_without_its_tokens() -> None:
    drift = Drift()
    with Server(Vendor(http_answer(200, {"tokens": {"access": "secret"}}))) as server:
        exchange = Exchange(TRANSPORT, Endpoints(auth=server.url), drift)
        with pytest.raises(BrokenAnswer):
            exchange.refresh(account(Kind.KIMI), "R0")

    seen = {(seen.what, seen.name): seen.shape for seen in drift.take()}
    assert seen["exchange", "without.tokens"] == "{tokens: {access: text(6)}}"


@pytest.mark.parametrize("words", [{}, *({"code": "resource_exhausted", "message": of} for of in ("quota", "plan"))])
def test_how_long_to_wait_is_passed_on(words: object) -> None:
    assert failure(Kind.KIMI, http_answer(429, words, headers="Retry-After: 9\r\n")).retry_after == 9.0


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
