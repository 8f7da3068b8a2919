from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import orjson
import pytest

from kimi.accounts import Kind
from kimi.errors import (
    AccountBanned,
    AccountBusy,
    AccountDead,
    BrokenAnswer,
    ContentRefused,
    KimiError,
    ModelRefused,
    Overloaded,
    PromptTooLong,
    QuotaSpent,
    RateLimited,
    RequestInvalid,
    TokenRejected,
    UpstreamError,
    UpstreamTimeout,
)
from kimi.http import Answer
from kimi.upstreams import complaints
from kimi.upstreams.drift import Drift
from kimi.upstreams.faults import TABLE, Row, classify, match
from tests.timing import within

Case = tuple[int, object, type[KimiError]]


def classic(reason: str, message: str = "") -> dict[str, Any]:
    return {"error_type": reason, "message": message, "detail": ""}


def connect(code: str, reason: str = "", message: str = "", localized: str = "") -> dict[str, Any]:
    debug = {"reason": reason, "localizedMessage": {"locale": "zh-CN", "message": localized}}
    return {"code": code, "message": message, "details": [{"type": "x", "debug": debug}]}


def official(type_: str, message: str = "") -> dict[str, Any]:
    return {"error": {"type": type_, "message": message}}


def retracted(reason: str, severity: str = "SEVERITY_BLOCK_RETRACT") -> dict[str, Any]:
    return {"error": {"reason": reason, "localizedMessage": {"message": "抱歉"}, "severity": severity}}


CLASSIC: list[Case] = [
    (401, classic("auth.token.invalid", "您的授权已过期，请重新登录"), TokenRejected),
    (401, classic("auth.token.empty"), TokenRejected),
    (200, classic("auth.token.invalid"), TokenRejected),
    (403, classic("auth.account_abnormal"), AccountBanned),
    (403, classic("auth.account_service_unavailable"), TokenRejected),
    (503, classic("auth.account_banned"), UpstreamError),
    (429, classic("auth.token.invalid"), RateLimited),
    (403, classic("chat.forbidden", "会话已被禁用"), ContentRefused),
    (400, classic("chat.whatever", "会话已被禁用"), ContentRefused),
    (429, classic("chat.user_stream_pushing"), AccountBusy),
    (400, classic("common.too_fast", "发送频率过高，请稍后再试"), AccountBusy),
    (200, classic("openai.completion.stream", "Kimi 现在有点累了，晚点再来问我吧"), Overloaded),
    (400, classic("openai.completion.token_length_too_long"), PromptTooLong),
    (403, classic("chat.anonymous", "匿名聊天使用次数超过限制"), QuotaSpent),
    (307, b"", UpstreamError),
    (302, {"error_type": "auth.token.invalid"}, UpstreamError),
    (401, b"", TokenRejected),
    (403, b"", TokenRejected),
    (403, classic("some.thing"), TokenRejected),
    (403, b"<html>blocked</html>", UpstreamError),
    (413, b"<html>", PromptTooLong),
    (429, b"", RateLimited),
    (500, b"", UpstreamError),
    (503, b"<html>", UpstreamError),
    (400, classic("some.thing"), BrokenAnswer),
    (403, {"code": "unavailable", "message": "maintenance"}, UpstreamError),
    (400, {"code": "internal"}, UpstreamError),
    (400, {"code": "resource_exhausted"}, Overloaded),
    (400, {"code": "deadline_exceeded"}, UpstreamTimeout),
    (400, b"", BrokenAnswer),
    (404, classic("chat.not_found"), BrokenAnswer),
    (200, {}, BrokenAnswer),
    (200, [], BrokenAnswer),
    (200, {"id": "x"}, BrokenAnswer),
    (200, b"{", BrokenAnswer),
    (418, b"", BrokenAnswer),
]

