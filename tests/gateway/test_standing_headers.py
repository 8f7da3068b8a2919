"""How a key stands with its limits, as every answer tells it that is counted."""

from __future__ import annotations

from typing import Any

import httpx2
import openai
import pytest
from werkzeug.wrappers import Response

from gateway.harmless import is_harmless
from gateway.openapi import document
from kimi.errors import AllBusy, BrokenAnswer
from kimi.events import Text
from tests.anthropic_sdk import sdk
from tests.gateway.fakes import AUTHORIZED, Silence
from tests.gateway.limited import ANSWER, HI, SURFACES, Scene

everywhere = pytest.mark.parametrize("path", SURFACES)
API = document()
KINDS = ("requests", "tokens", "concurrent")


def standing(response: Response) -> dict[str, str]:
    """All headers about limits, without what stands before all of them."""
    told = {name.lower(): value for name, value in response.headers if "ratelimit" in name.lower()}
    exposed = response.headers["access-control-expose-headers"].split(", ")
    assert told.keys() <= set(exposed), "a page may read them"
    return told


def figures(response: Response, kind: str) -> tuple[str | None, ...]:
    """Of one limit: how much it is, what is left, and its reset, on any surface."""
    told = standing(response)
    if f"anthropic-ratelimit-{kind}-limit" in told:
        return tuple(told.get(f"anthropic-ratelimit-{kind}-{each}") for each in ("limit", "remaining", "reset"))
    return tuple(told.get(f"x-ratelimit-{each}-{kind}") for each in ("limit", "remaining", "reset"))


@everywhere
def test_every_surface_tells_how_the_key_stands(scene_of: Any, path: str) -> None:
    scene: Scene = scene_of(requests_per_minute=3, tokens_per_day=1_000, concurrent=2)
    minute, day = "1m0s", "16h0m0s"  # at eight in the morning
    if path == "/v1/messages":
        minute, day = "2023-11-14T22:14:21Z", "2023-11-15T14:13:21Z"
    with scene.ask(path) as answer:
        assert figures(answer, "requests") == ("3", "2", minute)
        left = "1000" if path == "/chat/kimi" else "993"  # that one is a stream, whose end nobody knew
        assert figures(answer, "tokens") == ("1000", left, day)
        assert figures(answer, "concurrent") == ("2", "1", None)
        assert answer.get_data()
    with scene.ask(path, stream=True) as answer:
        assert [figures(answer, kind)[1] for kind in KINDS] == ["1", "993", "1"]
        assert answer.get_data()
    told = standing(answer)
    assert {name.partition("-")[0] for name in told} == {"anthropic" if path == "/v1/messages" else "x"}
    documented = API["paths"][path]["post"]["responses"]
    assert told.keys() <= documented["200"]["headers"].keys() & documented["429"]["headers"].keys()
    assert told.keys() <= API["components"]["headers"].keys()


@everywhere
def test_a_limit_that_is_reached_tells_it_too(scene_of: Any, path: str) -> None:
    scene: Scene = scene_of(requests_per_minute=2)
    for _ in range(2):
        with scene.ask(path) as answer:
            assert answer.get_data()
        scene.clock.now += 20
    late = scene.ask(path)
    assert (late.status_code, late.headers["retry-after"]) == (429, "20"), "then there is one again"
    reset = "2023-11-14T22:14:01Z" if path == "/v1/messages" else "40s"
    assert figures(late, "requests") == ("2", "0", reset), "and all of them then"
    assert is_harmless(str(late.headers))


def test_of_limits_that_a_key_does_not_have_nothing_is_told(scene_of: Any) -> None:
    scene: Scene = scene_of(concurrent=2)
    assert standing(scene.ask()) == {"x-ratelimit-limit-concurrent": "2", "x-ratelimit-remaining-concurrent": "1"}


def test_keys_without_limits_are_told_nothing(scene_of: Any) -> None:
    scene: Scene = scene_of(models=["kimi"])
    assert standing(scene.ask()) == {}
    scene.house.pool.will(*ANSWER)
    theirs = scene.client.post("/v1/chat/completions", json={"model": "kimi", "messages": HI}, headers=AUTHORIZED)
    assert standing(theirs) == {}
    assert "ratelimit" not in theirs.headers["access-control-expose-headers"]


def test_what_is_not_counted_tells_nothing(scene_of: Any) -> None:
    scene: Scene = scene_of(requests_per_minute=1)
    assert standing(scene.ask(model="unknown")) == standing(scene.ask(messages=[])) == {}
    assert standing(scene.client.get("/v1/models", headers={"x-api-key": scene.key})) == {}
    scene.line.is_cut = True
    assert standing(scene.ask()) == {}, "nobody knows"


@pytest.mark.parametrize("script", [[AllBusy("busy")], [BrokenAnswer("cut")], [Text("Hel"), BrokenAnswer("cut")]])
def test_what_fails_behind_the_entry_was_counted(scene_of: Any, script: list[Any]) -> None:
    scene: Scene = scene_of(requests_per_minute=9)
    failed = scene.ask("/v1/chat/completions", *script)
    assert failed.status_code >= 400
    assert figures(failed, "requests") == ("9", "8", "1m0s")


def test_an_answer_that_took_long_tells_what_is_left_of_the_minute(scene_of: Any) -> None:
    scene: Scene = scene_of(requests_per_minute=9)
    answer = scene.ask("/v1/chat/completions", Silence(45.5), *ANSWER)
    assert figures(answer, "requests") == ("9", "8", "15s")


def test_openai_python_reads_them(scene_of: Any) -> None:
    scene: Scene = scene_of(requests_per_minute=9)
    transport = httpx2.WSGITransport(app=scene.house.app)
    client = openai.OpenAI(
        base_url="http://gateway/v1", api_key=scene.key, http_client=httpx2.Client(transport=transport), max_retries=0
    )
    scene.house.pool.scripts = [list(ANSWER), list(ANSWER)]
    asked: Any = {"model": "kimi", "messages": HI}
    whole = client.chat.completions.with_raw_response.create(**asked)
    streamed = client.chat.completions.with_raw_response.create(**asked, stream=True)
    assert whole.headers["x-ratelimit-remaining-requests"] == "8"
    assert whole.parse().choices[0].message.content == "Hello"
    assert streamed.headers["x-ratelimit-remaining-requests"] == "7"
    assert [chunk.choices[0].delta.content for chunk in streamed.parse()].count("Hello") == 1


def test_the_sdk_of_anthropic_reads_them(scene_of: Any) -> None:
    scene: Scene = scene_of(requests_per_minute=1)
    transport = httpx2.WSGITransport(app=scene.house.app)
    client = sdk().Anthropic(
        base_url="http://gateway", api_key=scene.key, http_client=httpx2.Client(transport=transport), max_retries=0
    )
    scene.house.pool.scripts = [list(ANSWER)]
    asked: Any = {"model": "kimi", "messages": HI, "max_tokens": 9}
    assert client.messages.with_raw_response.create(**asked).headers["anthropic-ratelimit-requests-remaining"] == "0"
    with pytest.raises(sdk().RateLimitError) as late:
        client.messages.create(**asked)
    assert late.value.response.headers["anthropic-ratelimit-requests-reset"] == "2023-11-14T22:14:21Z"
