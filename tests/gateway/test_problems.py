from __future__ import annotations

import ast
from pathlib import Path

import pytest
from werkzeug.exceptions import ImATeapot, MethodNotAllowed, NotFound, RequestEntityTooLarge, ServiceUnavailable

import gateway
from gateway.errors import (
    BadRequest,
    BodyIncomplete,
    BodyTooLarge,
    ClientGone,
    Draining,
    TokenRefused,
    TokenUndecided,
    TooManyNewTokens,
    UnknownKey,
)
from gateway.explaining import describe
from gateway.harmless import CHANNEL_KILLERS
from gateway.problem import INTERNAL, Problem
from gateway.problems import TABLE
from kimi import errors as kimi
from kimi.models import FeatureUnserved, UnknownModel
from kimi.redaction import redact

ROWS = [
    (kimi.AllBusy(), 429, "rate_limit_error", "rate_limit_exceeded"),
    (kimi.ConversationBusy(), 429, "rate_limit_error", "rate_limit_exceeded"),
    (kimi.Crowded(), 429, "rate_limit_error", "rate_limit_exceeded"),
    (kimi.Overloaded(), 429, "rate_limit_error", "rate_limit_exceeded"),
    (kimi.AccountBusy(), 429, "rate_limit_error", "rate_limit_exceeded"),
    (kimi.RateLimited(), 429, "rate_limit_error", "rate_limit_exceeded"),
    (kimi.FeatureSpent(), 429, "rate_limit_error", "rate_limit_exceeded"),
    (kimi.QuotaSpent(), 429, "rate_limit_error", "rate_limit_exceeded"),
    (kimi.NoAccount(), 503, "service_unavailable", "no_available_account"),
    (kimi.TokenRejected(), 503, "service_unavailable", "no_available_account"),
    (kimi.AccountDead(), 503, "service_unavailable", "no_available_account"),
    (kimi.ModelRefused(), 503, "service_unavailable", "no_available_account"),
    (kimi.StoreUnavailable(), 503, "service_unavailable", "store_unavailable"),
    (kimi.Outdated("Redis holds schema 4", "start release 0.4.0"), 503, "service_unavailable", "store_outdated"),
    (kimi.Garbled("spec: JSONDecodeError"), 503, "service_unavailable", "store_garbled"),
    (kimi.Unreadable("TOKEN_ENCRYPTION_KEYS"), 503, "service_unavailable", "store_sealed"),
    (Draining(), 503, "service_unavailable", "shutting_down"),
    (kimi.Unreachable(), 502, "server_error", "upstream_error"),
    (kimi.BrokenAnswer(), 502, "server_error", "upstream_error"),
    (kimi.UpstreamError(), 502, "server_error", "upstream_error"),
    (kimi.UpstreamDown(), 502, "server_error", "upstream_error"),
    (kimi.UpstreamTimeout(), 502, "server_error", "upstream_timeout"),
    (BadRequest("no"), 400, "invalid_request_error", "invalid_value"),
    (BodyIncomplete(), 400, "invalid_request_error", "incomplete_body"),
    (ClientGone(), 499, "invalid_request_error", "client_gone"),
    (kimi.ContentRefused(), 400, "invalid_request_error", "content_filter"),
    (kimi.FileRefused("is empty", name="a.pdf"), 400, "invalid_request_error", "invalid_file"),
    (kimi.ConversationLost(), 400, "invalid_request_error", "conversation_not_found"),
    (kimi.PromptTooLong(), 400, "invalid_request_error", "context_length_exceeded"),
    (kimi.AnswerUnfit(), 502, "server_error", "answer_unfit"),
    (kimi.CallsUnfit(), 502, "server_error", "tool_call_failed"),
    (kimi.FormUnfit(), 502, "server_error", "json_form_failed"),
    (kimi.RequestInvalid(), 400, "invalid_request_error", "invalid_value"),
    (UnknownModel("x"), 404, "invalid_request_error", "model_not_found"),
    (FeatureUnserved("no"), 400, "invalid_request_error", "invalid_value"),
    (UnknownKey(), 401, "invalid_request_error", "invalid_api_key"),
    (TokenRefused("no"), 401, "invalid_request_error", "invalid_api_key"),
    (TokenUndecided(), 503, "service_unavailable", "token_undecided"),
    (TooManyNewTokens(retry_after=7), 429, "rate_limit_error", "rate_limit_exceeded"),
    (BodyTooLarge(), 413, "invalid_request_error", "request_too_large"),
    (RequestEntityTooLarge(), 413, "invalid_request_error", "request_too_large"),
    (NotFound(), 404, "invalid_request_error", "not_found"),
    (MethodNotAllowed(["POST", "GET"]), 405, "invalid_request_error", "method_not_allowed"),
    (ImATeapot(), 418, "invalid_request_error", "invalid_request"),
    (ServiceUnavailable(), 500, "server_error", "internal_error"),
    (ZeroDivisionError(), 500, "server_error", "internal_error"),
]


@pytest.mark.parametrize(("error", "status", "kind", "code"), ROWS, ids=lambda value: type(value).__name__)
def test_every_failure_has_its_row(error: Exception, status: int, kind: str, code: str) -> None:
    problem = describe(error, "req-1")
    assert (problem.status, problem.type, problem.code) == (status, kind, code)
    assert problem.body == {
        "error": {"message": problem.message, "type": kind, "param": problem.param, "code": code},
    }