CONNECT: list[Case] = [
    (401, connect("unauthenticated"), TokenRejected),
    (200, {"error": connect("unauthenticated")}, TokenRejected),
    (200, connect("", "REASON_INVALID_AUTH_TOKEN"), TokenRejected),
    (403, connect("permission_denied", "auth.account_abnormal"), AccountBanned),
    (429, connect("resource_exhausted", message="session in progress"), AccountBusy),
    (200, connect("resource_exhausted", localized="session in progress"), AccountBusy),
    (403, connect("permission_denied", message="concurrent request limit"), AccountBusy),
    (429, connect("resource_exhausted", "REASON_COMPLETION_OVERLOADED"), Overloaded),
    (429, connect("resource_exhausted", "REASON_SERVER_OVERLOADED_FOR_FREE_USER"), Overloaded),
    (429, connect("resource_exhausted", "REASON_COMPLETION_OVERLOADED", "your plan is used up"), Overloaded),
    (429, connect("resource_exhausted", message="this scenario is not in your plan"), ModelRefused),
    (429, connect("resource_exhausted", "REASON_SCENARIO_NOT_IN_PLAN"), ModelRefused),
    (429, connect("resource_exhausted", message="the plan is used up, upgrade to go on"), QuotaSpent),
    (429, connect("resource_exhausted", localized="本月额度已用完"), QuotaSpent),
    (429, connect("resource_exhausted", "REASON_QUOTA_EXCEEDED"), QuotaSpent),
    (429, connect("resource_exhausted"), Overloaded),
    (403, connect("permission_denied"), ModelRefused),
    (400, connect("invalid_argument", message="message is too long"), PromptTooLong),
    (400, connect("invalid_argument"), BrokenAnswer),
    (400, connect("failed_precondition", "openai.completion.token_length_too_long"), PromptTooLong),
    (400, connect("failed_precondition", "content_filter"), ContentRefused),
    (403, connect("permission_denied", localized="会话已被禁用"), ContentRefused),
    (429, connect("failed_precondition", "chat.user_stream_pushing"), AccountBusy),
    (403, connect("permission_denied", localized="匿名聊天使用次数超过限制"), QuotaSpent),
    (307, b"", UpstreamError),
    (401, b"", TokenRejected),
    (403, {"code": "new_code"}, TokenRejected),
    (403, b"<html>blocked</html>", UpstreamError),
    (413, b"<html>", PromptTooLong),
    (429, b"", RateLimited),
    (502, b"<html>", UpstreamError),
    (504, connect("deadline_exceeded"), UpstreamTimeout),
    (503, connect("unavailable"), UpstreamError),
    (200, connect("internal"), UpstreamError),
    (404, connect("not_found"), BrokenAnswer),
    (200, retracted("REASON_CONTENT_RISK"), ContentRefused),
    (200, retracted(""), ContentRefused),
    (200, retracted("REASON_COMPLETION_OVERLOADED"), Overloaded),
    (200, retracted("REASON_NEW", "SEVERITY_NEW"), BrokenAnswer),
]

OFFICIAL: list[Case] = [
    (400, official("content_filter"), ContentRefused),
    (400, official("invalid_request_error", "Your request exceeded model token limit: 262144"), PromptTooLong),
    (400, official("invalid_request_error", "unknown field"), RequestInvalid),
    (401, official("invalid_authentication_error"), AccountDead),
    (401, official("incorrect_api_key_error"), AccountDead),
    (401, {"error": {"code": "invalid_api_key", "message": "x"}}, TokenRejected),
    (403, official("incorrect_api_key_error"), TokenRejected),
    (200, official("invalid_authentication_error"), TokenRejected),
    (429, official("invalid_authentication_error"), RateLimited),
    (503, official("invalid_authentication_error", "auth backend timeout"), UpstreamError),
    (401, b"", TokenRejected),
    (401, {}, TokenRejected),
    (401, [], TokenRejected),
    (401, {"message": "Invalid authentication credentials"}, TokenRejected),
    (401, {"success": False, "login_url": "http://portal/"}, TokenRejected),
    (401, {"code": "unavailable"}, TokenRejected),
    (401, official("new_error"), TokenRejected),
    (401, b"<html>login</html>", UpstreamError),
    (403, official("permission_denied_error"), ModelRefused),
    (403, b"", ModelRefused),
    (404, official("resource_not_found_error", "Not found the model or Permission denied"), ModelRefused),
    (404, b"", ModelRefused),
    (400, b"", RequestInvalid),
    (422, official("new_error"), RequestInvalid),
    (429, official("engine_overloaded_error"), Overloaded),
    (429, official("exceeded_current_quota_error", "please check your plan and billing"), QuotaSpent),
    (429, official("rate_limit_reached_error"), RateLimited),
    (500, official("server_error"), UpstreamError),
    (503, b"<html>", UpstreamError),
    (307, b"", UpstreamError),
    (403, b"<html>blocked</html>", UpstreamError),
    (413, b"<html>", PromptTooLong),
    (400, b"<html>The plain HTTP request was sent to HTTPS port</html>", UpstreamError),
    (404, b"<html>404 page not found</html>", UpstreamError),
    (429, b"<html>429 Too Many Requests</html>", UpstreamError),
    (429, b"", RateLimited),
    (200, official("server_interrupted"), UpstreamError),
    (418, official("new_error"), BrokenAnswer),
]

CASES = [
    (kind, *case)
    for kind, cases in ((Kind.CLASSIC, CLASSIC), (Kind.KIMI, CONNECT), (Kind.MOONSHOT, OFFICIAL))
    for case in cases
]


def answer(status: int, body: object, headers: Mapping[str, str] | None = None) -> Answer:
    if isinstance(body, bytes):
        return Answer(status, {"content-type": "text/html; charset=utf-8"}, body)
    return Answer(status, {"content-type": "application/json", **(headers or {})}, orjson.dumps(body))


