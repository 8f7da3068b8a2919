"""Client keys as they are shown to an operator."""

from __future__ import annotations

from dataclasses import replace

from kimi.operating.client_keys import described, listed
from kimi.pool.client_terms import ClientLimits
from kimi.pool.clients import Client
from kimi.pool.figures import Tally

SHOP = Client(
    id="0123456789abcdef",
    name="shop",
    prefix="sk-kimi-ab",
    digest=b"digest",
    created=1_800_000_000.5,
    limits=ClientLimits(concurrent=2, models=("kimi*",)),
)


def test_a_key_is_described_without_what_opens_doors() -> None:
    assert described(SHOP, Tally(3, 1, 20, 10, 1_800_000_009.0)) == {
        "id": "0123456789abcdef",
        "name": "shop",
        "prefix": "sk-kimi-ab…",
        "created": 1_800_000_000.5,
        "revoked": None,
        "origin": "operator",
        "limits": {"requests_per_minute": None, "tokens_per_day": None, "concurrent": 2, "models": ["kimi*"]},
        "today": {"requests": 3, "errors": 1, "prompt_tokens": 20, "completion_tokens": 10},
        "last_used": 1_800_000_009.0,
    }


def test_keys_of_the_settings_stand_first_and_short_ones_are_not_shown_at_all() -> None:
    revoked = replace(SHOP, id="fedcba9876543210", revoked=1_800_000_001.0)
    tallies = {"2": Tally(5), revoked.id: Tally(3), SHOP.id: Tally(7)}
    keys = listed([revoked, SHOP], ["demo", "sk-0123456789abcdefghijklmn"], tallies)

    assert [(key["id"], key["name"], key["prefix"], key["origin"]) for key in keys] == [
        ("settings-1", "1", "…", "settings"),
        ("settings-2", "2", "sk-012…", "settings"),
        (revoked.id, "shop", "sk-kimi-ab…", "operator"),
        (SHOP.id, "shop", "sk-kimi-ab…", "operator"),
    ]
    assert [key["today"]["requests"] for key in keys] == [0, 5, 3, 7]
    assert [key["revoked"] for key in keys] == [None, None, 1_800_000_001.0, None]
