"""What clients with limited keys meet, whatever surface they ask."""

from __future__ import annotations

from typing import Any

import pytest
from structlog.testing import capture_logs
from werkzeug.test import TestResponse

from gateway.harmless import is_harmless
from kimi.errors import AllBusy, BrokenAnswer
from kimi.events import Text
from kimi.pool.counts import Courier
from kimi.pool.figures import Figures
from tests.gateway.fakes import AUTHORIZED
from tests.gateway.limited import ANSWER, HI, SURFACES

DAY = 86_400.0
everywhere = pytest.mark.parametrize("path", SURFACES)


def error(response: TestResponse) -> dict[str, Any]:
    body: dict[str, Any] = response.get_json()
    return dict(body["error"])


@everywhere
def test_every_surface_counts(scene_of: Any, path: str) -> None:
    scene = scene_of(requests_per_minute=1)
    assert scene.ask(path).status_code == 200
    scene.clock.now += 17.5

    late = scene.ask(path)
    assert late.status_code == 429
    assert (late.headers["retry-after"], late.headers["retry-after-ms"]) == ("43", "42500")
    assert "x-should-retry" not in late.headers
    told = error(late)
    assert told["type"] == "rate_limit_error" and is_harmless(told["message"])
    assert told["message"] == (
        "This key has reached its limit of requests a minute, which is 1. Try again after the time in Retry-After."
    )
    assert path == "/v1/messages" or told["code"] == "rate_limit_exceeded"
    assert len(scene.house.pool.started) == 1

    scene.clock.now += 42.5
    assert scene.ask(path).status_code == 200


@everywhere
def test_every_surface_gives_places_and_tokens_back(scene_of: Any, path: str) -> None:
    scene = scene_of(concurrent=1, tokens_per_day=10)
    for streamed in (False, True):
        with scene.ask(path, stream=streamed) as answer:
            assert answer.status_code == 200 and answer.get_data()
        assert scene.running == 0
    late = scene.ask(path)
    assert late.status_code == 429 and "tokens a day, which is 10." in error(late)["message"]


def test_tokens_come_anew_at_midnight(scene_of: Any) -> None:
    scene = scene_of(tokens_per_day=7)
    scene.clock.now += DAY - scene.clock.now % DAY - 2 * 3600 - 60
    scene.ask()
    late = scene.ask()
    assert late.status_code == 429
    assert error(late)["message"] == (
        "This key has reached its limit of tokens a day, which is 7. "
        "They are counted anew from 00:00 UTC, in 2 h 1 min."
    )
    assert (late.headers["retry-after"], late.headers["x-should-retry"]) == ("60", "false")
    scene.clock.now += 2 * 3600 + 59
    assert scene.ask().headers["retry-after"] == "1"
    scene.clock.now += 1
    assert scene.ask().status_code == 200


def test_so_many_answers_at_the_same_time(scene_of: Any) -> None:
    scene = scene_of(concurrent=1)
    running = scene.ask(stream=True)
    assert scene.running == 1
    late = scene.ask()
    assert late.status_code == 429 and late.headers["retry-after"] == "1"
    assert "requests at the same time, which is 1." in error(late)["message"]

    running.close()  # the client leaves
    assert scene.running == 0
    assert scene.ask().status_code == 200


@pytest.mark.parametrize("streamed", [False, True])
def test_what_fails_gives_back_too_and_pays_for_what_it_took(scene_of: Any, streamed: bool) -> None:
    scene = scene_of(concurrent=1, tokens_per_day=1_000)
    assert scene.ask("/v1/chat/completions", AllBusy("busy"), stream=streamed).status_code == 429
    assert (scene.running, scene.line.times("leave")) == (0, 1)
    assert not list(scene.line.store.redis.scan_iter(scene.line.store.key("client", "*", "tokens", "*")))

    with scene.ask("/v1/chat/completions", Text("Hel"), BrokenAnswer("cut"), stream=streamed) as broken:
        assert broken.get_data()
    assert scene.running == 0
    (tokens,) = scene.line.store.redis.scan_iter(scene.line.store.key("client", "*", "tokens", "*"))
    assert int(scene.line.store.redis.get(tokens)) > 0


def test_a_mistake_before_the_answer_begins_gives_back(scene_of: Any) -> None:
    scene = scene_of(concurrent=1)
    scene.house.pool.scripts = []
    sent = {"model": "kimi", "messages": HI}
    broken = scene.client.post("/v1/chat/completions", json=sent, headers={"Authorization": f"Bearer {scene.key}"})
    assert (broken.status_code, scene.running) == (500, 0)


