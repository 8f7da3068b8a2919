"""The playground: what clients have, without a key of theirs."""

from __future__ import annotations

from typing import Any

from structlog.testing import capture_logs

from tests.gateway.admin.desks import Office
from tests.gateway.fakes import AUTHORIZED, answer

QUESTION: dict[str, Any] = {"model": "kimi", "messages": [{"role": "user", "content": "hi"}]}


def test_an_operator_asks_without_a_key_of_a_client(office: Office) -> None:
    office.house.pool.will(*answer("Hel", "lo"))
    with capture_logs() as logs:
        reply = office.api("POST", "/chat/completions", json=QUESTION)
    assert reply.get_json()["choices"][0]["message"]["content"] == "Hello"
    (line,) = [line for line in logs if line["event"] == "request"]
    assert (line["client"], line["route"], line["model"]) == ("admin", "/admin/api/chat/completions", "kimi")


def test_the_page_asks_with_its_session_and_gets_a_stream(office: Office) -> None:
    office.sign_in()
    office.house.pool.will(*answer("Hel", "lo"))
    reply = office.page("POST", "/chat/completions", json={**QUESTION, "stream": True})
    assert reply.content_type.startswith("text/event-stream")
    assert reply.data.endswith(b"data: [DONE]\n\n")
    assert "access-control-allow-origin" not in reply.headers


def test_what_goes_wrong_is_told_as_to_clients(office: Office) -> None:
    reply = office.api("POST", "/chat/completions", json={**QUESTION, "model": "nonsense"})
    assert (reply.status_code, reply.get_json()["error"]["code"]) == (404, "model_not_found")


def test_keys_of_clients_do_not_open_it_and_the_admin_key_opens_nothing_else(office: Office) -> None:
    assert office.api("POST", "/chat/completions", json=QUESTION, headers=AUTHORIZED).status_code == 401
    reply = office.house.client.post("/v1/chat/completions", json=QUESTION, headers={"x-api-key": "admin-key"})
    assert reply.status_code == 401


def test_the_models_are_those_of_the_pool(office: Office) -> None:
    found = office.api("GET", "/models").get_json()
    assert found == office.house.client.get("/v1/models", headers=AUTHORIZED).get_json()
