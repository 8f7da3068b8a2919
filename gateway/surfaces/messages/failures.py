"""Errors as Anthropic's clients know them.

They take a 429 and whatever is above 499 for something to try again, and look for Anthropic's words where a
conversation has become too long for the model, because they shorten it then.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gateway.harmless import is_harmless
from gateway.problem import Problem

_STATUSES: Final[Mapping[int, int]] = {503: 529}
"""What Anthropic has for that of ours. A 502 it has not: clients take whatever is above 499 for what it is."""
_TIMEOUT: Final = 504
_TYPES: Final[Mapping[int, str]] = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    502: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_OTHER: Final = "invalid_request_error"


def status_of(problem: Problem) -> int:
    """The status of an answer that tells of `problem`."""
    if problem.code == "upstream_timeout":
        return _TIMEOUT
    return _STATUSES.get(problem.status, problem.status)


def error_of(problem: Problem) -> dict[str, str]:
    """What stands under `error`, where there is no place but the text for the name of a field."""
    says = problem.message
    if problem.code == "context_length_exceeded":
        says = f"prompt is too long: {problem.excess or says}"
    elif problem.param and problem.status == 400 and is_harmless(problem.param):
        says = f"{problem.param}: {says}"
    return {"type": _TYPES.get(status_of(problem), _OTHER), "message": says}


def body_of(problem: Problem, request_id: str) -> dict[str, Any]:
    """The whole JSON body."""
    return {"type": "error", "error": error_of(problem), "request_id": request_id}
