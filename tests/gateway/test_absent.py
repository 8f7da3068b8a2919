from __future__ import annotations

import pytest

from gateway.absent import sentence
from gateway.harmless import CHANNEL_KILLERS
from tests.gateway.fakes import AUTHORIZED, House

ABSENT = (
    "/v1/embeddings",
    "/v1/images/generations",
    "/v1/audio/speech",
    "/v1/audio/transcriptions",
    "/v1/moderations",
    "/v1/files",
    "/v1/files/file-1/content",
    "/v1/batches",
    "/v1/assistants",
    "/v1/threads/t/runs",
    "/v1/vector_stores",
    "/v1/fine_tuning/jobs",
    "/v1/rerank",
    "/v1/engines/kimi/completions",
    "/v1/containers/c/files",
    "/v1/evals",
    "/v1/organization/usage/completions",
    "/v1/responses/resp_1/cancel",
    "/v1/conversations/c/items",
    "/embeddings",
    "/v1/v1/embeddings/",
)


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize("path", ABSENT)
def test_what_is_not_here_says_what_is(path: str, method: str) -> None:
    response = House().client.open(path, method=method, json={}, headers=AUTHORIZED)
    assert response.status_code == 404
    error = response.get_json()["error"]
    assert (error["type"], error["code"], error["param"]) == ("invalid_request_error", "not_found", None)
    assert " here" in error["message"] and "POST /v1/chat/completions" in error["message"]
    assert not any(word in error["message"].lower() for word in CHANNEL_KILLERS)


@pytest.mark.parametrize("path", ["/v1/messages/batches", "/v1/messages/batches/b/results", "/v1/complete"])
def test_clients_of_anthropic_are_told_in_their_own_shape(path: str) -> None:
    response = House().client.post(path, json={}, headers={**AUTHORIZED, "anthropic-version": "2023-06-01"})
    assert response.status_code == 404
    told = response.get_json()
    assert (told["type"], told["error"]["type"]) == ("error", "not_found_error")
    assert " here" in told["error"]["message"] and "/v1/messages" in told["error"]["message"]


@pytest.mark.parametrize("path", ABSENT)
def test_a_browser_may_ask_there_all_the_same(path: str) -> None:
    response = House().client.options(path, headers={"Access-Control-Request-Headers": "authorization"})
    assert (response.status_code, response.headers["access-control-allow-headers"]) == (204, "authorization")


@pytest.mark.parametrize("path", ["/", "", "/v1", "/v1/nowhere", "/embeddingsx", "/admin", "/v1/chat"])
def test_nobody_expects_anything_elsewhere(path: str) -> None:
    assert sentence(path) == ""