def fault(kind: Kind, answer: Answer) -> KimiError:
    return classify(complaints.of_answer(kind, answer), Drift())


@pytest.mark.parametrize(("kind", "status", "body", "error"), CASES)
def test_what_an_answer_means(kind: Kind, status: int, body: object, error: type[KimiError]) -> None:
    assert type(fault(kind, answer(status, body))) is error


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.error.__name__}-{TABLE.index(row)}")
def test_every_row_is_met_by_a_case_in_each_dialect_that_it_is_for(row: Row) -> None:
    met = {
        kind: error
        for kind, status, body, error in CASES
        if match(complaints.of_answer(kind, answer(status, body))) is row
    }

    assert met == dict.fromkeys(row.kinds, row.error)


@pytest.mark.parametrize(
    ("headers", "message", "seconds"),
    [
        ({"retry-after": "7"}, "", 7.0),
        ({"retry-after": "0.5"}, "", 0.5),
        ({}, "request reached max RPM: 3, please try again after 12 seconds", 12.0),
        ({}, "try again after 1.5s", 1.5),
        ({"retry-after": "7"}, "try again after 12 seconds", 7.0),
        ({"retry-after": "Tue, 03 Nov 2026 10:00:30 GMT", "date": "Tue, 03 Nov 2026 10:00:00 GMT"}, "", 30.0),
        ({"retry-after": "Tue, 03 Nov 2026 10:00:00 GMT", "date": "Tue, 03 Nov 2026 10:00:30 GMT"}, "", 0.0),
        ({"retry-after": "Tue, 03 Nov 2026 10:00:30 GMT"}, "", None),
        ({"retry-after": "soon"}, "", None),
        ({"retry-after": "-5"}, "try again after 5 steps", None),
        ({"retry-after": "nan"}, "", None),
        ({}, "", None),
    ],
)
def test_how_long_to_wait(headers: Mapping[str, str], message: str, seconds: float | None) -> None:
    error = fault(Kind.MOONSHOT, answer(429, official("rate_limit_reached_error", message), headers))

    assert error.retry_after == seconds


def test_a_page_in_place_of_json_can_say_how_long_to_wait() -> None:
    page = Answer(429, {"content-type": "text/html", "retry-after": "3"}, b"<html>")

    assert fault(Kind.CLASSIC, page).retry_after == 3.0
    assert fault(Kind.CLASSIC, Answer(429, {"retry-after": "3"}, b"{}")).retry_after == 3.0


@pytest.mark.parametrize(
    ("kind", "status", "body"),
    [
        *((kind, 429, b"<html>429 Too Many Requests</html>") for kind in Kind),
        *((kind, 429, {"message": "Too many requests"}) for kind in Kind),
        (Kind.KIMI, 429, connect("resource_exhausted", "REASON_COMPLETION_OVERLOADED")),
        (Kind.KIMI, 503, connect("unavailable")),
        (Kind.MOONSHOT, 404, {}),
    ],
)
def test_a_day_is_not_waited_because_somebody_says_so(kind: Kind, status: int, body: object) -> None:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    headers = {"content-type": "text/html" if isinstance(body, bytes) else "application/json", "retry-after": "86400"}

    assert fault(kind, Answer(status, headers, raw)).retry_after == 60


@pytest.mark.parametrize("reason", ["rate_limit_reached_error", "exceeded_current_quota_error"])
def test_a_limit_that_the_upstream_tells_of_is_waited_for(reason: str) -> None:
    assert fault(Kind.MOONSHOT, answer(429, official(reason), {"retry-after": "86400"})).retry_after == 86400


@pytest.mark.parametrize("status", [403, 404])
@pytest.mark.parametrize("body", [b"", {"message": "no Route matched with those values"}, official("new_error")])
def test_a_model_that_is_refused_in_nobodys_words_rests_for_a_minute(status: int, body: object) -> None:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    assert fault(Kind.MOONSHOT, Answer(status, {}, raw)).retry_after == 60


@pytest.mark.parametrize(("status", "reason"), [(403, "permission_denied_error"), (404, "resource_not_found_error")])
def test_a_model_that_the_upstream_itself_refuses_rests_as_models_do(status: int, reason: str) -> None:
    assert fault(Kind.MOONSHOT, answer(status, official(reason))).retry_after is None


@pytest.mark.parametrize("media", ["acc7Zr9Q0kLmN2vXy4Tt8Ww1Aa", "text/acc7Zr9Q0kLmN2vXy4Tt8Ww1Aa", "acc7zr9/html"])
def test_a_media_type_is_no_place_for_secrets(media: str, caplog: pytest.LogCaptureFixture) -> None:
    error = fault(Kind.CLASSIC, Answer(418, {"content-type": media}, b"<html>"))

    assert str(error) == "418" and "acc7" not in caplog.text.lower()


