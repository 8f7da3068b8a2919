from __future__ import annotations

import pytest

from gateway.errors import BadRequest, BodyTooLarge, Draining, UnknownKey
from gateway.explaining import describe
from gateway.problem import INTERNAL, Problem
from gateway.problems import TABLE
from gateway.surfaces.messages.failures import body_of, error_of, status_of
from kimi import errors as kimi
from kimi.models import UnknownModel

KNOWN = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    408: "invalid_request_error",
    413: "request_too_large",
    429: "rate_limit_error",
    499: "invalid_request_error",
    500: "api_error",
    502: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}
"""The statuses of Anthropic's that we have, and those of ours that its clients take for what they are."""


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (BadRequest("no"), 400),
        (kimi.ContentRefused(), 400),
        (UnknownKey(), 401),
        (UnknownModel("x"), 404),
        (BodyTooLarge(), 413),
        (kimi.AllBusy(retry_after=7), 429),
        (ZeroDivisionError(), 500),
        (kimi.Unreachable(), 502),
        (kimi.UpstreamTimeout(), 504),
        (kimi.NoAccount(), 529),
        (Draining(), 529),
    ],
)
def test_statuses(error: Exception, status: int) -> None:
    problem = describe(error, "r")
    assert status_of(problem) == status
    assert body_of(problem, "r") == {
        "type": "error",
        "error": {"type": KNOWN[status], "message": problem.message},
        "request_id": "r",
    }


@pytest.mark.parametrize("problem", [*TABLE.values(), INTERNAL], ids=lambda problem: problem.code)
def test_everything_has_a_status_and_a_type_of_anthropics(problem: Problem) -> None:
    assert error_of(problem)["type"] == KNOWN[status_of(problem)]


def test_the_field_at_fault_is_named_in_the_text() -> None:
    assert error_of(describe(BadRequest("It is odd.", param="tools.0"), "r"))["message"] == "tools.0: It is odd."


def test_a_place_with_a_name_that_harms_a_channel_is_left_out() -> None:
    assert error_of(describe(BadRequest("It is odd.", param="tools.0.Quota"), "r"))["message"] == "It is odd."


def test_a_conversation_that_is_too_long_is_told_in_the_words_at_which_clients_shorten_it() -> None:
    known = describe(kimi.PromptTooLong(size=270_000, limit=262_144), "r")
    assert error_of(known)["message"] == "prompt is too long: 270000 tokens > 262144 maximum"
    assert error_of(describe(kimi.PromptTooLong(), "r"))["message"].startswith("prompt is too long: This conv")
