"""What an upstream's complaint means: one table for all dialects.

Reasons go before texts and both before the status, because one status, and even one reason, has several meanings.
A credential is refused only where the status says so too: a service that is in trouble speaks of credentials as well.
The reasons are those that public clients met and those of the official platform's documentation.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

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
    RequestRefused,
    TokenRejected,
    UpstreamError,
    UpstreamTimeout,
)
from kimi.upstreams.complaints import Complaint
from kimi.upstreams.drift import Drift

_ALL = frozenset(Kind)
_WEB = frozenset({Kind.KIMI, Kind.CLASSIC})
_CONNECT = frozenset({Kind.KIMI})
_OFFICIAL = frozenset({Kind.MOONSHOT})
_LONGEST_WAIT = 60.0


@dataclass(frozen=True, slots=True)
class Row:
    """Complaints of `kinds` with this reason, this in their text and this status mean `error`; `None` is any.

    A row that is `vague` does not explain a reason: it is what remains when nothing better is known.
    """

    error: type[KimiError]
    reason: str | None = None
    says: str | None = None
    status: range | None = None
    kinds: frozenset[Kind] = _ALL
    vague: bool = False

    def matches(self, complaint: Complaint) -> bool:
        """Whether the row speaks of `complaint`."""
        return (
            complaint.kind in self.kinds
            and (self.status is None or complaint.status in self.status)
            and (self.reason is None or any(_is(self.reason, said) for said in complaint.reasons))
            and (self.says is None or re.search(self.says, _text(complaint), re.IGNORECASE) is not None)
        )


def _is(pattern: str, reason: str) -> bool:
    return re.fullmatch(pattern, reason, re.IGNORECASE) is not None


def _text(complaint: Complaint) -> str:
    """All that is said: a reason such as `REASON_NOT_IN_PLAN` speaks as plainly as a message."""
    return " ".join((*complaint.reasons, complaint.message)).replace("_", " ")


def _only(status: int) -> range:
    return range(status, status + 1)


_JUDGED = range(200, 429)
_CLOSED = r"auth\.account_(abnormal|banned|blocked|closed|deleted|disabled|frozen|suspended)"
_NO_KEY = r"invalid_authentication_error|incorrect_api_key_error"

TABLE: tuple[Row, ...] = (
    # The account's credential
    Row(AccountBanned, _CLOSED, status=_JUDGED, kinds=_WEB),
    Row(TokenRejected, r"auth\.token\..+|unauthenticated|REASON_INVALID_AUTH_TOKEN", status=_JUDGED, kinds=_WEB),
    Row(AccountDead, _NO_KEY, status=_only(401), kinds=_OFFICIAL),
    Row(TokenRejected, _NO_KEY, status=_JUDGED, kinds=_OFFICIAL),  # where it does not belong: the key is tried
    # The client's prompt
    Row(ContentRefused, r"chat\.forbidden|content_filter"),
    Row(ContentRefused, says="会话已被禁用", kinds=_WEB),
    Row(PromptTooLong, r"openai\.completion\.token_length_too_long", kinds=_WEB),
    Row(PromptTooLong, r"invalid_argument", says="token limit|too long|context length", kinds=_CONNECT),
    Row(PromptTooLong, r"invalid_request_error", says="token limit|too long|context length", kinds=_OFFICIAL),
    Row(RequestInvalid, r"invalid_request_error", kinds=_OFFICIAL),
    # Another stream of the account
    Row(AccountBusy, r"chat\.user_stream_pushing", kinds=_WEB),
    Row(AccountBusy, says="发送频率过高|session in progress|concurrent request limit", kinds=_WEB),
    # Too much for the upstream just now
    Row(Overloaded, r"openai\.completion\.stream|REASON_\w*OVERLOADED\w*|engine_overloaded(_error)?"),
    # Too much for the account
    Row(RateLimited, r"rate_limit_reached_error", kinds=_OFFICIAL),
    Row(QuotaSpent, r"exceeded_current_quota_error", kinds=_OFFICIAL),
    Row(QuotaSpent, says="匿名聊天使用次数超过", kinds=_WEB),
    Row(
        QuotaSpent,
        r"resource_exhausted",
        says=r"used up|usage limit|quota|\bspent\b|额度|用完|用尽|次数",
        kinds=_CONNECT,
    ),
    # Not for this account
    Row(
        ModelRefused,
        r"resource_exhausted",
        says=r"\bplan\b|scenario|membership|subscri|upgrade|套餐|会员",
        kinds=_CONNECT,
    ),
    Row(ModelRefused, r"permission_denied", kinds=_CONNECT),
    Row(ModelRefused, r"permission_denied_error|resource_not_found_error", kinds=_OFFICIAL),
    Row(Overloaded, r"resource_exhausted", kinds=_WEB, vague=True),
    # The upstream itself
    Row(UpstreamTimeout, r"deadline_exceeded", kinds=_WEB),
    Row(UpstreamError, r"unavailable|internal|unknown|aborted|canceled|data_loss", kinds=_WEB),
    Row(UpstreamError, r"server_error|server_unavailable|server_interrupted", kinds=_OFFICIAL),
    Row(ContentRefused, r"SEVERITY_BLOCK_RETRACT", kinds=_CONNECT),
    # Nothing but a status
    Row(UpstreamError, status=range(300, 400), vague=True),  # classic sends visitors from abroad elsewhere
    Row(PromptTooLong, status=_only(413), vague=True),  # whoever says so
    Row(UpstreamError, "text/html", status=range(400, 500), vague=True),  # a page of a server on the way
    Row(TokenRejected, status=_only(401), vague=True),  # a key too is tried by itself before it is given up
    Row(TokenRejected, status=_only(403), kinds=_WEB, vague=True),
    Row(ModelRefused, status=range(403, 405), kinds=_OFFICIAL, vague=True),
    Row(RequestInvalid, status=_only(400), kinds=_OFFICIAL, vague=True),
    Row(RequestInvalid, status=_only(422), kinds=_OFFICIAL, vague=True),
    Row(RateLimited, status=_only(429), vague=True),
    Row(UpstreamError, status=range(500, 600), vague=True),
)


def match(complaint: Complaint) -> Row | None:
    """The row that speaks of `complaint`: the first that matches."""
    return next((row for row in TABLE if row.matches(complaint)), None)


def classify(complaint: Complaint, drift: Drift) -> KimiError:
    """The error that `complaint` is; `BrokenAnswer` where no row knows it. Unknown reasons are told to `drift`."""
    row = match(complaint)
    if row is None or row.vague:
        reasons = [reason for reason in complaint.reasons if "/" not in reason]  # pages are of servers on the way
        for reason in reasons or [f"status.{complaint.status}"] * (row is None):
            drift.note(complaint.kind, "reason", reason, complaint.body)
    error = BrokenAnswer if row is None else row.error
    said = ": ".join(filter(None, (f"{complaint.status} {' '.join(complaint.reasons)}".strip(), complaint.message)))
    if issubclass(error, RequestInvalid):
        return error(said, explained=complaint.message if complaint.kind is Kind.MOONSHOT else "")
    if issubclass(error, RequestRefused):
        return error(said)
    retry_after = _wait(complaint, row)
    if issubclass(error, RateLimited):
        return error(said, retry_after=retry_after, organisation=complaint.organisation)
    return error(said, retry_after=retry_after)


def _wait(complaint: Complaint, row: Row | None) -> float | None:
    """The seconds to wait that are told; more than a minute only of a limit that the upstream names in its own words.

    Any server on the way may answer 429 and tell of a day, or 403 or 404 for what it knows nothing of.
    """
    is_limit = row is not None and not row.vague and issubclass(row.error, (RateLimited, QuotaSpent))
    told = complaint.retry_after
    if told is None and row is not None and row.vague and row.error is ModelRefused:
        return _LONGEST_WAIT
    return told if told is None or is_limit else min(told, _LONGEST_WAIT)