def test_what_asks_no_account_is_not_counted(scene_of: Any) -> None:
    scene = scene_of(requests_per_minute=1, concurrent=1, tokens_per_day=1)
    headers = {"Authorization": f"Bearer {scene.key}"}
    for path in ("/v1/models", "/v1/models/kimi", "/v1/dashboard/billing/usage", "/healthz", "/metrics"):
        assert scene.client.get(path, headers=headers).status_code == 200
    counted = scene.client.post("/v1/messages/count_tokens", json={"model": "kimi", "messages": HI}, headers=headers)
    assert counted.status_code == 200
    assert scene.ask(model="unknown").status_code == 404
    assert scene.ask(messages=[]).status_code == 400
    assert scene.line.asked == []


def test_keys_without_limits_ask_nobody(scene_of: Any) -> None:
    scene = scene_of(models=["kimi"])
    assert scene.ask().status_code == 200
    scene.house.pool.will(*ANSWER)
    sent = {"model": "kimi", "messages": HI}
    assert scene.client.post("/v1/chat/completions", json=sent, headers=AUTHORIZED).status_code == 200
    assert scene.line.asked == []


def test_while_redis_is_away_everybody_comes_in(scene_of: Any) -> None:
    scene = scene_of(requests_per_minute=1)
    scene.line.is_cut = True
    assert [scene.ask().status_code for _ in range(3)] == [200] * 3


@everywhere
def test_a_model_outside_the_list_is_unknown(scene_of: Any, path: str) -> None:
    scene = scene_of(models=["kimi-thinking", "kimi-k2*"], requests_per_minute=9)
    assert [scene.ask(path, model=name).status_code for name in ("kimi-thinking", "kimi-k2.6-search")] == [200, 200]
    refused = scene.ask(path, model="kimi")
    assert refused.status_code == 404
    assert path == "/v1/messages" or (error(refused)["code"], error(refused)["param"]) == ("model_not_found", "model")
    assert "The model `kimi` does not exist" in error(refused)["message"]
    assert scene.line.times("enter") == 2


def test_the_list_of_models_is_that_of_the_key(scene_of: Any) -> None:
    scene = scene_of(models=["kimi", "kimi-k2*"])
    headers = {"Authorization": f"Bearer {scene.key}"}

    def names(**more: str) -> set[str]:
        return {model["id"] for model in scene.client.get("/v1/models", headers={**headers, **more}).get_json()["data"]}

    theirs = {model["id"] for model in scene.client.get("/v1/models", headers=AUTHORIZED).get_json()["data"]}
    assert names() == names(**{"anthropic-version": "2023-06-01"})
    assert names() == {name for name in theirs if name == "kimi" or name.startswith("kimi-k2")} < theirs
    assert scene.client.get("/v1/models/kimi-k2.6", headers=headers).status_code == 200
    for more in ({}, {"anthropic-version": "2023-06-01"}):
        assert scene.client.get("/v1/models/kimi-thinking", headers={**headers, **more}).status_code == 404


@pytest.mark.parametrize(("models", "status"), [(["kimi"], 200), (["kimi-k2*"], 404)])
def test_names_of_anthropic_are_what_they_stand_for(scene_of: Any, models: list[str], status: int) -> None:
    scene = scene_of(models=models)
    assert scene.ask("/v1/messages", model="claude-sonnet-4-5-20250929").status_code == status


def test_the_log_has_the_name_of_the_key(scene_of: Any) -> None:
    scene = scene_of()
    with capture_logs() as logs:
        scene.ask()
    assert [line["client"] for line in logs if line["event"] == "request"] == ["shop"]
    assert scene.key not in str(logs)


def test_what_a_key_did_stays_with_it_whatever_it_is_called(scene_of: Any) -> None:
    scene = scene_of()
    clients, store = scene.line.clients, scene.line.store
    (renamed,) = clients.all()
    scene.ask()
    clients.edit(renamed.id, name="bakery")
    scene.ask()
    scene.key, successor = (created := clients.create("shop")).key, created.client
    scene.ask()
    Courier(store, scene.house.counts).deliver()
    tallies = Figures(store).tally_of_clients()
    assert {name: tally.requests for name, tally in tallies.items()} == {renamed.id: 2, successor.id: 1}
