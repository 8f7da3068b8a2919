from __future__ import annotations

from dataclasses import replace

import pytest
from flask.globals import request_ctx
from structlog.testing import capture_logs

from gateway.breathing import breathe
from gateway.views.health import FROM_MEMORY, SHUT_OUT
from kimi.errors import StoreUnavailable
from kimi.pool import Summary
from tests.gateway.fakes import AUTHORIZED, EVERYTHING, KEY, House


@pytest.fixture
def house() -> House:
    return House()


def test_models_are_those_of_the_pool(house: House) -> None:
    body = house.client.get("/v1/models", headers=AUTHORIZED).get_json()
    assert body["object"] == "list"
    names = [model["id"] for model in body["data"]]
    assert {"kimi", "kimi-search", "kimi-k2.6", "kimi-official"} <= set(names)
    assert len(names) == len(set(names))
    assert all(model["object"] == "model" and isinstance(model["created"], int) for model in body["data"])


def test_models_follow_the_kinds(house: House) -> None:
    house.pool.known = Summary(1, frozenset({"moonshot:official"}))
    body = house.client.get("/models", headers={"x-api-key": KEY}).get_json()
    assert [model["id"] for model in body["data"]] == ["official"]


@pytest.mark.parametrize("name", ["kimi", "kimi-thinking-search", "kimi-official", "conpg00t7lagbbsfqkq0"])
def test_a_model_can_be_looked_up(house: House, name: str) -> None:
    body = house.client.get(f"/v1/models/{name}", headers=AUTHORIZED).get_json()
    assert body == {"id": name, "object": "model", "created": body["created"], "owned_by": "moonshot"}


def test_an_unknown_model_is_not_found(house: House) -> None:
    response = house.client.get("/v1/models/gpt-4/x", headers=AUTHORIZED)
    assert response.status_code == 404
    assert response.get_json()["error"]["code"] == "model_not_found"


def test_one_api_finds_something_left(house: House) -> None:
    subscription = house.client.get("/v1/dashboard/billing/subscription", headers=AUTHORIZED).get_json()
    usage = house.client.get("/dashboard/billing/usage?start_date=2024-01-01", headers=AUTHORIZED).get_json()
    assert subscription["hard_limit_usd"] - usage["total_usage"] / 100 > 0


@pytest.mark.parametrize(
    "path",
    ["/v1/models", "/v1/models/kimi", "/v1/dashboard/billing/subscription", "/v1/dashboard/billing/usage"],
)
def test_a_key_is_needed(house: House, path: str) -> None:
    response = house.client.get(path)
    assert response.status_code == 401
    assert response.get_json()["error"]["code"] == "invalid_api_key"


def test_alive(house: House) -> None:
    response = house.client.get("/healthz")
    assert (response.status_code, response.get_json()) == (200, {"status": "ok"})


def readiness(house: House) -> tuple[int, object]:
    response = house.client.get("/readyz")
    return response.status_code, response.get_json()


def test_ready(house: House) -> None:
    state = {"ready": True, "usable_accounts": 2, "redis": "up", "reasons": [], "notes": []}
    assert readiness(house) == (200, state)


def test_not_ready_without_accounts(house: House) -> None:
    house.pool.known = replace(EVERYTHING, usable=0)
    state = {"ready": False, "usable_accounts": 0, "redis": "up", "reasons": ["no usable account"], "notes": []}
    assert readiness(house) == (503, state)


def test_ready_from_memory_without_redis(house: House) -> None:
    house.pool.away = True
    state = {"ready": True, "usable_accounts": 2, "redis": "away", "reasons": [], "notes": [FROM_MEMORY]}
    assert readiness(house) == (200, state)


def test_not_ready_from_memory_without_accounts(house: House) -> None:
    house.pool.away, house.pool.known = True, replace(EVERYTHING, usable=0)
    status, state = readiness(house)
    assert status == 503
    assert isinstance(state, dict) and (state["redis"], state["reasons"]) == ("away", ["no usable account"])


def test_not_ready_when_redis_was_never_there(house: House) -> None:
    house.client.get("/v1/models", headers=AUTHORIZED)
    house.pool.away, house.pool.known = True, StoreUnavailable()
    reasons = ["Redis does not answer"]
    state = {"ready": False, "usable_accounts": None, "redis": "away", "reasons": reasons, "notes": []}
    assert readiness(house) == (503, state)


def test_not_ready_where_what_redis_holds_cannot_be_opened(house: House) -> None:
    house.is_shut_out = True
    state = {"ready": False, "usable_accounts": 2, "redis": "up", "reasons": [SHUT_OUT], "notes": []}
    assert readiness(house) == (503, state)


def test_not_ready_while_shutting_down(house: House) -> None:
    house.drain.begin()
    response = house.client.get("/readyz")
    assert response.status_code == 503
    assert response.get_json()["reasons"] == ["shutting down"]