def test_a_redirect_is_named_without_its_query() -> None:
    moved = Answer(307, {"location": "https://www.kimi.com/api/chat?token=eyJsecret"}, b"")

    assert str(fault(Kind.CLASSIC, moved)) == "307: redirected to www.kimi.com, which is not followed with a token"
    other = Answer(301, {"location": "https://acc7Zr9Q0kLmN2vXy4Tt8Ww1Aa.kimi.com/"}, b"")
    for elsewhere in (Answer(301, {}, b""), other):
        assert "redirected elsewhere" in str(fault(Kind.CLASSIC, elsewhere))


def test_what_the_upstream_says_is_kept_for_the_log_without_its_secrets() -> None:
    error = fault(
        Kind.MOONSHOT, answer(429, official("exceeded_current_quota_error", "account org-5cd1f0a1b2c3 <ak-1234567>"))
    )

    assert str(error) == "429 exceeded_current_quota_error: account [redacted] <[redacted]>"


@pytest.mark.parametrize(
    "body",
    [None, 3, "x", [], {"error": "text"}, {"details": 3}, {"error": {"details": [3, {"debug": 3}]}}, {"code": 3}],
)
def test_what_is_no_error_is_not_taken_for_one(body: object) -> None:
    assert complaints.of_object(Kind.KIMI, body) is None


@pytest.mark.parametrize(
    ("message", "found"),
    [
        ({"event": "new", "error": {"error_type": "a"}}, {"error_type": "a"}),
        ({"new": {"exception": {"error": {"reason": "a"}}}}, {"error": {"reason": "a"}}),
        ({"items": [{"data": {"error_type": "a", "message": "b"}}]}, {"error_type": "a", "message": "b"}),
        ({"error": None, "exception": {}, "error_type": 3, "text": "error"}, None),
        ({"a": {"a": {"a": {"a": {"a": {"error": {"code": "a"}}}}}}}, None),
    ],
)
def test_an_error_is_found_inside_a_message_of_any_form(message: object, found: object) -> None:
    assert complaints.inside(message) == found


def test_looking_for_an_error_has_a_bound_for_the_whole_message() -> None:
    wide: object = {"error": {"code": "far too deep"}}
    for _ in range(3):
        wide = [wide] * 300
    with within(0.5):  # it has 27 million parts
        assert complaints.inside({"new": wide}) is None
        assert complaints.inside({"new": wide, "error": {"code": "a"}}) == {"code": "a"}
        assert complaints.inside({"new": wide, "other": {"error": {"code": "b"}}}) == {"code": "b"}


def test_unknown_reasons_are_told_once_and_known_ones_never(caplog: pytest.LogCaptureFixture) -> None:
    drift = Drift()

    def complain(status: int, body: object) -> None:
        classify(complaints.of_answer(Kind.CLASSIC, answer(status, body)), drift)

    complain(401, classic("auth.token.invalid"))
    complain(500, b"")
    complain(503, b"<html>")
    assert caplog.records == []

    for _ in range(3):
        complain(400, classic("some.thing", "secret words"))
        complain(429, classic("some thing odd"))
        complain(418, b"")
    told = "the kimi-classic upstream sends an unknown reason:"
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (logging.WARNING, f"{told} some.thing, in {{error_type: text(10), message: text(12), detail: text(0)}}"),
        (logging.WARNING, f"{told} (str), in {{error_type: text(14), message: text(0), detail: text(0)}}"),
        (logging.WARNING, f"{told} status.418"),
    ]


ORG = "Your account org-1234567890abcdef<ak-abcdefghij> request reached organization max RPM: 3"


def test_a_limit_is_told_of_the_organisation_by_a_hash_and_never_by_its_id() -> None:
    def limited(message: str) -> RateLimited:
        error = classify(
            complaints.of_answer(Kind.MOONSHOT, answer(429, official("rate_limit_reached_error", message))), Drift()
        )
        assert isinstance(error, RateLimited)
        return error

    first, again, other, nobody = map(limited, (ORG, f"{ORG}!", ORG.replace("1234", "4321"), "RPM: 3"))
    assert first.organisation == again.organisation != other.organisation
    assert len(first.organisation) == 16 and "1234567890" not in f"{first}{first.organisation}"
    assert nobody.organisation == ""


def test_what_is_wrong_with_a_request_is_explained_without_ids() -> None:
    says = "Invalid request: tools.function.parameters is not a valid moonshot flavored json schema, org-1234567890"
    error = classify(complaints.of_answer(Kind.MOONSHOT, answer(400, official("invalid_request_error", says))), Drift())
    assert isinstance(error, RequestInvalid)
    assert error.explained == says.replace("org-1234567890", "[redacted]")
