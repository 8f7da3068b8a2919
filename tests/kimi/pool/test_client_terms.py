"""Names, limits and models of client keys."""

from __future__ import annotations

from typing import Any

import pytest

from kimi.pool.client_terms import NO_LIMITS, ClientLimits, ClientRefused, changes_from, limits_from


@pytest.mark.parametrize(
    ("models", "allowed", "refused"),
    [
        (None, ["kimi", "anything"], []),
        (("kimi",), ["kimi"], ["kimi-thinking", "Kimi", "kim", ""]),
        (("kimi*",), ["kimi", "kimi-thinking", "kimi-k2.6-search"], ["moonshot-v1-8k", "akimi"]),
        (("kimi-k2*", "gpt-4o"), ["kimi-k2", "kimi-k2.6", "gpt-4o"], ["kimi", "gpt-4o-mini"]),
        (("*",), ["kimi", ""], []),
        (("a*b",), ["a*b"], ["ab", "axb"]),
    ],
)
def test_an_entry_is_a_name_or_how_names_begin(
    models: tuple[str, ...] | None, allowed: list[str], refused: list[str]
) -> None:
    limits = ClientLimits(models=models)
    assert [name for name in (*allowed, *refused) if limits.allow(name)] == allowed


@pytest.mark.parametrize(
    "told",
    [
        {"requests_per_minute": 0},
        {"requests_per_minute": -1},
        {"requests_per_minute": 100_001},
        {"requests_per_minute": "60"},
        {"requests_per_minute": True},
        {"concurrent": 1.5},
        {"tokens_per_day": 10**13},
        {"models": "kimi"},
        {"models": {"kimi": 1}},
        {"models": []},
        {"models": [""]},
        {"models": [1]},
        {"models": ["kimi k2"]},
        {"models": ["kimi,k2"]},
        {"models": ["x" * 101]},
        {"models": ["kimi"] * 101},
        {"models": 5},
        {"models": ["k*i"]},
        {"models": ["*kimi"]},
        {"models": ["kimi**"]},
        {"rpm": 5},
    ],
)
def test_what_is_no_limit_is_refused(told: dict[str, Any]) -> None:
    with pytest.raises(ClientRefused):
        limits_from(told)


def test_only_what_is_named_changes() -> None:
    told = {"requests_per_minute": None, "tokens_per_day": 9, "models": ["kimi*"]}
    assert changes_from(told) == {"requests_per_minute": None, "tokens_per_day": 9, "models": ("kimi*",)}
    assert changes_from({}) == {}
    limits = ClientLimits(tokens_per_day=9, concurrent=2, models=("kimi*",))
    assert limits_from(limits.described()) == limits
    assert limits.described() == {
        "requests_per_minute": None,
        "tokens_per_day": 9,
        "concurrent": 2,
        "models": ["kimi*"],
    }


def test_only_some_limits_have_to_be_counted() -> None:
    assert not NO_LIMITS.are_counted and not ClientLimits(models=("kimi",)).are_counted
    for name in ("requests_per_minute", "tokens_per_day", "concurrent"):
        assert limits_from({name: 1}).are_counted