def test_metrics_are_made_once_for_all_who_ask_at_the_same_time(house: House) -> None:
    asked = [house.client.get("/metrics").data for _ in range(2)]
    breathe()
    assert asked[0] == asked[1] != house.client.get("/metrics").data


def test_metrics_need_no_key_and_have_few_labels(house: House) -> None:
    for number in range(20):
        house.client.get(f"/nowhere/{number}")
        house.client.get(f"/v1/models/model-{number}", headers=AUTHORIZED)
    response = house.client.get("/metrics")
    assert response.status_code == 200
    assert response.content_type.startswith("text/plain")
    text = response.get_data(as_text=True)
    assert 'kimi_gateway_requests_total{route="none",status="404",stream="false"} 20.0' in text
    assert 'kimi_gateway_requests_total{route="/v1/models/<path:name>",status="404",stream="false"} 20.0' in text
    assert "model-7" not in text


@pytest.mark.parametrize("path", ["/", "/v1", "/nowhere", "/v1/chat", "/token", "/admin", "/v1/embeddings"])
def test_nothing_there(house: House, path: str) -> None:
    response = house.client.get(path)
    assert response.status_code == 404
    assert response.content_type == "application/json"
    assert response.get_json()["error"]["type"] == "invalid_request_error"
    assert response.get_json()["error"]["code"] == "not_found"


def test_a_wrong_method(house: House) -> None:
    response = house.client.get("/v1/chat/completions")
    assert response.status_code == 405
    assert response.get_json()["error"]["code"] == "method_not_allowed"
    assert "POST" in response.headers["allow"]


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/models", "/nowhere", "/"])
def test_a_preflight_is_answered_anywhere_without_a_key(house: House, path: str) -> None:
    asked = "authorization, content-type, x-stainless-os"
    response = house.client.options(path, headers={"Access-Control-Request-Headers": asked})
    assert (response.status_code, response.data) == (204, b"")
    assert response.headers["access-control-allow-origin"] == "*"
    assert response.headers["access-control-allow-headers"] == asked
    assert "POST" in response.headers["access-control-allow-methods"]


@pytest.mark.parametrize("asked", [None, "", "a\tb", "x" * 2_000, "a: b"])
def test_a_preflight_repeats_nothing_odd(house: House, asked: str | None) -> None:
    headers = {} if asked is None else {"Access-Control-Request-Headers": asked}
    response = house.client.options("/v1/models", headers=headers)
    assert response.headers["access-control-allow-headers"] == "authorization, content-type, x-api-key"


@pytest.mark.parametrize("path", ["/v1/models", "/nowhere", "/healthz", "/docs"])
def test_every_answer_is_marked(house: House, path: str) -> None:
    response = house.client.get(path, headers={"X-Request-Id": "mine_1.2-3"})
    assert response.headers["x-request-id"] == "mine_1.2-3"
    assert response.headers["access-control-allow-origin"] == "*"
    assert "x-request-id" in response.headers["access-control-expose-headers"]


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, "<script>", "ü"])
def test_an_odd_request_id_is_replaced(house: House, given: str) -> None:
    response = house.client.get("/healthz", headers={"X-Request-Id": given})
    assert response.headers["x-request-id"] == "req-abc123"


def test_probes_are_quiet_in_the_log(house: House) -> None:
    with capture_logs() as logs:
        house.client.get("/healthz")
        house.client.get("/v1/models", headers=AUTHORIZED)
    assert [(line["route"], line["log_level"]) for line in logs] == [("/healthz", "debug"), ("/v1/models", "info")]


def test_models_are_listed_by_what_the_accounts_tell_and_by_the_operators_names() -> None:
    house = House(kimi_model_aliases="gpt-4o=kimi-k4-thinking,o1=kimi-k3")
    routes = {"kimi", "kimi:SCENARIO_K2", "kimi:SCENARIO_K4+thinking"}
    house.pool.known = Summary(1, frozenset(routes))
    body = house.client.get("/v1/models", headers=AUTHORIZED).get_json()
    names = {model["id"] for model in body["data"]}
    assert {"kimi-k2", "kimi-k4", "kimi-k4-thinking", "gpt-4o"} <= names
    assert {"kimi-k3", "o1", "kimi-research", "kimi-k2-thinking"}.isdisjoint(names)
    for name in names:
        assert house.client.get(f"/v1/models/{name}", headers=AUTHORIZED).get_json()["id"] == name
    assert house.client.get("/v1/models/o1", headers=AUTHORIZED).status_code == 404


def test_other_paths_and_methods_than_the_present_ones_can_be_asked_for(house: House) -> None:
    with house.client.application.test_request_context("/healthz"):
        routes = request_ctx.url_adapter
        assert routes is not None
        assert routes.match("/readyz") == ("health.readyz", {})
        assert set(routes.allowed_methods()) == {"GET", "HEAD", "OPTIONS"}
