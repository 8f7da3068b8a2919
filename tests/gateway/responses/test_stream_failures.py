"""The end of a stream in which something went wrong."""

from __future__ import annotations

import pydantic
import pytest

from gateway.errors import Draining
from gateway.explaining import describe
from kimi.errors import AllBusy, ContentRefused, ConversationLost, PromptTooLong, Unreachable
from kimi.events import Text, Thinking, ToolCall
from tests.gateway.responses.reading import TOOLS, failing, kinds


@pytest.mark.parametrize(
    ("error", "code", "failed"),
    [
        (Draining(), "shutting_down", "server_error"),
        (Unreachable(), "upstream_error", "server_error"),
        (AllBusy(retry_after=3), "rate_limit_exceeded", "rate_limit_exceeded"),
        (ContentRefused(), "content_filter", "invalid_prompt"),
        (ConversationLost("gone"), "previous_response_not_found", "invalid_prompt"),
    ],
)
def test_a_failure_ends_the_stream_with_a_response_that_has_failed(error: Exception, code: str, failed: str) -> None:
    events = failing(describe(error, "r"), [Thinking("Hm")], [Text("Half an ans")])
    assert kinds(events)[-2:] == ["error", "failed"]
    *_, told, last = events
    assert told["code"] == told["error"]["code"] == code
    assert told["message"] == told["error"]["message"]
    assert last["response"]["error"]["message"].startswith(told["message"])
    response = last["response"]
    assert (response["status"], response["error"]["code"]) == ("failed", failed)
    assert [item.get("status") for item in response["output"]] == [None, "incomplete"]
    assert response["usage"]["output_tokens"] > 0


def test_when_to_come_back_is_told_without_headers() -> None:
    *_, last = failing(describe(AllBusy(retry_after=2.4), "r"), [Text("Half an ans")])
    assert last["response"]["error"]["message"].endswith("Please try again in 3s.")
    *_, last = failing(describe(Unreachable(), "r"), [Text("Half an ans")])
    assert "try again in" not in last["response"]["error"]["message"]


def test_what_codex_looks_for_is_told_in_its_words() -> None:
    problem = describe(PromptTooLong("shorter", limit=10, size=20, unit="tokens"), "r")
    with pytest.raises(pydantic.ValidationError):  # OpenAI's types do not know the code that its servers send
        failing(problem)


def test_nobody_hears_of_the_end_of_a_call_that_has_none() -> None:
    events = failing(describe(Draining(), "r"), [ToolCall(0, "a", "look", '{"q')], body=TOOLS)
    assert "output_item.done" not in kinds(events)
    assert events[-1]["response"]["output"][0]["status"] == "incomplete"


def test_a_failure_before_anything_is_a_whole_stream() -> None:
    assert kinds(failing(describe(Draining(), "r"))) == ["created", "in_progress", "error", "failed"]
