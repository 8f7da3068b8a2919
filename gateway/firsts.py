"""Figures that are there at 0 before anything has happened, so that Prometheus sees the first of each.

Its `rate` and `increase` compare a figure with what it was before: one that is born at 1 has never risen.
A worker makes about 200 figures here; what is rarer than these begins at its first value.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from gateway.conversations import Fate
from gateway.metrics import Metrics
from gateway.problem import INTERNAL
from gateway.problems import TABLE
from kimi import errors
from kimi.errors import AccountError, AnswerUnfit, RequestRefused, UpstreamError
from kimi.pool.client_limits import Limit

CODES: Final = frozenset(
    {problem.code for problem in TABLE.values()}
    | {INTERNAL.code, "client_gone"}
    | {"invalid_form", "invalid_json", "invalid_request", "invalid_schema", "previous_response_not_found"}
)
"""All that an error can have as its code, those that are written down where they are raised included."""
REASONS: Final = frozenset(
    name
    for name, error in vars(errors).items()
    if isinstance(error, type)
    and issubclass(error, AccountError | UpstreamError | RequestRefused)
    and not issubclass(error, AnswerUnfit)  # those end a request
)
"""Errors that an account can fail with before any output."""
_COMMON: Final = (200, 400, 404, 429, 500)
_UNREAD: Final = (401, 413, 499)
"""What only those have that nobody knows to be streams."""
_QUESTIONS: Final = {
    **dict.fromkeys(("/v1/chat/completions", "/v1/completions", "/v1/responses", "/chat/kimi"), (502, 503)),
    "/v1/messages": (502, 504, 529),
}
"""Where models are asked, and what is told there of Kimi's trouble."""


def begin(metrics: Metrics, routes: Iterable[str]) -> None:
    """Has `metrics` show each thing that can be told beforehand, of those endpoints."""
    for code in CODES:
        metrics.failed(code)
        metrics.ended(code)
    metrics.ended("ok")
    for reason in REASONS:
        metrics.failed_over(reason)
    for limit in Limit:
        metrics.limited(limit.value)
    for form in ("json", "tools"):
        metrics.asked_again(form)
    for fate in Fate:
        metrics.went_on(fate.value)
    _of_requests(metrics, routes)


def _of_requests(metrics: Metrics, routes: Iterable[str]) -> None:
    for route in routes:
        if not route.startswith("/admin"):  # nobody waits for the first of these
            metrics.answered(route, 200, False)
    for route, troubles in _QUESTIONS.items():
        for status in (*_COMMON, *troubles):
            metrics.answered(route, status, True)
            metrics.answered(route, status, False)
        for status in _UNREAD:
            metrics.answered(route, status, False)
    metrics.answered("none", 404, False)
