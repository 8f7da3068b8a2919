"""Clients that bring refresh tokens of their own, and the endpoints that only such clients know."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from openai import AuthenticationError

from tests.features.asking import answers, ask, asked
from tests.features.kinds import streaming
from tests.system.stack import KEY, Stack


@pytest.fixture
def guest(house: Stack) -> dict[str, Any]:
    """An account that is in no file of the operator's."""
    minted: dict[str, Any] = house.simulator.mint(house.env["KIMI_KIND"])[0]
    return minted


@streaming
def test_a_refresh_token_is_a_key(house: Stack, guest: dict[str, Any], streamed: bool) -> None:
    answers(house, "Hello, {prompt}")
    assert ask(house, "it is me", key=guest["refresh_token"], streamed=streamed).text == "Hello, it is me"
    assert asked(house)["account"] == guest["name"]


def test_the_first_token_stays_the_key_although_it_is_spent(house: Stack, guest: dict[str, Any]) -> None:
    ask(house, key=guest["refresh_token"])
    house.simulator.control("POST", f"accounts/{guest['name']}", {"revoke_access": True})
    for _ in range(2):
        ask(house, key=guest["refresh_token"])
        assert asked(house)["account"] == guest["name"]
    assert house.simulator.control("GET", f"accounts/{guest['name']}")["reused"] == 0


def test_nobody_else_uses_an_account_that_was_brought_along(house: Stack, guest: dict[str, Any]) -> None:
    ask(house, key=guest["refresh_token"])
    for _ in range(4):
        ask(house)
        assert asked(house)["account"] != guest["name"]


def test_several_tokens_stand_in_for_each_other(house: Stack, guest: dict[str, Any]) -> None:
    other = house.simulator.mint(house.env["KIMI_KIND"])[0]
    house.simulator.control("POST", f"accounts/{guest['name']}", {"revoke_refresh": True})
    key = f"{guest['refresh_token']},{other['refresh_token']}"
    for _ in range(2):
        ask(house, key=key)
        assert asked(house)["account"] == other["name"]


def test_a_token_that_is_dead_is_a_wrong_key(house: Stack, guest: dict[str, Any]) -> None:
    house.simulator.control("POST", f"accounts/{guest['name']}", {"revoke_refresh": True})
    with pytest.raises(AuthenticationError) as refused:
        ask(house, key=guest["refresh_token"])
    assert refused.value.code == "invalid_api_key"
    with pytest.raises(AuthenticationError):
        ask(house, key="sk-nobody")


def test_token_check(house: Stack, guest: dict[str, Any]) -> None:
    def live(token: str) -> Any:
        answer = requests.post(f"{house.url}/token/check", json={"token": token}, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()

    assert live(guest["refresh_token"]) == {"live": True}
    dead = house.simulator.mint(house.env["KIMI_KIND"])[0]
    house.simulator.control("POST", f"accounts/{dead['name']}", {"revoke_refresh": True})
    assert live(dead["refresh_token"]) == {"live": False}
    assert live("nonsense") == {"live": False}


@pytest.fixture(params=["json", "form", "query"])
def message(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The three ways in which an EventSource's page sends its message."""
    sent = {"message": "你好 moon"}
    return {"json": {"json": sent}, "form": {"data": sent}, "query": {"params": sent}}[request.param]


def events(house: Stack, message: dict[str, Any]) -> list[tuple[str, str]]:
    """What an EventSource makes of the answer: names and data."""
    with requests.post(
        f"{house.url}/chat/kimi", headers={"Authorization": f"Bearer {KEY}"}, timeout=30, **message
    ) as answer:
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].startswith("text/event-stream")
        body = answer.content.decode()
    found = []
    for block in body.strip().split("\n\n"):
        lines = [line for line in block.split("\n") if not line.startswith(":")]
        name = next((line.removeprefix("event:").strip() for line in lines if line.startswith("event:")), "message")
        data = [line.removeprefix("data:").removeprefix(" ") for line in lines if line.startswith("data:")]
        if data:
            found.append((name, "\n".join(data)))
    return found


def test_an_event_source_gets_bare_text(house: Stack, message: dict[str, Any]) -> None:
    answers(house, "第一行 {prompt}\n\n  second line 🌙\n")
    said = events(house, message)
    assert "".join(data for name, data in said if name == "message") == "第一行 你好 moon\n\n  second line 🌙\n"
    assert [name for name, _ in said if name != "message"] == ["done"]


def test_an_event_source_is_told_what_went_wrong(house: Stack) -> None:
    house.simulator.fault("truncate", times=None, texts=3)
    said = events(house, {"json": {"message": "hi"}})
    assert said[-1][0] == "error"
