"""Every error by a name of our own, and what it looks like in each dialect.

The wire document names those without a remark; where it has no words for a case, the words here are made up.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from simulator.kinds import Kind


@dataclass(frozen=True, slots=True)
class Reason:
    """One error of one dialect. `code` is its error_type, code or type; `reason` the connect dialect's finer one."""

    status: int
    code: str
    message: str
    reason: str = ""
    retry_after: str | None = None


class Refusal(Exception):
    """This request is refused for a reason of the table. `note` is added to what it says."""

    def __init__(self, reason: str, note: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.note = note


CLASSIC = {
    "invalid_token": Reason(401, "auth.token.invalid", "您的授权已过期，请重新登录"),
    "empty_token": Reason(401, "auth.token.empty", "您还未登录，请先登录"),
    "banned": Reason(400, "auth.account_banned", "账号已被封禁"),  # made up: only the status is known
    "abnormal": Reason(403, "auth.account_abnormal", "账号状态异常"),
    "forbidden": Reason(403, "chat.forbidden", "会话已被禁用"),
    "busy": Reason(429, "chat.user_stream_pushing", "当前有正在进行的对话，请稍后再试"),
    "too_fast": Reason(429, "chat.user_stream_pushing", "发送频率过高，请稍后再试"),
    "overloaded": Reason(429, "openai.completion.stream", "Kimi 现在有点累了，晚点再来问我吧！"),
    "too_long": Reason(400, "openai.completion.token_length_too_long", "对话长度超过上限，请缩短后再试"),
    "research": Reason(403, "chat.research_limit", "探索版次数已用完"),  # made up
    "anonymous": Reason(403, "chat.anonymous_limit", "匿名聊天使用次数超过上限，请登录"),  # made up: the type
    "not_found": Reason(404, "chat.not_found", "会话不存在"),  # made up
    "gone": Reason(410, "chat.gone", "会话已删除"),  # made up
    "invalid": Reason(400, "common.invalid_argument", "参数错误"),  # made up
    "internal": Reason(500, "common.internal", "服务器开小差了"),  # made up
    "unknown": Reason(400, "some.error_nobody_knows", "一个从未见过的错误"),
}

CONNECT = {
    "invalid_token": Reason(401, "unauthenticated", "token is invalid", "REASON_INVALID_AUTH_TOKEN"),
    "empty_token": Reason(401, "unauthenticated", "token is missing", "REASON_INVALID_AUTH_TOKEN"),
    "banned": Reason(403, "permission_denied", "the account has been closed", "auth.account_banned"),  # made up
    "abnormal": Reason(403, "permission_denied", "account status is abnormal", "auth.account_abnormal"),
    "busy": Reason(429, "resource_exhausted", "session in progress"),
    "overloaded": Reason(429, "resource_exhausted", "模型当前负载过高，请稍后再试", "REASON_COMPLETION_OVERLOADED"),
    "overloaded_free": Reason(
        429, "resource_exhausted", "高峰期算力不足，请稍后再试", "REASON_SERVER_OVERLOADED_FOR_FREE_USER"
    ),
    "plan": Reason(429, "resource_exhausted", "this scenario is not included in your plan"),  # made up: the words
    "spent": Reason(429, "resource_exhausted", "your plan's usage limit has been reached"),  # made up: the words
    "concurrent_limit": Reason(403, "permission_denied", "concurrent request limit"),
    "not_found": Reason(404, "not_found", "chat not found"),
    "gone": Reason(410, "not_found", "chat has been deleted"),
    "invalid": Reason(400, "invalid_argument", "invalid argument"),
    "too_long": Reason(400, "invalid_argument", "message is too long"),  # made up
    "internal": Reason(500, "internal", "internal error"),
    "unavailable": Reason(503, "unavailable", "service unavailable"),
    "unknown": Reason(400, "failed_precondition", "an error nobody has seen before", "REASON_NOBODY_KNOWS"),
}

MOONSHOT = {
    "invalid_token": Reason(401, "invalid_authentication_error", "Invalid Authentication"),
    "incorrect_key": Reason(401, "incorrect_api_key_error", "Incorrect API key provided"),
    "empty_token": Reason(401, "invalid_authentication_error", "Invalid Authentication"),
    "banned": Reason(403, "permission_denied_error", "Your organization {org} has been suspended"),
    "permission": Reason(403, "permission_denied_error", "You do not have access to this model"),
    "not_found": Reason(404, "resource_not_found_error", "Not found the model or Permission denied"),
    "content_filter": Reason(400, "content_filter", "The request was rejected because it was considered high risk"),
    "too_long": Reason(400, "invalid_request_error", "Invalid request: Your request exceeded model token limit"),
    "invalid": Reason(400, "invalid_request_error", "Invalid request"),
    "overloaded": Reason(
        429, "engine_overloaded_error", "The engine is currently overloaded, please try again later", retry_after="3"
    ),
    "spent": Reason(
        429,
        "exceeded_current_quota_error",
        "Your account {org} is suspended, please check your plan and billing details",
    ),
    "busy": Reason(
        429,
        "rate_limit_reached_error",
        "Your account {org} request reached max concurrency: 50, please try again after 1 seconds",
    ),
    "rate": Reason(
        429,
        "rate_limit_reached_error",
        "Your account {org} request reached max RPM: 3, please try again after 7 seconds",
    ),
    "internal": Reason(500, "server_error", "Internal server error"),
    "unavailable": Reason(503, "server_unavailable", "Service unavailable"),
    "unknown": Reason(418, "error_nobody_knows", "An error nobody has seen before"),
}

REASONS: Mapping[Kind, Mapping[str, Reason]] = {Kind.CLASSIC: CLASSIC, Kind.KIMI: CONNECT, Kind.MOONSHOT: MOONSHOT}
ALL_REASONS = frozenset(CLASSIC) | frozenset(CONNECT) | frozenset(MOONSHOT)


def look_up(kind: Kind, name: str, org: str = "") -> Reason:
    """The reason in that dialect, in words for that organisation; where the dialect has no such error, its unknown one.

    Organisations are told by ids, as the platform does.
    """
    table = REASONS[kind]
    found = table.get(name) or table["unknown"]
    org_id = "org-" + hashlib.sha256(org.encode()).hexdigest()[:32]
    return replace(found, message=found.message.replace("{org}", org_id))


def render(kind: Kind, reason: Reason, note: str = "", *, silent: bool = False) -> dict[str, Any]:
    """The error as JSON of the dialect. `silent` leaves the connect dialect's `message` empty, as it often is."""
    message = f"{reason.message}: {note}" if note else reason.message
    if kind is Kind.CLASSIC:
        return {"error_type": reason.code, "message": message, "detail": note}
    if kind is Kind.MOONSHOT:
        return {"error": {"message": message, "type": reason.code}}
    debug: dict[str, Any] = {"localizedMessage": {"locale": "zh-CN", "message": message}}
    if reason.reason:
        debug["reason"] = reason.reason
    details = [{"type": "kimi.common.error.v1.ErrorDetail", "value": "", "debug": debug}]
    return {"code": reason.code, "message": "" if silent else message, "details": details}
