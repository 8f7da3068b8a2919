"""What it means for an account that its refresh token is not exchanged."""

from __future__ import annotations

import pytest

from kimi.accounts import Kind
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
)
from tests.kimi.exchanging import failure, http_answer


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


@pytest.mark.parametrize("words", [{}, *({"code": "resource_exhausted", "message": of} for of in ("quota", "plan"))])
def test_how_long_to_wait_is_passed_on(words: object) -> None:
    assert failure(Kind.KIMI, http_answer(429, words, headers="Retry-After: 9\r\n")).retry_after == 9.0
