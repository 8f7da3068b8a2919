"""Thinking: asked for by name, by effort or by switch, and told as `reasoning_content`."""

from __future__ import annotations

from typing import Any

import pytest

from tests.features.asking import ask, asked
from tests.features.kinds import OFFICIAL_MODEL, is_classic, streaming
from tests.system.stack import Stack

ENABLED, DISABLED = {"type": "enabled"}, {"type": "disabled"}

WISHES: list[tuple[str, dict[str, Any], bool]] = [
    ("kimi", {}, False),
    ("kimi-thinking", {}, True),
    ("kimi", {"reasoning_effort": "high"}, True),
    ("kimi", {"reasoning_effort": "low"}, True),
    ("kimi", {"reasoning_effort": "none"}, False),
    ("kimi", {"thinking": ENABLED}, True),
    ("kimi", {"thinking": DISABLED}, False),
]


def thinks(house: Stack) -> bool:
    """Whether the newest question asked for thinking, in the words of its dialect."""
    body = asked(house)["body"]
    if is_classic(house):
        return "k1" in body["model"]
    return bool(body["options"]["thinking"])


@pytest.mark.parametrize(("model", "fields", "wanted"), WISHES)
@streaming
def test_thinking_is_asked_for_and_told(
    house: Stack, model: str, fields: dict[str, Any], wanted: bool, streamed: bool
) -> None:
    house.simulator.fault("answer", text="42。", thinking="Hm，嗯 🤔…")
    answer = ask(house, model=model, streamed=streamed, **fields)
    assert (answer.text, answer.thinking) == ("42。", "Hm，嗯 🤔…" if wanted else "")
    assert thinks(house) == wanted


@pytest.mark.parametrize(
    ("fields", "effort"),
    [
        ({}, "REASONING_EFFORT_LOW"),
        ({"reasoning_effort": "low"}, "REASONING_EFFORT_LOW"),
        ({"reasoning_effort": "high"}, "REASONING_EFFORT_HIGH"),
    ],
)
def test_effort_is_what_the_model_takes(connect: Stack, fields: dict[str, Any], effort: str) -> None:
    ask(connect, model="kimi-k3", **fields)
    assert asked(connect)["body"]["options"]["reasoning_effort"] == effort


def test_a_small_model_takes_little_effort_only(connect: Stack) -> None:
    ask(connect, model="kimi", reasoning_effort="high")
    assert asked(connect)["body"]["options"]["reasoning_effort"] == "REASONING_EFFORT_LOW"


@streaming
def test_the_platform_thinks(house: Stack, streamed: bool) -> None:
    house.simulator.fault("answer", text="42", thinking="Hm")
    answer = ask(house, model="kimi-k3", streamed=streamed) if is_classic(house) else None
    if answer is not None:
        assert (answer.text, answer.thinking) == ("42", "Hm")
    assert ask(house, model=OFFICIAL_MODEL, streamed=streamed).thinking == "", "this one does not"
