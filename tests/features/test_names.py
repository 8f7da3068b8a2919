"""Model names, their features, agents and aliases: what the upstream is asked for."""

from __future__ import annotations

from typing import Any

import pytest
from openai import BadRequestError, NotFoundError

from tests.features.asking import ask, asked, complaint, seen
from tests.features.kinds import AGENT, OFFICIAL_MODEL
from tests.system.stack import Stack

THINKER = "crm40ee9e5jvhsn7ptcg"
PLAIN = {"model": "kimi", "kimiplus_id": "kimi", "use_search": False, "use_math": False, "use_research": False}
SEARCH = [{"type": "TOOL_TYPE_SEARCH", "search": {}}]

CLASSIC_NAMES: list[tuple[str, dict[str, Any]]] = [
    ("kimi", PLAIN),
    ("moonshot-v1", PLAIN),
    ("kimi-latest", PLAIN),
    ("kimi-search", {**PLAIN, "use_search": True}),
    ("kimi-math", {**PLAIN, "use_math": True}),
    ("kimi-research", {**PLAIN, "use_research": True}),
    ("kimi-silent-search-math", {**PLAIN, "use_search": True, "use_math": True}),
    ("kimi-math-search-silent", {**PLAIN, "use_search": True, "use_math": True}),
    ("kimi-thinking", {"model": "k1", "kimiplus_id": THINKER}),
    ("kimi-k1", {"model": "k1", "kimiplus_id": THINKER}),
    ("kimi-k1.5", {"model": "k1.5"}),
    ("kimi-k1.5-thinking", {"model": "k1.5-thinking"}),
    ("kimi-k2-search", {"model": "k2", "use_search": True}),
    ("gpt-4o", {**PLAIN, "use_search": True}),
    (AGENT, {"kimiplus_id": AGENT}),
    (f"{AGENT}-search", {"kimiplus_id": AGENT, "use_search": True}),
]
CONNECT_NAMES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("kimi", {"scenario": "SCENARIO_K2D5", "tools": []}, {"thinking": False}),
    ("moonshot-v1", {"scenario": "SCENARIO_K2D5", "tools": []}, {"thinking": False}),
    ("kimi-latest", {"scenario": "SCENARIO_K2D5", "tools": []}, {"thinking": False}),
    ("kimi-search", {"scenario": "SCENARIO_K2D5", "tools": SEARCH}, {"thinking": False}),
    ("kimi-thinking", {"scenario": "SCENARIO_K2D5", "tools": []}, {"thinking": True}),
    ("kimi-thinking-search", {"tools": SEARCH}, {"thinking": True}),
    ("kimi-search-silent-thinking", {"tools": SEARCH}, {"thinking": True}),
    ("kimi-k2", {"scenario": "SCENARIO_K2"}, {"thinking": False}),
    ("kimi-k2.5", {"scenario": "SCENARIO_K2D5"}, {}),
    ("kimi-k3", {"kimiplus_id": "ok-computer", "scenario": "SCENARIO_OK_COMPUTER"}, {}),
    ("gpt-4o", {"tools": SEARCH}, {}),
    (AGENT, {"kimiplus_id": AGENT}, {}),
]


@pytest.mark.parametrize(("name", "body"), CLASSIC_NAMES, ids=[name for name, _ in CLASSIC_NAMES])
def test_classic_names(classic: Stack, name: str, body: dict[str, Any]) -> None:
    assert ask(classic, model=name).model == name
    sent = asked(classic)["body"]
    assert {field: sent[field] for field in body} == body
    assert seen(classic, "create")[0]["body"]["kimiplus_id"] == sent["kimiplus_id"]


@pytest.mark.parametrize(("name", "body", "options"), CONNECT_NAMES, ids=[name for name, _, _ in CONNECT_NAMES])
def test_connect_names(connect: Stack, name: str, body: dict[str, Any], options: dict[str, Any]) -> None:
    assert ask(connect, model=name).model == name
    sent = asked(connect)["body"]
    assert {field: sent[field] for field in body} == body
    assert {field: sent["options"][field] for field in options} == options


def test_a_scenario_is_asked_of_accounts_that_have_it(connect: Stack) -> None:
    """One of the two accounts has the free plan."""
    for _ in range(3):
        ask(connect, model="kimi-k3")
    notes = seen(connect, last=3)
    assert [(note["account"], note["status"]) for note in notes] == [("kimi-1", 200)] * 3
    refused = [note for note in seen(connect, last=50) if note["account"] == "kimi-0" and "K3" in str(note["body"])]
    assert refused == []


@pytest.mark.parametrize("name", ["kimi-k9", "kimi-dancing", "gpt-9", "0123456789ABCDEFGHIJ"])
def test_unknown_names(house: Stack, name: str) -> None:
    with pytest.raises(NotFoundError) as refused:
        ask(house, model=name)
    assert complaint(refused.value) == (404, "model_not_found", "model")


@pytest.mark.parametrize("name", ["kimi-math", "kimi-research", "kimi-research-search"])
def test_what_connect_cannot_do(connect: Stack, name: str) -> None:
    with pytest.raises(BadRequestError) as refused:
        ask(connect, model=name)
    assert complaint(refused.value) == (400, "invalid_value", "model")
    assert "kimi-classic" in str(refused.value)


def test_the_models_are_those_of_the_accounts(classic: Stack, connect: Stack) -> None:
    with classic.client() as client:
        names = {model.id for model in client.models.list()}
        assert client.models.retrieve("kimi-research").id == "kimi-research"
    assert {"kimi", "kimi-k1.5-thinking", "kimi-math", "kimi-research", OFFICIAL_MODEL, "gpt-4o"} <= names
    assert "kimi-k2.5" not in names
    with connect.client() as client:
        names = {model.id for model in client.models.list()}
    assert {"kimi", "kimi-k3", "kimi-thinking", "kimi-search", OFFICIAL_MODEL, "gpt-4o"} <= names
    assert not {"kimi-k1.5", "kimi-math", "kimi-research"} & names