def test_every_error_of_the_library_has_a_row() -> None:
    todo, leaves = [kimi.KimiError], set()
    while todo:
        kind = todo.pop()
        leaves |= set() if kind.__subclasses__() else {kind}
        todo += kind.__subclasses__()
    assert len(leaves) > 10
    assert {kind.__name__ for kind in leaves if describe(kind(), "r").status == 500} == set()


@pytest.mark.parametrize("problem", [*TABLE.values(), INTERNAL, describe(OSError(), "req-1")], ids=lambda p: p.code)
def test_no_text_switches_a_channel_off_or_leaks(problem: Problem) -> None:
    assert [word for word in CHANNEL_KILLERS if word in problem.message.lower()] == []
    assert redact(problem.message) == problem.message
    assert 400 <= problem.status < 600


def test_what_the_upstream_said_stays_in_the_log() -> None:
    problem = describe(kimi.Unreachable("proxy 10.1.2.3 refused"), "r")
    assert "10.1.2.3" not in str(problem.body)


def test_a_bad_request_says_what_and_where() -> None:
    problem = describe(BadRequest("`n` has to be 1.", code="invalid_json", param="n"), "r")
    assert (problem.message, problem.code, problem.param) == ("`n` has to be 1.", "invalid_json", "n")


@pytest.mark.parametrize("name", ["gpt-5", "moonshotai/kimi:free", "kimi-k2.6-foo"])
def test_an_unknown_model_is_named(name: str) -> None:
    assert f"The model `{name}` does not exist." in describe(UnknownModel(name), "r").message


@pytest.mark.parametrize("name", ["sk-abcdefgh", "kimi-quota", "a b", "x" * 65, "eyJhbGciOi.x.y", "模型"])
def test_a_name_that_could_do_harm_is_not_repeated(name: str) -> None:
    message = describe(UnknownModel(name), "r").message
    assert message.startswith("The model does not exist.")
    assert name not in message


def test_a_field_the_upstream_refused_is_named() -> None:
    assert describe(kimi.RequestInvalid("top_p", param="top_p"), "r").param == "top_p"


def test_a_file_is_named_unless_its_name_harms_a_channel() -> None:
    def message(name: str) -> str:
        return describe(kimi.FileRefused("is empty", name=name, param="messages[0].content[1]"), "r").message

    assert message("a.pdf") == 'The file "a.pdf" is empty.'
    assert {message(f"{word.title()} 2025.pdf") for word in CHANNEL_KILLERS} == {"A file of this request is empty."}
    assert describe(kimi.FileRefused(param="messages[0]"), "r").param == "messages[0]"


def test_what_the_upstream_explains_is_passed_on_unless_it_harms_a_channel_or_is_secret() -> None:
    known = TABLE[kimi.RequestRefused].message

    def message(explained: str) -> str:
        return describe(kimi.RequestInvalid("log", explained=explained), "r").message

    assert message("tools[0] is\nnot valid") == f"{known} It says: tools[0] is not valid"
    assert message("the key sk-abcdefgh of org-12345678") == f"{known} It says: the key [redacted] of [redacted]"
    assert {message(f"your {word.upper()} is gone") for word in CHANNEL_KILLERS} == {known}
    assert len(message("x" * 5000)) < 400


@pytest.mark.parametrize("error", [kimi.ContentRefused(), kimi.PromptTooLong(), kimi.RequestInvalid()])
def test_what_no_retry_can_heal_says_so(error: Exception) -> None:
    assert ("x-should-retry", "false") in describe(error, "r").headers


@pytest.mark.parametrize(
    ("seconds", "whole", "milliseconds"),
    [(None, "5", "5000"), (0.0, "1", "100"), (2.25, "3", "2250"), (3600.0, "60", "60000")],
)
def test_when_to_come_back_lies_between_one_second_and_sixty(
    seconds: float | None, whole: str, milliseconds: str
) -> None:
    headers = dict(describe(kimi.AllBusy(retry_after=seconds), "r").headers)
    assert headers == {"retry-after": whole, "retry-after-ms": milliseconds}


@pytest.mark.parametrize("error", [kimi.NoAccount(), kimi.StoreUnavailable(), Draining()])
def test_unavailable_says_when_to_come_back(error: Exception) -> None:
    assert "retry-after" in dict(describe(error, "r").headers)


def test_an_upstream_that_is_left_alone_says_for_how_long() -> None:
    problem = describe(kimi.UpstreamDown(retry_after=4.5), "r")
    assert (problem.status, problem.code) == (502, "upstream_error")
    assert dict(problem.headers) == {"retry-after": "5", "retry-after-ms": "4500"}
    assert describe(kimi.Unreachable(), "r").headers == ()


def test_a_wrong_method_names_the_right_ones() -> None:
    assert describe(MethodNotAllowed(["POST", "GET"]), "r").headers == (("allow", "GET, POST"),)
    assert describe(MethodNotAllowed(), "r").headers == (("allow", ""),)


def test_an_unforeseen_error_is_found_by_its_request_id() -> None:
    problem = describe(RuntimeError("secret"), "req-77")
    assert "req-77" in problem.message
    assert "secret" not in problem.message


def texts_of_bad_requests() -> list[str]:
    """Every text that the gateway's code gives to a `BadRequest` or a `TokenRefused`."""
    calls = [
        node
        for path in Path(gateway.__path__[0]).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in {"BadRequest", "TokenRefused"}
    ]
    return [ast.unparse(call.args[0]) for call in calls]


def test_no_text_of_a_bad_request_switches_a_channel_off() -> None:
    texts = texts_of_bad_requests()
    assert len(texts) > 10
    assert [text for text in texts if any(word in text.lower() for word in CHANNEL_KILLERS)] == []
